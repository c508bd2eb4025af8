/* MM-QSBR: the slots in which attached threads say which write sequence they have seen.
 *
 * The memory is a list's array (freedelayed.c). The writer is a worker with the thread state that it
 * has; reader and newcomer make themselves one, which gives them a slot. For the newcomer none is left,
 * so the array of slots has to grow, with the world stopped. It is doubled each time: after a few rounds
 * there is no newcomer any more.
 *
 * A slot is read by its own thread while that is attached, for then the array stays where it is. */
#include "freedelayed.h"
#include "internals.h"
#include "journal.h"

#ifdef PROBE_INTERNALS

enum { WRITER, READER, NEWCOMER };
enum { MOST_SLOTS = 128 };

typedef void while_reading_fn(void);

static struct {
    uint64_t first; /* the write sequence as the round began */
    int grows;      /* whether slots are few enough for a newcomer */
    int has_reader; /* atomic; the reader has got its slot */
} qsbr;

static struct _qsbr_thread_state *
own_slot(void)
{
    return ((struct probe_thread_state *)PyThreadState_Get())->qsbr;
}

static uint64_t
written(void)
{
    return _Py_qsbr_shared_current(own_slot()->shared);
}

/* 0: as the round began, 1: advanced since; -1: offline. */
static int
slot_value(void)
{
    uint64_t seen = __atomic_load_n(&own_slot()->seq, __ATOMIC_SEQ_CST);
    return seen == QSBR_OFFLINE ? -1 : (int)((int64_t)(seen - qsbr.first) / QSBR_INCR);
}

static int
read_value(void)
{
    uint64_t read = __atomic_load_n(&own_slot()->shared->rd_seq, __ATOMIC_SEQ_CST);
    return QSBR_LT(qsbr.first, read);
}

/* qsbr_new(): all slots but one get taken, by thread states that nobody uses. */
static PyObject *
qsbr_new(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    struct _qsbr_shared *shared = own_slot()->shared;
    qsbr.grows = shared->size < MOST_SLOTS;
    qsbr.has_reader = 0;
    while (qsbr.grows && (shared->freelist == NULL || shared->freelist->freelist_next != NULL)) {
        if (PyThreadState_New(PyInterpreterState_Get()) == NULL) {
            return PyErr_NoMemory();
        }
    }
    probe_delayed_share();
    qsbr.first = written();
    Py_RETURN_NONE;
}

/* qsbr_alone() -> whether nothing but the round's own retirement has advanced the write sequence. */
static PyObject *
qsbr_alone(PyObject *module, PyObject *retired)
{
    (void)module;
    uint64_t advanced = written() - qsbr.first;
    return PyBool_FromLong(advanced <= (Py_IsTrue(retired) ? QSBR_INCR : 0));
}

/* An eval breaker at which the delayed frees are looked at, whether or not that is due. */
static void
look_at_queue(PyObject *pause)
{
    own_slot()->should_process = true;
    __atomic_fetch_or(&PyThreadState_Get()->eval_breaker, PROBE_EVAL_MERGE, __ATOMIC_SEQ_CST);
    Py_XDECREF(PyObject_CallNoArgs(pause));
}

/* qsbr_write(pause) */
static PyObject *
qsbr_write(PyObject *module, PyObject *pause)
{
    (void)module;
    if (!probe_join(WRITER) || probe_use() > 1) {
        probe_leave();
        Py_RETURN_NONE;
    }
    PyThreadState *home = PyEval_SaveThread();
    probe_note("attach", 0);
    PyEval_RestoreThread(home);
    probe_note("enter", 0);
    probe_note("slot at first", slot_value());
    probe_note("retire", 0);
    probe_delayed_retire();
    probe_note("retired", 0);
    for (int i = 0; i < 4; i++) {
        look_at_queue(pause);
        probe_note("read sequence", read_value());
    }
    probe_leave();
    Py_RETURN_NONE;
}

