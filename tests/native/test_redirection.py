"""Calls inside the real interpreter, led through the gate: found, visited, and otherwise unchanged."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from stressor import _shim
from stressor.campaign.redirection import NAMES, interpreter_file
from stressor.model.plan import Action
from stressor.model.site import Kind
from stressor.symbols.callsites import CallSites, find_calls
from tests.native.children import ROOT, Seen, Theatre
from tests.native.extensions import Extensions
from tests.native.scenes import redirection as scenes
from tests.native.symbols import functions

pytestmark = [
    pytest.mark.native,
    pytest.mark.slow,
    pytest.mark.skipif(_shim.redirectable() != "", reason=_shim.redirectable()),
]

WORKED = [20, True, "a77b77", 4, 190, 0, 2]
SECONDS = 120.0
CALL, JUMP = 0xE8, 0xE9
BRIEF_NS = 1_000_000
BELOW = ["subtype_dealloc", "py_list_clear", "thread_run"]


@pytest.fixture(scope="module")
def calls() -> CallSites:
    found = find_calls(interpreter_file(), NAMES)
    if found.reason:
        pytest.skip(found.reason)
    return found


@pytest.fixture(scope="module")
def found(calls: CallSites, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_orders(calls, tmp_path_factory.mktemp("found") / "calls.json")


def write_orders(calls: CallSites, path: Path) -> str:
    possible = [
        (each.name, target.address, target.ends)
        for each in calls.functions
        if not each.reason
        for target in each.targets
    ]
    path.write_text(json.dumps({"build_id": calls.build_id, "functions": possible}))
    return str(path)


def inner_sites(seen: Seen) -> dict[str, int]:
    return {s.key: s.visits for s in seen.reading.sites if s.kind is Kind.REDIRECT}


def test_both_ways_of_counting_agree_on_the_real_interpreter(calls: CallSites) -> None:
    assert calls.build_id
    assert [each.name for each in calls.functions] == list(NAMES)
    possible = [each for each in calls.functions if not each.reason]
    assert all(each.disassembled == each.scanned > 0 for each in possible)
    assert all(
        each.disassembled == sum(len(target.ends) for target in each.targets) for each in possible
    )
    # An interpreter that is not stripped has most of them; what was inlined differs.
    assert len(possible) > 20


def test_a_sleeping_thread_is_seen_to_detach_and_attach(theatre: Theatre, found: str) -> None:
    seen = theatre.play(scenes.nap, found, 5)
    assert seen.visits("_PyThreadState_Detach") >= 5
    assert seen.visits("_PyThreadState_Attach") >= 5
    events = [each for lane in seen.reading.events for each in lane]
    assert {each.site for each in events} & inner_sites(seen).keys()
    assert all(key.startswith("redirect:python:_PyThreadState_") for key in inner_sites(seen))


def test_the_drop_of_another_threads_reference_is_seen(theatre: Theatre, found: str) -> None:
    seen = theatre.play(scenes.drop, found, 50)
    assert seen.visits("_Py_DecRefShared") >= 50
    assert seen.visits("_Py_brc_queue_object") >= 50


def test_arguments_and_results_are_unchanged(theatre: Theatre, found: str) -> None:
    seen = theatre.play(scenes.wait_for_locks, found)
    assert seen.value == [[False, False, False], 900]
    assert seen.visits("_PyParkingLot_Park") >= 3


def test_errno_is_kept(theatre: Theatre, found: str) -> None:
    assert theatre.play(scenes.keep_errno, found, 200).value == [0, 0]


def test_a_jump_is_a_place_of_its_own(theatre: Theatre, found: str, calls: CallSites) -> None:
    code = Path(calls.path).read_bytes()
    seen = theatre.play(scenes.work_armed, found)
    offsets = [int(key.rpartition("+0x")[2], 16) for key in inner_sites(seen)]
    # Of a position-independent executable the code's addresses are its offsets in the file.
    kinds = {code[offset - 5] for offset in offsets}
    assert kinds == {CALL, JUMP}
    ends = {end for each in calls.functions for target in each.targets for end in target.ends}
    assert set(offsets) <= ends


def test_all_that_is_redirected_does_nothing_while_disarmed(theatre: Theatre, found: str) -> None:
    seen = theatre.play(scenes.work_disarmed, found)
    assert seen.value == [WORKED, WORKED]
    assert inner_sites(seen) == {}


def test_everything_works_with_pauses_everywhere(theatre: Theatre, found: str) -> None:
    seen = theatre.play(scenes.work_armed, found)
    assert seen.value == [WORKED, WORKED]
    assert len(inner_sites(seen)) > 50
    assert sum(site.acted for site in seen.reading.sites) > 0


def test_while_the_world_is_stopped_pauses_are_short(theatre: Theatre, found: str) -> None:
    seen = theatre.play(scenes.collect, found, "sleep")
    slept = [each for each in seen.reading.events[0] if each.site in inner_sites(seen)]
    assert len(slept) > 2
    assert {(each.action, each.ns) for each in slept} == {(Action.SLEEP, BRIEF_NS)}


def test_while_the_world_is_stopped_nobody_is_waited_for(theatre: Theatre, found: str) -> None:
    seen = theatre.play(scenes.collect, found, "hold")
    held = [each for each in seen.reading.events[0] if each.site in inner_sites(seen)]
    assert held
    assert all(each.expired for each in held)
    assert sum(site.acted for site in seen.reading.sites) == 0


def test_a_crash_is_unwound_through_the_stub(
    theatre: Theatre, found: str, extensions: Extensions, calls: CallSites
) -> None:
    needs = [extensions.build("crashers")]
    seen = theatre.attempt(scenes.die_inside, found, needs=needs)
    crash = seen.reading.crash
    assert crash is not None
    assert functions(crash.frames, "crashers") == ["read_nowhere"]
    stack = functions(crash.frames, Path(calls.path).name.split(".")[0])
    # From the destructor through the stub to whoever dropped the reference, and to the thread's start.
    assert functions(crash.frames, "_shim") == ["stressor_redirect_stub"]
    assert [name for name in stack if name in BELOW] == BELOW
    assert crash.frames[-1].module.startswith("libc.")


def test_nothing_is_written_unless_all_is_right(theatre: Theatre, found: str) -> None:
    value = theatre.play(scenes.refuse, found).value
    said = value["said"]
    assert "build id" in said["build id"]
    assert "build id" in said["no build id"]
    assert "does not lead to its function" in said["moved"]
    assert "does not lead to its function" in said["elsewhere"]
    assert "outside of the interpreter's code" in said["far"]
    assert "outside of the interpreter's code" in said["before"]
    assert "other threads" in said["threads"]
    assert value["untouched"]
    assert value["first"] == ""
    assert value["changed"]
    assert value["access"] == ["r-xp", "r-xp"]
    assert "already" in value["again"]


def test_an_unknown_function_is_refused() -> None:
    with pytest.raises(ValueError, match="PyList_Append is no function"):
        _shim.redirect("", [("PyList_Append", 0, [])])


@pytest.fixture(scope="module")
def stripped(tmp_path_factory: pytest.TempPathFactory, calls: CallSites) -> Path:
    strip = shutil.which("strip")
    if strip is None or sysconfig.get_config_var("Py_ENABLE_SHARED"):
        pytest.skip("no strip, or the interpreter is a library")
    copy = tmp_path_factory.mktemp("stripped") / "python"
    subprocess.run([strip, "-o", str(copy), calls.path], check=True, timeout=SECONDS)
    return copy


def test_a_stripped_interpreter_offers_what_it_exports(calls: CallSites, stripped: Path) -> None:
    found = find_calls(str(stripped), NAMES)
    assert found.build_id == calls.build_id
    whole = {each.name: each for each in calls.functions}
    possible = {each.name: each for each in found.functions if not each.reason}
    assert "_Py_DecRefShared" in possible
    assert "_PyThreadState_Attach" not in possible
    assert all(each.targets == whole[name].targets for name, each in possible.items())
    local = {each.name: each.reason for each in found.functions if each.name not in possible}
    assert "stripped" in local["_PyThreadState_Attach"]


def test_a_stripped_interpreter_is_redirected(stripped: Path, tmp_path: Path) -> None:
    found = write_orders(find_calls(str(stripped), NAMES), tmp_path / "calls.json")
    home = {"PYTHONHOME": sys.base_prefix, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    done = subprocess.run(
        [stripped, "-m", "tests.native.scenes.redirection", found],
        env={**os.environ, **home},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == WORKED
