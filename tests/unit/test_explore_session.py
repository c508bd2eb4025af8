"""Around the loop: replaying, the canary's verdict, origins, interrupts, check-ups."""

import signal
import subprocess
from pathlib import Path
from random import Random
from typing import cast

import pytest
from attrs import evolve

from stressor import __version__
from stressor.campaign import canary, checkup, forkserver
from stressor.campaign.checkup import Check, State, check_up
from stressor.campaign.hosts import Hosts
from stressor.campaign.interrupt import stop_on_interrupt
from stressor.campaign.locate import located
from stressor.campaign.origin import origin_of, versions_of
from stressor.campaign.session import Session
from stressor.errors import NotTestedError
from stressor.model.evidence import End, Ending, Evidence
from stressor.model.outcome import FailureKind, Outcome, Signature, Verdict
from stressor.model.plan import Allocator, Call, Plan
from stressor.model.trial import Trial
from stressor.symbols.callsites import Calls, CallSites, Target
from tests.unit.fake_race import BUG, OTHER, Odds, Race
from tests.unit.fake_session import FakeHosts

PLAN = Plan("cache", ((Call("read"),), (Call("write"),)), seed=5)
ALWAYS = Odds(1.0, 1.0)


def session(race: Race, catches: bool = True) -> Session:
    return Session((cast("Hosts", FakeHosts(race, catches=catches)),))


def test_replay_counts_the_same_failure_and_others_apart() -> None:
    saved = Race(Random(1), ALWAYS)(PLAN)
    mixed = Race(Random(4), Odds(widened=0.0, plain=0.5, other=0.5))
    told: list[tuple[int, int]] = []

    replayed = session(mixed).replay(saved, 20, lambda done, hits: told.append((done, hits)))

    hits, others = replayed.rate.hits, replayed.others[OTHER]
    assert 0 < hits < 20
    assert others > 0
    assert replayed.verdicts == {Verdict.FAILED: hits + others, Verdict.PASSED: 20 - hits - others}
    assert replayed.last.outcome.signature == BUG
    assert told[-1] == (20, hits)


def test_replay_counts_every_crash_and_says_which_were_elsewhere() -> None:
    saved = Race(Random(1), ALWAYS)(PLAN)
    [failure] = saved.outcome.failures
    elsewhere = Signature(FailureKind.CRASH, "free")
    moved = Outcome(Verdict.FAILED, (evolve(failure, signature=elsewhere),))
    race = Race(Random(1), ALWAYS)

    def crashes(plan: Plan) -> Trial:
        trial = race(plan)
        return evolve(trial, outcome=moved) if race.runs % 2 else trial

    replayed = Session((cast("Hosts", FakeHosts(crashes)),)).replay(saved, 4, lambda *_: None)

    assert (replayed.rate.hits, replayed.akin[elsewhere]) == (4, 2)
    assert not replayed.others


