#define _GNU_SOURCE
#include "stressor/layout.h"

#include <Python.h>
#include <errno.h>
#include <sys/uio.h>

#ifndef Py_GIL_DISABLED
#error "stressor's shim is for free-threaded builds of CPython (Py_GIL_DISABLED)"
#endif

/* The versions whose private facts below were checked against the source. 3.15 has the same public
 * fields, but neither its bit numbers nor its count encoding were checked: it gets the safe
 * answers. */
#define LAYOUT_KNOWN (PY_VERSION_HEX >= 0x030d0000 && PY_VERSION_HEX < 0x030f0000)

/* _PY_EVAL_PLEASE_STOP_BIT, pycore_ceval.h, 3.13 and 3.14. */
#define PLEASE_STOP ((uintptr_t)1 << 5)

const char *
stressor_layout_refuses(void)
{
    unsigned long running = Py_Version >> 16, built = PY_VERSION_HEX >> 16;
    if (running != built) {
        return "the shim was built for another Python version: reinstall stressor with this one";
    }
    if (running < 0x030d) {
        return "free-threaded CPython begins with 3.13";
    }
    return NULL;
}

const char *
stressor_runtime_refuses(void)
{
    /* runtime.def was checked function by function, and another minor version has other ones. */
    return Py_Version >> 16 == 0x030d
               ? NULL
               : "the list of the interpreter's inner functions is that of CPython 3.13";
}

uintptr_t
stressor_interpreter_place(void)
{
    return (uintptr_t)PyThreadState_GetUnchecked;
}

bool
stressor_stop_requested(const void *thread_state)
{
#if LAYOUT_KNOWN
    const PyThreadState *state = thread_state;
    /* An interpreter that ends frees the states of threads that it leaves behind. */
    return Py_IsFinalizing() ||
           (state != NULL &&
            (__atomic_load_n(&state->eval_breaker, __ATOMIC_RELAXED) & PLEASE_STOP));
#else
    (void)thread_state;
    return false;
#endif
}

const void *
stressor_thread_state(void)
{
    return PyThreadState_GetUnchecked();
}

#if LAYOUT_KNOWN
/* Types whose destruction neither runs code nor takes a lock. */
static bool
is_leaf(PyObject *object)
{
    return PyLong_CheckExact(object) || PyFloat_CheckExact(object) || PyBytes_CheckExact(object) ||
           PyComplex_CheckExact(object) || PyUnicode_CheckExact(object);
}
#endif

bool
stressor_dying_may_detach(const void *pointer)
{
#if LAYOUT_KNOWN
    PyObject *object = (PyObject *)pointer;
    if (object == NULL || _Py_IsImmortal(object)) {
        return false;
    }
    Py_ssize_t shared = __atomic_load_n(&object->ob_ref_shared, __ATOMIC_RELAXED);
    bool owned = __atomic_load_n(&object->ob_tid, __ATOMIC_RELAXED) == _Py_ThreadId();
    if (!owned && (shared == 0 || shared == _Py_REF_MAYBE_WEAKREF)) {
        return true; /* goes to the owner's merge queue, whose lock may be contended */
    }
    bool last = owned ? object->ob_ref_local <= 1 && (shared >> _Py_REF_SHARED_SHIFT) == 0
                      : shared == _Py_REF_SHARED(1, _Py_REF_MERGED);
    return last && !is_leaf(object);
#else
    (void)pointer;
    return false;
#endif
}

bool
stressor_call_may_detach(const void *callable)
{
#if LAYOUT_KNOWN
    PyObject *object = (PyObject *)callable;
    return object != NULL && (Py_IS_TYPE(object, &PyFunction_Type) ||
                              (Py_IS_TYPE(object, &PyMethod_Type) &&
                               Py_IS_TYPE(PyMethod_GET_FUNCTION(object), &PyFunction_Type)));
#else
    (void)callable;
    return false;
#endif
}

void
stressor_disown(void *pointer)
{
    PyObject *object = pointer;
    object->ob_tid = 0;
    object->ob_ref_local = 0;
    object->ob_ref_shared = _Py_REF_SHARED((Py_ssize_t)1 << 40, _Py_REF_MERGED);
}

int64_t
stressor_shared_word(const void *object)
{
    return __atomic_load_n(&((PyObject *)object)->ob_ref_shared, __ATOMIC_RELAXED);
}

bool
stressor_may_resurrect(const void *object)
{
    PyTypeObject *type = Py_TYPE((PyObject *)object);
    return type->tp_finalize != NULL || type->tp_del != NULL;
}

/* ---- words for the monitors --------------------------------------------------------------------- */

/* _Py_CRITICAL_SECTION_MASK and _Py_THREAD_ATTACHED, the same in 3.13 and 3.14. */
#define SECTION_TAGS ((uintptr_t)3)
#define ATTACHED 1

const char *
stressor_words_refuse(void)
{
    return LAYOUT_KNOWN ? NULL : "the monitors know CPython 3.13 and 3.14 only";
}

void
stressor_read_state(const void *pointer, struct stressor_state_words *words)
{
    PyThreadState *state = (PyThreadState *)pointer;
    *words = (struct stressor_state_words){
        .section = __atomic_load_n(&state->critical_section, __ATOMIC_RELAXED) & ~SECTION_TAGS,
        .maker = state->thread_id,
        .attached = __atomic_load_n(&state->state, __ATOMIC_ACQUIRE) == ATTACHED,
    };
}

void
stressor_read_counts(const void *pointer, struct stressor_count_words *words)
{
    PyObject *object = (PyObject *)pointer;
    uintptr_t owner = __atomic_load_n(&object->ob_tid, __ATOMIC_RELAXED);
    uint32_t local = __atomic_load_n(&object->ob_ref_local, __ATOMIC_RELAXED);
    Py_ssize_t shared = __atomic_load_n(&object->ob_ref_shared, __ATOMIC_RELAXED);
    *words = (struct stressor_count_words){
        .owner = owner,
        .local = local,
        .shared = shared >> _Py_REF_SHARED_SHIFT,
        .ours = owner == _Py_ThreadId(),
        .merged = (shared & _Py_REF_SHARED_FLAG_MASK) == _Py_REF_MERGED,
        .immortal = local == _Py_IMMORTAL_REFCNT_LOCAL,
    };
}

bool
stressor_section_is_elided(const void *section)
{
#if PY_VERSION_HEX >= 0x030e0000
    return ((const PyCriticalSection *)section)->_cs_mutex == NULL;
#else
    (void)section;
    return false;
#endif
}

bool
stressor_section_is_open(uintptr_t innermost, const void *section)
{
    enum { MOST_NESTED = 256 }; /* a broken chain may be a ring */
    int saved = errno;
    bool found = false;
    uintptr_t at = innermost;
    for (int depth = 0; at != 0 && !found && depth < MOST_NESTED; depth++) {
        PyCriticalSection copy;
        struct iovec here = {&copy, sizeof(copy)}, there = {(void *)at, sizeof(copy)};
        found = at == (uintptr_t)section;
        if (process_vm_readv(getpid(), &here, 1, &there, 1, 0) != (ssize_t)sizeof(copy)) {
            break;
        }
        at = copy._cs_prev & ~SECTION_TAGS;
    }
    errno = saved;
    return found;
}
