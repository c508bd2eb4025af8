/* RC-BORROW: a list, a dict and a weak reference are read as another thread empties them.
 *
 * Readers use what replaced the borrowing calls: PyList_GetItemRef, PyDict_GetItemRef, a locked
 * PyDict_Next, PyWeakref_GetRef. A reader looks at the serial number of what it got: it must be that
 * of the object which was in its place, alive. */
#include "witness.h"

enum { WRITER, LIST_READER, DICT_READER, WEAK_READER };
enum { ITEM, VALUE, REFERENT, OBJECTS };

typedef PyObject *get_fn(PyObject *list);

static struct {
    PyMutex unmade; /* locked until all is there */
    struct witness *witness[OBJECTS];
    PyObject *list, *dict, *weak; /* owned, by the round; all there or none */
} borrow;

/* borrow_new(): before each round. */
static PyObject *
borrow_new(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    Py_CLEAR(borrow.list);
    Py_CLEAR(borrow.dict);
    Py_CLEAR(borrow.weak);
    borrow.unmade = (PyMutex){0};
    PyMutex_Lock(&borrow.unmade);
    for (int i = 0; i < OBJECTS; i++) {
        if ((borrow.witness[i] = witness_reserve()) == NULL) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

static PyObject *
make_one(int which, const char *end)
{
    PyObject *op = witness_make(borrow.witness[which], end, NULL);
    borrow.witness[which]->serial = 1;
    return op;
}

/* By the writer, which owns all three. It keeps its reference to the referent. */
static bool
make(void)
{
    PyObject *item = make_one(ITEM, "item dealloc"), *value = make_one(VALUE, "value dealloc");
    borrow.weak = PyWeakref_NewRef(make_one(REFERENT, "referent dealloc"), NULL);
    borrow.list = PyList_New(1);
    borrow.dict = PyDict_New();
    bool fine = borrow.weak != NULL && borrow.list != NULL && borrow.dict != NULL &&
                PyDict_SetItem(borrow.dict, Py_Ellipsis, value) == 0;
    if (fine) {
        PyList_SET_ITEM(borrow.list, 0, item);
        Py_DECREF(value);
    }
    PyMutex_Unlock(&borrow.unmade);
    return fine;
}

static bool
write_all(void)
{
    probe_note("clear list", 0);
    bool fine = PyList_SetSlice(borrow.list, 0, PY_SSIZE_T_MAX, NULL) == 0;
    probe_note("cleared", 0);
    probe_note("overwrite", 0);
    fine = fine && PyDict_SetItem(borrow.dict, Py_Ellipsis, Py_None) == 0;
    probe_note("drop referent", 0);
    Py_DECREF(&borrow.witness[REFERENT]->ob_base);
    probe_note("dropped", 0);
    return fine;
}

/* The item's address for a new object, if the item is dead. */
static void
use_again(void)
{
    if (witness_died(borrow.witness[ITEM]) == 1) {
        probe_note("use again", 0);
        (void)witness_make(borrow.witness[ITEM], NULL, NULL);
        borrow.witness[ITEM]->serial = 2;
        probe_note("used again", 0);
    }
}

static bool
act_as_writer(void)
{
    switch (probe_use()) {
    case 1:
        return make();
    case 2:
        return write_all();
    case 3:
        use_again();
    }
    return true;
}

static void
use(PyObject *op, const char *got)
{
    if (op == NULL || op == Py_None) {
        probe_note("nothing", 0);
        Py_XDECREF(op);
        return;
    }
    probe_note(got, ((struct witness *)op)->serial);
    probe_note("give back", 0);
    Py_DECREF(op);
    probe_note("given back", 0);
}

static bool
read_dict(void)
{
    PyObject *op = NULL, *key, *lent = NULL;
    Py_ssize_t at = 0;
    probe_note("get value", 0);
    if (PyDict_GetItemRef(borrow.dict, Py_Ellipsis, &op) < 0) {
        return false;
    }
    use(op, "value");
    probe_note("lock", 0);
    Py_BEGIN_CRITICAL_SECTION(borrow.dict);
    (void)PyDict_Next(borrow.dict, &at, &key, &lent);
    if (lent == NULL || lent == Py_None) {
        probe_note("lent nothing", 0);
    } else {
        probe_note("lent", ((struct witness *)lent)->serial);
    }
    probe_note("unlock", 0);
    Py_END_CRITICAL_SECTION();
    probe_note("unlocked", 0);
    return true;
}

static void
read_weakly(void)
{
    PyObject *op = NULL;
    probe_note("ask", 0);
    (void)PyWeakref_GetRef(borrow.weak, &op); /* it is a weak reference: no error */
    use(op, "referent");
}

static bool
read_once(int role, get_fn *get)
{
    PyMutex_Lock(&borrow.unmade);
    PyMutex_Unlock(&borrow.unmade);
    if (borrow.list == NULL || borrow.dict == NULL || borrow.weak == NULL) {
        return true; /* its maker tells */
    }
    if (role == LIST_READER) {
        probe_note("get item", 0);
        use(get(borrow.list), "item");
    } else if (role == WEAK_READER) {
        read_weakly();
    }
    return role != DICT_READER || read_dict();
}

static PyObject *
act(get_fn *get)
{
    bool fine = true;
    if (probe_join(WRITER)) {
        fine = act_as_writer();
    } else {
        for (int role = LIST_READER; role <= WEAK_READER; role++) {
            if (probe_join(role)) {
                fine = probe_use() > 1 || read_once(role, get);
                break;
            }
        }
    }
    probe_leave();
    return fine ? Py_NewRef(Py_None) : NULL;
}

static PyObject *
borrow_round(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return act(witness_in);
}

/* A twin: a borrowed reference, counted when it is too late. */
static PyObject *
get_borrowed(PyObject *list)
{
    return witness_in_unchecked(list, borrow.witness[ITEM]);
}

static PyObject *
borrow_round_borrowing(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return act(get_borrowed);
}

PyMethodDef probe_borrowed[] = {
    {"borrow_new", borrow_new, METH_NOARGS, NULL},
    {"borrow_round", borrow_round, METH_NOARGS, NULL},
    {"borrow_round_borrowing", borrow_round_borrowing, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
