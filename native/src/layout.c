#include "stressor/layout.h"

#include <Python.h>

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
    return state != NULL && (__atomic_load_n(&state->eval_breaker, __ATOMIC_RELAXED) & PLEASE_STOP);
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
