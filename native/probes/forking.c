/* SD-FORK and SD-HANDLES: what a fork makes of other threads, and of their handles. The child's side is told by the thread that forked,
 * when the child has answered. */
#include "journal.h"

enum { FORKER };

static const char *const words[] = {
    "fork",        "child answered",     "mine is done",  "old is done", "new was joined",
    "new is done", "unused was started", "thread states", "is main",     "is whole",
};

/* forking_join() -> whether the caller is the one that forks in this round. */
static PyObject *
forking_join(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyBool_FromLong(probe_join(FORKER));
}

/* forking_note(number, value): the number is that of a word of `stressor.probes.forking.WORDS`. */
static PyObject *
forking_note(PyObject *module, PyObject *args)
{
    (void)module;
    unsigned number;
    long long value;
    if (!PyArg_ParseTuple(args, "IL:forking_note", &number, &value)) {
        return NULL;
    }
    if (number >= sizeof(words) / sizeof(words[0])) {
        PyErr_SetString(PyExc_ValueError, "no such word");
        return NULL;
    }
    probe_note(words[number], value);
    Py_RETURN_NONE;
}

static PyObject *
forking_leave(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    probe_leave();
    Py_RETURN_NONE;
}

PyMethodDef probe_forking[] = {
    {"forking_join", forking_join, METH_NOARGS, NULL},
    {"forking_note", forking_note, METH_VARARGS, NULL},
    {"forking_leave", forking_leave, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
