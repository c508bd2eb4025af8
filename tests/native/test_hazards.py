"""The hazards of acting inside somebody else's process, each one with a test named after it.

No test looks at a clock: what must not take long is repeated until it would outlast the deadline of
its process many times over.
"""

from pathlib import Path

import pytest

from stressor.model.plan import Action
from tests.native.children import Theatre
from tests.native.extensions import Extensions
from tests.native.scenes import hazards as scenes
from tests.native.scenes import pauses

pytestmark = [pytest.mark.native, pytest.mark.slow]


@pytest.fixture
def states(extensions: Extensions) -> Path:
    return extensions.build("states")


@pytest.fixture
def callers(extensions: Extensions) -> Path:
    return extensions.build("callers")


@pytest.mark.parametrize("action", ["sleep", "spin", "hold"])
def test_1_an_attached_pause_ends_when_the_world_shall_stop(
    theatre: Theatre, states: Path, action: str
) -> None:
    # 300 pauses of a second each: five minutes, were none of them ended early.
    seen = theatre.play(pauses.pauses_and_stops, action, 300, needs=[states])
    assert seen.value > 0
    assert seen.visits("PyErr_Occurred") == 300


def test_2_a_detach_is_done_only_where_the_real_call_may_detach(
    theatre: Theatre, states: Path, callers: Path
) -> None:
    seen = theatre.play(scenes.detach_everywhere, needs=[states, callers])
    acted = {site.symbol for site in seen.reading.sites if site.acted}
    assert acted == {"_Py_MergeZeroLocalRefcount"}
    assert {site.symbol for site in seen.reading.sites if site.may_detach} == acted
    for event in (event for events in seen.reading.events for event in events):
        allowed = "_Py_MergeZeroLocalRefcount" in event.site and event.phase.value == "before"
        assert event.action is Action.DETACH
        assert event.expired is not allowed, event


def test_2_a_detach_suspends_critical_sections(theatre: Theatre, states: Path) -> None:
    """Each attempt sees it unless the other thread gets no time for 20 ms."""
    assert theatre.play(pauses.section_and_pause, "detach", 20, needs=[states]).value > 0


@pytest.mark.parametrize("action", ["sleep", "spin"])
def test_2_a_plain_pause_suspends_no_critical_section(
    theatre: Theatre, states: Path, action: str
) -> None:
    assert theatre.play(pauses.section_and_pause, action, 20, needs=[states]).value == 0


@pytest.mark.parametrize("action", ["sleep", "detach", "hold", "spin"])
def test_4_a_pause_without_a_thread_state_touches_nothing_of_pythons(
    theatre: Theatre, states: Path, action: str
) -> None:
    seen = theatre.play(pauses.pause_detached, action, needs=[states])
    assert seen.value
    (site,) = [site for site in seen.reading.sites if ":states:sched_yield" in site.key]
    assert site.visits == 50
    assert site.acted == (0 if action in ("detach", "hold") else 50)


def test_5_hooks_come_and_go_while_others_allocate(theatre: Theatre) -> None:
    theatre.play(scenes.swap_hooks, 2000)


def test_5_hooks_that_reach_sites_again(theatre: Theatre, callers: Path) -> None:
    seen = theatre.play(scenes.reenter, needs=[callers])
    assert seen.value == 2 * 30 * 6
    assert seen.visits("PyObject_Repr") == seen.value
    assert {"create", "destroy", "allocate", "release"} <= {
        site.key.split(":")[1] for site in seen.reading.sites if site.key.startswith("hook:")
    }


@pytest.mark.parametrize("action", [action.value for action in Action])
def test_6_errno_is_kept(theatre: Theatre, states: Path, action: str) -> None:
    assert theatre.play(pauses.keep_errno, action, "keep_errno", needs=[states]).value == 4711


@pytest.mark.parametrize("action", ["detach", "sleep"])
def test_6_errno_is_kept_where_a_thread_detaches(
    theatre: Theatre, states: Path, action: str
) -> None:
    seen = theatre.play(pauses.keep_errno, action, "keep_errno_dropping", needs=[states])
    assert seen.value == 4711
    assert sum(site.acted for site in seen.reading.sites) > 0


@pytest.mark.parametrize("action", ["detach", "sleep", "yield"])
def test_6_the_exception_is_kept(theatre: Theatre, states: Path, action: str) -> None:
    assert theatre.play(pauses.keep_exception, action, needs=[states]).value == "kept None"


@pytest.mark.parametrize(("wait", "result"), [("wait_once", [-1, 4]), ("sleep_once", [4, True])])
def test_7_an_interrupted_wait_says_so(
    theatre: Theatre, states: Path, wait: str, result: list[object]
) -> None:
    """EINTR (4) comes back as it is, and nothing waits again."""
    seen = theatre.play(pauses.interrupt, wait, needs=[states])
    assert seen.value == result


