/* An encoder to hexadecimal that keeps its scratch memory in the object, and serves one at a time. */
#include <Python.h>
#include <stdbool.h>

typedef struct {
    PyObject_HEAD
    bool busy;
    char *scratch;
} Encoder;

static void
encoder_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyMem_Free(((Encoder *)op)->scratch);
    type->tp_free(op);
    Py_DECREF(type);
}

static bool
encoder_claim(Encoder *self)
{
    bool was_busy;
    Py_BEGIN_CRITICAL_SECTION(self);
    was_busy = self->busy;
    self->busy = true;
    Py_END_CRITICAL_SECTION();
    return !was_busy;
}

static void
encoder_release(Encoder *self)
{
    Py_BEGIN_CRITICAL_SECTION(self);
    self->busy = false;
    Py_END_CRITICAL_SECTION();
}

static void
encode(char *out, const unsigned char *data, Py_ssize_t length)
{
    static const char digits[] = "0123456789abcdef";
    for (Py_ssize_t i = 0; i < length; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
}

static PyObject *
encoder_encode(PyObject *op, PyObject *data)
{
    Encoder *self = (Encoder *)op;
    PyObject *result = NULL;
    if (!PyBytes_CheckExact(data)) {
        PyErr_SetString(PyExc_TypeError, "only bytes can be encoded");
        return NULL;
    }
    if (!encoder_claim(self)) {
        PyErr_SetString(PyExc_RuntimeError, "the encoder is in use");
        goto done;
    }
    Py_ssize_t length = PyBytes_GET_SIZE(data);
    self->scratch = PyMem_Malloc((size_t)(2 * length));
    if (self->scratch == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    encode(self->scratch, (const unsigned char *)PyBytes_AS_STRING(data), length);
    result = PyBytes_FromStringAndSize(self->scratch, 2 * length);
done:
    PyMem_Free(self->scratch);
    self->scratch = NULL;
    encoder_release(self);
    return result;
}

static PyMethodDef encoder_methods[] = {
    {"encode", encoder_encode, METH_O, "Return the bytes in hexadecimal; RuntimeError if in use."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot encoder_slots[] = {
    {Py_tp_dealloc, encoder_dealloc},
    {Py_tp_methods, encoder_methods},
    {0, NULL},
};

static PyType_Spec encoder_spec = {
    .name = "hexlify.Encoder",
    .basicsize = sizeof(Encoder),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = encoder_slots,
};

static int
module_exec(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &encoder_spec, NULL);
    int failed = PyModule_AddObjectRef(module, "Encoder", type);
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
    .m_name = "hexlify",
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit_hexlify(void)
{
    return PyModuleDef_Init(&module_def);
}
