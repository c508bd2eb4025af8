/* RC-BRC: one object, counted by the thread that made it and by others.
 *
 * Who comes first makes the object, with a reference for each of the others. Counts change by the
 * macros of the public header and by what they call. */
#include "witness.h"

enum { OWNER, OTHER };
enum { OTHERS = 2, GIFTS = 2, GIVER = 1 }; /* the slot of the one that makes the owner gifts */

typedef void count_fn(PyObject *op);

static struct {
    PyMutex unmade; /* locked until there is an object */
    struct witness *witness;
    PyObject *object;
    int gifts; /* atomic: references that were counted for the owner and that it has not taken */
    int held;  /* atomic: references that there are */
} brc;

static const struct words words = {"ob_tid", "ob_ref_local", "ob_ref_shared"};

/* brc_new(): before each round. */
static PyObject *
brc_new(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    brc.unmade = (PyMutex){0};
    PyMutex_Lock(&brc.unmade);
    brc.gifts = brc.held = 0;
    brc.witness = witness_reserve();
    return brc.witness == NULL ? NULL : Py_NewRef(Py_None);
}

static void
change(count_fn *by, int more, const char *counted)
{
    witness_words(brc.object, &words);
    probe_note("count", 0);
    __atomic_add_fetch(&brc.held, more, __ATOMIC_SEQ_CST);
    by(brc.object);
    probe_note(counted, 0);
}

static bool
take_gift(void)
{
    if (__atomic_load_n(&brc.gifts, __ATOMIC_SEQ_CST) == 0) {
        return false;
    }
    __atomic_sub_fetch(&brc.gifts, 1, __ATOMIC_SEQ_CST); /* nobody else takes any */
    return true;
}

/* Between two of its decrements the owner of the reference comes to the eval breaker, so each is an operation. */
static void
act_as_owner(count_fn *up, count_fn *down)
{
    int use = probe_use();
    if (use == 1) {
        brc.object = witness_make(brc.witness, "dealloc", NULL);
        for (int i = 0; i < OTHERS; i++) {
            Py_INCREF(brc.object);
        }
        brc.held = 1 + OTHERS;
        change(up, 1, "owner counted");
        change(down, -1, "owner counted"); /* nothing is queued yet */
        PyMutex_Unlock(&brc.unmade);
    } else if (use == 2 || take_gift()) {
        change(down, -1, "owner counted");
    }
}

static void
act_as_other(count_fn *up, count_fn *down)
{
    int use = probe_use();
    if (use == 1) {
        PyMutex_Lock(&brc.unmade);
        PyMutex_Unlock(&brc.unmade);
        for (int i = 0; i < GIFTS && probe_slot() == GIVER; i++) {
            change(up, 1, "counted");
            __atomic_add_fetch(&brc.gifts, 1, __ATOMIC_SEQ_CST);
        }
        change(up, 1, "counted");
        change(down, -1, "counted");
    } else if (use == 2) {
        change(down, -1, "counted");
    } else {
        witness_words(brc.object, &words);
    }
}

/* Nobody leaves: what is merged at the eval breaker is noted as well. */
static PyObject *
act(count_fn *up, count_fn *down)
{
    if (probe_join(OWNER)) {
        act_as_owner(up, down);
    } else if (probe_join(OTHER)) {
        act_as_other(up, down);
    }
    Py_RETURN_NONE;
}

static void
increment_it(PyObject *op)
{
    Py_INCREF(op);
}

static void
decrement_it(PyObject *op)
{
    Py_DECREF(op);
}

static PyObject *
brc_round(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return act(increment_it, decrement_it);
}

/* A twin: the shared count goes up by a load and a store. */
static void
increment_by_store(PyObject *op)
{
    if (_Py_IsOwnedByCurrentThread(op)) {
        Py_INCREF(op);
        return;
    }
    Py_ssize_t seen = __atomic_load_n(&op->ob_ref_shared, __ATOMIC_RELAXED);
    PyErr_Occurred(); /* a call, as in any code of more than one line */
    __atomic_store_n(&op->ob_ref_shared, seen + (1 << _Py_REF_SHARED_SHIFT), __ATOMIC_RELAXED);
}

static PyObject *
brc_round_by_store(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return act(increment_by_store, decrement_it);
}

/* A twin: whose own count comes to zero takes the object for dead. */
static void
decrement_local_only(PyObject *op)
{
    if (!_Py_IsOwnedByCurrentThread(op)) {
        Py_DECREF(op);
    } else if (--op->ob_ref_local == 0) {
        _Py_Dealloc(op);
    }
}

static PyObject *
brc_round_local_only(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return act(increment_it, decrement_local_only);
}

/* brc_settle() -> deaths so far, when what threads had left to give back is given back. */
static PyObject *
brc_settle(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    for (; brc.held > 0; brc.held--) {
        Py_DECREF(brc.object);
    }
    return PyLong_FromLong(witness_died(brc.witness));
}

PyMethodDef probe_biased[] = {
    {"brc_new", brc_new, METH_NOARGS, NULL},
    {"brc_round", brc_round, METH_NOARGS, NULL},
    {"brc_round_by_store", brc_round_by_store, METH_NOARGS, NULL},
    {"brc_round_local_only", brc_round_local_only, METH_NOARGS, NULL},
    {"brc_settle", brc_settle, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
