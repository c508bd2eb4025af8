/* TS-CURRENT: what a thread finds as its thread state, in a thread that comes from outside Python.
 *
 * A worker becomes such a thread by deleting a thread state that it has made itself: that leaves it
 * without a current one, and PyGILState_Ensure without one to find again. Its own is put aside. */
#include "journal.h"

#include <string.h>

enum { THREAD };

static PyThreadState *states[PROBE_SLOTS]; /* atomic; what each slot was given, while it has it */
static int owner; /* atomic; the twin's: 1 + slot, in one variable for all */

static PyObject *
current_begin(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    memset(states, 0, sizeof(states));
    owner = 0;
    Py_RETURN_NONE;
}

/* 1 + the slot that was given this state; 0 for none. Pointers are compared and not followed. */
static int
owner_of(const PyThreadState *state)
{
    if (state == NULL) {
        return 0;
    }
    for (int slot = 0; slot < PROBE_SLOTS; slot++) {
        if (__atomic_load_n(&states[slot], __ATOMIC_ACQUIRE) == state) {
            return 1 + slot;
        }
    }
    return 1 + PROBE_SLOTS; /* nobody's */
}

static int
own(void)
{
    return owner_of(PyThreadState_GetUnchecked());
}

static void
keep(PyThreadState *state)
{
    __atomic_store_n(&states[probe_slot()], state, __ATOMIC_RELEASE);
    __atomic_store_n(&owner, state == NULL ? 0 : 1 + probe_slot(), __ATOMIC_RELEASE);
}

/* The twin looks into the variable that all threads share. */
static int
shared(void)
{
    return __atomic_load_n(&owner, __ATOMIC_ACQUIRE);
}

static void
call_back(int (*find)(void))
{
    probe_note("callback", 0);
    probe_note("ensure", 0);
    PyGILState_STATE before = PyGILState_Ensure();
    probe_note("ensured", 0);
    probe_note("current", find());
    probe_note("release to callback", 0);
    PyGILState_Release(before);
    probe_note("released to callback", 0);
    probe_note("current in callback", own());
}

static void
round_of(int (*find)(void))
{
    probe_note("ensure", 0);
    PyGILState_STATE before = PyGILState_Ensure();
    keep(PyThreadState_GetUnchecked());
    probe_note("ensured", 0);
    probe_note("current", find());
    probe_note("save", 0);
    PyThreadState *state = PyEval_SaveThread();
    probe_note("saved", 0);
    probe_note("without", own());
    call_back(find);
    probe_note("restore", 0);
    PyEval_RestoreThread(state);
    probe_note("restored", 0);
    probe_note("current again", find());
    keep(NULL);
    probe_note("release", 0);
    PyGILState_Release(before);
    probe_note("released", 0);
    probe_note("current at last", own());
    probe_note("key at last", PyGILState_GetThisThreadState() != NULL);
}

static PyObject *
run(int (*find)(void))
{
    if (!probe_join(THREAD)) {
        Py_RETURN_NONE;
    }
    PyThreadState *home = PyEval_SaveThread();
    PyEval_RestoreThread(PyThreadState_New(home->interp));
    PyThreadState_Clear(PyThreadState_Get());
    PyThreadState_DeleteCurrent();
    round_of(find);
    probe_leave();
    PyEval_RestoreThread(home);
    Py_RETURN_NONE;
}

static PyObject *
current_round(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return run(own);
}

static PyObject *
current_round_in_one_global(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return run(shared);
}

PyMethodDef probe_current[] = {
    {"current_begin", current_begin, METH_NOARGS, NULL},
    {"current_round", current_round, METH_NOARGS, NULL},
    {"current_round_in_one_global", current_round_in_one_global, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
