/* The Python face of the shim. Types and meanings: stressor/_shim.pyi. No policy lives here. */
#define _GNU_SOURCE
#include <Python.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>

#include "stressor/barrier.h"
#include "stressor/bench.h"
#include "stressor/crash.h"
#include "stressor/gate.h"
#include "stressor/hooks.h"
#include "stressor/interpose.h"
#include "stressor/layout.h"
#include "stressor/ledger.h"
#include "stressor/module.h"
#include "stressor/monitors.h"
#include "stressor/objects.h"
#include "stressor/policy.h"
#include "stressor/port.h"
#include "stressor/standstill.h"
#include "stressor/turnstile.h"

static PyObject *
raise_errno(int error)
{
    errno = error;
    return PyErr_SetFromErrno(PyExc_OSError);
}

static PyObject *
shim_open_record(PyObject *module, PyObject *path)
{
    (void)module;
    PyObject *bytes;
    if (!PyUnicode_FSConverter(path, &bytes)) {
        return NULL;
    }
    int error = stressor_record_open(PyBytes_AS_STRING(bytes));
    Py_DECREF(bytes);
    return error != 0 ? raise_errno(error) : Py_NewRef(Py_None);
}

/* Copies the strings' pointers; the list keeps them alive. Returns the count or -1. */
static Py_ssize_t
read_strings(PyObject *list, const char **texts, Py_ssize_t most)
{
    if (!PyList_Check(list) || PyList_GET_SIZE(list) > most) {
        PyErr_Format(PyExc_ValueError, "wanted a list of at most %zd strings", most);
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        texts[i] = PyUnicode_AsUTF8(PyList_GET_ITEM(list, i));
        if (texts[i] == NULL) {
            return -1;
        }
    }
    return PyList_GET_SIZE(list);
}

static PyObject *
shim_instrument(PyObject *module, PyObject *globs)
{
    (void)module;
    const char *texts[STRESSOR_MAX_GLOBS];
    Py_ssize_t count = read_strings(globs, texts, STRESSOR_MAX_GLOBS);
    if (count < 0) {
        return NULL;
    }
    if (stressor_instrument(texts, (size_t)count) < 0) {
        PyErr_Format(PyExc_ValueError, "at most %d globs of at most 255 bytes", STRESSOR_MAX_GLOBS);
        return NULL;
    }
    return stressor_survey();
}

static PyObject *
shim_restore(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyLong_FromSize_t(stressor_restore());
}

static PyObject *
shim_declare_operations(PyObject *module, PyObject *names)
{
    (void)module;
    const char *texts[STRESSOR_MAX_SITES / 2];
    Py_ssize_t count = read_strings(names, texts, STRESSOR_MAX_SITES / 2);
    if (count < 0) {
        return NULL;
    }
    if (!stressor_armed) {
        PyErr_SetString(PyExc_RuntimeError, "arm() first: it forgets all sites");
        return NULL;
    }
    (void)stressor_declare_operations(texts, (size_t)count);
    Py_RETURN_NONE;
}

static PyObject *
shim_arm(PyObject *module, PyObject *args, PyObject *kwargs)
{
    (void)module;
    static char *names[] = {"seed",  "threads",   "rules",    "ledger",
                            "hooks", "recording", "monitors", NULL};
    unsigned long long seed;
    unsigned int threads;
    PyObject *rules;
    int ledger, hooks, recording = 1;
    unsigned int monitors = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "KIOpp|pI:arm", names, &seed, &threads, &rules,
                                     &ledger, &hooks, &recording, &monitors)) {
        return NULL;
    }
    if (threads < 1 || threads > STRESSOR_MAX_THREADS) {
        PyErr_Format(PyExc_ValueError, "threads must be 1 to %d", STRESSOR_MAX_THREADS);
        return NULL;
    }
    if (monitors & ~(unsigned int)STRESSOR_ALL_MONITORS) {
        PyErr_SetString(PyExc_ValueError, "there is no such monitor");
        return NULL;
    }
    if (monitors != 0 && stressor_words_refuse() != NULL) {
        PyErr_SetString(PyExc_RuntimeError, stressor_words_refuse());
        return NULL;
    }
    if (stressor_read_rules(rules) < 0 || stressor_ledger_prepare() < 0 ||
        stressor_hooks_install(ledger || hooks, hooks) < 0) {
        return NULL;
    }
    stressor_refresh_modules();
    stressor_monitors_arm(monitors);
    stressor_arm(seed, threads, ledger, hooks, recording);
    Py_RETURN_NONE;
}

