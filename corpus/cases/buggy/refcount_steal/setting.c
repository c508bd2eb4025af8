/* A setting: one value; setting an equal one changes nothing. */
#include <Python.h>

typedef struct {
    PyObject_HEAD
    PyObject *value;
} Setting;

static PyObject *
setting_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *value;
    if (!PyArg_ParseTuple(args, "O:Setting", &value)) {
        return NULL;
    }
    Setting *self = (Setting *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->value = Py_NewRef(value);
    }
    return (PyObject *)self;
}

static int
setting_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((Setting *)op)->value);
    return 0;
}

static int
setting_clear(PyObject *op)
{
    Py_CLEAR(((Setting *)op)->value);
    return 0;
}

static void
setting_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    (void)setting_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *
setting_get(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Setting *self = (Setting *)op;
    PyObject *value;
    Py_BEGIN_CRITICAL_SECTION(op);
    value = Py_NewRef(self->value);
    Py_END_CRITICAL_SECTION();
    return value;
}

static PyObject *
setting_set(PyObject *op, PyObject *value)
{
    Setting *self = (Setting *)op;
    PyObject *old = self->value;
    int same = PyObject_RichCompareBool(old, value, Py_EQ);
    if (same < 0) {
        return NULL;
    }
    if (!same) {
        self->value = Py_NewRef(value);
        Py_DECREF(old);
    }
    return PyBool_FromLong(!same);
}

static PyMethodDef setting_methods[] = {
    {"get", setting_get, METH_NOARGS, "Return the value."},
    {"set", setting_set, METH_O, "Change the value; return whether it differed."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot setting_slots[] = {
    {Py_tp_new, setting_new},
    {Py_tp_traverse, setting_traverse},
    {Py_tp_clear, setting_clear},
    {Py_tp_dealloc, setting_dealloc},
    {Py_tp_methods, setting_methods},
    {0, NULL},
};

static PyType_Spec setting_spec = {
    .name = "setting.Setting",
    .basicsize = sizeof(Setting),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = setting_slots,
};

static int
module_exec(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &setting_spec, NULL);
    int failed = PyModule_AddObjectRef(module, "Setting", type);
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
    .m_name = "setting",
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit_setting(void)
{
    return PyModuleDef_Init(&module_def);
}
