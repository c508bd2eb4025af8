/* RC-TRYINC: an object in a list and behind a weak reference, read as its owner lets it die.
 *
 * What counts it is the interpreter's: PyList_GetItemRef and PyWeakref_GetRef. When it is dead, its
 * owner makes another one in the same memory, which no reader may ever get. */
#include "witness.h"

enum { OWNER, READER, WEAK_READER };

typedef PyObject *get_fn(PyObject *list);

static struct {
    PyMutex unmade; /* locked until there is an object */
    struct witness *witness;
    PyObject *list; /* owned, by the round */
    PyObject *weak; /* atomic; owned, by the round */
} tried;

static const struct words words = {"ob_tid", "ob_ref_local", "ob_ref_shared"};

/* tried_new(): before each round. */
static PyObject *
tried_new(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    Py_CLEAR(tried.list);
    Py_CLEAR(tried.weak);
    tried.unmade = (PyMutex){0};
    PyMutex_Lock(&tried.unmade);
    tried.witness = witness_reserve();
    return tried.witness == NULL ? NULL : Py_NewRef(Py_None);
}

static bool
make(void)
{
    tried.list = PyList_New(1);
    if (tried.list != NULL) {
        PyObject *op = witness_make(tried.witness, "dealloc", NULL);
        tried.witness->serial = 1;
        PyList_SET_ITEM(tried.list, 0, op);
    }
    PyMutex_Unlock(&tried.unmade);
    return tried.list != NULL;
}

static bool
refer_weakly(void)
{
    probe_note("refer", 0);
    PyObject *weak = PyWeakref_NewRef(&tried.witness->ob_base, NULL);
    __atomic_store_n(&tried.weak, weak, __ATOMIC_SEQ_CST);
    probe_note("referred", 0);
    return weak != NULL;
}

static bool
clear(void)
{
    witness_words(&tried.witness->ob_base, &words);
    probe_note("clear", 0);
    int failed = PyList_SetSlice(tried.list, 0, PY_SSIZE_T_MAX, NULL);
    probe_note("cleared", 0);
    return !failed;
}

static bool
make_again(void)
{
    if (witness_died(tried.witness) != 1) {
        return true; /* somebody has it still */
    }
    probe_note("make again", 0);
    PyObject *op = witness_make(tried.witness, "dealloc", NULL);
    tried.witness->serial = 2;
    PyObject *weak = PyWeakref_NewRef(op, NULL);
    probe_note("drop", 0);
    Py_DECREF(op);
    probe_note("dropped", 0);
    Py_XDECREF(weak);
    return weak != NULL;
}

static bool
act_as_owner(void)
{
    switch (probe_use()) {
    case 1:
        return make() && refer_weakly();
    case 2:
        return clear();
    default:
        return probe_use() > 4 || make_again();
    }
}

static void
use(PyObject *op)
{
    if (op == NULL) {
        probe_note("nothing", 0);
        return;
    }
    probe_note("got", ((struct witness *)op)->serial);
    witness_words(op, &words);
    probe_note("give back", 0);
    Py_DECREF(op);
    probe_note("given back", 0);
}

static void
read_weakly(void)
{
    PyObject *weak = __atomic_load_n(&tried.weak, __ATOMIC_SEQ_CST), *op = NULL;
    if (weak != NULL) {
        probe_note("ask", 0);
        (void)PyWeakref_GetRef(weak, &op); /* it is a weak reference: no error */
        use(op);
    }
}

static PyObject *
act(get_fn *get)
{
    bool fine = true;
    if (probe_join(OWNER)) {
        fine = act_as_owner();
    } else if (probe_join(READER)) {
        if (probe_use() <= 2) {
            PyMutex_Lock(&tried.unmade);
            PyMutex_Unlock(&tried.unmade);
            probe_note("get", 0);
            use(get(tried.list));
        }
    } else if (probe_join(WEAK_READER) && probe_use() == 1) {
        PyMutex_Lock(&tried.unmade);
        PyMutex_Unlock(&tried.unmade);
        read_weakly();
    }
    probe_leave();
    return fine ? Py_NewRef(Py_None) : NULL;
}

static PyObject *
tried_round(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return act(witness_in);
}

/* A twin: counts whatever it has read, and does not look again. */
static PyObject *
get_unchecked(PyObject *list)
{
    return witness_in_unchecked(list, tried.witness);
}

static PyObject *
tried_round_unchecked(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return act(get_unchecked);
}

PyMethodDef probe_tried[] = {
    {"tried_new", tried_new, METH_NOARGS, NULL},
    {"tried_round", tried_round, METH_NOARGS, NULL},
    {"tried_round_unchecked", tried_round_unchecked, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
