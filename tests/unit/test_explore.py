"""The loop of a campaign against a carry-out that is a function: no thread, no process, no clock."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from attrs import define, evolve, field

from stressor.campaign.budget import Budget
from stressor.campaign.carryout import BrokenError, CarryOut
from stressor.campaign.explore import NO_TIME, REVISITS, Campaign, Surface
from stressor.campaign.findings import Shrink
from stressor.campaign.fit import Fitted, Move
from stressor.campaign.progress import Finding, Status
from stressor.campaign.report import INTERRUPTED
from stressor.campaign.settings import Settings
from stressor.errors import ExitCode, NotTestedError, StressorError
from stressor.model.cost import cost
from stressor.model.evidence import End, Ending, Evidence
from stressor.model.outcome import Failure, FailureKind, Outcome, Signature, Verdict
from stressor.model.plan import Call, Plan
from stressor.model.site import Category, Phase, Site
from stressor.model.trial import Rate, Trial
from stressor.targets.harness import OperationInfo
from tests.unit.fake_race import BUG, Odds, Race

OPERATIONS = (OperationInfo("read"), OperationInfo("write"))
SETTINGS = Settings("cache", seed=1, seconds=None, trials=30, rounds=5)
CALM = Odds(widened=0.0, plain=0.0)
FRAGILE = Odds(widened=0.9, plain=0.3)
REFUSED = "1 of the 1 places that the plan names do not exist"


@define
class Notebook:
    """Keeps trials in memory and writes down what it was told."""

    kept: list[Trial] = field(factory=list)
    statuses: list[Status] = field(factory=list)
    findings: list[Finding] = field(factory=list)
    notes: list[str] = field(factory=list)
    refusal: Exception | None = None

    def keep(self, trial: Trial) -> Path:
        if self.refusal is not None:
            raise self.refusal
        self.kept.append(trial)
        return Path(f"entry-{len(self.kept)}")

    def update(self, status: Status) -> None:
        self.statuses.append(status)

    def found(self, finding: Finding) -> None:
        self.findings.append(finding)

    def note(self, text: str) -> None:
        self.notes.append(text)


def smaller(trial: Trial, carry_out: CarryOut, doing: Callable[[str], None]) -> Trial:
    """Stands in for minimizing."""
    doing("making it smaller")
    plan = evolve(trial.plan, rules=())
    return evolve(trial, plan=plan, rate=Rate(19, 20), minimized=True)


def campaign(
    carry_out: CarryOut,
    notebook: Notebook | None = None,
    settings: Settings = SETTINGS,
    shrink: Shrink | None = smaller,
) -> Campaign:
    notebook = notebook or Notebook()
    return Campaign(
        settings,
        Surface(OPERATIONS),
        (carry_out,),
        notebook.keep,
        notebook,
        Budget(settings.seconds, settings.trials),
        shrink,
    )


QUIET = Evidence(Ending(End.EXITED), rounds=5)


def judged(verdict: Verdict, evidence: Evidence = QUIET) -> CarryOut:
    return lambda plan: Trial(plan, evidence, Outcome(verdict))


def test_quiet_target_gives_nothing_found_after_the_whole_budget() -> None:
    race = Race(Random(1), CALM)

    report = campaign(race).run()

    assert report.exit_code == ExitCode.NOTHING_FOUND
    assert race.runs == report.status.tally.trials == 30
    assert report.status.tally.calls == sum(plan.rounds * plan.calls for plan in race.plans)
    assert set(report.status.tally.operations) == {"read", "write"}


def test_failure_is_kept_at_once_then_minimized_and_kept_again() -> None:
    notebook = Notebook()

    report = campaign(Race(Random(1), FRAGILE), notebook).run()

    assert report.exit_code == ExitCode.FAILURES_FOUND
    raw, small = notebook.kept
    assert (raw.minimized, small.minimized) == (False, True)
    [finding] = report.findings
    assert finding == Finding(BUG, small, Path("entry-2"))
    assert notebook.findings == [finding]


def test_rare_failure_is_kept_at_once_and_followed_up_when_exploring_is_over() -> None:
    notebook = Notebook()
    calm, sudden = Race(Random(1), CALM), Race(Random(2), Odds(1.0, 1.0))

    def fails_once(plan: Plan) -> Trial:
        assert len(notebook.kept) == (1 if calm.runs + sudden.runs > 5 else 0)
        return sudden(two_threads()) if calm.runs == 5 and not sudden.runs else calm(plan)

    report = campaign(fails_once, notebook).run()

    assert report.status.tally.trials == 30
    assert [trial.minimized for trial in notebook.kept] == [False, True]


def test_failure_that_comes_again_is_followed_up_at_once_from_the_cheaper_trial() -> None:
    notebook, race = Notebook(), Race(Random(1), FRAGILE)
    starts: list[Trial] = []

    def looks(trial: Trial, carry_out: CarryOut, doing: Callable[[str], None]) -> Trial:
        starts.append(trial)
        assert running.budget.trials_left
        return smaller(trial, carry_out, doing)

    running = campaign(race, notebook, shrink=looks)
    running.run()

    [start] = starts
    assert cost(start.plan) <= cost(notebook.kept[0].plan)


def test_hang_is_followed_up_last_however_often_it_comes() -> None:
    notebook = Notebook()
    hang = Signature(FailureKind.HANG, "cache.c:lock")

    def hangs(plan: Plan) -> Trial:
        return Trial(plan, QUIET, Outcome(Verdict.FAILED, (Failure(hang, "stuck"),)))

    def looks(trial: Trial, carry_out: CarryOut, doing: Callable[[str], None]) -> Trial:
        assert running.budget.trials_left == 0
        return smaller(trial, carry_out, doing)

    running = campaign(hangs, notebook, shrink=looks)
    report = running.run()

    assert report.status.tally.failures[hang] == 30
    assert [finding.signature for finding in notebook.findings] == [hang]


def test_stopping_leaves_rare_failures_as_they_were_found() -> None:
    notebook = Notebook()
    running = campaign(Race(Random(2), Odds(1.0, 1.0)), notebook)

    def stops(plan: Plan) -> Trial:
        running.stop()
        return Race(Random(2), Odds(1.0, 1.0))(two_threads())

    running.jobs = (stops,)
    report = running.run()

    assert report.exit_code == ExitCode.FAILURES_FOUND
    assert [trial.minimized for trial in notebook.kept] == [False]


def test_known_signature_is_counted_only() -> None:
    notebook = Notebook()

    report = campaign(Race(Random(1), FRAGILE), notebook).run()

    assert report.status.tally.failures[BUG] > 5
    assert len(notebook.kept) == 2


def test_without_shrinking_the_failure_is_kept_as_found() -> None:
    notebook = Notebook()

    report = campaign(Race(Random(1), FRAGILE), notebook, shrink=None).run()

    assert not any(trial.minimized for trial in notebook.kept)
    assert report.findings[0].path == Path("entry-2")


@pytest.mark.parametrize(
    "refusal", [OSError(28, "No space left on device"), StressorError("corpus is read-only")]
)
def test_failure_that_cannot_be_saved_is_still_reported(refusal: Exception) -> None:
    notebook = Notebook(refusal=refusal)

    report = campaign(Race(Random(1), FRAGILE), notebook).run()

    assert report.exit_code == ExitCode.FAILURES_FOUND
    assert report.findings[0].path is None
    assert report.findings[0].trial.minimized
    assert str(refusal) in notebook.notes[0]


def test_what_dies_while_minimizing_loses_nothing() -> None:
    notebook = Notebook()

    def dies(trial: Trial, carry_out: CarryOut, doing: Callable[[str], None]) -> Trial:
        raise RuntimeError("a bug in the minimizer")

    report = campaign(Race(Random(1), FRAGILE), notebook, shrink=dies).run()

    assert report.exit_code == ExitCode.INTERNAL
    assert [str(fault) for fault in report.faults] == ["a bug in the minimizer"]
    assert len(notebook.kept) == 1
    assert report.findings[0].path == Path("entry-1")


def test_broken_trial_stops_the_campaign_with_stressors_own_fault() -> None:
    race = Race(Random(1), CALM)

    def breaks(plan: Plan) -> Trial:
        if race.runs == 7:
            return judged(Verdict.BROKEN, evolve(QUIET, fault="Traceback: in stressor"))(plan)
        return race(plan)

    report = campaign(breaks).run()

    assert report.exit_code == ExitCode.INTERNAL
    assert race.runs == 7
    [fault] = report.faults
    assert isinstance(fault, BrokenError)
    assert "in stressor" in str(fault)


def test_host_that_cannot_be_replaced_ends_it_as_not_tested() -> None:
    def gone(plan: Plan) -> Trial:
        raise NotTestedError("the fork server died ten times")

    report = campaign(gone).run()

    assert report.exit_code == ExitCode.NOT_TESTED
    assert report.status.tally.trials == 0


def test_failures_count_more_than_a_host_that_died_later() -> None:
    race = Race(Random(1), FRAGILE)

    def dies_later(plan: Plan) -> Trial:
        if race.runs > 20:
            raise NotTestedError("the fork server died ten times")
        return race(plan)

    report = campaign(dies_later).run()

    assert report.exit_code == ExitCode.FAILURES_FOUND
    assert len(report.faults) == 1


def test_nothing_decided_is_not_nothing_found() -> None:
    report = campaign(judged(Verdict.UNKNOWN)).run()

    assert not report.exercised
    assert report.exit_code == ExitCode.NOT_TESTED


def test_rounds_that_never_ran_exercise_nothing() -> None:
    assert (
        campaign(judged(Verdict.PASSED, evolve(QUIET, rounds=0))).run().exit_code
        == ExitCode.NOT_TESTED
    )


def test_interrupted_before_anything_was_found_is_not_success() -> None:
    race = Race(Random(1), CALM)
    running = campaign(race)

    def interrupts(plan: Plan) -> Trial:
        if race.runs == 9:
            running.stop()
        return race(plan)

    running.jobs = (interrupts,)

    report = running.run()

    assert race.runs == 10
    assert report.exit_code == INTERRUPTED


def test_interrupted_after_a_failure_keeps_the_exit_code_of_failures() -> None:
    race = Race(Random(1), FRAGILE)
    running = campaign(race)

    def interrupts(plan: Plan) -> Trial:
        if race.runs == 20:
            running.stop()
        return race(plan)

    running.jobs = (interrupts,)

    assert running.run().exit_code == ExitCode.FAILURES_FOUND


def test_new_sites_are_used_by_later_plans() -> None:
    seen: list[Plan] = []
    site = Site("call:m:PyDict_GetItem+0x1", Category.BORROWED_REF, (Phase.AFTER,), visits=1)

    def shows(plan: Plan) -> Trial:
        seen.append(plan)
        return judged(Verdict.PASSED, evolve(QUIET, sites=(site,)))(plan)

    report = campaign(shows, settings=evolve(SETTINGS, strategies=("targeted",))).run()

    assert seen[0].rules == ()
    assert {rule.site for plan in seen[1:] for rule in plan.rules} == {site.key}
    assert report.sites == (site,)


def two_threads() -> Plan:
    return Plan("cache", ((Call("read"),), (Call("write"),)), seed=5)


def known() -> Finding:
    trial = Race(Random(2), Odds(1.0, 1.0))(two_threads())
    assert trial.outcome.signature == BUG
    return Finding(BUG, trial, Path("old"), known=True)


def test_known_entry_that_fails_again_is_found_first_and_not_minimized_again() -> None:
    race, notebook = Race(Random(1), FRAGILE), Notebook()
    running = campaign(race, notebook)
    entry = known()

    report = running.run([entry])

    assert report.findings == (entry,)
    assert race.plans[0] == entry.trial.plan
    assert notebook.kept == []
    assert report.exit_code == ExitCode.FAILURES_FOUND


def test_known_entry_that_does_not_fail_again_is_said_to_be_gone() -> None:
    race = Race(Random(1), CALM)
    entry = known()

    report = campaign(race).run([entry])

    assert report.forgotten == (entry,)
    assert report.findings == ()
    assert race.runs == REVISITS + 30
    assert report.exit_code == ExitCode.NOTHING_FOUND


def test_known_entries_leave_most_of_the_time_for_looking() -> None:
    race, notebook = Race(Random(1), CALM), Notebook()
    settings = evolve(SETTINGS, seconds=300.0)
    running = campaign(race, notebook, settings)
    running.budget = Budget(300.0, 30, clock=lambda: 10.0 * race.runs)

    report = running.run([known()] * 40)

    assert "not tried: no time" in notebook.notes[0]
    assert {each.reason for each in report.untried} == {NO_TIME}
    assert report.status.tally.operations
    assert sum(plan != two_threads() for plan in race.plans) >= 15


def test_known_entry_whose_trials_say_nothing_is_not_said_to_be_gone() -> None:
    notebook = Notebook()

    report = campaign(judged(Verdict.UNKNOWN), notebook).run([known()])

    assert report.forgotten == ()
    assert "could not be decided" in notebook.notes[0]


def test_known_entry_that_this_build_cannot_show_is_neither_tried_nor_gone() -> None:
    race, notebook = Race(Random(1), CALM), Notebook()
    running = campaign(race, notebook)

    def refuses(trial: Trial) -> Fitted:
        raise NotTestedError(REFUSED)

    running.fit = refuses
    report = running.run([known()])

    assert report.forgotten == ()
    assert [each.reason for each in report.untried] == [REFUSED]
    assert race.runs == 30
    assert "could not be tried" in notebook.notes[0]
    assert "do not exist" in notebook.notes[0]


def test_known_entry_is_tried_as_this_build_has_it() -> None:
    race, notebook, entry = Race(Random(1), FRAGILE), Notebook(), known()
    running = campaign(race, notebook)
    moved = evolve(entry.trial, plan=evolve(entry.trial.plan, seed=77))
    move = Move("call:c:PyX+0x1", "call:c:PyX+0x2", "put")
    running.fit = lambda _: Fitted(moved, (move,))

    report = running.run([entry])

    assert race.plans[0] == moved.plan
    assert report.findings == (entry,)
    assert "1 place moved since it was kept" in notebook.notes[0]
    assert "PyX in put +0x1 -> +0x2" in notebook.notes[0]


def test_seconds_end_it() -> None:
    ticks = iter(range(10_000))
    budget = Budget(seconds=20.0, clock=lambda: float(next(ticks)))

    taken = [budget.take() for _ in range(25)]

    # Each look at the clock costs a second: begun at 0, a take looks once.
    assert taken[:19] == list(range(19))
    assert taken[19:] == [None] * 6
    assert budget.seconds_left == 0.0
    assert not budget.stopped


def test_endless_budget_ends_when_asked() -> None:
    budget = Budget()

    assert [budget.take(), budget.take()] == [0, 1]
    budget.stop()
    assert budget.take() is None
    assert budget.is_over
