/* Accounts: a balance and a history each, and transfers that change two of them. */
#include <Python.h>

typedef struct {
    PyObject_HEAD
    PyMutex lock;
    long balance;
    PyObject *history;
} Account;

static PyObject *
account_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    long balance;
    if (!PyArg_ParseTuple(args, "l:Account", &balance)) {
        return NULL;
    }
    Account *self = (Account *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->balance = balance;
    self->history = PyList_New(0);
    if (self->history == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int
account_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((Account *)op)->history);
    return 0;
}

static int
account_clear(PyObject *op)
{
    Py_CLEAR(((Account *)op)->history);
    return 0;
}

static void
account_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    (void)account_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *
account_transfer(PyObject *op, PyObject *args)
{
    Account *source = (Account *)op, *target;
    PyObject *amount;
    if (!PyArg_ParseTuple(args, "O!O!:transfer", Py_TYPE(op), &target, &PyLong_Type, &amount)) {
        return NULL;
    }
    long value = PyLong_AsLong(amount);
    if (value == -1 && PyErr_Occurred()) {
        return NULL;
    }
    if (source == target) {
        Py_RETURN_NONE;
    }
    PyMutex_Lock(&source->lock);
    int failed = PyList_Append(source->history, amount);
    if (!failed) {
        source->balance -= value;
        PyMutex_Lock(&target->lock);
        target->balance += value;
        PyMutex_Unlock(&target->lock);
    }
    PyMutex_Unlock(&source->lock);
    if (failed) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
account_balance(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Account *self = (Account *)op;
    PyMutex_Lock(&self->lock);
    long balance = self->balance;
    PyMutex_Unlock(&self->lock);
    return PyLong_FromLong(balance);
}

static PyMethodDef account_methods[] = {
    {"transfer", account_transfer, METH_VARARGS, "Move an amount to another account."},
    {"balance", account_balance, METH_NOARGS, "Return the balance."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot account_slots[] = {
    {Py_tp_new, account_new},
    {Py_tp_traverse, account_traverse},
    {Py_tp_clear, account_clear},
    {Py_tp_dealloc, account_dealloc},
    {Py_tp_methods, account_methods},
    {0, NULL},
};

static PyType_Spec account_spec = {
    .name = "accounts.Account",
    .basicsize = sizeof(Account),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = account_slots,
};

static int
module_exec(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &account_spec, NULL);
    int failed = PyModule_AddObjectRef(module, "Account", type);
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
    .m_name = "accounts",
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit_accounts(void)
{
    return PyModuleDef_Init(&module_def);
}
