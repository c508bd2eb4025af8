"""Places: stacks as they were seen on 3.13t, and the one name that each should give."""

import pytest

from stressor.model.evidence import CallResult, CallStatus, End, Ending, Event, Evidence, Frame
from stressor.model.site import Phase
from stressor.oracles.modules import Owner, module_name, owner_of
from stressor.oracles.place import in_operation, is_late, operations_in_progress, place_of

BOTTOM = "method_vectorcall < thread_run < pythread_wrapper < start_thread@libc < clone3@libc"
CALLED = f"builtin_next < cfunction_vectorcall_FASTCALL < PyObject_Vectorcall < EVAL < {BOTTOM}"
FILES = {"libc": "libc.so.6", "": "python3.13t", "array": "array.cpython-313t-x86_64-linux-gnu.so"}


def stack(text: str) -> tuple[Frame, ...]:
    """Frames of "f < g@module < 0x12@module", innermost first; without a module: the interpreter."""
    frames = []
    for word in text.replace("EVAL", "_PyEval_EvalFrameDefault").split(" < "):
        name, _, module = word.partition("@")
        file = FILES.get(module, module)
        if name.startswith("0x"):
            frames.append(Frame(file, int(name, 16)))
        else:
            frames.append(Frame(file, 0x10, name))
    return tuple(frames)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        # The target's own code, whatever it called.
        (f"i_getitem@array < EVAL < {BOTTOM}", "array:i_getitem"),
        (f"PyList_Append < parse_save_field@_csv.so < Reader_iternext@_csv.so < {CALLED}",
         "_csv:parse_save_field"),
        (f"_PyMem_DebugCheckAddress < _PyMem_DebugRawFree < list_resize < PyList_Append < "
         f"parse_save_field@_csv.so < {CALLED}", "_csv:parse_save_field"),
        (f"_PyMem_DebugCheckAddress < _PyMem_DebugRawRealloc < array_resize@array < {CALLED}",
         "array:array_resize"),
        ("__pthread_kill_implementation@libc < raise@libc < abort@libc < fatal_error < "
         f"_Py_FatalErrorFunc < _PyMem_DebugRawFree < array_array_clear@array < {CALLED}",
         "array:array_array_clear"),
        (f"_int_free@libc < cfree@libc < drop@ext.so < {CALLED}", "ext:drop"),
        (f"_Py_DecRefShared < _Py_brc_queue_object < read@ext.so < {CALLED}", "ext:read"),
        # Stripped: where the call is.
        (f"PyList_Append < 0x1a2b@ext.so < {CALLED}", "ext+0x1a2b"),
        # Our own frames are nobody's fault.
        (f"stressor_handle@_shim.cpython-313t.so < get@ext.so < {CALLED}", "ext:get"),
        # Linked into the interpreter: what the operation had called.
        (f"tee_next < {CALLED}", "python:tee_next"),
        (f"teedataobject_clear < teedataobject_dealloc < tee_next < {CALLED}", "python:tee_next"),
        (f"list_item_impl < listiter_next < PyIter_Next < cycle_next < {CALLED}",
         "python:cycle_next"),
        (f"cycle_next < {CALLED}", "python:cycle_next"),
        (f"copy_lock_held < PyDict_Copy < partial_call < _PyObject_MakeTpCall < {CALLED}",
         "python:partial_call"),
        ("raise@libc < abort@libc < fatal_error < _Py_FatalErrorFunc < PyMutex_Unlock < "
         f"PyDict_Copy < partial_call < _PyObject_MakeTpCall < EVAL < {BOTTOM}",
         "python:partial_call"),
        ("PyObject_Repr < PyUnicode_FromFormatV < PyUnicode_FromFormat < partial_repr < "
         f"PyObject_Repr < cfunction_vectorcall_O < EVAL < {BOTTOM}", "python:partial_repr"),
        # A callback's native function before the extension that called back.
        (f"list_concat < PyNumber_Add < cfunction_call < fold@ext.so < {CALLED}",
         "python:list_concat"),
        # Headers, generated helpers and libraries inside of an extension.
        (f"Py_DECREF@ext.so < swap@ext.so < {CALLED}", "ext:swap"),
        (f"__Pyx_GetItemInt@ext.so < __pyx_pw_3ext_1get@ext.so < {CALLED}",
         "ext:__pyx_pw_3ext_1get"),
        (f"_ZN4core9panicking5panic17h0123456789abcdefE@ext.so < "
         f"_ZN3ext4pull17h0123456789abcdefE@ext.so < {CALLED}", "ext:_ZN3ext4pullE"),
        (f"_RNvCsiu8aYGJ1_3ext4pull@ext.so < {CALLED}", "ext:_RNvC3ext4pull"),
        (f"Py_DECREF@ext.so < {CALLED}", "ext:Py_DECREF"),
        (f"dgemm@libopenblas64_p-r0-ff651d7f.3.27.so < {CALLED}", "libopenblas64_p-r0:dgemm"),
        # Nothing tells.
        (f"_Py_Dealloc < tuple_dealloc < EVAL < {BOTTOM}", None),
        (f"0x0@ < subtype_dealloc < _Py_Dealloc < EVAL < {BOTTOM}", None),
        (f"EVAL < {BOTTOM}", None),
        ("", None),
    ],
)  # fmt: skip
def test_place_of_a_stack(text: str, place: str | None) -> None:
    assert place_of(stack(text)) == place


