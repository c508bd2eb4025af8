/* RC-MERGEQ: two objects of a thread that ends, dropped by others, and the next thread of its id.
 *
 * The owner and its heir are threads of their own, as workers do not end: whoever comes first starts
 * them, one after the other. `parent` refers to `child`, which is another's as well. */
#include "witness.h"

#include <string.h>

enum { STARTER, OTHER };                                 /* the starter's slots are its threads' */
enum { SLOT_OWNER, SLOT_HEIR, SLOT_PARENT, SLOT_CHILD }; /* SLOT_PARENT: of who drops the parent */

typedef void count_fn(PyObject *op);

static struct {
    PyMutex unmade; /* locked until there are objects */
    struct witness *parent, *child;
    bool dropped[2]; /* each by the one who drops it */
    uintptr_t id;    /* of the owner */
    bool alone;      /* atomic: both threads are gone */
} mergeq;

static const struct words parent_words = {"parent tid", "parent local", "parent shared"};
static const struct words child_words = {"child tid", "child local", "child shared"};

/* mergeq_new(): before each round. */
static PyObject *
mergeq_new(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    memset(&mergeq, 0, sizeof(mergeq));
    PyMutex_Lock(&mergeq.unmade);
    mergeq.parent = witness_reserve();
    mergeq.child = witness_reserve();
    return mergeq.parent == NULL || mergeq.child == NULL ? NULL : Py_NewRef(Py_None);
}

/* mergeq_start() -> whether the caller is to start the threads; else it drops what is its part. */
static PyObject *
mergeq_start(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    bool mine = probe_join(STARTER) && probe_slot() == SLOT_OWNER && probe_use() == 1;
    probe_leave();
    return PyBool_FromLong(mine);
}

/* mergeq_tell(slot, what): what the starter knows of its threads. */
static PyObject *
mergeq_tell(PyObject *module, PyObject *args)
{
    (void)module;
    int gone, slot;
    if (!PyArg_ParseTuple(args, "ip:tell", &slot, &gone)) {
        return NULL;
    }
    __atomic_store_n(&mergeq.alone, gone && slot == SLOT_HEIR, __ATOMIC_SEQ_CST);
    probe_act_for(slot);
    probe_note(gone ? "gone" : "starts", 0);
    probe_leave();
    Py_RETURN_NONE;
}

/* mergeq_live(): at the start of each of the two threads. The first makes the objects. */
static PyObject *
mergeq_live(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (mergeq.id != 0) {
        if (mergeq.id == _Py_ThreadId()) {
            probe_act_for(SLOT_HEIR);
        }
        Py_RETURN_NONE;
    }
    mergeq.id = _Py_ThreadId();
    probe_act_for(SLOT_OWNER);
    PyObject *child = witness_make(mergeq.child, "child dealloc", NULL);
    (void)witness_make(mergeq.parent, "parent dealloc", Py_NewRef(child));
    probe_note("alive", 0);
    PyMutex_Unlock(&mergeq.unmade);
    Py_RETURN_NONE;
}

/* mergeq_alive(): the calling thread has not ended, if it is one of the two. */
static PyObject *
mergeq_alive(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (probe_acts()) {
        probe_note("alive", 0);
    }
    Py_RETURN_NONE;
}

static PyObject *
drop(count_fn *down)
{
    if (!probe_join(OTHER)) {
        Py_RETURN_NONE;
    }
    bool parent = probe_slot() == SLOT_PARENT;
    PyObject *op = parent ? &mergeq.parent->ob_base : &mergeq.child->ob_base;
    const struct words *words = parent ? &parent_words : &child_words;
    if (probe_use() == 1) {
        PyMutex_Lock(&mergeq.unmade);
        PyMutex_Unlock(&mergeq.unmade);
        witness_words(op, words);
        mergeq.dropped[!parent] = true;
        probe_note("drop", 0);
        down(op);
        probe_note("dropped", 0);
    }
    witness_words(op, words);
    probe_leave();
    Py_RETURN_NONE;
}

static void
decrement_it(PyObject *op)
{
    Py_DECREF(op);
}

static PyObject *
mergeq_drop(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return drop(decrement_it);
}

/* A twin: the count goes below zero, and a living owner is not told. */
static void
decrement_unqueued(PyObject *op)
{
    if (__atomic_load_n(&mergeq.alone, __ATOMIC_SEQ_CST)) {
        Py_DECREF(op);
        return;
    }
    (void)__atomic_sub_fetch(&op->ob_ref_shared, 1 << _Py_REF_SHARED_SHIFT, __ATOMIC_SEQ_CST);
}

static PyObject *
mergeq_drop_unqueued(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return drop(decrement_unqueued);
}

/* A twin: merges what another thread owns, without asking whether that lives. */
static void
merge_it(PyObject *op)
{
    Py_ssize_t local = __atomic_exchange_n(&op->ob_ref_local, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&op->ob_tid, 0, __ATOMIC_SEQ_CST);
    Py_ssize_t shared = __atomic_load_n(&op->ob_ref_shared, __ATOMIC_SEQ_CST);
    Py_ssize_t count = (shared >> _Py_REF_SHARED_SHIFT) + local - 1;
    __atomic_store_n(&op->ob_ref_shared, _Py_REF_SHARED(count, _Py_REF_MERGED), __ATOMIC_SEQ_CST);
    if (count == 0) {
        _Py_Dealloc(op);
    }
}

static PyObject *
mergeq_drop_merging(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return drop(merge_it);
}

/* mergeq_settle() -> whether there were objects, and deaths, when what was not dropped is dropped. */
static PyObject *
mergeq_settle(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    struct witness *both[] = {mergeq.parent, mergeq.child};
    for (int i = 0; i < 2 && mergeq.id != 0; i++) {
        if (!mergeq.dropped[i]) {
            mergeq.dropped[i] = true;
            Py_DECREF(&both[i]->ob_base);
        }
    }
    return Py_BuildValue("(iii)", mergeq.id != 0, witness_died(both[0]), witness_died(both[1]));
}

PyMethodDef probe_mergequeue[] = {
    {"mergeq_new", mergeq_new, METH_NOARGS, NULL},
    {"mergeq_start", mergeq_start, METH_NOARGS, NULL},
    {"mergeq_tell", mergeq_tell, METH_VARARGS, NULL},
    {"mergeq_live", mergeq_live, METH_NOARGS, NULL},
    {"mergeq_alive", mergeq_alive, METH_NOARGS, NULL},
    {"mergeq_drop", mergeq_drop, METH_NOARGS, NULL},
    {"mergeq_drop_unqueued", mergeq_drop_unqueued, METH_NOARGS, NULL},
    {"mergeq_drop_merging", mergeq_drop_merging, METH_NOARGS, NULL},
    {"mergeq_settle", mergeq_settle, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
