#include "journal.h"

#include <string.h>

struct note {
    const char *what;
    int64_t value;
    int32_t slot;
    uint8_t kind; /* 0 note, 1 before a site, 2 after it */
    uint8_t ready;
};

struct watch {
    const char *site;
    const void *object; /* NULL: any */
};

/* Written by the owner between rounds, but for the counters and the notes. */
static struct {
    const struct stressor_port *port;
    uint64_t round;
    int first[PROBE_ROLES], last[PROBE_ROLES], uses;
    int32_t next[PROBE_ROLES]; /* atomic */
    int watches;
    struct watch watched[PROBE_WATCHES];
    uint64_t count; /* atomic; may exceed PROBE_NOTES: then notes are missing */
    struct note notes[PROBE_NOTES];
} journal;

static _Thread_local struct {
    uint64_t round;
    int slot; /* that is acted for now; -1: none */
    int role;
    int taken[PROBE_ROLES], used[PROBE_ROLES];
} me = {.slot = -1};

static void
come_to_round(void)
{
    if (me.round != journal.round) {
        me.round = journal.round;
        memset(me.used, 0, sizeof(me.used));
        for (int i = 0; i < PROBE_ROLES; i++) {
            me.taken[i] = -1;
        }
    }
}

/* The caller's slot of this role in this round; -1 when none is left. */
static int
slot_of(int role)
{
    come_to_round();
    if (me.taken[role] < 0) {
        int slot =
            journal.first[role] + __atomic_fetch_add(&journal.next[role], 1, __ATOMIC_RELAXED);
        if (slot >= journal.last[role]) {
            return -1;
        }
        me.taken[role] = slot;
    }
    return me.taken[role];
}

bool
probe_join(int role)
{
    int slot = slot_of(role);
    if (slot < 0 || me.used[role] >= journal.uses) {
        return false;
    }
    me.used[role]++;
    me.slot = slot;
    me.role = role;
    return true;
}

int
probe_enter(int role)
{
    int before = me.slot;
    me.slot = slot_of(role);
    if (me.slot < 0) {
        __atomic_fetch_add(&journal.count, PROBE_NOTES, __ATOMIC_RELAXED); /* as if it were full */
    }
    return before;
}

void
probe_return(int before)
{
    me.slot = before;
}

void
probe_leave(void)
{
    me.slot = -1;
}

int
probe_slot(void)
{
    return me.slot;
}

int
probe_use(void)
{
    return me.used[me.role];
}

void
probe_act_for(int slot)
{
    come_to_round();
    me.slot = slot;
}

bool
probe_acts(void)
{
    return me.slot >= 0 && me.round == journal.round;
}

static void
append(const char *what, int64_t value, uint8_t kind)
{
    /* Acquire and release: whoever gets a larger number has seen what was done before a smaller one. */
    uint64_t number = __atomic_fetch_add(&journal.count, 1, __ATOMIC_ACQ_REL);
    if (number < PROBE_NOTES) {
        journal.notes[number] =
            (struct note){.what = what, .value = value, .slot = me.slot, .kind = kind, .ready = 1};
    }
}

void
probe_note_for(int slot, const char *what)
{
    int before = me.slot;
    me.slot = slot;
    append(what, 0, 0);
    me.slot = before;
}

void
probe_note_quietly(const char *what, int64_t value)
{
    append(what, value, 0);
}

void
probe_note(const char *what, int64_t value)
{
    append(what, value, 0);
    journal.port->visit(what);
}

static void
listen(const char *site, int after, const void *object)
{
    if (!probe_acts()) {
        return;
    }
    for (int i = 0; i < journal.watches; i++) {
        const struct watch *watch = &journal.watched[i];
        if ((watch->object == NULL || watch->object == object) && strcmp(watch->site, site) == 0) {
            append(site, 0, after ? 2 : 1);
            return;
        }
    }
}

/* begin(roles, uses): a new round; how many slots each role has, and how often each may be used. */
PyObject *
probe_begin(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *roles;
    int slots = 0;
    if (!PyArg_ParseTuple(args, "O!i:begin", &PyTuple_Type, &roles, &journal.uses)) {
        return NULL;
    }
    memset(journal.first, 0, sizeof(journal.first));
    memset(journal.last, 0, sizeof(journal.last));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(roles); i++) {
        long count = PyLong_AsLong(PyTuple_GET_ITEM(roles, i));
        if (PyErr_Occurred()) {
            return NULL;
        }
        if (i >= PROBE_ROLES || count < 0 || slots + count > PROBE_SLOTS) {
            PyErr_SetString(PyExc_ValueError, "too many roles or slots");
            return NULL;
        }
        journal.first[i] = slots;
        journal.last[i] = slots += (int)count;
    }
    memset(journal.next, 0, sizeof(journal.next));
    memset(journal.notes, 0, sizeof(journal.notes));
    journal.count = 0;
    journal.watches = 0;
    journal.round++;
    journal.port->listen(NULL);
    Py_RETURN_NONE;
}

/* watch(site, object): note the visits of this symbol's sites, with this object (None: with any). */
PyObject *
probe_watch(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *site, *object;
    if (!PyArg_ParseTuple(args, "UO:watch", &site, &object)) {
        return NULL;
    }
    if (journal.watches == PROBE_WATCHES) {
        PyErr_SetString(PyExc_ValueError, "too many watches");
        return NULL;
    }
    const char *name = PyUnicode_AsUTF8(site); /* the caller's constant, which outlives the round */
    if (name == NULL) {
        return NULL;
    }
    const void *address = object == Py_None ? NULL : object;
    if (PyCapsule_CheckExact(object)) {
        address = PyCapsule_GetPointer(object, PyCapsule_GetName(object));
    }
    journal.watched[journal.watches++] = (struct watch){name, address};
    journal.port->listen(listen);
    Py_RETURN_NONE;
}

/* notes() -> list of (slot, what, value) in order; None when there were more than there is room for. */
PyObject *
probe_notes(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    static const char *const kinds[] = {"", "before ", "after "};
    journal.port->listen(NULL);
    if (journal.count > PROBE_NOTES) {
        Py_RETURN_NONE;
    }
    PyObject *list = PyList_New(0);
    for (uint64_t i = 0; list != NULL && i < journal.count; i++) {
        const struct note *note = &journal.notes[i];
        PyObject *what = PyUnicode_FromFormat("%s%s", kinds[note->kind], note->what);
        PyObject *item =
            what == NULL ? NULL
                         : Py_BuildValue("(iNL)", (int)note->slot, what, (long long)note->value);
        if (item == NULL || PyList_Append(list, item) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(item);
    }
    return list;
}

int
probe_journal_init(PyObject *module)
{
    (void)module;
    PyObject *shim = PyImport_ImportModule("stressor._shim"); /* not there yet without a runtime */
    if (shim == NULL) {
        return -1;
    }
    Py_DECREF(shim);
    journal.port = PyCapsule_Import(STRESSOR_PORT, 0);
    if (journal.port == NULL) {
        return -1;
    }
    if (journal.port->version != STRESSOR_PORT_VERSION) {
        PyErr_SetString(
            PyExc_ImportError,
            "stressor's two extension modules are of different builds: install it again");
        return -1;
    }
    return 0;
}
