"""What a choice of inner functions means, what is remembered of a file, and what a plan may say."""

from pathlib import Path

import pytest
from attrs import evolve

from stressor.campaign import redirection
from stressor.campaign.hello import Hello
from stressor.campaign.missing import is_missing
from stressor.campaign.redirection import NAMES, Redirection, chosen_names, find_all
from stressor.errors import NotTestedError, UsageError
from stressor.model.bounds import OutOfBoundsError, check_plan
from stressor.model.evidence import Step, Wait, Why
from stressor.model.plan import Call, Plan
from stressor.model.site import Category, Kind, Phase, Site
from stressor.oracles.holders import Holders
from stressor.symbols.callsites import Calls, CallSites, Target

FOUND = CallSites(
    "",
    "c0ffee",
    (
        Calls("_Py_qsbr_poll", (Target(16, (100, 200)),), 2, 2),
        Calls("drop_gil", reason="there is no such function: it was inlined"),
        Calls("gc_collect_main", (Target(32, (300,)), Target(48, (400,))), 2, 2, note="as x"),
    ),
)


class Finder:
    """Stands in for reading a file, and counts."""

    def __init__(self, found: CallSites) -> None:
        self.found = found
        self.asked = 0

    def __call__(self, path: str, names: object) -> CallSites:
        self.asked += 1
        return evolve(self.found, path=path)


@pytest.fixture
def interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "python"
    file.write_bytes(b"code")
    return str(file)


def finder(monkeypatch: pytest.MonkeyPatch, found: CallSites = FOUND) -> Finder:
    made = Finder(found)
    monkeypatch.setattr(redirection, "find_calls", made)
    return made


def test_globs_choose_in_the_order_of_the_catalogue() -> None:
    assert chosen_names(["all"]) == NAMES
    assert chosen_names(["*"]) == NAMES
    chosen = chosen_names(["_Py_qsbr_*", "_PyThreadState_Attach"])
    assert chosen[0] == "_PyThreadState_Attach"
    assert {"_Py_qsbr_poll", "_Py_qsbr_advance"} < set(chosen)
    assert chosen_names([]) == ()


@pytest.mark.parametrize("glob", ["_PyThreadState_Atach", "*_Attached_*", "", "qsbr_poll"])
def test_a_glob_that_means_nothing_names_the_nearest(glob: str) -> None:
    with pytest.raises(UsageError, match=r"the nearest are: \w"):
        chosen_names(["all", glob])


def test_what_was_found_is_found_once(interpreter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = finder(monkeypatch)
    first, second = find_all(interpreter), find_all(interpreter)
    assert first == second == evolve(FOUND, path=interpreter)
    assert reads.asked == 1


def test_another_file_or_a_damaged_memory_is_read_again(
    interpreter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = finder(monkeypatch)
    find_all(interpreter)
    Path(interpreter).write_bytes(b"other code")
    find_all(interpreter)
    assert reads.asked == 2
    for damage in ("", "{", '{"functions": 3}', '{"functions": [], "odd": 1}', "[]"):
        for kept in (tmp_path / "cache").rglob("*.json"):
            kept.write_text(damage)
        assert find_all(interpreter) == evolve(FOUND, path=interpreter)
    assert reads.asked == 7


def test_a_reason_is_not_remembered(interpreter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = finder(monkeypatch, CallSites("", reason="it has no build id"))
    assert find_all(interpreter).reason == find_all(interpreter).reason == "it has no build id"
    assert reads.asked == 2


def test_no_folder_for_it_costs_time_only(
    interpreter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = finder(monkeypatch)
    (tmp_path / "cache").write_text("a file")
    assert find_all(interpreter).functions == FOUND.functions
    assert find_all(interpreter).functions == FOUND.functions
    assert reads.asked == 2


def test_orders_have_what_is_possible_and_the_reasons_for_the_rest() -> None:
    assert Redirection(FOUND).orders() == {
        "build_id": "c0ffee",
        "functions": [
            ("_Py_qsbr_poll", 16, [100, 200]),
            ("gc_collect_main", 32, [300]),
            ("gc_collect_main", 48, [400]),
        ],
        "refused": {"drop_gil": "there is no such function: it was inlined"},
    }


@pytest.mark.parametrize(
    ("found", "says"),
    [(CallSites("", reason="it has no build id"), "no build id"), (FOUND, "drop_gil: there is no")],
)
def test_a_choice_of_which_nothing_is_possible_is_refused(
    interpreter: str, monkeypatch: pytest.MonkeyPatch, found: CallSites, says: str
) -> None:
    finder(monkeypatch, found)
    with pytest.raises(NotTestedError, match=says):
        redirection.redirection(["drop_gil"], interpreter)


def test_a_plan_names_them_within_bounds() -> None:
    plan = Plan("target.py", ((Call("put"),),), seed=0, runtime=("all",))
    check_plan(plan)
    for wrong in (("",), ("x" * 1001,), ("a",) * 257):
        with pytest.raises(OutOfBoundsError, match="runtime"):
            check_plan(evolve(plan, runtime=wrong))


SITE = "redirect:python:_Py_qsbr_poll+0x64"
HELLO = Hello("3.13", False, 0, (), (), (), loaded=("/nowhere/python",))


def test_a_place_whose_function_is_not_redirected_is_missing() -> None:
    assert is_missing(SITE, HELLO)
    redirected = evolve(HELLO, redirected={"_Py_qsbr_poll": 2})
    assert not is_missing(SITE, redirected)  # the file cannot be read: nobody can tell


def test_the_site_is_a_call_of_its_own_kind() -> None:
    site = Site(SITE, Category.MEMORY, (Phase.BEFORE,))
    assert (site.kind, site.symbol, site.offset) == (Kind.REDIRECT, "_Py_qsbr_poll", 0x64)
    assert site.is_call


def test_who_holds_a_lock_is_told_from_what_extensions_call() -> None:
    """What the interpreter calls inside a call says nothing that the call does not say better."""
    lock, place = "call:box:PyMutex_Lock+0x10", "block:python:sem_wait+0x20"
    inner = "redirect:python:_PyCriticalSection_BeginSlow+0x30"  # its object is not the lock

    def step(thread: int, site: str, phase: Phase, obj: int) -> Step:
        return Step(thread, site, 1, phase, thread, Why.VISIT, (0, 1), obj)

    steps = [
        step(0, lock, Phase.BEFORE, 7),
        step(0, lock, Phase.AFTER, 7),
        step(1, lock, Phase.BEFORE, 7),
        step(1, inner, Phase.BEFORE, 5),
        step(1, place, Phase.BEFORE, 9),
    ]
    holders = Holders(steps)
    wait = Wait(1, place, 1, 9)
    assert holders.wanted(wait).site == lock
    assert [held.by.thread for held in holders.held(7, [])] == [0]