static void
look_up(while_reading_fn *reading)
{
    probe_note("load", 0);
    if (!probe_delayed_has()) {
        probe_note("has none", 0);
        return;
    }
    probe_note("has", 0);
    for (int i = 0; i < 5; i++) {
        reading();
        probe_note("has still", 0);
    }
    probe_note("done", 0);
}

static void
attach(PyThreadState *state)
{
    probe_note("attach", 0);
    PyEval_RestoreThread(state);
    probe_note("attached", 0);
    probe_note("slot", slot_value());
}

static void
read_once(PyObject *pause, while_reading_fn *reading)
{
    PyThreadState *home = PyEval_SaveThread();
    PyThreadState *state = PyThreadState_New(home->interp);
    __atomic_store_n(&qsbr.has_reader, 1, __ATOMIC_RELEASE);
    attach(state);
    look_up(reading);
    probe_note("report", 0);
    Py_XDECREF(PyObject_CallNoArgs(pause));
    probe_note("reported", 0);
    probe_note("slot then", slot_value());
    PyThreadState_Clear(state);
    probe_note("detach", 0);
    PyEval_SaveThread();
    probe_note("detached", 0);
    probe_note("unregister", 0);
    PyThreadState_Delete(state);
    probe_note("unregistered", 0);
    probe_leave();
    PyEval_RestoreThread(home);
}

static void
come_once(while_reading_fn *reading)
{
    PyThreadState *home = PyEval_SaveThread();
    probe_note("reserve", 0);
    PyThreadState *state = PyThreadState_New(home->interp);
    probe_note("registered", 0);
    attach(state);
    look_up(reading);
    probe_note("detach", 0);
    PyEval_SaveThread();
    probe_note("gone", 0);
    probe_leave();
    PyEval_RestoreThread(state);
    PyThreadState_Clear(state);
    PyThreadState_DeleteCurrent();
    PyEval_RestoreThread(home);
}

static void
act(PyObject *pause, while_reading_fn *reading)
{
    if (probe_join(READER)) {
        read_once(pause, reading);
    } else if (qsbr.grows && __atomic_load_n(&qsbr.has_reader, __ATOMIC_ACQUIRE) &&
               probe_join(NEWCOMER)) {
        come_once(reading);
    }
    probe_leave();
}

static void
just_read(void)
{
}

static PyObject *
qsbr_read(PyObject *module, PyObject *pause)
{
    (void)module;
    act(pause, just_read);
    Py_RETURN_NONE;
}

/* A twin: reports itself quiescent with a pointer in its hands, as an eval breaker there would. */
static void
report(void)
{
    _Py_qsbr_quiescent_state(own_slot());
}

static PyObject *
qsbr_read_reporting(PyObject *module, PyObject *pause)
{
    (void)module;
    act(pause, report);
    Py_RETURN_NONE;
}

/* A twin: is attached as if it were not. */
static void
go_offline(void)
{
    __atomic_store_n(&own_slot()->seq, QSBR_OFFLINE, __ATOMIC_SEQ_CST);
}

static PyObject *
qsbr_read_offline(PyObject *module, PyObject *pause)
{
    (void)module;
    act(pause, go_offline);
    Py_RETURN_NONE;
}

#else
#define qsbr_new probe_not_for_this_version
#define qsbr_alone probe_not_for_this_version
#define qsbr_write probe_not_for_this_version
#define qsbr_read probe_not_for_this_version
#define qsbr_read_reporting probe_not_for_this_version
#define qsbr_read_offline probe_not_for_this_version
#endif

PyMethodDef probe_qsbr[] = {
    {"qsbr_new", qsbr_new, METH_NOARGS, NULL},
    {"qsbr_alone", qsbr_alone, METH_O, NULL},
    {"qsbr_write", qsbr_write, METH_O, NULL},
    {"qsbr_read", qsbr_read, METH_O, NULL},
    {"qsbr_read_reporting", qsbr_read_reporting, METH_O, NULL},
    {"qsbr_read_offline", qsbr_read_offline, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
