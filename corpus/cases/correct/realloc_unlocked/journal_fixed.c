/* A journal: records of bytes, one behind the other in a buffer that grows. */
#include <Python.h>
#include <string.h>

typedef struct {
    PyObject_HEAD
    char *data;
    Py_ssize_t used;
    Py_ssize_t size;
} Journal;

static void
journal_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyMem_Free(((Journal *)op)->data);
    type->tp_free(op);
    Py_DECREF(type);
}

static int
journal_append(Journal *self, const char *record, Py_ssize_t length)
{
    if (self->used + length > self->size) {
        Py_ssize_t size = 2 * self->size + length + 64;
        char *data = PyMem_Realloc(self->data, (size_t)size);
        if (data == NULL) {
            return -1;
        }
        self->data = data;
        self->size = size;
    }
    memcpy(self->data + self->used, record, (size_t)length);
    self->used += length;
    return 0;
}

static PyObject *
journal_write(PyObject *op, PyObject *record)
{
    if (!PyBytes_CheckExact(record)) {
        PyErr_SetString(PyExc_TypeError, "a record is bytes");
        return NULL;
    }
    int failed;
    Py_BEGIN_CRITICAL_SECTION(op);
    failed = journal_append((Journal *)op, PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record));
    Py_END_CRITICAL_SECTION();
    if (failed) {
        return PyErr_NoMemory();
    }
    Py_RETURN_NONE;
}

static PyObject *
journal_getvalue(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Journal *self = (Journal *)op;
    PyObject *value;
    Py_BEGIN_CRITICAL_SECTION(op);
    value = PyBytes_FromStringAndSize(self->data, self->used);
    Py_END_CRITICAL_SECTION();
    return value;
}

static PyMethodDef journal_methods[] = {
    {"write", journal_write, METH_O, "Append a record."},
    {"getvalue", journal_getvalue, METH_NOARGS, "Return all records as one bytes object."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot journal_slots[] = {
    {Py_tp_dealloc, journal_dealloc},
    {Py_tp_methods, journal_methods},
    {0, NULL},
};

static PyType_Spec journal_spec = {
    .name = "journal_fixed.Journal",
    .basicsize = sizeof(Journal),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = journal_slots,
};

static int
module_exec(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &journal_spec, NULL);
    int failed = PyModule_AddObjectRef(module, "Journal", type);
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
    .m_name = "journal_fixed",
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit_journal_fixed(void)
{
    return PyModuleDef_Init(&module_def);
}
