/* MM-FREEDELAY: the array of a shared list is retired as another thread has a pointer into it.
 *
 * The array is larger than 1 MiB: for such a one the interpreter advances the write sequence and looks
 * at its queue at the next eval breaker, where it else waits for more. When the memory is really freed
 * is seen by a hook of the "mem" allocators. */
#include "freedelayed.h"
#include "internals.h"
#include "journal.h"

enum { OWNER, READER };
enum { ITEMS = (1 << 20) / sizeof(PyObject *) + 1 };

typedef void retire_fn(PyListObject *list);

static struct {
    PyObject *list; /* owned, by the round */
    PyObject **items;
    void *watched;      /* atomic: what PyMem_Free gets for them */
    int freed, retired; /* atomic; 0 or 1 */
} delayed;

static PyMemAllocatorEx usual;

static void
noting_free(void *context, void *memory)
{
    void *seen = memory;
    /* Seen once: afterwards the address may be anybody's. */
    if (memory != NULL && __atomic_compare_exchange_n(&delayed.watched, &seen, NULL, false,
                                                      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        __atomic_store_n(&delayed.freed, 1, __ATOMIC_SEQ_CST);
        if (probe_acts()) {
            probe_note_quietly("freed", 1); /* it may be the queue's lock that is held here */
        }
    }
    usual.free(context, memory);
}

/* delayed_watch(): once, before there are threads. */
static PyObject *
delayed_watch(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (usual.free == NULL) {
        PyMem_GetAllocator(PYMEM_DOMAIN_MEM, &usual);
        PyMemAllocatorEx noting = usual;
        noting.free = noting_free;
        PyMem_SetAllocator(PYMEM_DOMAIN_MEM, &noting);
    }
    Py_RETURN_NONE;
}

/* delayed_new(): before each round. */
static PyObject *
delayed_new(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    __atomic_store_n(&delayed.watched, NULL, __ATOMIC_SEQ_CST);
    Py_CLEAR(delayed.list);
    delayed.freed = 0;
    delayed.retired = 0;
    delayed.list = PyList_New(ITEMS);
    if (delayed.list == NULL) {
        return NULL;
    }
    PyList_SET_ITEM(delayed.list, 0,
                    Py_NewRef(Py_None)); /* the rest stays empty, which is quicker */
    delayed.items = ((PyListObject *)delayed.list)->ob_item;
    /* _PyListArray: the capacity is before the items. */
    void *memory = (char *)delayed.items - sizeof(Py_ssize_t);
    __atomic_store_n(&delayed.watched, memory, __ATOMIC_SEQ_CST);
    Py_RETURN_NONE;
}

static void
clear(PyListObject *list)
{
    if (PyList_SetSlice((PyObject *)list, 0, PY_SSIZE_T_MAX, NULL) < 0) {
        PyErr_Clear(); /* then it was not retired, and the check tells */
    }
}

bool
probe_delayed_has(void)
{
    PyListObject *list = (PyListObject *)delayed.list;
    return __atomic_load_n(&list->ob_item, __ATOMIC_SEQ_CST) == delayed.items;
}

void
probe_delayed_retire(void)
{
    delayed.retired = 1;
    clear((PyListObject *)delayed.list);
}

void
probe_delayed_share(void)
{
#ifdef PROBE_INTERNALS
    __atomic_fetch_or(&delayed.list->ob_gc_bits, PROBE_GC_SHARED, __ATOMIC_RELAXED);
#endif
}

static void
write_once(retire_fn *retire)
{
    probe_note("enter", 0);
    probe_note("retire", 0);
    delayed.retired = 1;
    retire((PyListObject *)delayed.list);
    probe_note("retired", 0);
    for (int i = 0; i < 3; i++) { /* others may come to their eval breaker before we come to ours */
        probe_note("retired", 0);
    }
}

/* Attached, and without an eval breaker from the first note to the last. A list is flagged as shared
 * by the first call of another thread; only then does its owner think of readers. */
static void
read_once(void)
{
    PyObject *item = PyList_GetItemRef(delayed.list, 0);
    if (item == NULL) {
        PyErr_Clear(); /* it is empty by now */
    }
    Py_XDECREF(item);
    probe_note("enter", 0);
    probe_note("load", 0);
    bool old = probe_delayed_has();
    probe_note("has", old);
    for (int i = 0; i < 3; i++) {
        probe_note("has still", 0);
    }
    probe_note("done", 0);
}

static PyObject *
act(retire_fn *retire)
{
    if (probe_join(OWNER)) {
        if (probe_use() == 1) {
            write_once(retire);
        }
    } else if (probe_join(READER)) {
        if (probe_use() == 1) {
            read_once();
        }
    }
    /* Nobody leaves: what the eval breaker frees is noted as well. */
    Py_RETURN_NONE;
}

static PyObject *
delayed_round(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return act(clear);
}

/* A twin: what nobody can find any more is freed. */
static void
free_at_once(PyListObject *list)
{
    void *memory = (char *)list->ob_item - sizeof(Py_ssize_t);
    Py_SET_SIZE(list, 0);
    list->allocated = 0;
    __atomic_store_n(&list->ob_item, NULL, __ATOMIC_SEQ_CST);
    PyMem_Free(memory);
}

static PyObject *
delayed_round_at_once(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return act(free_at_once);
}

/* delayed_freed() -> whether it was retired, whether it was freed. */
static PyObject *
delayed_freed(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    int freed = __atomic_load_n(&delayed.freed, __ATOMIC_SEQ_CST);
    return Py_BuildValue("(ii)", delayed.retired, freed);
}

PyMethodDef probe_freedelayed[] = {
    {"delayed_watch", delayed_watch, METH_NOARGS, NULL},
    {"delayed_new", delayed_new, METH_NOARGS, NULL},
    {"delayed_round", delayed_round, METH_NOARGS, NULL},
    {"delayed_round_at_once", delayed_round_at_once, METH_NOARGS, NULL},
    {"delayed_freed", delayed_freed, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
