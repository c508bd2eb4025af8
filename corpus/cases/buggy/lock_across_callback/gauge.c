/* A gauge: a value, and an observer that is called with every new one. */
#include <Python.h>

typedef struct {
    PyObject_HEAD
    PyMutex lock;
    PyObject *value;
    PyObject *observer;
} Gauge;

static PyObject *
gauge_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *observer;
    if (!PyArg_ParseTuple(args, "O:Gauge", &observer)) {
        return NULL;
    }
    Gauge *self = (Gauge *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->value = Py_NewRef(Py_None);
        self->observer = Py_NewRef(observer);
    }
    return (PyObject *)self;
}

static int
gauge_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((Gauge *)op)->value);
    Py_VISIT(((Gauge *)op)->observer);
    return 0;
}

static int
gauge_clear(PyObject *op)
{
    Py_CLEAR(((Gauge *)op)->value);
    Py_CLEAR(((Gauge *)op)->observer);
    return 0;
}

static void
gauge_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    (void)gauge_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *
gauge_set(PyObject *op, PyObject *value)
{
    Gauge *self = (Gauge *)op;
    PyMutex_Lock(&self->lock);
    PyObject *old = self->value;
    self->value = Py_NewRef(value);
    PyObject *result = PyObject_CallOneArg(self->observer, value);
    PyMutex_Unlock(&self->lock);
    Py_DECREF(old);
    return result;
}

static PyObject *
gauge_get(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Gauge *self = (Gauge *)op;
    PyMutex_Lock(&self->lock);
    PyObject *value = Py_NewRef(self->value);
    PyMutex_Unlock(&self->lock);
    return value;
}

static PyMethodDef gauge_methods[] = {
    {"set", gauge_set, METH_O, "Change the value; return what the observer returned."},
    {"get", gauge_get, METH_NOARGS, "Return the value."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot gauge_slots[] = {
    {Py_tp_new, gauge_new},
    {Py_tp_traverse, gauge_traverse},
    {Py_tp_clear, gauge_clear},
    {Py_tp_dealloc, gauge_dealloc},
    {Py_tp_methods, gauge_methods},
    {0, NULL},
};

static PyType_Spec gauge_spec = {
    .name = "gauge.Gauge",
    .basicsize = sizeof(Gauge),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = gauge_slots,
};

static int
module_exec(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &gauge_spec, NULL);
    int failed = PyModule_AddObjectRef(module, "Gauge", type);
    Py_XDECREF(type);
    return failed;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
    {0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "gauge",
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit_gauge(void)
{
    return PyModuleDef_Init(&module_def);
}
