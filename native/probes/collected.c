/* GC-FT: a cycle of two objects, collected as another thread lets go of one and asks for the other.
 *
 * `one` has a weak reference with a callback that takes the worker's lock, and a finalizer that makes a
 * new weak reference to `two`, which has one without a callback. Each thing that is done to them is
 * noted where it is done. */
#include "journal.h"

#include <stddef.h>
#include <string.h>

enum { WORKER, EARLY, LATE };

struct node {
    PyObject ob_base;
    PyObject *refers;
    PyObject *weakrefs;
    bool is_one;
};

static struct {
    PyMutex lock;
    PyObject *one;         /* the worker's reference */
    PyObject *weak[3];     /* owned, by the round: to one, to two, and the finalizer's to two */
    int called, finalized; /* atomic */
    int cleared[2];        /* atomic: two, one */
    int over;              /* atomic: the worker's part is done */
    int early;             /* atomic: the early collector is at it */
} collected;

static void
note(const char *what, int value)
{
    if (probe_acts()) {
        probe_note(what, value);
    }
}

static int
node_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((struct node *)self)->refers);
    return 0;
}

static int
node_clear(PyObject *self)
{
    struct node *node = (struct node *)self;
    note(node->is_one ? "clear one" : "clear two",
         __atomic_add_fetch(&collected.cleared[node->is_one], 1, __ATOMIC_SEQ_CST));
    Py_CLEAR(node->refers);
    return 0;
}

static void
node_finalize(PyObject *self)
{
    struct node *node = (struct node *)self;
    if (node->is_one && node->refers != NULL) {
        __atomic_store_n(&collected.weak[2], PyWeakref_NewRef(node->refers, NULL),
                         __ATOMIC_SEQ_CST);
        note("finalize", __atomic_add_fetch(&collected.finalized, 1, __ATOMIC_SEQ_CST));
    }
}

static void
node_dealloc(PyObject *self)
{
    struct node *node = (struct node *)self;
    PyObject_GC_UnTrack(self);
    if (node->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    Py_CLEAR(node->refers);
    PyObject_GC_Del(self);
}

static PyTypeObject node_type = {
    .ob_base = PyVarObject_HEAD_INIT(NULL, 0).tp_name = "stressor._probes.Node",
    .tp_basicsize = sizeof(struct node),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = node_traverse,
    .tp_clear = node_clear,
    .tp_finalize = node_finalize,
    .tp_dealloc = node_dealloc,
    .tp_weaklistoffset = offsetof(struct node, weakrefs),
};

static PyObject *
one_died(PyObject *module, PyObject *weak)
{
    (void)module, (void)weak;
    PyMutex_Lock(&collected.lock);
    note("callback", __atomic_add_fetch(&collected.called, 1, __ATOMIC_SEQ_CST));
    PyMutex_Unlock(&collected.lock);
    Py_RETURN_NONE;
}

static PyMethodDef callback = {"one_died", one_died, METH_O, NULL};

static struct node *
node_new(bool is_one)
{
    struct node *node = PyObject_GC_New(struct node, &node_type);
    if (node != NULL) {
        node->refers = node->weakrefs = NULL;
        node->is_one = is_one;
    }
    return node;
}

/* collected_new(): before each round. */
static PyObject *
collected_new(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    Py_CLEAR(collected.weak[0]);
    Py_CLEAR(collected.weak[1]);
    Py_CLEAR(collected.weak[2]);
    memset(&collected, 0, sizeof(collected));
    if (PyType_Ready(&node_type) < 0) {
        return NULL;
    }
    struct node *one = node_new(true), *two = node_new(false);
    PyObject *function = PyCFunction_New(&callback, NULL);
    if (one != NULL && two != NULL && function != NULL) {
        one->refers = &two->ob_base;
        two->refers = Py_NewRef(&one->ob_base);
        collected.one = &one->ob_base;
        collected.weak[0] = PyWeakref_NewRef(&one->ob_base, function);
        collected.weak[1] = PyWeakref_NewRef(&two->ob_base, NULL);
        PyObject_GC_Track(&one->ob_base);
        PyObject_GC_Track(&two->ob_base);
    }
    Py_XDECREF(function);
    return collected.weak[0] == NULL || collected.weak[1] == NULL ? NULL : Py_NewRef(Py_None);
}

static void
let_go(void)
{
    PyObject *one = collected.one;
    probe_note("let go", 0);
    collected.one = NULL;
    Py_DECREF(one);
    probe_note("has let go", 0);
}

static void
ask(bool believes)
{
    PyObject *two = NULL;
    probe_note("lock", 0);
    PyMutex_Lock(&collected.lock);
    probe_note("locked", 0);
    probe_note("ask", 0);
    for (int i = 1; i < 3 && two == NULL; i++) {
        PyObject *weak = __atomic_load_n(&collected.weak[i], __ATOMIC_SEQ_CST);
        if (weak != NULL) {
            (void)PyWeakref_GetRef(weak, &two); /* it is a weak reference: no error */
        }
    }
    probe_note("got", believes || two != NULL);
    probe_note("unlock", 0);
    PyMutex_Unlock(&collected.lock);
    probe_note("unlocked", 0);
    if (two != NULL) {
        probe_note("drop two", 0);
        Py_DECREF(two);
        probe_note("dropped", 0);
    }
    __atomic_store_n(&collected.over, 1, __ATOMIC_SEQ_CST);
}

/* gc.collect(): PyGC_Collect does nothing when the collector is disabled, as it is here. */
static bool
collect(void)
{
    probe_note("collect", 0);
    PyObject *module = PyImport_ImportModule("gc");
    PyObject *found = module == NULL ? NULL : PyObject_CallMethod(module, "collect", NULL);
    Py_XDECREF(module);
    Py_XDECREF(found);
    probe_note("collected", 0);
    return found != NULL;
}

/* Who finds a collection under way does not collect, and the late one is to do so. */
static bool
may_be_late(void)
{
    return __atomic_load_n(&collected.over, __ATOMIC_SEQ_CST) &&
           !__atomic_load_n(&collected.early, __ATOMIC_SEQ_CST);
}

static PyObject *
act(bool believes)
{
    bool fine = true;
    if (probe_join(WORKER)) {
        if (probe_use() == 1) {
            let_go();
        } else if (probe_use() == 2) {
            ask(believes);
        }
    } else if (probe_join(EARLY)) {
        if (probe_use() == 1) {
            __atomic_store_n(&collected.early, 1, __ATOMIC_SEQ_CST);
            fine = collect();
            __atomic_store_n(&collected.early, 0, __ATOMIC_SEQ_CST);
        }
    } else if (may_be_late() && probe_join(LATE)) {
        fine = probe_use() > 1 || collect();
    }
    probe_leave();
    return fine ? Py_NewRef(Py_None) : NULL;
}

static PyObject *
collected_round(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return act(false);
}

/* A twin: believes that `two` is there, whatever its weak reference says. */
static PyObject *
collected_round_believing(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return act(true);
}

/* collected_settle() -> calls of callback and finalizer, clearings of one and two. */
static PyObject *
collected_settle(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    Py_CLEAR(collected.one);
    return Py_BuildValue("(iiii)", collected.called, collected.finalized, collected.cleared[1],
                         collected.cleared[0]);
}

PyMethodDef probe_collected[] = {
    {"collected_new", collected_new, METH_NOARGS, NULL},
    {"collected_round", collected_round, METH_NOARGS, NULL},
    {"collected_round_believing", collected_round_believing, METH_NOARGS, NULL},
    {"collected_settle", collected_settle, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