static PyObject *
shim_disarm(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    stressor_disarm();
    stressor_hooks_remove();
    Py_RETURN_NONE;
}

static PyObject *
shim_begin_round(PyObject *module, PyObject *number)
{
    (void)module;
    unsigned long round = PyLong_AsUnsignedLong(number);
    if (round == (unsigned long)-1 && PyErr_Occurred()) {
        return NULL;
    }
    stressor_begin_round((uint32_t)round);
    Py_RETURN_NONE;
}

static PyObject *
shim_used_losses(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    uint32_t taken = __atomic_load_n(&stressor_record->loss_count, __ATOMIC_ACQUIRE);
    long used = 0;
    for (uint32_t i = 0; i < taken && i < STRESSOR_MAX_LOSSES; i++) {
        used += __atomic_load_n(&stressor_record->losses[i].used, __ATOMIC_ACQUIRE) != 0;
    }
    return PyLong_FromLong(used);
}

static PyObject *
shim_breaches(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    uint32_t count = __atomic_load_n(&stressor_record->breach_count, __ATOMIC_ACQUIRE);
    return PyLong_FromUnsignedLong(count);
}

static PyObject *
shim_enter(PyObject *module, PyObject *number)
{
    (void)module;
    unsigned long thread = PyLong_AsUnsignedLong(number);
    if (thread == (unsigned long)-1 && PyErr_Occurred()) {
        return NULL;
    }
    if (thread >= stressor_record->threads) {
        PyErr_SetString(PyExc_ValueError, "no such thread in the armed trial");
        return NULL;
    }
    int error = stressor_crash_stack((unsigned)thread);
    if (error != 0) {
        return raise_errno(error);
    }
    stressor_enter((uint32_t)thread);
    Py_RETURN_NONE;
}

static PyObject *
shim_leave(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    stressor_leave();
    Py_RETURN_NONE;
}

static PyObject *
shim_barrier_reset(PyObject *module, PyObject *number)
{
    (void)module;
    unsigned long parties = PyLong_AsUnsignedLong(number);
    if (parties == (unsigned long)-1 && PyErr_Occurred()) {
        return NULL;
    }
    if (parties < 1 || parties > STRESSOR_MAX_THREADS + 1) {
        PyErr_Format(PyExc_ValueError, "parties must be 1 to %d", STRESSOR_MAX_THREADS + 1);
        return NULL;
    }
    stressor_barrier_reset((uint32_t)parties);
    Py_RETURN_NONE;
}

static PyObject *
shim_barrier_wait(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    /* Waiting, and coming back from it, are no part of the round. */
    struct stressor_thread *self = stressor_guard();
    Py_BEGIN_ALLOW_THREADS
    if (self != NULL && stressor_controlled) {
        /* Detached by now, so that nobody who goes on has to wait for us. */
        stressor_turn_leave();
    }
    stressor_barrier_wait();
    Py_END_ALLOW_THREADS
    if (self != NULL) {
        self->inside = false;
    }
    Py_RETURN_NONE;
}

static PyObject *
shim_run_round(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    /* Detached all the time: attaching between the two would be a move that no schedule knows of. */
    Py_BEGIN_ALLOW_THREADS
    stressor_barrier_wait();
    stressor_barrier_wait_looking(stressor_controlled ? stressor_standstill_look : NULL);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *
shim_operation_begin(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "operation_begin takes an operation and a call");
        return NULL;
    }
    long operation = PyLong_AsLong(args[0]), call = PyLong_AsLong(args[1]);
    if (PyErr_Occurred()) {
        return NULL;
    }
    stressor_operation_begin((uint32_t)operation, (int32_t)call);
    Py_RETURN_NONE;
}

static PyObject *
shim_operation_end(PyObject *module, PyObject *result)
{
    (void)module;
    stressor_operation_end(result);
    Py_RETURN_NONE;
}

static PyObject *
shim_handle_crashes(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    int error = stressor_crash_install();
    return error != 0 ? raise_errno(error) : Py_NewRef(Py_None);
}

