/* SD-JOINNEW: one handle of the interpreter's, started by two threads, and joined with and without a
 * time-out. The thread that is started is no worker of the trial: it passes all sites freely. */
#include "journal.h"

enum { STARTER, RIVAL, JOINER, THREAD };

/* joining_begin(slot): the thread of the reference that is to be started is there, and waits. */
static PyObject *
joining_begin(PyObject *module, PyObject *slot)
{
    (void)module;
    probe_note_for((int)PyLong_AsLong(slot), "waits");
    Py_RETURN_NONE;
}

/* Whether a call succeeded. What it raised is told by that. */
static int
succeeded(PyObject *result)
{
    PyErr_Clear();
    Py_XDECREF(result);
    return result != NULL;
}

/* joining_body(handle): what the new thread does. */
static PyObject *
joining_body(PyObject *module, PyObject *handle)
{
    (void)module;
    int before = probe_enter(THREAD);
    PyObject *ident = PyObject_GetAttrString(handle, "ident");
    probe_note("runs", 0);
    probe_note("knows itself",
               ident != NULL && PyLong_AsUnsignedLong(ident) == PyThread_get_thread_ident());
    Py_XDECREF(ident);
    probe_note("joins itself", 0);
    probe_note("is told", succeeded(PyObject_CallMethod(handle, "join", NULL)));
    probe_note("ends", 0);
    probe_return(before);
    Py_RETURN_NONE;
}

/* joining_start(start): start the handle, as one of two that try. */
static PyObject *
joining_start(PyObject *module, PyObject *start)
{
    (void)module;
    if (probe_join(STARTER)) {
        probe_note("start", 0);
        int won = succeeded(PyObject_CallNoArgs(start));
        probe_note("started", 0);
        probe_note("won", won);
        probe_leave();
    }
    Py_RETURN_NONE;
}

/* joining_both(start, handle): start it, and join it. */
static PyObject *
joining_both(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *start, *handle;
    if (!PyArg_ParseTuple(args, "OO:joining_both", &start, &handle)) {
        return NULL;
    }
    if (probe_join(RIVAL)) {
        probe_note("start", 0);
        int won = succeeded(PyObject_CallNoArgs(start));
        probe_note("started then", 0);
        probe_note("won then", won);
        probe_note("join", 0);
        int joined = succeeded(PyObject_CallMethod(handle, "join", NULL));
        probe_note("came back", 0);
        probe_note("joined", joined);
        probe_leave();
    }
    Py_RETURN_NONE;
}

/* joining_timed(handle, seconds): join it for a while, and ask whether it is done. */
static PyObject *
joining_timed(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *handle;
    double seconds;
    if (!PyArg_ParseTuple(args, "Od:joining_timed", &handle, &seconds)) {
        return NULL;
    }
    if (probe_join(JOINER)) {
        probe_note("join for a while", 0);
        int started = succeeded(PyObject_CallMethod(handle, "join", "d", seconds));
        probe_note("came away", 0);
        probe_note("was started", started);
        PyObject *done = PyObject_CallMethod(handle, "is_done", NULL);
        probe_note("is done", done == Py_True);
        Py_XDECREF(done);
        probe_leave();
    }
    Py_RETURN_NONE;
}

/* The twin: looks whether it is started, and if not, starts it; or another, when it was too late.
 * joining_start_unclaimed(started: bytearray, start) */
static PyObject *
joining_start_unclaimed(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *flag, *start;
    if (!PyArg_ParseTuple(args, "O!O:joining_start_unclaimed", &PyByteArray_Type, &flag, &start)) {
        return NULL;
    }
    if (probe_join(STARTER)) {
        char *started = PyByteArray_AS_STRING(flag);
        probe_note("start", 0);
        int won = !__atomic_load_n(started, __ATOMIC_ACQUIRE);
        if (won) {
            for (int i = 0; i < 4; i++) {
                PyErr_Occurred(); /* calls, as in any code of more than one line */
            }
            __atomic_store_n(started, 1, __ATOMIC_RELEASE);
            succeeded(PyObject_CallNoArgs(start));
        }
        probe_note("started", 0);
        probe_note("won", won);
        probe_leave();
    }
    Py_RETURN_NONE;
}

PyMethodDef probe_joining[] = {
    {"joining_begin", joining_begin, METH_O, NULL},
    {"joining_body", joining_body, METH_O, NULL},
    {"joining_start", joining_start, METH_O, NULL},
    {"joining_both", joining_both, METH_VARARGS, NULL},
    {"joining_timed", joining_timed, METH_VARARGS, NULL},
    {"joining_start_unclaimed", joining_start_unclaimed, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
