"""Functions of the interpreter that can be redirected: `native/src/runtime.def`.

Made by `native/generate_catalogue.py`, not to be edited. Which of them an interpreter has depends on how
it was compiled; `stressor.symbols.callsites` finds out.
"""

from attrs import frozen

from stressor.model.site import Category, Phase


@frozen
class InnerFunction:
    """One function inside the interpreter whose calls can be redirected.

    On the sides that are not among `turns` nobody else may be let go on: pauses are short there.
    `first` says what the first argument is, "" that there is none.
    """

    name: str
    category: Category
    phases: tuple[Phase, ...]
    turns: tuple[Phase, ...]
    first: str


BEFORE, AFTER = (Phase.BEFORE,), (Phase.AFTER,)
BOTH, NEITHER = BEFORE + AFTER, ()

INNER_FUNCTIONS = (
    InnerFunction("_PyThreadState_Attach", Category.THREAD_STATE, BOTH, BOTH, "thread state"),
    InnerFunction("_PyThreadState_Detach", Category.THREAD_STATE, BOTH, BOTH, "thread state"),
    InnerFunction("_PyThreadState_Suspend", Category.THREAD_STATE, BOTH, BOTH, "thread state"),
    InnerFunction("_PyThreadState_MustExit", Category.THREAD_STATE, AFTER, AFTER, "thread state"),
    InnerFunction("new_threadstate", Category.THREAD_STATE, BOTH, BOTH, "interpreter"),
    InnerFunction("PyThreadState_Clear", Category.THREAD_STATE, BOTH, BOTH, "thread state"),
    InnerFunction("tstate_delete_common", Category.THREAD_STATE, BOTH, BOTH, "thread state"),
    InnerFunction(
        "_PyThreadState_DeleteCurrent",
        Category.THREAD_STATE,
        BEFORE,
        BEFORE,
        "thread state",
    ),
    InnerFunction("PyEval_SaveThread", Category.THREAD_STATE, BOTH, BOTH, ""),
    InnerFunction("PyEval_RestoreThread", Category.THREAD_STATE, BOTH, BOTH, "thread state"),
    InnerFunction("_Py_HandlePending", Category.THREAD_STATE, BOTH, BOTH, "thread state"),
    InnerFunction("make_pending_calls", Category.THREAD_STATE, BOTH, BOTH, "thread state"),
    InnerFunction("_PyEval_AddPendingCall", Category.THREAD_STATE, BOTH, BOTH, "interpreter"),
    InnerFunction("take_gil", Category.THREAD_STATE, BOTH, BOTH, "thread state"),
    InnerFunction("drop_gil", Category.THREAD_STATE, BOTH, BOTH, "interpreter"),
    InnerFunction("PyThread_hang_thread", Category.THREAD_STATE, BEFORE, NEITHER, ""),
    InnerFunction("ThreadHandle_join", Category.THREAD_STATE, BOTH, BOTH, "thread handle"),
    InnerFunction(
        "stop_the_world",
        Category.THREAD_STATE,
        BOTH,
        BEFORE,
        "state of the stopped world",
    ),
    InnerFunction(
        "start_the_world",
        Category.THREAD_STATE,
        BOTH,
        AFTER,
        "state of the stopped world",
    ),
    InnerFunction("_PyEval_StopTheWorld", Category.THREAD_STATE, BOTH, BEFORE, "interpreter"),
    InnerFunction("_PyEval_StartTheWorld", Category.THREAD_STATE, BOTH, AFTER, "interpreter"),
    InnerFunction("_PyEval_StopTheWorldAll", Category.THREAD_STATE, BOTH, BEFORE, "runtime"),
    InnerFunction("_PyEval_StartTheWorldAll", Category.THREAD_STATE, BOTH, AFTER, "runtime"),
    InnerFunction("_Py_DecRefShared", Category.REFCOUNT, BOTH, BOTH, "object"),
    InnerFunction("_Py_MergeZeroLocalRefcount", Category.REFCOUNT, BOTH, BOTH, "object"),
    InnerFunction("_Py_ExplicitMergeRefcount", Category.REFCOUNT, BOTH, NEITHER, "object"),
    InnerFunction("_PyObject_ResurrectEndSlow", Category.REFCOUNT, BOTH, BOTH, "object"),
    InnerFunction("_Py_brc_queue_object", Category.REFCOUNT, BOTH, BOTH, "object"),
    InnerFunction("_Py_brc_merge_refcounts", Category.REFCOUNT, BOTH, BOTH, "thread state"),
    InnerFunction("_Py_brc_remove_thread", Category.REFCOUNT, BOTH, BOTH, "thread state"),
    InnerFunction("PyMutex_Lock", Category.LOCK, BOTH, BOTH, "lock"),
    InnerFunction("PyMutex_Unlock", Category.LOCK, BOTH, BOTH, "lock"),
    InnerFunction("_PyMutex_LockTimed", Category.LOCK, BOTH, BOTH, "lock"),
    InnerFunction("_PyMutex_TryUnlock", Category.LOCK, BOTH, BOTH, "lock"),
    InnerFunction("mutex_unpark", Category.LOCK, BOTH, NEITHER, "lock"),
    InnerFunction("_PyRawMutex_LockSlow", Category.LOCK, BOTH, NEITHER, "lock"),
    InnerFunction("_PyRawMutex_UnlockSlow", Category.LOCK, BOTH, NEITHER, "lock"),
    InnerFunction("_PyParkingLot_Park", Category.LOCK, BOTH, BOTH, "address waited for"),
    InnerFunction("_PyParkingLot_Unpark", Category.LOCK, BOTH, BOTH, "address waited for"),
    InnerFunction("_PyParkingLot_UnparkAll", Category.LOCK, BOTH, BOTH, "address waited for"),
    InnerFunction("PyEvent_Wait", Category.LOCK, BOTH, BOTH, "event"),
    InnerFunction("PyEvent_WaitTimed", Category.LOCK, BOTH, BOTH, "event"),
    InnerFunction("_PyEvent_Notify", Category.LOCK, BOTH, BOTH, "event"),
    InnerFunction("_PyOnceFlag_CallOnceSlow", Category.LOCK, BOTH, BOTH, "flag"),
    InnerFunction("_PyRecursiveMutex_Lock", Category.LOCK, BOTH, BOTH, "lock"),
    InnerFunction("_PyRecursiveMutex_Unlock", Category.LOCK, BOTH, BOTH, "lock"),
    InnerFunction("_PyRWMutex_RLock", Category.LOCK, BOTH, BOTH, "lock"),
    InnerFunction("_PyRWMutex_RUnlock", Category.LOCK, BOTH, BOTH, "lock"),
    InnerFunction("_PyRWMutex_Lock", Category.LOCK, BOTH, BOTH, "lock"),
    InnerFunction("_PyRWMutex_Unlock", Category.LOCK, BOTH, BOTH, "lock"),
    InnerFunction("_PySeqLock_LockWrite", Category.LOCK, BOTH, BEFORE, "sequence lock"),
    InnerFunction("_PySeqLock_UnlockWrite", Category.LOCK, BOTH, AFTER, "sequence lock"),
    InnerFunction("_PySeqLock_BeginRead", Category.LOCK, BOTH, BOTH, "sequence lock"),
    InnerFunction("_PySeqLock_EndRead", Category.LOCK, BOTH, BOTH, "sequence lock"),
    InnerFunction("_PyCriticalSection_BeginSlow", Category.CRITICAL_SECTION, BOTH, BOTH, "section"),
    InnerFunction(
        "_PyCriticalSection2_BeginSlow",
        Category.CRITICAL_SECTION,
        BOTH,
        BOTH,
        "section",
    ),
    InnerFunction(
        "_PyCriticalSection_Resume",
        Category.CRITICAL_SECTION,
        BOTH,
        BOTH,
        "thread state",
    ),
    InnerFunction(
        "_PyCriticalSection_SuspendAll",
        Category.CRITICAL_SECTION,
        BOTH,
        BOTH,
        "thread state",
    ),
    InnerFunction("PyList_GetItemRef", Category.CONTAINER, BOTH, BOTH, "object"),
    InnerFunction("list_get_item_ref", Category.CONTAINER, BOTH, BOTH, "object"),
    InnerFunction("list_item_impl", Category.CONTAINER, BOTH, BOTH, "object"),
    InnerFunction("_Py_dict_lookup_threadsafe", Category.CONTAINER, BOTH, BOTH, "object"),
    InnerFunction(
        "unicodekeys_lookup_unicode_threadsafe",
        Category.CONTAINER,
        BOTH,
        BOTH,
        "keys of a dict",
    ),
    InnerFunction("_PyObject_TryGetInstanceAttribute", Category.CONTAINER, BOTH, BOTH, "object"),
    InnerFunction("set_lookkey", Category.CONTAINER, BOTH, BOTH, "object"),
    InnerFunction("_PyType_Lookup", Category.CONTAINER, BOTH, BOTH, "object"),
    InnerFunction("_PyType_LookupRef", Category.CONTAINER, BOTH, BOTH, "object"),
    InnerFunction("PyType_Modified", Category.CONTAINER, BOTH, BOTH, "object"),
    InnerFunction("assign_version_tag", Category.CONTAINER, BOTH, BOTH, "interpreter"),
    InnerFunction("_PyWeakref_ClearRef", Category.CONTAINER, BOTH, BOTH, "object"),
    InnerFunction("clear_weakref", Category.CONTAINER, BOTH, BOTH, "object"),
    InnerFunction("_Py_qsbr_poll", Category.MEMORY, BOTH, BOTH, "thread's reclamation state"),
    InnerFunction(
        "_Py_qsbr_advance",
        Category.MEMORY,
        BOTH,
        BOTH,
        "reclamation state of all threads",
    ),
    InnerFunction("_Py_qsbr_attach", Category.MEMORY, BOTH, BOTH, "thread's reclamation state"),
    InnerFunction("_Py_qsbr_detach", Category.MEMORY, BOTH, BOTH, "thread's reclamation state"),
    InnerFunction("_Py_qsbr_reserve", Category.MEMORY, BOTH, BOTH, "interpreter"),
    InnerFunction("_Py_qsbr_register", Category.MEMORY, BOTH, BOTH, "thread state"),
    InnerFunction("_Py_qsbr_unregister", Category.MEMORY, BOTH, BOTH, "thread state"),
    InnerFunction("free_delayed", Category.MEMORY, BOTH, BOTH, "block"),
    InnerFunction("_PyMem_FreeDelayed", Category.MEMORY, BOTH, BOTH, "block"),
    InnerFunction("_PyMem_ProcessDelayed", Category.MEMORY, BOTH, BOTH, "thread state"),
    InnerFunction("_PyMem_AbandonDelayed", Category.MEMORY, BOTH, BOTH, "thread state"),
    InnerFunction("process_queue", Category.MEMORY, BOTH, BOTH, "queue"),
    InnerFunction("_PyMem_mi_page_maybe_free", Category.MEMORY, BOTH, NEITHER, "page"),
    InnerFunction("_PyMem_mi_heap_collect_qsbr", Category.MEMORY, BOTH, NEITHER, "heap"),
    InnerFunction("mi_segment_abandon", Category.MEMORY, BOTH, NEITHER, "segment"),
    InnerFunction("_mi_abandoned_reclaim_all", Category.MEMORY, BOTH, NEITHER, "heap"),
    InnerFunction("gc_collect_main", Category.COLLECTOR, BOTH, BOTH, "thread state"),
    InnerFunction("gc_visit_heaps", Category.COLLECTOR, BOTH, NEITHER, "interpreter"),
    InnerFunction("delete_garbage", Category.COLLECTOR, BOTH, BOTH, "collection"),
)
