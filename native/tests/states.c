/* Calls whose caller depends on what a call leaves alone: errno, the exception that is set, the
 * result of an interrupted wait, critical sections, the detached state. */
#include "scenario.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <time.h>

enum { MARK = 4711 };

/* errno after a call that does not touch it. */
static PyObject *
keep_errno(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    errno = MARK;
    (void)PyErr_Occurred();
    int seen = errno;
    return PyLong_FromLong(seen);
}

/* errno after the drop of the last reference to a container, where a detach is allowed. */
static PyObject *
keep_errno_dropping(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyObject *dying = PyList_New(0);
    if (dying == NULL) {
        return NULL;
    }
    errno = MARK;
    Py_DECREF(dying);
    int seen = errno;
    return PyLong_FromLong(seen);
}

/* Raises, and makes calls while the exception is set. */
static PyObject *
keep_exception(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyObject *dying = PyList_New(0);
    PyErr_SetString(PyExc_LookupError, "kept");
    if (PyErr_Occurred() == NULL) {
        return PyUnicode_FromString("lost");
    }
    Py_XDECREF(dying);
    return NULL;
}

static sem_t never_posted;

/* Waits once, detached, until a signal ends it: (result, errno). Nothing here retries. */
static PyObject *
wait_once(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    int result, error;
    Py_BEGIN_ALLOW_THREADS
    errno = 0;
    result = sem_wait(&never_posted);
    error = errno;
    Py_END_ALLOW_THREADS
    return Py_BuildValue("(ii)", result, error);
}

static PyObject *
sleep_once(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    struct timespec hour = {3600, 0}, left = {0, 0};
    int result;
    Py_BEGIN_ALLOW_THREADS
    result = clock_nanosleep(CLOCK_MONOTONIC, 0, &hour, &left);
    Py_END_ALLOW_THREADS
    return Py_BuildValue("(iO)", result, left.tv_sec > 0 ? Py_True : Py_False);
}

/* Calls through slots while there is no thread state. */
static PyObject *
yield_detached(PyObject *module, PyObject *count)
{
    (void)module;
    long calls = PyLong_AsLong(count);
    PyThreadState *state = PyEval_SaveThread();
    for (long i = 0; i < calls; i++) {
        (void)sched_yield();
    }
    PyEval_RestoreThread(state);
    Py_RETURN_NONE;
}

static PyObject *
yield_attached(PyObject *module, PyObject *count)
{
    (void)module;
    for (long i = PyLong_AsLong(count); i > 0; i--) {
        (void)sched_yield();
    }
    Py_RETURN_NONE;
}

static void *
yield_often(void *count)
{
    for (long i = *(long *)count; i > 0; i--) {
        (void)sched_yield();
    }
    return NULL;
}

/* Lets a thread that Python does not know make the calls. */
static PyObject *
yield_elsewhere(PyObject *module, PyObject *count)
{
    (void)module;
    long calls = PyLong_AsLong(count);
    pthread_t thread;
    if (pthread_create(&thread, NULL, yield_often, &calls) != 0) {
        return PyErr_NoMemory();
    }
    Py_BEGIN_ALLOW_THREADS(void)
    pthread_join(thread, NULL);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

/* ---- condition variables, whose oldest versions have another layout --------------------------- */

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn;

static void *
take_turn(void *count)
{
    for (int i = 0; i < *(int *)count; i++) {
        (void)pthread_mutex_lock(&guard);
        while (turn != 1) {
            (void)pthread_cond_wait(&changed, &guard);
        }
        turn = 0;
        (void)pthread_cond_signal(&changed);
        (void)pthread_mutex_unlock(&guard);
    }
    return NULL;
}

/* Hands the turn to another thread and back, by condition variables, detached. */
static PyObject *
take_turns(PyObject *module, PyObject *count)
{
    (void)module;
    int times = (int)PyLong_AsLong(count);
    pthread_t thread;
    turn = 0;
    if (pthread_create(&thread, NULL, take_turn, &times) != 0) {
        return PyErr_NoMemory();
    }
    Py_BEGIN_ALLOW_THREADS
    for (int i = 0; i < times; i++) {
        (void)pthread_mutex_lock(&guard);
        turn = 1;
        (void)pthread_cond_broadcast(&changed);
        while (turn != 0) {
            struct timespec until;
            (void)clock_gettime(CLOCK_REALTIME, &until);
            until.tv_sec += 60;
            (void)pthread_cond_timedwait(&changed, &guard, &until);
        }
        (void)pthread_mutex_unlock(&guard);
    }
    (void)pthread_join(thread, NULL);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

/* ---- is a critical section suspended? ---------------------------------------------------------- */

static int inside; /* a thread is in its critical section and has called the shim from there */

/* Drops the last reference to a container in a critical section of `object`. */
static PyObject *
drop_locked(PyObject *module, PyObject *object)
{
    (void)module;
    PyObject *dying = PyList_New(0);
    if (dying == NULL) {
        return NULL;
    }
    Py_BEGIN_CRITICAL_SECTION(object);
    __atomic_store_n(&inside, 1, __ATOMIC_SEQ_CST);
    Py_DECREF(dying);
    __atomic_store_n(&inside, 0, __ATOMIC_SEQ_CST);
    Py_END_CRITICAL_SECTION();
    Py_RETURN_NONE;
}

/* Enters a critical section of `object` while the other thread is in its own. True: both were. */
static PyObject *
meet_locked(PyObject *module, PyObject *object)
{
    (void)module;
    for (int tries = 0; tries < 100000 && !__atomic_load_n(&inside, __ATOMIC_SEQ_CST); tries++) {
        Py_BEGIN_ALLOW_THREADS
        struct timespec moment = {0, 10000};
        (void)nanosleep(&moment, NULL);
        Py_END_ALLOW_THREADS
    }
    int both;
    Py_BEGIN_CRITICAL_SECTION(object);
    both = __atomic_load_n(&inside, __ATOMIC_SEQ_CST);
    Py_END_CRITICAL_SECTION();
    return PyBool_FromLong(both);
}

static PyObject *
prepare(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (sem_init(&never_posted, 0, 0) != 0) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"prepare", prepare, METH_NOARGS, NULL},
    {"keep_errno", keep_errno, METH_NOARGS, NULL},
    {"keep_errno_dropping", keep_errno_dropping, METH_NOARGS, NULL},
    {"keep_exception", keep_exception, METH_NOARGS, NULL},
    {"wait_once", wait_once, METH_NOARGS, NULL},
    {"sleep_once", sleep_once, METH_NOARGS, NULL},
    {"yield_detached", yield_detached, METH_O, NULL},
    {"yield_attached", yield_attached, METH_O, NULL},
    {"yield_elsewhere", yield_elsewhere, METH_O, NULL},
    {"take_turns", take_turns, METH_O, NULL},
    {"drop_locked", drop_locked, METH_O, NULL},
    {"meet_locked", meet_locked, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

SCENARIO(methods)
