/* An inventory: how many of everything there are, and how many in all. */
#include <Python.h>

typedef struct {
    PyObject_HEAD
    PyObject *stock;
} Inventory;

static PyObject *
inventory_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    Inventory *self = (Inventory *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->stock = PyDict_New();
    if (self->stock == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int
inventory_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((Inventory *)op)->stock);
    return 0;
}

static int
inventory_clear(PyObject *op)
{
    Py_CLEAR(((Inventory *)op)->stock);
    return 0;
}

static void
inventory_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    (void)inventory_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *
inventory_put(PyObject *op, PyObject *args)
{
    PyObject *name, *count;
    if (!PyArg_ParseTuple(args, "UO!:put", &name, &PyLong_Type, &count)) {
        return NULL;
    }
    if (PyDict_SetItem(((Inventory *)op)->stock, name, count) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
inventory_remove(PyObject *op, PyObject *name)
{
    if (PyDict_DelItem(((Inventory *)op)->stock, name) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
inventory_total(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    PyObject *stock = ((Inventory *)op)->stock;
    long total = 0;
    Py_ssize_t position = 0;
    PyObject *name, *count;
    while (PyDict_Next(stock, &position, &name, &count)) {
        long value = PyLong_AsLong(count);
        if (value == -1 && PyErr_Occurred()) {
            return NULL;
        }
        total += value;
    }
    return PyLong_FromLong(total);
}

static PyMethodDef inventory_methods[] = {
    {"put", inventory_put, METH_VARARGS, "Say how many there are of this."},
    {"remove", inventory_remove, METH_O, "Forget this; KeyError."},
    {"total", inventory_total, METH_NOARGS, "Return how many there are of everything."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot inventory_slots[] = {
    {Py_tp_new, inventory_new},
    {Py_tp_traverse, inventory_traverse},
    {Py_tp_clear, inventory_clear},
    {Py_tp_dealloc, inventory_dealloc},
    {Py_tp_methods, inventory_methods},
    {0, NULL},
};

static PyType_Spec inventory_spec = {
    .name = "inventory.Inventory",
    .basicsize = sizeof(Inventory),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = inventory_slots,
};

static int
module_exec(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &inventory_spec, NULL);
    int failed = PyModule_AddObjectRef(module, "Inventory", type);
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
    .m_name = "inventory",
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit_inventory(void)
{
    return PyModuleDef_Init(&module_def);
}
