/* LK-ONCE: the real one-time initialization, with a function that fails at first. */
#include "internals.h"
#include "journal.h"

enum { CALLER };
enum { FAILURES = 1 };

#ifdef PROBE_INTERNALS

struct scene {
    _PyOnceFlag flag;
    int failures; /* still to come; guarded by the flag */
    int told;     /* atomic: failures that callers were told */
};

static PyObject *
once_new(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    struct scene scene = {.failures = FAILURES};
    return PyByteArray_FromStringAndSize((const char *)&scene, sizeof(scene));
}

static struct scene *
scene_of(PyObject *state)
{
    return (struct scene *)PyByteArray_AS_STRING(state);
}

static int
initialize(void *argument)
{
    struct scene *scene = argument;
    int failures = scene->failures;
    probe_note("runs", failures);
    bool fails = failures > 0;
    scene->failures = failures - fails;
    probe_note("ran", 0);
    return fails ? -1 : 0;
}

static PyObject *
act(PyObject *state, int (*once)(struct scene *))
{
    if (probe_join(CALLER)) {
        struct scene *scene = scene_of(state);
        probe_note("call", 0);
        int result = once(scene);
        if (result < 0) {
            __atomic_add_fetch(&scene->told, 1, __ATOMIC_RELAXED);
        }
        probe_note(result < 0 ? "failed" : "succeeded", 0);
        probe_note("byte", __atomic_load_n(&scene->flag.v, __ATOMIC_ACQUIRE));
        probe_leave();
    }
    Py_RETURN_NONE;
}

static int
call_once(struct scene *scene)
{
    return _PyOnceFlag_CallOnce(&scene->flag, initialize, scene);
}

static PyObject *
once_round(PyObject *module, PyObject *state)
{
    (void)module;
    return act(state, call_once);
}

/* The twin: believes that who has read 0 is the first. */
static int
call_without_swap(struct scene *scene)
{
    if (__atomic_load_n(&scene->flag.v, __ATOMIC_ACQUIRE) != _Py_UNLOCKED) {
        return call_once(scene);
    }
    PyErr_Occurred(); /* a call, as in any code of more than one line */
    __atomic_fetch_or(&scene->flag.v, _Py_LOCKED, __ATOMIC_ACQ_REL);
    int result = initialize(scene);
    uint8_t after = result < 0 ? _Py_UNLOCKED : _Py_ONCE_INITIALIZED;
    if (__atomic_exchange_n(&scene->flag.v, after, __ATOMIC_ACQ_REL) & _Py_HAS_PARKED) {
        _PyParkingLot_UnparkAll(&scene->flag.v);
    }
    return result;
}

static PyObject *
once_round_without_swap(PyObject *module, PyObject *state)
{
    (void)module;
    return act(state, call_without_swap);
}

/* once_seen(state) -> (the flag's byte, failures to come, failures told). No worker running. */
static PyObject *
once_seen(PyObject *module, PyObject *state)
{
    (void)module;
    struct scene *scene = scene_of(state);
    return Py_BuildValue("(iii)", (int)scene->flag.v, scene->failures, scene->told);
}

#else
#define once_new probe_not_for_this_version
#define once_round probe_not_for_this_version
#define once_round_without_swap probe_not_for_this_version
#define once_seen probe_not_for_this_version
#endif

PyMethodDef probe_once[] = {
    {"once_new", once_new, METH_NOARGS, NULL},
    {"once_round", once_round, METH_O, NULL},
    {"once_round_without_swap", once_round_without_swap, METH_O, NULL},
    {"once_seen", once_seen, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
