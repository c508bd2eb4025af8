/* What CPython exports but does not promise: events, one-time flags and the parking lot, and where a
 * thread state has its slot of quiescent-state reclamation.
 *
 * The layouts and numbers are those of 3.13 (Include/internal/pycore_lock.h, pycore_parking_lot.h,
 * pycore_qsbr.h, pycore_tstate.h).
 * Elsewhere only `probe_not_for_this_version` is there, for whoever needs them to return. */
#ifndef STRESSOR_PROBES_INTERNALS_H
#define STRESSOR_PROBES_INTERNALS_H

#include <Python.h>

#if PY_VERSION_HEX >= 0x030d0000 && PY_VERSION_HEX < 0x030e0000
#define PROBE_INTERNALS 1
#define Py_BUILD_CORE 1
#include "internal/pycore_lock.h"
#include "internal/pycore_parking_lot.h"
#include "internal/pycore_qsbr.h"
#undef Py_BUILD_CORE

enum { PROBE_GC_SHARED = 1 << 4, PROBE_EVAL_MERGE = 1 << 6 }; /* pycore_gc.h, pycore_ceval.h */

/* _PyThreadStateImpl, as far as it is needed; its header wants those of mimalloc. */
struct probe_thread_state {
    PyThreadState base;
    PyObject *asyncio_running_loop;
    struct _qsbr_thread_state *qsbr;
};
#endif

static inline PyObject *
probe_not_for_this_version(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyErr_SetString(PyExc_NotImplementedError,
                    "this probe is written for CPython 3.13: run it with that version");
    return NULL;
}

#endif