static PyObject *
shim_key_hash(PyObject *module, PyObject *key)
{
    (void)module;
    const char *text = PyUnicode_AsUTF8(key);
    return text == NULL ? NULL
                        : PyLong_FromUnsignedLongLong(stressor_fnv(STRESSOR_FNV_START, text));
}

static PyObject *
shim_bench(PyObject *module, PyObject *args)
{
    (void)module;
    const char *what;
    long long iterations;
    if (!PyArg_ParseTuple(args, "sL:bench", &what, &iterations)) {
        return NULL;
    }
    double time = stressor_bench(what, iterations);
    if (time < 0) {
        Py_BEGIN_ALLOW_THREADS
        time = stressor_bench_turns(what, iterations);
        Py_END_ALLOW_THREADS
    }
    if (time < 0) {
        PyErr_Format(PyExc_ValueError,
                     "cannot measure '%s': instrument() first, and choose from "
                     "direct, disarmed, armed, watched, recorded, decide, detach, detach-armed, "
                     "schedule, go-on, hand-over",
                     what);
        return NULL;
    }
    return PyFloat_FromDouble(time);
}

static PyMethodDef methods[] = {
    {"open_record", shim_open_record, METH_O, NULL},
    {"instrument", shim_instrument, METH_O, NULL},
    {"restore", shim_restore, METH_NOARGS, NULL},
    {"redirect", stressor_shim_redirect, METH_VARARGS, NULL},
    {"redirectable", stressor_shim_redirectable, METH_NOARGS, NULL},
    {"declare_operations", shim_declare_operations, METH_O, NULL},
    {"arm", (PyCFunction)(void (*)(void))shim_arm, METH_VARARGS | METH_KEYWORDS, NULL},
    {"disarm", shim_disarm, METH_NOARGS, NULL},
    {"begin_round", shim_begin_round, METH_O, NULL},
    {"used_losses", shim_used_losses, METH_NOARGS, NULL},
    {"breaches", shim_breaches, METH_NOARGS, NULL},
    {"enter", shim_enter, METH_O, NULL},
    {"leave", shim_leave, METH_NOARGS, NULL},
    {"control", stressor_shim_control, METH_VARARGS, NULL},
    {"turn_enter", stressor_shim_turn_enter, METH_NOARGS, NULL},
    {"barrier_reset", shim_barrier_reset, METH_O, NULL},
    {"barrier_wait", shim_barrier_wait, METH_NOARGS, NULL},
    {"run_round", shim_run_round, METH_NOARGS, NULL},
    {"operation_begin", (PyCFunction)(void (*)(void))shim_operation_begin, METH_FASTCALL, NULL},
    {"operation_end", shim_operation_end, METH_O, NULL},
    {"handle_crashes", shim_handle_crashes, METH_NOARGS, NULL},
    {"decide", stressor_shim_decide, METH_VARARGS, NULL},
    {"key_hash", shim_key_hash, METH_O, NULL},
    {"bench", shim_bench, METH_VARARGS, NULL},
    {"catalogue", stressor_catalogue, METH_NOARGS, NULL},
    {"laws", stressor_laws, METH_NOARGS, NULL},
    {"layout", stressor_layout, METH_NOARGS, NULL},
    {"supported", stressor_supported, METH_NOARGS, NULL},
    {"schedulers", stressor_shim_schedulers, METH_NOARGS, NULL},
    {"loaded_modules", stressor_loaded_modules, METH_NOARGS, NULL},
    {"disable_randomization", stressor_disable_randomization, METH_NOARGS, NULL},
    {"die_with_parent", stressor_die_with_parent, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static void
listen(stressor_listener *listener)
{
    stressor_listener_now = listener;
}

static int
execute(PyObject *module)
{
    static bool registered;
    if (!registered) {
        int error = pthread_atfork(NULL, NULL, stressor_abandon);
        if (error != 0) {
            (void)raise_errno(error);
            return -1;
        }
        registered = true;
    }
    static const struct stressor_port port = {STRESSOR_PORT_VERSION, stressor_visit_note, listen};
    PyObject *capsule = PyCapsule_New((void *)&port, STRESSOR_PORT, NULL);
    int failed = PyModule_AddObjectRef(module, "_port", capsule);
    Py_XDECREF(capsule);
    return failed ? -1 : stressor_add_scheduler(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
    {0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "stressor._shim",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__shim(void)
{
    return PyModuleDef_Init(&definition);
}
