/* Laws of the C API, broken and kept: each function that breaks one has a twin that does the same work
 * legally. What a breach leaves behind is put right as far as possible, so that the process goes on. */
#include "scenario.h"

#include <stdint.h>
#include <unistd.h>

/* ---- critical sections -------------------------------------------------------------------------- */

static PyObject *
end_outer_first(PyObject *module, PyObject *pair)
{
    (void)module;
    PyThreadState *state = PyThreadState_Get();
    uintptr_t before = state->critical_section;
    PyCriticalSection outer, inner;
    PyCriticalSection_Begin(&outer, PyTuple_GET_ITEM(pair, 0));
    PyCriticalSection_Begin(&inner, PyTuple_GET_ITEM(pair, 1));
    PyCriticalSection_End(&outer);
    PyCriticalSection_End(&inner);
    state->critical_section = before; /* it leads to `outer`, which is gone */
    Py_RETURN_NONE;
}

static PyObject *
end_inner_first(PyObject *module, PyObject *pair)
{
    (void)module;
    PyCriticalSection outer, inner;
    PyCriticalSection_Begin(&outer, PyTuple_GET_ITEM(pair, 0));
    PyCriticalSection_Begin(&inner, PyTuple_GET_ITEM(pair, 1));
    PyCriticalSection_End(&inner);
    PyCriticalSection_End(&outer);
    Py_RETURN_NONE;
}

/* The second end takes a lock that is free again, or another thread's: that ends the process. */
static PyObject *
end_twice(PyObject *module, PyObject *pair)
{
    (void)module;
    PyCriticalSection section;
    PyCriticalSection_Begin(&section, PyTuple_GET_ITEM(pair, 0));
    PyCriticalSection_End(&section);
    PyCriticalSection_End(&section);
    Py_RETURN_NONE;
}

static PyObject *
begin_twice(PyObject *module, PyObject *pair)
{
    (void)module;
    PyThreadState *state = PyThreadState_Get();
    uintptr_t before = state->critical_section;
    PyCriticalSection first, second;
    PyCriticalSection_Begin(&first, PyTuple_GET_ITEM(pair, 0));
    PyCriticalSection_Begin(&second, PyTuple_GET_ITEM(pair, 1));
    PyCriticalSection_End(&second);
    PyObject *other = PyList_New(0);
    PyMutex *held = first._cs_mutex;
    PyCriticalSection_Begin(&first, other);
    state->critical_section = (uintptr_t)&first;
    first._cs_prev = before;
    PyCriticalSection_End(&first);
    PyMutex_Unlock(held);
    Py_DECREF(other);
    Py_RETURN_NONE;
}

/* One struct for one section after the other, and two objects at once. */
static PyObject *
begin_again(PyObject *module, PyObject *pair)
{
    (void)module;
    PyObject *first = PyTuple_GET_ITEM(pair, 0), *second = PyTuple_GET_ITEM(pair, 1);
    PyCriticalSection section;
    PyCriticalSection2 both;
    for (int i = 0; i < 2; i++) {
        PyCriticalSection_Begin(&section, i ? first : second);
        PyCriticalSection2_Begin(&both, first, second);
        Py_BEGIN_ALLOW_THREADS
        Py_END_ALLOW_THREADS
        PyCriticalSection2_End(&both);
        PyCriticalSection_End(&section);
    }
    PyCriticalSection2_Begin(&both, first, first);
    PyCriticalSection2_End(&both);
    Py_RETURN_NONE;
}

static PyCriticalSection left[2];

static PyObject *
leave_open(PyObject *module, PyObject *pair)
{
    (void)module;
    PyCriticalSection_Begin(&left[0], PyTuple_GET_ITEM(pair, 0));
    Py_RETURN_NONE;
}

static PyObject *
close_left(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyCriticalSection_End(&left[0]);
    Py_RETURN_NONE;
}

