/* A feed of items with three defects, and the same without them.
 *
 * The careless functions return from inside a critical section when another thread has emptied the
 * feed, look at a list while they wait detached for a lock, and keep the thread state of all waits in
 * one variable. Each breaks a law only when another thread was there first. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyThread_type_lock lock;
static PyThreadState *waiting;

typedef struct {
    PyObject_HEAD
    PyObject *items;
} Feed;

static PyObject *
feed_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    Feed *self = (Feed *)type->tp_alloc(type, 0);
    if (self != NULL && (self->items = PyList_New(0)) == NULL) {
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static void
feed_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    Py_XDECREF(((Feed *)op)->items);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *
feed_put(PyObject *op, PyObject *item)
{
    int failed = PyList_Append(((Feed *)op)->items, item);
    return failed ? NULL : Py_NewRef(Py_None);
}

static int
empty(PyObject *items)
{
    return PyList_SetSlice(items, 0, PyList_GET_SIZE(items), NULL);
}

static PyObject *
careless_drain(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    PyObject *items = ((Feed *)op)->items;
    if (PyList_Size(items) == 0) {
        Py_RETURN_FALSE;
    }
    Py_BEGIN_CRITICAL_SECTION(items);
    if (PyList_Size(items) == 0) {
        Py_RETURN_FALSE;
    }
    if (empty(items) < 0) {
        return NULL;
    }
    Py_END_CRITICAL_SECTION();
    Py_RETURN_TRUE;
}

static PyObject *
careful_drain(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    PyObject *items = ((Feed *)op)->items;
    int failed = 0, drained = 0;
    if (PyList_Size(items) == 0) {
        Py_RETURN_FALSE;
    }
    Py_BEGIN_CRITICAL_SECTION(items);
    if (PyList_Size(items) > 0) {
        failed = empty(items);
        drained = 1;
    }
    Py_END_CRITICAL_SECTION();
    return failed ? NULL : PyBool_FromLong(drained);
}

/* Counts under the lock; the careless one while it waits. */
static PyObject *
count(Feed *self, int careless)
{
    Py_ssize_t size = -1;
    if (!PyThread_acquire_lock(lock, NOWAIT_LOCK)) {
        PyThreadState *state = PyEval_SaveThread();
        if (careless) {
            size = PyList_Size(self->items);
        }
        (void)PyThread_acquire_lock(lock, WAIT_LOCK);
        PyEval_RestoreThread(state);
    }
    if (size < 0) {
        size = PyList_Size(self->items);
    }
    PyThread_release_lock(lock);
    return PyLong_FromSsize_t(size);
}

static PyObject *
careless_count(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return count((Feed *)op, 1);
}

static PyObject *
careful_count(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return count((Feed *)op, 0);
}

/* Until whoever counts is through. */
static void
wait_for_lock(void)
{
    (void)PyThread_acquire_lock(lock, WAIT_LOCK);
    PyThread_release_lock(lock);
}

static PyObject *
careless_flush(PyObject *Py_UNUSED(op), PyObject *Py_UNUSED(ignored))
{
    waiting = PyEval_SaveThread();
    wait_for_lock();
    PyEval_RestoreThread(waiting);
    Py_RETURN_NONE;
}

static PyObject *
careful_flush(PyObject *Py_UNUSED(op), PyObject *Py_UNUSED(ignored))
{
    PyThreadState *state = PyEval_SaveThread();
    wait_for_lock();
    PyEval_RestoreThread(state);
    Py_RETURN_NONE;
}

static PyMethodDef feed_methods[] = {
    {"put", feed_put, METH_O, "Add an item."},
    {"careless_drain", careless_drain, METH_NOARGS, "Drop all items."},
    {"careful_drain", careful_drain, METH_NOARGS, "Drop all items."},
    {"careless_count", careless_count, METH_NOARGS, "Return how many there are."},
    {"careful_count", careful_count, METH_NOARGS, "Return how many there are."},
    {"careless_flush", careless_flush, METH_NOARGS, "Wait for nothing."},
    {"careful_flush", careful_flush, METH_NOARGS, "Wait for nothing."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot feed_slots[] = {
    {Py_tp_new, feed_new},
    {Py_tp_dealloc, feed_dealloc},
    {Py_tp_methods, feed_methods},
    {0, NULL},
};

static PyType_Spec feed_spec = {
    .name = "feed.Feed",
    .basicsize = sizeof(Feed),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = feed_slots,
};

static int
module_exec(PyObject *module)
{
    lock = PyThread_allocate_lock();
    PyObject *type = PyType_FromModuleAndSpec(module, &feed_spec, NULL);
    int failed = lock == NULL || PyModule_AddObjectRef(module, "Feed", type) < 0;
    Py_XDECREF(type);
    return failed ? -1 : 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
    {0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "feed",
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit_feed(void)
{
    return PyModuleDef_Init(&module_def);
}
