/* A rolling checksum (FNV-1a); the arithmetic runs without the thread state, as in hashlib. */
#include <Python.h>
#include <stdint.h>

typedef struct {
    PyObject_HEAD
    PyMutex lock;
    uint64_t sum;
    Py_ssize_t length;
} Checksum;

static void
checksum_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    type->tp_free(op);
    Py_DECREF(type);
}

static uint64_t
roll(uint64_t sum, const char *data, Py_ssize_t length)
{
    for (Py_ssize_t i = 0; i < length; i++) {
        sum = (sum ^ (unsigned char)data[i]) * UINT64_C(0x100000001b3);
    }
    return sum;
}

static PyObject *
checksum_update(PyObject *op, PyObject *data)
{
    Checksum *self = (Checksum *)op;
    if (!PyBytes_CheckExact(data)) {
        PyErr_SetString(PyExc_TypeError, "only bytes can be summed");
        return NULL;
    }
    // A mutex, because it stays locked while detached; a critical section does not.
    PyMutex_Lock(&self->lock);
    uint64_t sum = self->sum;
    Py_BEGIN_ALLOW_THREADS
    sum = roll(sum, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data));
    Py_END_ALLOW_THREADS
    self->sum = sum;
    self->length += PyBytes_GET_SIZE(data);
    PyMutex_Unlock(&self->lock);
    Py_RETURN_NONE;
}

static PyObject *
checksum_value(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Checksum *self = (Checksum *)op;
    PyMutex_Lock(&self->lock);
    uint64_t sum = self->sum;
    Py_ssize_t length = self->length;
    PyMutex_Unlock(&self->lock);
    return Py_BuildValue("(nK)", length, (unsigned long long)sum);
}

static PyMethodDef checksum_methods[] = {
    {"update", checksum_update, METH_O, "Go on with these bytes."},
    {"value", checksum_value, METH_NOARGS, "Return (bytes seen, checksum)."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot checksum_slots[] = {
    {Py_tp_dealloc, checksum_dealloc},
    {Py_tp_methods, checksum_methods},
    {0, NULL},
};

static PyType_Spec checksum_spec = {
    .name = "rolling_fixed.Checksum",
    .basicsize = sizeof(Checksum),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = checksum_slots,
};

static int
module_exec(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &checksum_spec, NULL);
    int failed = PyModule_AddObjectRef(module, "Checksum", type);
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
    .m_name = "rolling_fixed",
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit_rolling_fixed(void)
{
    return PyModuleDef_Init(&module_def);
}
