/* RC-IMMORTAL: a string that was interned, and an object whose own count runs full.
 *
 * The string is interned before the threads start, by the thread that made it: 3.13 does not stop the
 * world for that, so nobody may count it meanwhile. It is never given back. */
#include "witness.h"

enum { OWNER, OTHER, INTERNER };
enum { SLOT_INTERNER = 2 };
enum { TURNS = 3 };

typedef void count_fn(PyObject *op);

static struct {
    PyObject *string;
    struct witness *crowded;
    struct witness *table; /* in the string's place */
    PyMutex unmade;        /* locked until there is an object in it */
} immortal;

static const struct words table_words = {"table tid", "table local", "table shared"};

/* immortal_new_table(): before each round of the twin. */
static PyObject *
immortal_new_table(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    immortal.unmade = (PyMutex){0};
    PyMutex_Lock(&immortal.unmade);
    immortal.table = witness_reserve();
    return immortal.table == NULL ? NULL : Py_NewRef(Py_None);
}

/* immortal_new(number): before each round; no two strings of a process may be alike. */
static PyObject *
immortal_new(PyObject *module, PyObject *number)
{
    (void)module;
    immortal.crowded = witness_reserve();
    PyObject *string = PyUnicode_FromFormat("stressor's immortal %S", number);
    if (immortal.crowded == NULL || string == NULL) {
        Py_XDECREF(string);
        return NULL;
    }
    probe_act_for(SLOT_INTERNER);
    probe_note("intern", 0);
    PyUnicode_InternInPlace(&string);
    immortal.string = string;
    probe_note("interned", 0);
    probe_leave();
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

static void
change(PyObject *op, bool rises, count_fn *up, count_fn *down)
{
    probe_note("count", 0);
    rises ? up(op) : down(op);
    probe_note("counted", 0);
}

static void
count_table(PyObject *op, int turns, count_fn *up, count_fn *down)
{
    static const bool rises[TURNS] = {true, false, false};
    for (int i = 0; i < turns; i++) {
        witness_words(op, &table_words);
        change(op, rises[i], up, down);
    }
    witness_words(op, &table_words);
}

/* All ones but one, to begin with: counting that far takes minutes. */
static void
count_crowded(void)
{
    static const bool rises[TURNS] = {true, true, false};
    PyObject *op = witness_make(immortal.crowded, "crowded dealloc", NULL);
    op->ob_ref_local = _Py_IMMORTAL_REFCNT_LOCAL - 1;
    for (int i = 0; i < TURNS; i++) {
        change(op, rises[i], increment_it, decrement_it);
        probe_note("crowded local", op->ob_ref_local);
        probe_note("crowded shared", op->ob_ref_shared);
    }
}

static PyObject *
immortal_round(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (probe_join(OWNER)) {
        if (probe_use() == 1) {
            count_table(immortal.string, TURNS, increment_it, decrement_it);
        } else if (probe_use() == 2) {
            count_crowded();
        }
    } else if (probe_join(OTHER) && probe_use() == 1) {
        count_table(immortal.string, TURNS - 1, increment_it, decrement_it);
    }
    probe_leave();
    Py_RETURN_NONE;
}

/* A twin: the mark comes while others count, with the gap between looking for it and counting that
 * any of them may be stopped in. */
static void
change_apart(PyObject *op, int by)
{
    uint32_t local = __atomic_load_n(&op->ob_ref_local, __ATOMIC_RELAXED);
    if (local == _Py_IMMORTAL_REFCNT_LOCAL) {
        return;
    }
    PyErr_Occurred(); /* a call, as in any code of more than one line */
    if (_Py_IsOwnedByCurrentThread(op)) {
        __atomic_store_n(&op->ob_ref_local, local + by, __ATOMIC_RELAXED);
    } else {
        __atomic_add_fetch(&op->ob_ref_shared, by * (1 << _Py_REF_SHARED_SHIFT), __ATOMIC_SEQ_CST);
    }
}

static void
increment_apart(PyObject *op)
{
    change_apart(op, 1);
}

static void
decrement_apart(PyObject *op)
{
    change_apart(op, -1);
}

static PyObject *
immortal_round_unstopped(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyObject *op = &immortal.table->ob_base;
    if (probe_join(OWNER)) {
        if (probe_use() == 1) {
            (void)witness_make(immortal.table, NULL, NULL);
            op->ob_ref_local = 3; /* the owner's, the other's, the interner's */
            PyMutex_Unlock(&immortal.unmade);
            count_table(op, TURNS, increment_apart, decrement_apart);
        }
    } else if (probe_join(OTHER)) {
        if (probe_use() == 1) {
            PyMutex_Lock(&immortal.unmade);
            PyMutex_Unlock(&immortal.unmade);
            count_table(op, TURNS - 1, increment_apart, decrement_apart);
        }
    } else if (probe_join(INTERNER) && probe_use() == 1) {
        PyMutex_Lock(&immortal.unmade);
        PyMutex_Unlock(&immortal.unmade);
        probe_note("intern", 0);
        op->ob_tid = 0;
        op->ob_ref_local = _Py_IMMORTAL_REFCNT_LOCAL;
        op->ob_ref_shared = 0;
        probe_note("interned", 0);
    }
    probe_leave();
    Py_RETURN_NONE;
}

PyMethodDef probe_immortal[] = {
    {"immortal_new", immortal_new, METH_O, NULL},
    {"immortal_new_table", immortal_new_table, METH_NOARGS, NULL},
    {"immortal_round", immortal_round, METH_NOARGS, NULL},
    {"immortal_round_unstopped", immortal_round_unstopped, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
