/* A quota: a number of units of which everybody takes some, until none are left. */
#include <Python.h>

typedef struct {
    PyObject_HEAD
    Py_ssize_t left;
} Quota;

static PyObject *
quota_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    Py_ssize_t units;
    if (!PyArg_ParseTuple(args, "n:Quota", &units)) {
        return NULL;
    }
    Quota *self = (Quota *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->left = units;
    }
    return (PyObject *)self;
}

static void
quota_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *
quota_take(PyObject *op, PyObject *units)
{
    Quota *self = (Quota *)op;
    Py_ssize_t wanted = PyLong_AsSsize_t(units);
    if (wanted == -1 && PyErr_Occurred()) {
        return NULL;
    }
    int enough;
    Py_BEGIN_CRITICAL_SECTION(op);
    enough = wanted <= self->left;
    if (enough) {
        self->left -= wanted;
    }
    Py_END_CRITICAL_SECTION();
    if (!enough) {
        PyErr_SetString(PyExc_ValueError, "not enough left");
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
quota_left(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Py_ssize_t left;
    Py_BEGIN_CRITICAL_SECTION(op);
    left = ((Quota *)op)->left;
    Py_END_CRITICAL_SECTION();
    return PyLong_FromSsize_t(left);
}

static PyMethodDef quota_methods[] = {
    {"take", quota_take, METH_O, "Take units; ValueError if there are not enough left."},
    {"left", quota_left, METH_NOARGS, "Return how many units are left."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot quota_slots[] = {
    {Py_tp_new, quota_new},
    {Py_tp_dealloc, quota_dealloc},
    {Py_tp_methods, quota_methods},
    {0, NULL},
};

static PyType_Spec quota_spec = {
    .name = "quota_fixed.Quota",
    .basicsize = sizeof(Quota),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = quota_slots,
};

static int
module_exec(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &quota_spec, NULL);
    int failed = PyModule_AddObjectRef(module, "Quota", type);
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
    .m_name = "quota_fixed",
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit_quota_fixed(void)
{
    return PyModuleDef_Init(&module_def);
}
