/* LK-PYMUTEX: the real mutex, locked and unlocked by threads that look at its byte meanwhile.
 *
 * The inlined half is this file's own, compiled from the public header; what is called is the
 * interpreter's. */
#include "journal.h"

enum { LOCKER };

static PyObject *
mutex_new(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyByteArray_FromStringAndSize("\0", sizeof(PyMutex));
}

static PyMutex *
mutex_of(PyObject *state)
{
    return (PyMutex *)PyByteArray_AS_STRING(state);
}

static void
look(const PyMutex *mutex)
{
    probe_note("bits", __atomic_load_n(&mutex->_bits, __ATOMIC_SEQ_CST));
}

static PyObject *
mutex_round(PyObject *module, PyObject *state)
{
    (void)module;
    if (probe_join(LOCKER)) {
        PyMutex *mutex = mutex_of(state);
        probe_note("lock", 0);
        PyMutex_Lock(mutex);
        probe_note("locked", 0);
        look(mutex);
        probe_note("unlock", 0);
        PyMutex_Unlock(mutex);
        probe_note("unlocked", 0);
        probe_leave();
    }
    Py_RETURN_NONE;
}

/* The twin: believes that a load and a store are as good as a compare-and-swap. */
static PyObject *
mutex_round_without_cas(PyObject *module, PyObject *state)
{
    (void)module;
    if (probe_join(LOCKER)) {
        PyMutex *mutex = mutex_of(state);
        probe_note("lock", 0);
        if (__atomic_load_n(&mutex->_bits, __ATOMIC_RELAXED) == 0) {
            PyErr_Occurred(); /* a call, as in any code of more than one line */
            __atomic_store_n(&mutex->_bits, 1, __ATOMIC_RELAXED);
        } else {
            PyMutex_Lock(mutex);
        }
        probe_note("locked", 0);
        look(mutex);
        probe_note("unlock", 0);
        if (mutex->_bits != 0) {
            PyMutex_Unlock(mutex);
        }
        probe_note("unlocked", 0);
        probe_leave();
    }
    Py_RETURN_NONE;
}

PyMethodDef probe_pymutex[] = {
    {"mutex_new", mutex_new, METH_NOARGS, NULL},
    {"mutex_round", mutex_round, METH_O, NULL},
    {"mutex_round_without_cas", mutex_round_without_cas, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
