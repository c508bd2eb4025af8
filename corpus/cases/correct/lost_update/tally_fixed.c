/* A tally: how often every word was seen. */
#include <Python.h>

typedef struct {
    PyObject_HEAD
    PyMutex lock;
    PyObject *counts;
} Tally;

static PyObject *
tally_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    Tally *self = (Tally *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->counts = PyDict_New();
    if (self->counts == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int
tally_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((Tally *)op)->counts);
    return 0;
}

static int
tally_clear(PyObject *op)
{
    Py_CLEAR(((Tally *)op)->counts);
    return 0;
}

static void
tally_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    (void)tally_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

static int
tally_increment(Tally *self, PyObject *word)
{
    PyObject *old;
    if (PyDict_GetItemRef(self->counts, word, &old) < 0) {
        return -1;
    }
    long count = old == NULL ? 0 : PyLong_AsLong(old);
    Py_XDECREF(old);
    PyObject *new = PyLong_FromLong(count + 1);
    if (new == NULL) {
        return -1;
    }
    int failed = PyDict_SetItem(self->counts, word, new);
    Py_DECREF(new);
    return failed;
}

static PyObject *
tally_see(PyObject *op, PyObject *word)
{
    if (!PyUnicode_CheckExact(word)) {
        PyErr_SetString(PyExc_TypeError, "a word is a str");
        return NULL;
    }
    // A mutex, not a critical section: the calls in between may detach, and that suspends a critical
    // section. Nothing that runs under it can come back here, since a word is an exact str.
    PyMutex_Lock(&((Tally *)op)->lock);
    int failed = tally_increment((Tally *)op, word);
    PyMutex_Unlock(&((Tally *)op)->lock);
    if (failed) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
tally_counts(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return PyDict_Copy(((Tally *)op)->counts);
}

static PyMethodDef tally_methods[] = {
    {"see", tally_see, METH_O, "Count this word once more."},
    {"counts", tally_counts, METH_NOARGS, "Return a dict of word to count."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot tally_slots[] = {
    {Py_tp_new, tally_new},
    {Py_tp_traverse, tally_traverse},
    {Py_tp_clear, tally_clear},
    {Py_tp_dealloc, tally_dealloc},
    {Py_tp_methods, tally_methods},
    {0, NULL},
};

static PyType_Spec tally_spec = {
    .name = "tally_fixed.Tally",
    .basicsize = sizeof(Tally),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = tally_slots,
};

static int
module_exec(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &tally_spec, NULL);
    int failed = PyModule_AddObjectRef(module, "Tally", type);
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
    .m_name = "tally_fixed",
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit_tally_fixed(void)
{
    return PyModuleDef_Init(&module_def);
}
