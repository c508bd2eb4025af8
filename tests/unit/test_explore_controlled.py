"""Campaigns whose threads take turns: exact schedules, double checks, exhaustive searches."""

from math import comb
from pathlib import Path

import pytest
from attrs import evolve

from stressor.campaign.budget import Budget
from stressor.campaign.carryout import CarryOut
from stressor.campaign.doublecheck import DoubleCheck, parting
from stressor.campaign.exactly import exactly
from stressor.campaign.exhaustive import ExhaustiveSearch, Left, left_over, programs, with_texts
from stressor.campaign.explore import Campaign, Surface
from stressor.campaign.progress import Silent
from stressor.campaign.report import Report
from stressor.campaign.settings import Exhaustive, Mode, Settings
from stressor.cli.telling import summary_of
from stressor.model.evidence import End, Ending
from stressor.model.outcome import Failure, FailureKind, Outcome, Signature, Verdict
from stressor.model.plan import Allocator, Call, Plan, Schedule, Spec
from stressor.model.trial import Trial
from stressor.report import summary_data, summary_report
from stressor.schedules.bound import Bound, Unit
from stressor.targets.harness import OperationInfo
from tests.unit.fake_turns import TORN, TornReads

GETS = (OperationInfo("get"), OperationInfo("put"))
SETTINGS = Settings(
    "queue", seed=4, seconds=None, trials=40, threads=2, calls=1, modes=(Mode.CONTROLLED,)
)
TWO = Exhaustive(Bound(Unit.PREEMPTIONS, 2))
BATCH = Plan(
    "queue", ((Call("get"),), (Call("put"),)), 3, schedule=Schedule(Spec("walk")), rounds=50
)


def fuzz(target: CarryOut, settings: Settings, jobs: int = 1) -> tuple[Report, list[Trial]]:
    kept: list[Trial] = []

    def keep(trial: Trial) -> Path:
        kept.append(trial)
        return Path(f"entry-{len(kept)}")

    budget = Budget(settings.seconds, settings.trials)
    campaign = Campaign(settings, Surface(GETS), (target,) * jobs, keep, Silent(), budget)
    return campaign.run(), kept


@pytest.mark.parametrize("first_differs", [False, True])
def test_failure_of_a_batch_becomes_an_exact_schedule(first_differs: bool) -> None:
    target = TornReads(first_differs)
    found = target(BATCH)
    assert found.outcome.signature == TORN

    exact = exactly(found, target)

    assert exact is not None
    assert exact.outcome.signature == TORN
    plan = exact.plan
    assert (plan.rounds, plan.program) == (1, BATCH.program)
    assert plan.schedule is not None
    assert plan.schedule.then == Spec("first")
    assert plan.schedule.switches
    assert exact.evidence.control is not None
    assert plan.schedule.trace == exact.evidence.control.trace
    assert exact.evidence.control.divergence is None


def test_failure_that_does_not_come_again_alone_stays_as_it_was_found() -> None:
    target = TornReads()
    found = target(BATCH)

    def never(plan: Plan) -> Trial:
        return evolve(target(plan), outcome=Outcome(Verdict.PASSED))

    assert exactly(found, never) is None


def test_hang_without_proof_is_not_run_again() -> None:
    target = TornReads()
    hang = Signature(FailureKind.HANG, "queue.c:get")
    stuck = evolve(target(BATCH), outcome=Outcome(Verdict.FAILED, (Failure(hang, "stuck"),)))
    runs = len(target.plans)

    assert exactly(stuck, target) is None
    assert len(target.plans) == runs


def test_perturbed_failure_has_no_schedule() -> None:
    target = TornReads()
    found = target(BATCH)
    perturbed = evolve(found, evidence=evolve(found.evidence, control=None))

    assert exactly(perturbed, target) is None


def test_campaign_keeps_the_batch_at_once_and_then_the_exact_schedule() -> None:
    report, kept = fuzz(TornReads(), evolve(SETTINGS, strategies=("walk",)))

    [finding] = report.findings
    assert finding.signature == TORN
    batch, exact = kept[0].plan, kept[1].plan
    assert batch.schedule is not None
    assert batch.schedule.then.name == "walk"
    assert finding.trial.plan == exact
    assert exact.schedule is not None
    assert exact.schedule.trace


