/* A symbol table: one Symbol for every name, so that symbols can be compared by identity. */
#include <Python.h>

typedef struct {
    PyTypeObject *symbol_type;
    PyObject *symbols;
} State;

typedef struct {
    PyObject_HEAD
    PyObject *name;
} Symbol;

static PyObject *
symbol_create(PyTypeObject *type, PyObject *name)
{
    Symbol *self = (Symbol *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->name = Py_NewRef(name);
    }
    return (PyObject *)self;
}

static void
symbol_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    Py_XDECREF(((Symbol *)op)->name);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *
symbol_repr(PyObject *op)
{
    return PyUnicode_FromFormat("<symbol %U>", ((Symbol *)op)->name);
}

static PyType_Slot symbol_slots[] = {
    {Py_tp_dealloc, symbol_dealloc},
    {Py_tp_repr, symbol_repr},
    {0, NULL},
};

static PyType_Spec symbol_spec = {
    .name = "symtab.Symbol",
    .basicsize = sizeof(Symbol),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = symbol_slots,
};

static PyObject *
symtab_intern(PyObject *module, PyObject *name)
{
    State *state = PyModule_GetState(module);
    if (!PyUnicode_CheckExact(name)) {
        PyErr_SetString(PyExc_TypeError, "a symbol's name is a str");
        return NULL;
    }
    PyObject *symbol;
    if (PyDict_GetItemRef(state->symbols, name, &symbol) != 0) {
        return symbol;
    }
    symbol = symbol_create(state->symbol_type, name);
    if (symbol == NULL) {
        return NULL;
    }
    if (PyDict_SetItem(state->symbols, name, symbol) < 0) {
        Py_DECREF(symbol);
        return NULL;
    }
    return symbol;
}

static PyObject *
symtab_reset(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    State *state = PyModule_GetState(module);
    PyDict_Clear(state->symbols);
    Py_RETURN_NONE;
}

static PyMethodDef module_methods[] = {
    {"intern", symtab_intern, METH_O, "Return the one symbol of this name."},
    {"reset", symtab_reset, METH_NOARGS, "Forget all symbols."},
    {NULL, NULL, 0, NULL},
};

static int
module_exec(PyObject *module)
{
    State *state = PyModule_GetState(module);
    state->symbols = PyDict_New();
    if (state->symbols == NULL) {
        return -1;
    }
    state->symbol_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &symbol_spec, NULL);
    return state->symbol_type == NULL ? -1 : 0;
}

static int
module_traverse(PyObject *module, visitproc visit, void *arg)
{
    State *state = PyModule_GetState(module);
    Py_VISIT(state->symbols);
    Py_VISIT(state->symbol_type);
    return 0;
}

static int
module_clear(PyObject *module)
{
    State *state = PyModule_GetState(module);
    Py_CLEAR(state->symbols);
    Py_CLEAR(state->symbol_type);
    return 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
    {0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "symtab",
    .m_size = sizeof(State),
    .m_methods = module_methods,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
};

PyMODINIT_FUNC
PyInit_symtab(void)
{
    return PyModuleDef_Init(&module_def);
}