def test_what_would_switch_assertions_off_does_not_reach_the_target(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")

    assert "PYTHONOPTIMIZE" not in forkserver._environment(Allocator.DEFAULT, "mark")


def test_check_up_in_a_folder_that_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    assert checkup._corpus(Path("corpus")).state is State.WARN


def test_canary_is_caught_once_in_a_session() -> None:
    one = session(Race(Random(1)))

    assert one.catch_canary() is one.catch_canary()
    assert one.catch_canary().trials == 1


def test_canary_that_flies_away_says_what_was_missing() -> None:
    with pytest.raises(NotTestedError, match="1 of its C-API calls were reached"):
        session(Race(Random(1)), catches=False).catch_canary()

    def nothing(plan: Plan) -> Trial:
        return Trial(plan, Evidence(Ending(End.EXITED), 1), Outcome(Verdict.PASSED))

    with pytest.raises(NotTestedError, match="no site was reached at all"):
        canary.catch(nothing)


def test_canary_does_not_count_when_nothing_was_injected() -> None:
    caught = session(Race(Random(1))).catch_canary().trial

    def by_luck(plan: Plan) -> Trial:
        still = tuple(evolve(site, acted=0) for site in caught.evidence.sites)
        return evolve(caught, plan=plan, evidence=evolve(caught.evidence, sites=still))

    with pytest.raises(NotTestedError, match="canary"):
        canary.catch(by_luck)


def test_canary_always_runs_the_same_program() -> None:
    plans: list[Plan] = []

    def looks(plan: Plan) -> Trial:
        plans.append(plan)
        return Trial(plan, Evidence(Ending(End.EXITED), 1), Outcome(Verdict.PASSED))

    with pytest.raises(NotTestedError):
        canary.catch(looks)
    assert {plan.program for plan in plans} == {canary.PROGRAM}
    assert all(plan.ledger for plan in plans)
    assert len(plans) == canary.MOST_TRIALS


def test_origin_names_what_installed_the_modules() -> None:
    import attrs  # noqa: PLC0415 - a package that is certainly installed

    origin = origin_of("3.13.5", [attrs.__file__, "/usr/lib/python3/lib-dynload/_csv.so"])

    assert set(origin.packages) == {"attrs"}
    assert (origin.interpreter, origin.stressor) == ("3.13.5", __version__)
    assert versions_of([]) == {}


def test_locating_keeps_the_verdict_when_nothing_more_is_known() -> None:
    trial = Race(Random(1), ALWAYS)(PLAN)

    assert located(trial).outcome == trial.outcome


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_stops_and_the_second_interrupts(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    stops: list[bool] = []

    with stop_on_interrupt(lambda: stops.append(True)):
        signal.raise_signal(number)
        assert stops == [True]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)

    assert signal.getsignal(number) is before


INNER = CallSites("python", "c0ffee", (Calls("_Py_qsbr_poll", (Target(1, (2, 3)),), 2, 2),))
STRIPPED = CallSites("python", functions=(*INNER.functions, *(Calls("x", reason="no"),) * 2))


def checks(
    monkeypatch: pytest.MonkeyPatch, probe: str, corpus: Path, inner: CallSites = INNER
) -> dict[str, Check]:
    """A check-up in which the probing process says `probe` and stacks can be taken."""

    def answers(*command: object, **rest: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.CompletedProcess([], 0, stdout=probe, stderr="")

    monkeypatch.setattr(subprocess, "run", answers)
    monkeypatch.setattr(checkup, "shortcoming", lambda provider: None)
    monkeypatch.setattr(checkup, "find_all", lambda path: inner)
    return {check.name: check for check in check_up(corpus)}


FINE = '{"gil": false, "gil_after": false, "shim": "", "supported": "", "randomization": ""}'


def test_check_up_where_all_is_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = checks(monkeypatch, FINE, tmp_path / "corpus")

    assert not [check for check in found.values() if check.state is State.FAIL]
    assert {"interpreter", "GIL", "shim", "compiler", "stacks", "ptrace", "scratch"} <= set(found)
    assert found["corpus"].detail.endswith("(made when needed)")


@pytest.mark.parametrize(
    ("old", "new", "name", "fix"),
    [
        ('"gil": false', '"gil": true', "GIL", "unset PYTHON_GIL"),
        ('"gil_after": false', '"gil_after": true', "GIL", "reinstall"),
        ('"shim": ""', '"shim": "no such file"', "shim", "C compiler"),
        ('"supported": ""', '"supported": "musl"', "shim", "glibc"),
        (FINE, "no json", "shim", "reinstall"),
    ],
)
def test_check_up_fails_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, old: str, new: str, name: str, fix: str
) -> None:
    found = checks(monkeypatch, FINE.replace(old, new), tmp_path)

    assert found[name].state is State.FAIL
    assert fix in found[name].fix


@pytest.mark.parametrize(
    ("probe", "inner", "state", "says"),
    [
        (FINE, INNER, State.OK, "2 calls of 1 functions"),
        (FINE, STRIPPED, State.WARN, "2 others not"),
        (FINE, CallSites("python", reason="it has no build id"), State.WARN, "no build id"),
        (FINE, CallSites("python"), State.WARN, "none of them is known"),
        (FINE[:-1] + ', "redirectable": "not 3.13"}', INNER, State.WARN, "not 3.13"),
    ],
)
def test_check_up_tells_what_can_be_redirected(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    probe: str,
    inner: CallSites,
    state: State,
    says: str,
) -> None:
    found = checks(monkeypatch, probe, tmp_path, inner)["runtime"]

    assert found.state is state
    assert says in found.detail


def test_check_up_misses_the_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -O2")

    found = checks(monkeypatch, FINE, tmp_path)["compiler"]

    assert found.state is State.FAIL
    assert found.detail == "no-such-compiler is not on PATH"


def test_check_up_warns_of_a_corpus_that_is_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    found = checks(monkeypatch, FINE, tmp_path / "file" / "corpus")["corpus"]

    assert found.state is State.WARN
    assert "--corpus" in found.fix
