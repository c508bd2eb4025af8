/* A palette: named colours, numbered in order; the index by name is built when first needed. */
#include <Python.h>

typedef struct {
    PyObject_HEAD
    PyObject *names;
    PyObject *index;
} Palette;

static PyObject *
palette_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *names;
    if (!PyArg_ParseTuple(args, "O:Palette", &names)) {
        return NULL;
    }
    Palette *self = (Palette *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->names = PySequence_Tuple(names);
    if (self->names == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int
palette_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((Palette *)op)->names);
    Py_VISIT(((Palette *)op)->index);
    return 0;
}

static int
palette_clear(PyObject *op)
{
    Py_CLEAR(((Palette *)op)->names);
    Py_CLEAR(((Palette *)op)->index);
    return 0;
}

static void
palette_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    (void)palette_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

static int
palette_fill(PyObject *names, PyObject *index)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        PyObject *number = PyLong_FromSsize_t(i);
        if (number == NULL) {
            return -1;
        }
        int failed = PyDict_SetItem(index, PyTuple_GET_ITEM(names, i), number);
        Py_DECREF(number);
        if (failed) {
            return -1;
        }
    }
    return 0;
}

static PyObject *
palette_index(Palette *self)
{
    if (self->index == NULL) {
        self->index = PyDict_New();
        if (self->index == NULL || palette_fill(self->names, self->index) < 0) {
            return NULL;
        }
    }
    return Py_NewRef(self->index);
}

static PyObject *
palette_number(PyObject *op, PyObject *name)
{
    PyObject *index = palette_index((Palette *)op);
    if (index == NULL) {
        return NULL;
    }
    PyObject *number;
    if (PyDict_GetItemRef(index, name, &number) == 0) {
        PyErr_SetObject(PyExc_KeyError, name);
    }
    Py_DECREF(index);
    return number;
}

static PyMethodDef palette_methods[] = {
    {"number", palette_number, METH_O, "Return the number of the colour of this name; KeyError."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot palette_slots[] = {
    {Py_tp_new, palette_new},
    {Py_tp_traverse, palette_traverse},
    {Py_tp_clear, palette_clear},
    {Py_tp_dealloc, palette_dealloc},
    {Py_tp_methods, palette_methods},
    {0, NULL},
};

static PyType_Spec palette_spec = {
    .name = "palette.Palette",
    .basicsize = sizeof(Palette),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = palette_slots,
};

static int
module_exec(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &palette_spec, NULL);
    int failed = PyModule_AddObjectRef(module, "Palette", type);
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
    .m_name = "palette",
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit_palette(void)
{
    return PyModuleDef_Init(&module_def);
}