@pytest.mark.parametrize(
    "text",
    [
        # numpy 2.2.1, `repeat`: whoever allocates next stumbles over the damage.
        "raise@libc < abort@libc < malloc_printerr@libc < _int_malloc@libc < malloc@libc < "
        f"default_malloc@umath.so < array_repeat@umath.so < {CALLED}",
        "abort@libc < sysmalloc@libc < _int_malloc@libc < malloc@libc < _PyObjectStackChunk_New < "
        f"_Py_brc_queue_object < PyObject_SetAttr < EVAL < {BOTTOM}",
        f"_mi_page_malloc < mi_heap_malloc_zero < new@ext.so < {CALLED}",
        f"visit_decref < list_traverse < update_refs < gc_visit_heaps < gc_collect_main < {BOTTOM}",
        f"dict_traverse < mark_heap_visitor < gc_collect_internal < make@ext.so < {CALLED}",
    ],
)
def test_damage_found_late_has_no_place(text: str) -> None:
    assert is_late(stack(text))
    assert place_of(stack(text)) is None


@pytest.mark.parametrize(
    "text",
    [
        f"ext_traverse@ext.so < update_refs < gc_visit_heaps < gc_collect_main < {BOTTOM}",
        f"partial_traverse < update_refs < gc_visit_heaps < gc_collect_main < {BOTTOM}",
        f"i_getitem@array < EVAL < {BOTTOM}",
        f"_Py_Dealloc < EVAL < {BOTTOM}",
    ],
)
def test_what_was_found_in_time_is_not_late(text: str) -> None:
    assert not is_late(stack(text))


@pytest.mark.parametrize(
    ("file", "owner", "name"),
    [
        ("python3.13t", Owner.INTERPRETER, "python"),
        ("python", Owner.INTERPRETER, "python"),
        ("libpython3.14td.so.1.0", Owner.INTERPRETER, "python"),
        ("_shim.cpython-313t-x86_64-linux-gnu.so", Owner.STRESSOR, "_shim"),
        ("libc.so.6", Owner.SYSTEM, "libc"),
        ("ld-linux-x86-64.so.2", Owner.SYSTEM, "ld-linux-x86-64"),
        ("libstdc++.so.6", Owner.SYSTEM, "libstdc++"),
        ("libgcc_s.so.1", Owner.SYSTEM, "libgcc_s"),
        ("libcrypto.so.3", Owner.TARGET, "libcrypto"),
        ("python_snappy.so", Owner.TARGET, "python_snappy"),
        ("math.cpython-313t-x86_64-linux-gnu.so", Owner.TARGET, "math"),
        ("libgfortran-040039e1.so.5.0.0", Owner.TARGET, "libgfortran"),
        ("", Owner.NOBODY, ""),
        ("[vdso]", Owner.NOBODY, "[vdso]"),
    ],
)
def test_whose_code_a_module_is(file: str, owner: Owner, name: str) -> None:
    for frame in (
        Frame(file, 0),
        Frame(name, 0, path=f"/usr/lib/{file}" * bool(file)),
    ):
        assert owner_of(frame) is owner
        assert module_name(frame) == name


DONE = CallResult("done", CallStatus.RETURNED)


def running(op: str) -> CallResult:
    return CallResult(op, CallStatus.UNFINISHED)


def test_the_operation_of_the_thread_stands_for_a_place() -> None:
    evidence = Evidence(Ending(End.SIGNALLED, 11), calls=((DONE, running("b")), (running("a"),)))
    assert in_operation(evidence, 0) == "op b"
    assert in_operation(evidence, 1) == "op a"
    assert in_operation(evidence) == "op a, b"


def test_a_thread_between_operations_is_in_none_whatever_the_others_do() -> None:
    evidence = Evidence(Ending(End.SIGNALLED, 11), calls=((DONE,), (running("a"),)))
    assert in_operation(evidence, 0) == "outside operations"
    assert in_operation(evidence) == "op a"


def test_events_tell_when_the_calls_are_not_known() -> None:
    evidence = Evidence(
        Ending(End.SIGNALLED, 11),
        events=(
            (
                Event(0, 1, "op:target:a", 1, Phase.BEFORE),
                Event(0, 2, "op:target:a", 1, Phase.AFTER),
                Event(0, 3, "op:target:b", 1, Phase.BEFORE),
                Event(0, 4, "call:m:f+0x1", 1, Phase.BEFORE),
            ),
            (Event(1, 5, "op:target:c", 1, Phase.AFTER),),
        ),
    )
    assert operations_in_progress(evidence) == ("b",)
