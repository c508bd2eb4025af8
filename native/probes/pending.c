/* TS-PENDING: calls that are left for the main thread and for any, and the threads that run them.
 *
 * Any thread of the interpreter runs what it finds, wherever it runs Python: so a call asks whose slot
 * it runs on. The main thread waits for the workers of a round, and runs its calls when they are done. */
#include "journal.h"

enum { ADDER, MAIN_ADDER, MAIN, OTHER };
enum { FIRST = 2 };                            /* slot of those that run calls */
enum { AGAIN, FAILS, LAST, MAIN_ONLY, CALLS }; /* as the reference names them */
enum { CALLS_TO_DO = 1 << 2 };                 /* of eval_breaker, 3.13 (pycore_ceval.h) */

/* Both from pycore_ceval.h; exported, and the same from 3.13.0 on. */
#if PY_VERSION_HEX >= 0x030D0000 && PY_VERSION_HEX < 0x030E0000
extern int _PyEval_AddPendingCall(PyInterpreterState *, int (*)(void *), void *, int flags);
#else
static int
_PyEval_AddPendingCall(PyInterpreterState *interpreter, int (*call)(void *), void *arg, int flags)
{
    (void)interpreter, (void)call, (void)arg, (void)flags;
    return 0; /* pending_begin has refused */
}
#endif

static struct {
    uintptr_t number; /* calls of earlier ones do nothing */
    PyThreadState *main;
} current;

static int call(void *what);

static void
add(int what)
{
    void *arg = (void *)(current.number * CALLS + (uintptr_t)what);
    if (what == MAIN_ONLY) {
        Py_AddPendingCall(call, arg);
    } else {
        _PyEval_AddPendingCall(PyInterpreterState_Get(), call, arg, 0);
    }
}

static int
call(void *arg)
{
    uintptr_t what = (uintptr_t)arg % CALLS;
    if ((uintptr_t)arg / CALLS != current.number) {
        return 0;
    }
    int before = probe_enter(PyThreadState_Get() == current.main ? MAIN : OTHER);
    probe_note("begins", (int64_t)what);
    probe_note("runs", 0);
    if (what == AGAIN) {
        add(LAST);
    }
    probe_note("returns", 0);
    probe_return(before);
    return 0;
}

static PyThreadState *
state_of(unsigned long thread)
{
    PyThreadState *state = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
    while (state != NULL && state->thread_id != thread) {
        state = PyThreadState_Next(state);
    }
    return state;
}

/* pending_begin(main, evaluators): no call of this round is pending, and no bit is set. While no other
 * thread runs. `main` is the main thread's ident, and `evaluators` how many slots the last two roles have.
 */
static PyObject *
pending_begin(PyObject *module, PyObject *args)
{
    (void)module;
    unsigned long main;
    int evaluators;
    if (PY_VERSION_HEX < 0x030D0000 || PY_VERSION_HEX >= 0x030E0000) {
        PyErr_SetString(PyExc_NotImplementedError, "this probe is written for CPython 3.13");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "ki:pending_begin", &main, &evaluators)) {
        return NULL;
    }
    current.number++;
    current.main = state_of(main);
    for (int i = 0; i < 2; i++) { /* the first may leave bits behind */
        if (Py_MakePendingCalls() < 0) {
            return NULL;
        }
    }
    for (int i = 0; i < evaluators; i++) {
        probe_note_for(FIRST + i, "evaluates");
    }
    Py_RETURN_NONE;
}

static PyObject *
pending_add(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (probe_join(ADDER)) {
        probe_note("add", 0);
        add(AGAIN);
        probe_note("added", 0);
        probe_leave();
    }
    Py_RETURN_NONE;
}

static PyObject *
pending_add_for_main(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (probe_join(MAIN_ADDER)) {
        probe_note("add for main", 0);
        add(MAIN_ONLY);
        probe_note("added", 0);
        probe_leave();
    }
    Py_RETURN_NONE;
}

/* The twin: takes the bit back from the main thread, whose call nobody then tells it of. */
static PyObject *
pending_add_without_bit(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (probe_join(MAIN_ADDER)) {
        probe_note("add for main", 0);
        add(MAIN_ONLY);
        __atomic_fetch_and(&current.main->eval_breaker, ~(uintptr_t)CALLS_TO_DO, __ATOMIC_SEQ_CST);
        probe_note("added", 0);
        probe_leave();
    }
    Py_RETURN_NONE;
}

/* pending_end(pause, evaluators): the main thread runs what it is told of, and tells whether it is told
 * of more. The others run nothing any more. */
static PyObject *
pending_end(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *pause;
    int evaluators;
    if (!PyArg_ParseTuple(args, "Oi:pending_end", &pause, &evaluators)) {
        return NULL;
    }
    PyObject *none = PyObject_CallNoArgs(pause);
    if (none != NULL) {
        probe_note_for(FIRST + evaluators, "end");
        probe_note_for(FIRST + evaluators, "ended");
        for (int i = evaluators - 1; i >= 0;
             i--) { /* the main thread last: its bit is right then */
            probe_note_for(FIRST + i, "idle");
        }
        int before = probe_enter(MAIN);
        uintptr_t word = __atomic_load_n(&current.main->eval_breaker, __ATOMIC_SEQ_CST);
        probe_note("bit", (word & CALLS_TO_DO) != 0);
        probe_return(before);
    }
    return none;
}

PyMethodDef probe_pending[] = {
    {"pending_begin", pending_begin, METH_VARARGS, NULL},
    {"pending_add", pending_add, METH_NOARGS, NULL},
    {"pending_add_for_main", pending_add_for_main, METH_NOARGS, NULL},
    {"pending_add_without_bit", pending_add_without_bit, METH_NOARGS, NULL},
    {"pending_end", pending_end, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