/* The destructor of what is dropped inside begins and ends sections of its own. */
static PyObject *
drop_inside(PyObject *module, PyObject *pair)
{
    (void)module;
    PyCriticalSection section;
    PyCriticalSection_Begin(&section, PyTuple_GET_ITEM(pair, 0));
    PyObject *dict = Py_BuildValue("{s[O]}", "key", Py_None);
    Py_XDECREF(dict);
    PyCriticalSection_End(&section);
    Py_RETURN_NONE;
}

/* ---- attached or not ---------------------------------------------------------------------------- */

static PyObject *
ask_detached(PyObject *module, PyObject *pair)
{
    (void)module;
    Py_ssize_t size;
    PyObject *list = PyTuple_GET_ITEM(pair, 0);
    Py_BEGIN_ALLOW_THREADS
    size = PyList_Size(list);
    Py_END_ALLOW_THREADS
    return PyLong_FromSsize_t(size);
}

static PyMutex mutex;

/* What needs no thread state, and what does nothing. */
static PyObject *
work_detached(PyObject *module, PyObject *pair)
{
    (void)module, (void)pair;
    Py_BEGIN_ALLOW_THREADS
    void *block = PyMem_RawMalloc(10);
    PyMem_RawFree(block);
    PyMutex_Lock(&mutex);
    PyMutex_Unlock(&mutex);
    Py_IncRef(NULL);
    Py_DecRef(NULL);
    Py_XDECREF(Py_XNewRef(Py_None));
    PyGILState_STATE before = PyGILState_Ensure();
    (void)PyErr_Occurred();
    PyGILState_Release(before);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *
section_detached(PyObject *module, PyObject *pair)
{
    (void)module;
    PyCriticalSection section;
    Py_BEGIN_ALLOW_THREADS
    PyCriticalSection_Begin(&section, PyTuple_GET_ITEM(pair, 0));
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyThreadState *published;
static int taken;

/* Stays attached until another thread has taken the state away, and calls the C API then. */
static PyObject *
lose_state(PyObject *module, PyObject *pair)
{
    (void)module;
    __atomic_store_n(&published, PyThreadState_Get(), __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&taken, __ATOMIC_SEQ_CST)) {
    }
    (void)PyList_Size(PyTuple_GET_ITEM(pair, 0));
    _exit(7); /* nobody could put this right */
}

static PyObject *
take_state(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyThreadState *state;
    while ((state = __atomic_load_n(&published, __ATOMIC_SEQ_CST)) == NULL) {
    }
    PyEval_ReleaseThread(state);
    __atomic_store_n(&taken, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 60000; i++) {
        (void)usleep(1000);
    }
    _exit(8); /* without a thread state there is no way back */
}

/* ---- thread states ------------------------------------------------------------------------------ */

static PyThreadState *made;

static PyObject *
make_state(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    made = PyThreadState_New(PyInterpreterState_Get());
    Py_RETURN_NONE;
}

static PyObject *
use_state(PyThreadState *state, PyObject *list)
{
    PyThreadState *own = PyThreadState_Swap(state);
    Py_ssize_t size = PyList_Size(list);
    (void)PyThreadState_Swap(own);
    return PyLong_FromSsize_t(size);
}

static PyObject *
use_made_state(PyObject *module, PyObject *pair)
{
    (void)module;
    return use_state(made, PyTuple_GET_ITEM(pair, 0));
}

static PyObject *
use_own_state(PyObject *module, PyObject *pair)
{
    (void)module;
    PyThreadState *state = PyThreadState_New(PyInterpreterState_Get());
    PyObject *size = use_state(state, PyTuple_GET_ITEM(pair, 0));
    PyThreadState *own = PyThreadState_Swap(state);
    PyThreadState_Clear(state);
    (void)PyThreadState_Swap(own);
    PyThreadState_Delete(state);
    return size;
}

static int may_let_go;

/* Attached until the other thread wants the same state; then it lets go for a while. */
static PyObject *
share_state(PyObject *module, PyObject *pair)
{
    (void)module, (void)pair;
    __atomic_store_n(&published, PyThreadState_Get(), __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&may_let_go, __ATOMIC_SEQ_CST)) {
    }
    (void)usleep(
        100000); /* the breach is on the other side of one call by then, whatever is told */
    _exit(7);
}