def test_double_check_of_all_finds_nothing_where_all_is_controlled() -> None:
    report, _ = fuzz(TornReads(), evolve(SETTINGS, double_check=1.0))

    tally = report.status.tally
    assert tally.twice == tally.trials == 40
    assert tally.astray == 0


def test_double_check_counts_what_goes_another_way() -> None:
    settings = evolve(SETTINGS, double_check=0.5, strategies=("walk", "pct"))

    report, _ = fuzz(TornReads(forgetful=True), settings)

    tally = report.status.tally
    # 20 of 40, more than three standard deviations to both sides.
    assert 8 < tally.twice < 32
    assert 0 < tally.astray <= tally.twice
    text = summary_report(summary_of(report)).plain
    assert f"{tally.astray} of {tally.twice} controlled trials went another way" in text
    data = summary_data(summary_of(report))
    assert tally.parting
    assert " ".join(tally.parting.split()) in " ".join(text.split())
    assert data["double_check"] == {
        "trials": tally.twice,
        "astray": tally.astray,
        "parting": tally.parting,
    }
    assert data["schedules"] == tally.schedules > 0


def test_double_check_draws_from_the_seed_and_skips_what_was_killed() -> None:
    target = TornReads()
    trial, check = target(BATCH), DoubleCheck(0.3, seed=5)
    killed = evolve(trial, evidence=evolve(trial.evidence, ending=Ending(End.STUCK)))
    plain = evolve(trial, evidence=evolve(trial.evidence, control=None))

    drawn = [check.wants(index, trial) for index in range(500)]

    assert drawn == [check.wants(index, trial) for index in range(500)]
    assert 100 < sum(drawn) < 200
    assert not any(DoubleCheck(1.0, 5).wants(1, each) for each in (killed, plain))
    assert not any(DoubleCheck(0.0, 5).wants(index, trial) for index in range(500))


def test_same_course_is_the_same_round_with_the_same_trace() -> None:
    one = TornReads()(evolve(BATCH, rounds=1, schedule=Schedule()))
    assert one.evidence.control is not None
    begin, *steps = one.evidence.control.steps
    other = evolve(one.evidence.control, steps=(evolve(begin, to=1), *steps), trace="0" * 16)

    another = evolve(one, evidence=evolve(one.evidence, control=other))
    longer = evolve(one, evidence=evolve(one.evidence, rounds=2))
    blind = evolve(one, evidence=evolve(one.evidence, control=None))

    assert parting(one, one) is None
    assert "choice 0" in (parting(one, another) or "")
    assert parting(one, longer) == "ended after 1 rounds, and after 2"
    assert parting(one, blind) is not None


def test_exhaustive_campaign_tries_every_pair_and_says_so() -> None:
    target = TornReads()

    report, _ = fuzz(target, evolve(SETTINGS, trials=None, exhaustive=TWO))

    pairs = {frozenset(each.program) for each in report.explored}
    get, put = (Call("get"),), (Call("put"),)
    assert pairs == {frozenset([get]), frozenset([get, put]), frozenset([put])}
    assert all(each.exhausted for each in report.explored)
    assert [finding.signature for finding in report.findings] == [TORN]
    assert {plan.rounds for plan in target.plans} == {1}
    summary = summary_of(report)
    total = sum(each.schedules for each in report.explored)
    programs_tried = len(report.explored)
    assert (
        f"all {total} schedules with at most 2 preemptions of {programs_tried} programs were tried"
        in " ".join(summary_report(summary).plain.split())
    )
    assert all(each["all"] for each in summary_data(summary)["covered"])


def test_exhaustive_campaign_that_is_cut_short_claims_nothing() -> None:
    report, _ = fuzz(TornReads(), evolve(SETTINGS, trials=3, exhaustive=TWO))

    [explored] = report.explored
    assert (explored.schedules, explored.exhausted) == (3, False)
    text = " ".join(summary_report(summary_of(report)).plain.split())
    assert "3 schedules with at most 2 preemptions were tried, not all: it was not finished" in text


def test_search_that_is_cut_short_claims_the_smaller_bound() -> None:
    report, _ = fuzz(TornReads(), evolve(SETTINGS, trials=4, exhaustive=TWO))

    [explored] = report.explored
    assert explored.finished == 0
    text = " ".join(summary_report(summary_of(report)).plain.split())
    assert "not all: it was not finished, but all with no preemptions were" in text


