/* TS-STW: real stops of the world of both kinds, beside thread states that are made and deleted.
 *
 * A collector's walk stops the interpreter, and its callback runs meanwhile; what `os.fork` does before
 * and after the fork stops the whole runtime, and holds the lock of the list of thread states, so that
 * it can be read. The workers of a trial live as long as all its rounds, and so do the thread states that
 * they came with. */
#include "journal.h"

#include <string.h>

enum { WORKER, COLLECTOR, FORKER };
enum { ATTACHED = 1, UNLINKED = 3 };

static PyThreadState
    *states[PROBE_SLOTS]; /* atomic; NULL: the slot has none that can be looked at */

static void
publish(PyThreadState *state)
{
    __atomic_store_n(&states[probe_slot()], state, __ATOMIC_RELEASE);
}

static PyObject *
stops_begin(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    memset(states, 0, sizeof(states));
    Py_RETURN_NONE;
}

static PyThreadState *
make(PyInterpreterState *interpreter)
{
    probe_note("new", 0);
    PyThreadState *state = PyThreadState_New(interpreter);
    publish(state);
    probe_note("made", 0);
    return state;
}

static void
unmake(PyThreadState *state)
{
    probe_note("delete", 0);
    publish(NULL); /* its memory is somebody else's from now on */
    PyThreadState_Delete(state);
    probe_note("deleted", 0);
}

/* stops_visit(pause): a thread state of one's own is made, used and deleted. */
static PyObject *
stops_visit(PyObject *module, PyObject *pause)
{
    (void)module;
    if (!probe_join(WORKER)) {
        Py_RETURN_NONE;
    }
    PyThreadState *home = PyEval_SaveThread();
    PyThreadState *state = make(home->interp);
    probe_note("attach", 0);
    PyEval_RestoreThread(state);
    probe_note("attached", 0);
    probe_note("break", 0);
    Py_XDECREF(PyObject_CallNoArgs(pause));
    probe_note("went on", 0);
    probe_note("detach", 0);
    PyThreadState_Clear(state);
    PyEval_SaveThread();
    probe_note("detached", 0);
    unmake(state);
    probe_leave();
    PyEval_RestoreThread(home);
    Py_RETURN_NONE;
}

/* The twin: a thread state that is made during a stop is detached and not suspended. Python is left
 * alone while it is attached; then the word is put right, unless somebody has changed it. */
static PyObject *
stops_visit_made_detached(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (!probe_join(WORKER)) {
        Py_RETURN_NONE;
    }
    PyThreadState *home = PyEval_SaveThread();
    PyThreadState *state = make(home->interp);
    probe_note("attach", 0);
    int made = __atomic_exchange_n(&state->state, ATTACHED, __ATOMIC_SEQ_CST);
    probe_note("attached", 0);
    probe_note("break", 0);
    probe_note("went on", 0);
    probe_note("detach", 0);
    int mine = ATTACHED;
    __atomic_compare_exchange_n(&state->state, &mine, made, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
    PyEval_RestoreThread(state);
    PyThreadState_Clear(state);
    PyEval_SaveThread();
    probe_note("detached", 0);
    unmake(state);
    probe_leave();
    PyEval_RestoreThread(home);
    Py_RETURN_NONE;
}

static void
come(void)
{
    PyThreadState *home = PyEval_SaveThread();
    publish(home);
    probe_note("enter", 0);
    PyEval_RestoreThread(home);
}

static void
go(void)
{
    probe_note("detach", 0);
    PyThreadState *home = PyEval_SaveThread();
    probe_note("left", 0);
    probe_leave();
    PyEval_RestoreThread(home);
}

static int
first_object(PyObject *object, void *seen)
{
    (void)object;
    if (!*(int *)seen) {
        *(int *)seen = 1;
        probe_note("stopped", 0);
        probe_note("still", 0); /* for others to try what they may not */
        probe_note("start", 0);
    }
    return 0; /* no further ones */
}

static PyObject *
stops_collect(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (probe_join(COLLECTOR)) {
        int seen = 0;
        come();
        PyUnstable_GC_VisitObjects(first_object, &seen);
        go();
    }
    Py_RETURN_NONE;
}

/* The twin: a collector that does not wait for the others. */
static PyObject *
stops_collect_without_waiting(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (probe_join(COLLECTOR)) {
        int seen = 0;
        come();
        first_object(NULL, &seen);
        go();
    }
    Py_RETURN_NONE;
}

/* The word of a thread state that may have been deleted. With the list's lock. */
static int
word_of(PyThreadState *wanted)
{
    PyThreadState *state = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
    while (state != NULL && state != wanted) {
        state = state->next;
    }
    return state == NULL ? UNLINKED : __atomic_load_n(&state->state, __ATOMIC_SEQ_CST);
}

static PyObject *
stops_fork(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (probe_join(FORKER)) {
        const PyThreadState *mine = PyThreadState_Get();
        come();
        PyOS_BeforeFork();
        probe_note("stopped", 0);
        for (int slot = 0; slot < PROBE_SLOTS; slot++) {
            PyThreadState *state = __atomic_load_n(&states[slot], __ATOMIC_ACQUIRE);
            if (state != NULL && state != mine) {
                probe_note("word of", slot * 4 + word_of(state));
            }
        }
        probe_note("start", 0);
        PyOS_AfterFork_Parent();
        go();
    }
    Py_RETURN_NONE;
}

PyMethodDef probe_stoptheworld[] = {
    {"stops_begin", stops_begin, METH_NOARGS, NULL},
    {"stops_visit", stops_visit, METH_O, NULL},
    {"stops_visit_made_detached", stops_visit_made_detached, METH_NOARGS, NULL},
    {"stops_collect", stops_collect, METH_NOARGS, NULL},
    {"stops_collect_without_waiting", stops_collect_without_waiting, METH_NOARGS, NULL},
    {"stops_fork", stops_fork, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
