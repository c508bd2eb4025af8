/* SD-STW: in a process that finalizes, daemons that attach, work under a lock, and detach; and a
 * destructor that the finalizer runs for them, which needs the lock. */
#include <unistd.h>

#include "journal.h"
#include "lastnotes.h"

enum { FINALIZER = 2, VISITS = 2 };

static PyMutex lock;

/* Take the lock where it is free: without waiting, which would detach. */
static int
try_lock(void)
{
    uint8_t unlocked = 0;
    return __atomic_compare_exchange_n(&lock._bits, &unlocked, 1, 0, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

/* What a thread does while it is attached, or takes itself to be. */
static void
work(int slot)
{
    last_note(slot, LAST_ATTACHED, Py_IsFinalizing());
    last_note(slot, LAST_LOCK, 0);
    int held = try_lock();
    last_note(slot, LAST_HAS_LOCK, held);
    last_note(slot, LAST_LET_GO, 0);
    if (held) {
        PyMutex_Unlock(&lock);
    }
    last_note(slot, LAST_DETACH, 0);
}

static void
hang(void)
{
    for (;;) {
        pause();
    }
}

/* stopping_daemon(slot): does not return. */
static PyObject *
stopping_daemon(PyObject *module, PyObject *number)
{
    (void)module;
    int slot = (int)PyLong_AsLong(number);
    PyThreadState *state = PyEval_SaveThread();
    last_ready();
    for (int visit = 0; visit < VISITS; visit++) {
        last_note(slot, LAST_ATTACH, 0);
        PyEval_RestoreThread(state);
        work(slot);
        state = PyEval_SaveThread();
        last_note(slot, LAST_DETACHED, 0);
    }
    last_rest();
    hang();
    Py_UNREACHABLE();
}

/* The twin: does not attach before it works. Only notes and the lock are touched, so nothing crashes. */
static PyObject *
stopping_daemon_detached(PyObject *module, PyObject *number)
{
    (void)module;
    int slot = (int)PyLong_AsLong(number);
    PyEval_SaveThread();
    last_ready();
    for (int visit = 0; visit < VISITS; visit++) {
        last_note(slot, LAST_ATTACH, 0);
        work(slot);
        last_note(slot, LAST_DETACHED, 0);
    }
    last_rest();
    hang();
    Py_UNREACHABLE();
}

static void
drop_kept(PyObject *capsule)
{
    (void)capsule;
    last_note(FINALIZER, LAST_DESTRUCTOR, Py_IsFinalizing());
    last_note(FINALIZER, LAST_TAKES_LOCK, 0);
    PyMutex_Lock(&lock);
    PyMutex_Unlock(&lock);
    last_note(FINALIZER, LAST_TOOK_LOCK, 0);
}

/* stopping_keep(): the caller's thread state keeps something whose destructor takes the lock. */
static PyObject *
stopping_keep(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyObject *kept = PyCapsule_New(&lock, NULL, drop_kept);
    PyObject *where = PyThreadState_GetDict();
    if (kept == NULL || where == NULL || PyDict_SetItemString(where, "stressor", kept) < 0) {
        Py_XDECREF(kept);
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    }
    Py_DECREF(kept);
    Py_RETURN_NONE;
}

PyMethodDef probe_stopping[] = {
    {"stopping_daemon", stopping_daemon, METH_O, NULL},
    {"stopping_daemon_detached", stopping_daemon_detached, METH_O, NULL},
    {"stopping_keep", stopping_keep, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