def test_claim_with_sleep_sets_says_what_was_left_out() -> None:
    asked = evolve(TWO, sleeps=True)

    report, _ = fuzz(TornReads(), evolve(SETTINGS, trials=None, exhaustive=asked))

    assert all(each.exhausted for each in report.explored)
    text = " ".join(summary_report(summary_of(report)).plain.split())
    assert "but for those that only exchange calls on different objects" in text


def test_nondeterminism_withdraws_the_claim() -> None:
    settings = evolve(SETTINGS, trials=400, exhaustive=TWO)

    report, _ = fuzz(TornReads(forgetful=True), settings)

    assert any(each.reasons for each in report.explored)
    assert not any(each.exhausted for each in report.explored if each.reasons)
    text = " ".join(summary_report(summary_of(report)).plain.split())
    assert "did not go as planned in 3 runs" in text


def test_jobs_have_programs_of_their_own() -> None:
    settings = evolve(SETTINGS, calls=2)
    all_of_them = list(programs(settings, GETS))
    searches = [ExhaustiveSearch(TWO, settings, GETS, job, 2) for job in range(2)]
    target = TornReads()
    mine: list[list[object]] = [[], []]

    for search, tried in zip(searches, mine, strict=True):
        while (plan := search.plan(0, ())) is not None:
            search.learn(target(plan))
        tried.extend(each.program for each in search.explored())

    assert mine == [all_of_them[::2], all_of_them[1::2]]
    assert len({*all_of_them}) == len(all_of_them)


def test_programs_are_all_that_there_are_shortest_first() -> None:
    settings = evolve(SETTINGS, threads=3, calls=2)

    made = list(programs(settings, GETS))

    sizes = [sum(map(len, program)) for program in made]
    assert sizes == sorted(sizes)
    # Multisets of two or three threads, each one of two calls or four pairs of calls.
    canonical = {tuple(sorted(map(repr, program))) for program in made}
    assert len(made) == len(canonical) == comb(6 + 1, 2) + comb(6 + 2, 3)
    assert made == list(programs(settings, GETS))


def test_calls_of_a_program_speak_of_few_keys() -> None:
    put = (OperationInfo("put", has_arguments=True),)

    for program in programs(evolve(SETTINGS, calls=3), put):
        assert len({call.entropy for calls in program for call in calls}) <= 2
        assert all(call.entropy for calls in program for call in calls)


def test_exhaustive_plans_poison_freed_memory_when_they_may() -> None:
    search = ExhaustiveSearch(TWO, SETTINGS, GETS, 0, 1)
    default = evolve(SETTINGS, allocators=(Allocator.DEFAULT,))
    plain = ExhaustiveSearch(TWO, default, GETS, 0, 1)

    one, other = search.plan(0, ()), plain.plan(0, ())

    assert one is not None
    assert other is not None
    assert (one.allocator, other.allocator) == (Allocator.DEBUG, Allocator.DEFAULT)


def test_what_an_exhaustive_search_leaves() -> None:
    settings = evolve(SETTINGS, threads=2, calls=2)
    sizes = [sum(map(len, program)) for program in programs(settings, GETS)]

    assert left_over(settings, GETS, 1) == Left(2, sizes.count(2) - 1)
    assert left_over(settings, GETS, sizes.count(2)) == Left(3, sizes.count(3))
    assert left_over(settings, GETS, len(sizes)) is None


def test_what_was_tried_is_told_with_its_arguments() -> None:
    report, _ = fuzz(TornReads(), evolve(SETTINGS, trials=3, exhaustive=TWO))
    texts = [f"{c.op}(3)" for each in report.explored for own in each.program for c in own]
    told = summary_of(evolve(report, explored=with_texts(report.explored, texts)))

    assert summary_data(told)["covered"][0]["calls"] == [
        [f"{op}(3)" for op in own] for own in told.covered[0].program
    ]
    assert summary_data(told)["left"]["programs"] > 0
    text = summary_report(told).plain
    assert f"{told.covered[-1].calls[0][0]} | " in text
    assert "and all longer ones, were not begun" in text
    whole = evolve(told, covered=[evolve(told.covered[0], all=True)])
    assert "each program had one choice of arguments" in summary_report(whole).plain
