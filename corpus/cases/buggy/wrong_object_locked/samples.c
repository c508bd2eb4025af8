/* Samples: a growing array of numbers that can be extended by the numbers of another. */
#include <Python.h>
#include <string.h>

typedef struct {
    PyObject_HEAD
    double *values;
    Py_ssize_t count;
    Py_ssize_t size;
} Samples;

static void
samples_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyMem_Free(((Samples *)op)->values);
    type->tp_free(op);
    Py_DECREF(type);
}

static int
samples_reserve_lock_held(Samples *self, Py_ssize_t size)
{
    if (size <= self->size) {
        return 0;
    }
    size += size / 2;
    double *values = PyMem_Realloc(self->values, (size_t)size * sizeof(double));
    if (values == NULL) {
        return -1;
    }
    self->values = values;
    self->size = size;
    return 0;
}

static int
samples_extend_lock_held(Samples *self, Samples *other)
{
    Py_ssize_t more = other->count;
    if (samples_reserve_lock_held(self, self->count + more) < 0) {
        return -1;
    }
    if (more > 0) {
        memcpy(self->values + self->count, other->values, (size_t)more * sizeof(double));
    }
    self->count += more;
    return 0;
}

static PyObject *
samples_extend(PyObject *op, PyObject *other)
{
    if (!Py_IS_TYPE(other, Py_TYPE(op))) {
        PyErr_SetString(PyExc_TypeError, "samples can be extended by samples only");
        return NULL;
    }
    int failed;
    Py_BEGIN_CRITICAL_SECTION(other);
    failed = samples_extend_lock_held((Samples *)op, (Samples *)other);
    Py_END_CRITICAL_SECTION();
    if (failed) {
        return PyErr_NoMemory();
    }
    Py_RETURN_NONE;
}

static PyObject *
samples_append(PyObject *op, PyObject *number)
{
    Samples *self = (Samples *)op;
    double value = PyFloat_AsDouble(number);
    if (value == -1.0 && PyErr_Occurred()) {
        return NULL;
    }
    int failed;
    Py_BEGIN_CRITICAL_SECTION(op);
    failed = samples_reserve_lock_held(self, self->count + 1);
    if (!failed) {
        self->values[self->count++] = value;
    }
    Py_END_CRITICAL_SECTION();
    if (failed) {
        return PyErr_NoMemory();
    }
    Py_RETURN_NONE;
}

static PyObject *
samples_summary(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Samples *self = (Samples *)op;
    double sum = 0.0;
    Py_ssize_t count;
    Py_BEGIN_CRITICAL_SECTION(op);
    count = self->count;
    for (Py_ssize_t i = 0; i < count; i++) {
        sum += self->values[i];
    }
    Py_END_CRITICAL_SECTION();
    return Py_BuildValue("(nd)", count, sum);
}

static PyMethodDef samples_methods[] = {
    {"append", samples_append, METH_O, "Add one number."},
    {"extend", samples_extend, METH_O, "Add all numbers of other samples."},
    {"summary", samples_summary, METH_NOARGS, "Return (count, sum)."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot samples_slots[] = {
    {Py_tp_dealloc, samples_dealloc},
    {Py_tp_methods, samples_methods},
    {0, NULL},
};

static PyType_Spec samples_spec = {
    .name = "samples.Samples",
    .basicsize = sizeof(Samples),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = samples_slots,
};

static int
module_exec(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &samples_spec, NULL);
    int failed = PyModule_AddObjectRef(module, "Samples", type);
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
    .m_name = "samples",
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit_samples(void)
{
    return PyModuleDef_Init(&module_def);
}
