/* TS-STATE: real thread states that are attached and detached while another thread stops the world.
 *
 * Nobody but a collector's walk (PyUnstable_GC_VisitObjects) can be made to run with the world stopped
 * through the public interface; its callback is where the words of the others are read. The workers of
 * a trial live as long as all its rounds, and so do their thread states. */
#include "journal.h"

#include <string.h>

enum { WORKER, STOPPER };
enum { DETACHED, ATTACHED }; /* and suspended, which nothing here stores */

static PyThreadState *states[PROBE_SLOTS]; /* atomic; of the slots that have begun in this round */

static int
word_of(PyThreadState *state)
{
    return __atomic_load_n(&state->state, __ATOMIC_SEQ_CST);
}

static PyObject *
thread_states_begin(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    memset(states, 0, sizeof(states));
    Py_RETURN_NONE;
}

/* Give the thread state up, and let the stopper know of it. */
static PyThreadState *
leave_python(void)
{
    PyThreadState *state = PyEval_SaveThread();
    __atomic_store_n(&states[probe_slot()], state, __ATOMIC_RELEASE);
    return state;
}

/* thread_states_visit(pause): attach, look at the word, let the eval breaker be seen to by calling
 * `pause`, a function of Python's that does nothing; detach. */
static PyObject *
thread_states_visit(PyObject *module, PyObject *pause)
{
    (void)module;
    if (!probe_join(WORKER)) {
        Py_RETURN_NONE;
    }
    PyThreadState *state = leave_python();
    probe_note("attach", 0);
    PyEval_RestoreThread(state);
    probe_note("attached", 0);
    probe_note("word", word_of(state));
    probe_note("break", 0);
    PyObject *none = PyObject_CallNoArgs(pause);
    probe_note("went on", 0);
    probe_note("word then", word_of(state));
    probe_note("detach", 0);
    PyEval_SaveThread();
    probe_note("detached", 0);
    probe_note("word at last", word_of(state));
    probe_leave();
    PyEval_RestoreThread(state);
    return none;
}

/* The twin: attached is what stores that word, whatever it was. Python is left alone meanwhile, and
 * the word is given back as it was unless somebody else has changed it. */
static PyObject *
thread_states_visit_by_store(PyObject *module, PyObject *pause)
{
    (void)module, (void)pause;
    if (!probe_join(WORKER)) {
        Py_RETURN_NONE;
    }
    PyThreadState *state = leave_python();
    probe_note("attach", 0);
    int before = __atomic_exchange_n(&state->state, ATTACHED, __ATOMIC_SEQ_CST);
    probe_note("attached", 0);
    probe_note("break", 0);
    probe_note("went on", 0);
    probe_note("detach", 0);
    int mine = ATTACHED;
    __atomic_compare_exchange_n(&state->state, &mine, before, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
    probe_note("detached", 0);
    probe_leave();
    PyEval_RestoreThread(state);
    Py_RETURN_NONE;
}

/* With the world stopped. The caller's own word, if it has been a worker too, is attached. */
static void
look_around(void)
{
    const PyThreadState *mine = PyThreadState_Get();
    probe_note("stopped", 0);
    for (int slot = 0; slot < PROBE_SLOTS; slot++) {
        PyThreadState *state = __atomic_load_n(&states[slot], __ATOMIC_ACQUIRE);
        if (state != NULL && state != mine) {
            probe_note("word of", slot * 4 + word_of(state));
        }
    }
    probe_note("start", 0);
}

static int
first_object(PyObject *object, void *seen)
{
    (void)object;
    if (!*(int *)seen) {
        *(int *)seen = 1;
        look_around();
    }
    return 0; /* no further ones */
}

static PyObject *
thread_states_stop(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (probe_join(STOPPER)) {
        int seen = 0;
        probe_note("stop", 0);
        PyUnstable_GC_VisitObjects(first_object, &seen);
        probe_note("started", 0);
        probe_leave();
    }
    Py_RETURN_NONE;
}

/* The twin: believes that all stand still as soon as it wants them to. */
static PyObject *
thread_states_stop_without_waiting(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (probe_join(STOPPER)) {
        probe_note("stop", 0);
        look_around();
        probe_note("started", 0);
        probe_leave();
    }
    Py_RETURN_NONE;
}

PyMethodDef probe_threadstate[] = {
    {"thread_states_begin", thread_states_begin, METH_NOARGS, NULL},
    {"thread_states_visit", thread_states_visit, METH_O, NULL},
    {"thread_states_visit_by_store", thread_states_visit_by_store, METH_O, NULL},
    {"thread_states_stop", thread_states_stop, METH_NOARGS, NULL},
    {"thread_states_stop_without_waiting", thread_states_stop_without_waiting, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
