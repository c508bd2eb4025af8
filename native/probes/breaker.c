/* TS-BREAKER: the word in which others leave what a thread should see to, and that thread.
 *
 * Counts are merged for the target by who gives up the last reference to an object of the target's, an
 * exception is sent to it, and the instrumentation's version is moved on. An exception must not come
 * when the target is not waiting for it, so senders work with a mutex of their own slot, and only as
 * long as the target says so. */
#include "journal.h"

#include <string.h>

enum { TARGET, MERGER, RAISER, VERSIONER };
enum { OBJECTS = 2, LOOKS = 3 };
/* Bits of PyThreadState.eval_breaker in 3.13 (pycore_ceval.h); above EVENTS the version. */
enum { ASYNC = 1 << 3, MERGE = 1 << 6, EVENTS = (1 << 8) - 1 };

static struct {
    PyThreadState *target; /* NULL: sends nobody. Written with all mutexes; read with one */
    PyMutex mutexes[PROBE_SLOTS];
    PyObject *objects[OBJECTS]; /* the target's, each with one reference that is the merger's */
    int freed, raised;          /* by the target */
    uintptr_t version;
} shared;

static PyObject *
breaker_begin(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    memset(&shared, 0, sizeof(shared));
    Py_RETURN_NONE;
}

static void
set_target(PyThreadState *target)
{
    for (int slot = 0; slot < PROBE_SLOTS; slot++) {
        PyMutex_Lock(&shared.mutexes[slot]);
    }
    shared.target = target;
    for (int slot = 0; slot < PROBE_SLOTS; slot++) {
        PyMutex_Unlock(&shared.mutexes[slot]);
    }
}

static uintptr_t
word_of(PyThreadState *state)
{
    return __atomic_load_n(&state->eval_breaker, __ATOMIC_SEQ_CST);
}

static void
look(PyThreadState *state)
{
    uintptr_t word = word_of(state);
    probe_note("bits", ((word & MERGE) ? 1 : 0) | ((word & ASYNC) ? 2 : 0));
    probe_note("version", (word & ~(uintptr_t)EVENTS) != shared.version);
}

static void
freed(PyObject *capsule)
{
    (void)capsule;
    shared.freed++;
}

static void
handle(PyObject *pause)
{
    probe_note("handle", 0);
    PyObject *none = PyObject_CallNoArgs(pause);
    if (none == NULL) {
        PyErr_Clear();
        shared.raised++;
    }
    Py_XDECREF(none);
    probe_note("handled", 0);
    probe_note("raised", shared.raised);
    probe_note("merged", shared.freed);
}

/* breaker_target(pause): look at the word and see to it, some times. */
static PyObject *
breaker_target(PyObject *module, PyObject *pause)
{
    (void)module;
    if (!probe_join(TARGET)) {
        Py_RETURN_NONE;
    }
    PyThreadState *state = PyThreadState_Get();
    for (int i = 0; i < OBJECTS; i++) {
        shared.objects[i] = PyCapsule_New(&shared, NULL, freed);
    }
    shared.version = word_of(state) & ~(uintptr_t)EVENTS;
    probe_note("listens", 0);
    set_target(state);
    for (int i = 0; i < LOOKS; i++) {
        look(state);
        handle(pause);
    }
    set_target(NULL);
    look(state);
    handle(pause);
    look(state);
    probe_leave();
    PyThreadState_SetAsyncExc(state->thread_id, NULL); /* what a twin may have left */
    for (int i = 0; i < OBJECTS; i++) {
        Py_CLEAR(shared.objects[i]);
    }
    Py_RETURN_NONE;
}

/* A sender's slot, and the target to send to. NULL: there is nothing to do. */
static PyThreadState *
begin_sending(int role)
{
    if (!probe_join(role)) {
        return NULL;
    }
    PyMutex_Lock(&shared.mutexes[probe_slot()]);
    PyThreadState *target = shared.target;
    if (target == NULL) {
        PyMutex_Unlock(&shared.mutexes[probe_slot()]);
        probe_leave();
    }
    return target;
}

static void
end_sending(void)
{
    PyMutex_Unlock(&shared.mutexes[probe_slot()]);
    probe_leave();
}

static PyObject *
breaker_merge(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (begin_sending(MERGER) != NULL) {
        for (int i = 0; i < OBJECTS; i++) {
            PyObject *object = shared.objects[i];
            shared.objects[i] = NULL;
            probe_note("queue", 0);
            Py_DECREF(object);
            probe_note("queued", 0);
        }
        end_sending();
    }
    Py_RETURN_NONE;
}

static PyObject *
breaker_raise(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyThreadState *target = begin_sending(RAISER);
    if (target != NULL) {
        probe_note("raise", 0);
        PyThreadState_SetAsyncExc(target->thread_id, PyExc_RuntimeError);
        probe_note("sent", 0);
        end_sending();
    }
    Py_RETURN_NONE;
}

/* The twin: sets the bit by a load and a store. */
static PyObject *
breaker_raise_by_store(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyThreadState *target = begin_sending(RAISER);
    if (target != NULL) {
        probe_note("raise", 0);
        uintptr_t word = word_of(target);
        PyObject *old = __atomic_exchange_n(&target->async_exc, Py_NewRef(PyExc_RuntimeError),
                                            __ATOMIC_SEQ_CST);
        Py_XDECREF(old);
        for (int i = 0; i < 4; i++) {
            PyErr_Occurred(); /* calls, as in any code of more than one line */
        }
        __atomic_store_n(&target->eval_breaker, word | ASYNC, __ATOMIC_SEQ_CST);
        probe_note("sent", 0);
        end_sending();
    }
    Py_RETURN_NONE;
}

/* breaker_version(restart): sys.monitoring.restart_events, which moves the version on. */
static PyObject *
breaker_version(PyObject *module, PyObject *restart)
{
    (void)module;
    if (begin_sending(VERSIONER) != NULL) {
        probe_note("move", 0);
        Py_XDECREF(PyObject_CallNoArgs(restart));
        probe_note("moved", 0);
        end_sending();
    }
    Py_RETURN_NONE;
}

PyMethodDef probe_breaker[] = {
    {"breaker_begin", breaker_begin, METH_NOARGS, NULL},
    {"breaker_target", breaker_target, METH_O, NULL},
    {"breaker_merge", breaker_merge, METH_NOARGS, NULL},
    {"breaker_raise", breaker_raise, METH_NOARGS, NULL},
    {"breaker_raise_by_store", breaker_raise_by_store, METH_NOARGS, NULL},
    {"breaker_version", breaker_version, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
