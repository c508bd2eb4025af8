"""Functions that do not tell where a bug is: what every extension passes through.

Lists for the walk in `place`, by what happens at such a function:

* helpers: of the target's own code, but out of a header, a generator or a language's library;
* plumbing: passed by. Reference counts, locks, memory, the abstract object layer, the upkeep of core
  objects: there the damage shows, whoever did it;
* trampolines: the border between native functions that are called from Python code;
* late: passed by, and all that called it as well. A collection walks the whole heap, an allocation
  stumbles over damage: it hits whichever thread comes next.

Names are those of CPython 3.13 and 3.14 (free-threaded), mimalloc 2.1, glibc, Cython 3 and Rust.
"""

import re


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{'|'.join(patterns)})\Z")


_CORE = (
    "object|list|tuple|dict|set|frozenset|unicode|bytes|bytearray|long|float|complex|bool|none|func"
    "|function|method|cm|sm|meth|cell|frame|code|gen|tb|BaseException|type|module|weakref|slice"
    "|descr|wrapper|property|capsule|iter|listiter|tupleiter|dictiter|dictview|mappingproxy|range"
    "|subtype|context|hamt|namespace|local|managed_dict|instance"
)

HELPERS = _any(
    r"_?Py_\w+|_?PyObject_\w+|Py(?:List|Tuple)_[GS]ET\w+|PyType_Has\w+|_?PyMutex_\w+",
    r"_?PyCriticalSection\w*|__Pyx_\w+",
    r"_ZN?K?St\w*|_ZN9__gnu_cxx\w*|__cxa_\w+|_Zn[aw]m|_Zd[al]Pv\w*",
    r"_ZN(?:3std|4core|5alloc|4pyo3)\w*|_R\w*(?:3std|4core|5alloc|4pyo3)\w*|_?_?rust_\w+",
)

PLUMBING = _any(
    # reference counts
    r"_?Py_X?(?:Inc|Dec|New)Ref\w*|_Py_Dealloc|_Py_(?:Negative|MergeZeroLocal|ExplicitMerge)Ref\w+",
    r"_Py_(?:NewReference|ForgetReference|SetImmortal|TryIncref|brc_|qsbr_)\w*",
    r"merge_(?:refcount|queued_objects)|_?PyObjectStack\w*",
    # memory that is given back or resized: a check of the caller's own block
    r"_?PyMem_\w+|_PyFreeList\w*|_Py(?:Object|Mem)_\w*(?:Free|Delayed)\w*",
    r"_?mi_\w*(?:free|realloc)\w*|process_queue|free_work_item|free_delayed",
    r"(?:__libc_)?(?:c?free|realloc)|_int_(?:free\w*|realloc)|munmap_chunk",
    # locks, threads
    r"_?Py(?:Raw|Recursive|RW)?Mutex\w*|_PySeqLock\w*|_?PyCriticalSection\w*|_PyOnceFlag\w*",
    r"_?Py(?:ParkingLot|Semaphore|Event|Thread|ThreadState|GILState)\w*|PyThreadHandle\w*",
    r"_?PyEval_(?:Save|Restore|Acquire|Release|StopThe|StartThe)\w*|tstate_\w+|mutex_\w+",
    r"lock_\w+|rlock_\w+|acquire_timed|do_lock_acquire|ThreadHandle_\w+|thread_PyThread\w*",
    r"time_sleep|pysleep",
    # dying
    r"fatal_error\w*|_?Py_FatalError\w*|_PyObject_(?:AssertFailed|Dump)|faulthandler_\w+",
    r"_Py_DumpTraceback\w*|_Py_Check(?:FunctionResult|SlotResult)",
    # the abstract object layer, which calls what a type defines, and errors
    r"_?Py(?:Object|Iter|Number|Sequence|Mapping|Descr|Super|Type)_\w+|do_richcompare|sequence_\w+",
    r"binary_i?op\w*|ternary_op|object_(?:repr|str|isinstance|get_class)",
    r"PyUnicode_FromFormatV?|unicode_fromformat\w*|_?PyErr_\w+|PyException_\w+",
    # the upkeep of core objects
    rf"_?(?:{_CORE})_(?:dealloc|traverse|clear|finalize|tp_clear|free)",
    r"free_keys_object|dictkeys_decref|free_values|clear_(?:lock_held|slots|\w*frame\w*)",
    r"_PyFrame_Clear\w*|handle_weakrefs|_PyWeakref_\w+|_PyTrash_\w+",
)

TRAMPOLINES = _any(
    r"_?PyEval_(?:Eval|Vector)\w*|\w*[Vv]ectorcall\w*|cfunction_\w+|_?PyCFunction\w*",
    r"_?PyObject_(?:Call|FastCall|MakeTpCall)\w*|object_vacall|_PyFunction_\w+|_Py_HandlePending",
    r"slot_\w+|wrap_\w+|wrapper_call|builtin_\w+|type_call|context_run\w*|method_call|vgetargs\w*",
    r"gen_(?:iternext|send_ex\w*)|thread_run|pythread_wrapper|call_(?:method|unbound|attribute)\w*",
    r"property_descr_[gs]et|method_[gs]et|getset_[gs]et|member_[gs]et",
    r"pymain_\w+|Py_(?:RunMain|BytesMain)|run_(?:mod|eval_code_obj)",
)

LATE = _any(
    # the collector
    r"gc_(?:collect|visit|merge|abort|restore|free)\w*|_?PyGC_\w+|_Py_RunGC|(?:delete|finalize)_garbage",
    r"update_refs|visit_decref|(?:visit|scan|mark)_\w*heaps?\w*|mark_reachable\w*|deduce_unreachable\w*",
    r"_?PyObject_GC_(?:New|Link|Malloc)\w*",
    # allocation
    r"_?PyObject_(?:Malloc|Calloc)|PyMem_(?:Raw)?(?:Malloc|Calloc)|_Py(?:Object|Mem)_\w*[MC]alloc",
    r"_?mi_(?!\w*realloc|free)\w+",
    r"(?:__libc_)?(?:m|c)alloc|_int_(?:malloc|memalign)|sysmalloc\w*|posix_memalign|memalign",
    r"malloc_consolidate|unlink_chunk\w*|tcache_\w+|systrim\w*|arena_get\w*",
)