static PyObject *
attach_shared(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyThreadState *state;
    while ((state = __atomic_load_n(&published, __ATOMIC_SEQ_CST)) == NULL) {
    }
    (void)PyEval_SaveThread();
    __atomic_store_n(&may_let_go, 1, __ATOMIC_SEQ_CST);
    PyEval_RestoreThread(state); /* waits for ever */
    Py_RETURN_NONE;
}

/* ---- reference counts --------------------------------------------------------------------------- */

/* The interpreter's macro shifts, which C does not define for what is negative. */
#define SHARED(count, flags) ((Py_ssize_t)(count) * (1 << _Py_REF_SHARED_SHIFT) + (flags))

/* An object whose counts are written by hand, as wrong counting would leave them. */
static PyObject *
use_counts(uintptr_t owner, uint32_t local, Py_ssize_t shared, int drop)
{
    PyObject object = {.ob_tid = owner,
                       .ob_ref_local = local,
                       .ob_ref_shared = shared,
                       .ob_type = &PyBaseObject_Type};
    if (drop) {
        Py_DecRef(&object);
    } else {
        (void)PyObject_Hash(&object);
    }
    Py_RETURN_NONE;
}

static PyObject *
merged_negative(PyObject *module, PyObject *pair)
{
    (void)module, (void)pair;
    return use_counts(0, 0, SHARED(-1, _Py_REF_MERGED), 0);
}

static PyObject *
owned_negative(PyObject *module, PyObject *pair)
{
    (void)module, (void)pair;
    return use_counts(_Py_ThreadId(), 1, SHARED(-2, _Py_REF_QUEUED), 0);
}

static PyObject *
merged_owned(PyObject *module, PyObject *pair)
{
    (void)module, (void)pair;
    return use_counts(_Py_ThreadId(), 0, SHARED(3, _Py_REF_MERGED), 0);
}

static PyObject *
drop_nothing(PyObject *module, PyObject *pair)
{
    (void)module, (void)pair;
    return use_counts(0, 0, SHARED(0, _Py_REF_MERGED), 1);
}

/* Counts at the edge of what is legal. */
static PyObject *
legal_counts(PyObject *module, PyObject *pair)
{
    (void)module, (void)pair;
    Py_XDECREF(use_counts(_Py_ThreadId(), 2, SHARED(-2, _Py_REF_QUEUED), 0));
    Py_XDECREF(use_counts(_Py_ThreadId() + 64, 0, SHARED(-7, _Py_REF_QUEUED), 0));
    Py_XDECREF(use_counts(0, 0, SHARED(0, _Py_REF_MERGED), 0));
    Py_XDECREF(use_counts(0, 0, SHARED(2, _Py_REF_MERGED), 1));
    Py_XDECREF(use_counts(_Py_ThreadId(), 2, SHARED(-1, _Py_REF_QUEUED), 1));
    Py_XDECREF(use_counts(0, _Py_IMMORTAL_REFCNT_LOCAL, SHARED(-3, _Py_REF_MERGED), 1));
    Py_RETURN_NONE;
}

#define METHOD(name) {#name, name, METH_O, NULL}
#define ALONE(name) {#name, name, METH_NOARGS, NULL}

static PyMethodDef methods[] = {
    METHOD(end_outer_first), METHOD(end_inner_first),  METHOD(end_twice),
    METHOD(begin_twice),     METHOD(begin_again),      METHOD(leave_open),
    ALONE(close_left),       METHOD(drop_inside),      METHOD(ask_detached),
    METHOD(work_detached),   METHOD(section_detached), METHOD(lose_state),
    ALONE(take_state),       ALONE(make_state),        METHOD(use_made_state),
    METHOD(use_own_state),   METHOD(share_state),      ALONE(attach_shared),
    METHOD(merged_negative), METHOD(owned_negative),   METHOD(merged_owned),
    METHOD(drop_nothing),    METHOD(legal_counts),     {NULL, NULL, 0, NULL},
};

SCENARIO(methods)