def test_8_a_forked_child_is_disarmed_and_leaves_the_record_alone(
    theatre: Theatre, extensions: Extensions, callers: Path
) -> None:
    late = extensions.build("callers", name="latecomer")
    seen = theatre.play(scenes.fork_and_call, needs=[callers, late])
    assert seen.value == 0
    assert seen.visits("PyList_GetItem") == 1
    assert b"latecomer" not in seen.record.read_bytes()


def test_8_a_call_that_forks_leaves_one_trace(theatre: Theatre, callers: Path) -> None:
    seen = theatre.play(scenes.fork_in_call, needs=[callers])
    assert seen.value == 0
    assert seen.visits("PyObject_CallNoArgs") == 1
    sides = [e.phase.value for e in seen.reading.events[0] if "CallNoArgs" in e.site]
    assert sides == ["before", "after"]


def test_8_a_forked_childs_crash_is_not_ours(theatre: Theatre, extensions: Extensions) -> None:
    seen = theatre.play(scenes.fork_and_crash, needs=[extensions.build("crashers")])
    assert seen.value == -11
    assert seen.reading.crash is None


def test_8_a_vforked_child_disturbs_nothing(theatre: Theatre) -> None:
    seen = theatre.play(scenes.start_processes)
    assert seen.value == [[0, "FileNotFoundError"] * 3] * 2
    assert seen.reading.crash is None


def test_strangers_pass_and_are_counted(theatre: Theatre, states: Path) -> None:
    # 100 pauses of a second on both sides, were strangers paused.
    seen = theatre.play(scenes.strangers, needs=[states])
    assert seen.reading.strangers >= 1000
    assert not [site for site in seen.reading.sites if site.visits and "states" in site.key]


@pytest.mark.parametrize("binding", ["now", "lazy"])
def test_9_the_right_version_of_a_symbol_is_called(
    theatre: Theatre, extensions: Extensions, binding: str
) -> None:
    """Bound at once, a slot shows what the loader chose: only the same function is rewritten."""
    built = extensions.build("states", f"-Wl,-z,{binding}", name=f"states_{binding}")
    seen = theatre.play(scenes.take_turns, f"states_{binding}", 200, needs=[built])
    names = ["broadcast", "signal", "timedwait", "wait"]
    assert {f"pthread_cond_{name}" for name in names} <= set(seen.value)
    assert seen.visits("pthread_cond_broadcast") == 200


def test_12_the_gil_stays_off(theatre: Theatre) -> None:
    assert theatre.play(scenes.gil_stays_off).value == [False, True]


def test_13_threads_are_told_apart_by_their_logical_number(theatre: Theatre, callers: Path) -> None:
    seen = theatre.play(scenes.identities, needs=[callers])
    assert seen.value == 3
    acted = [
        event.thread
        for events in seen.reading.events
        for event in events
        if event.action is Action.YIELD
    ]
    assert acted == [1, 1]
    assert [len(events) for events in seen.reading.events] == [2, 2, 2]


def test_14_daemon_threads_are_left_behind_at_the_end(theatre: Theatre, states: Path) -> None:
    seen = theatre.play(scenes.leave_daemons, needs=[states])
    assert seen.value == "ending"
    assert seen.stderr == ""


def test_15_pauses_around_destruction_with_poisoned_memory(theatre: Theatre, callers: Path) -> None:
    seen = theatre.attempt(
        pauses.pause_with_allocator, 300, needs=[callers], environ={"PYTHONMALLOC": "debug"}
    )
    assert seen.code == 0, seen.stderr
    assert seen.value == "debug"
    assert sum(site.acted for site in seen.reading.sites) > 100


NEVER = 200_000_000  # deadline of a hold that must expire, ns
LONG = 1_000_000_000  # deadline of a hold that must not, ns


@pytest.mark.parametrize(
    ("visit", "phase", "expires"),
    [
        pytest.param(1, "after", False, id="satisfied"),
        pytest.param(2, "after", True, id="a visit that never comes"),
        pytest.param(2, "before", True, id="a side that never comes"),
    ],
)
def test_a_hold_ends(
    theatre: Theatre, states: Path, visit: int, phase: str, *, expires: bool
) -> None:
    deadline = NEVER if expires else LONG
    seen = theatre.play(pauses.hold_for, visit, phase, deadline, 20, needs=[states])
    assert seen.value == ["came"]
    held = [event for event in seen.reading.events[0] if event.action is Action.HOLD]
    # Under load it may wait at another place of the kind too, for what has come by then.
    assert held[0].expired == expires
    # What is logged is how long it really held: up to the deadline, and past it only by a look.
    assert all(0 < event.ns < deadline or (expires and event.ns >= deadline) for event in held)


def test_a_hold_whose_deadline_is_too_short_expires(theatre: Theatre, states: Path) -> None:
    seen = theatre.play(pauses.hold_for, 1, "after", 1000, 300, needs=[states])
    held = [event for event in seen.reading.events[0] if event.action is Action.HOLD]
    assert [event.expired for event in held] == [True]
    assert seen.value == []
