/* SD-START: in a process that finalizes, a daemon starts a thread just before, and a destructor that the
 * finalizer runs tries to start another one. */
#include <unistd.h>

#include "journal.h"
#include "lastnotes.h"

enum { CREATOR, NEW, FINALIZER };
enum { REFUSED, DID_START, OTHERWISE };

/* Starts a thread, or raises; borrowed from whoever keeps it to the end. */
static PyObject *starts_late;

/* Call what starts a thread, and tell what came of it. Attached. Nothing in here may detach but the mechanism:
 * so no frame of Python's, where the eval breaker would be seen to. */
static int
started(PyObject *starts)
{
    PyObject *result = PyObject_CallNoArgs(starts);
    if (result != NULL) {
        Py_DECREF(result);
        return DID_START;
    }
    int refused = PyErr_ExceptionMatches(PyExc_PythonFinalizationError);
    PyErr_Clear();
    return refused ? REFUSED : OTHERWISE;
}

/* starting_creator(starts): does not return, and detaches once. */
static PyObject *
starting_creator(PyObject *module, PyObject *starts)
{
    (void)module;
    last_note(CREATOR, LAST_START, 0);
    last_ready();
    last_note(CREATOR, LAST_STARTED, started(starts));
    last_note(CREATOR, LAST_DETACH, 0);
    PyEval_SaveThread();
    for (;;) {
        pause();
    }
    Py_UNREACHABLE();
}

/* starting_new(): what the thread does that the creator started. */
static PyObject *
starting_new(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    last_note(NEW, LAST_RUNS, Py_IsFinalizing());
    last_note(NEW, LAST_ENDS, 0);
    last_rest();
    Py_RETURN_NONE;
}

static void
run_detached(void *unused)
{
    (void)unused;
    last_pause(NEW);
    last_note(NEW, LAST_RUNS, Py_IsFinalizing());
    last_note(NEW, LAST_ENDS, 0);
    last_rest();
}

/* The twin: the thread does not ask whether it must exit, and does not attach. */
static PyObject *
starting_detached(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyLong_FromUnsignedLong(PyThread_start_new_thread(run_detached, NULL));
}

static void
drop_kept(PyObject *capsule)
{
    (void)capsule;
    last_note(FINALIZER, LAST_START, 0);
    last_note(FINALIZER, LAST_STARTED, started(starts_late));
}

/* starting_keep(starts): the caller's thread state keeps something whose destructor calls this. */
static PyObject *
starting_keep(PyObject *module, PyObject *starts)
{
    (void)module;
    PyObject *kept = PyCapsule_New(&starts_late, NULL, drop_kept);
    PyObject *where = PyThreadState_GetDict();
    starts_late = Py_NewRef(starts); /* leaked: the process ends with it */
    if (kept == NULL || where == NULL || PyDict_SetItemString(where, "stressor", kept) < 0) {
        Py_XDECREF(kept);
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    }
    Py_DECREF(kept);
    Py_RETURN_NONE;
}

PyMethodDef probe_starting[] = {
    {"starting_creator", starting_creator, METH_O, NULL},
    {"starting_new", starting_new, METH_NOARGS, NULL},
    {"starting_detached", starting_detached, METH_NOARGS, NULL},
    {"starting_keep", starting_keep, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
