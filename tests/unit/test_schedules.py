"""Recordings, lengths, ordered pairs and the feedback pool."""

from random import Random

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from stressor.campaign import controlled
from stressor.model.bounds import check_plan
from stressor.model.evidence import Control, End, Ending, Evidence, Step, Why
from stressor.model.outcome import Outcome, Verdict
from stressor.model.plan import ANY_STEP, Call, Plan, Schedule, Spec, Switch
from stressor.model.site import Phase
from stressor.model.trial import Trial
from stressor.schedules.feedback import MOST_KEPT, Feedback
from stressor.schedules.lengths import UNKNOWN_STEPS, Lengths
from stressor.schedules.pairs import ordered_pairs
from stressor.schedules.recorded import recorded, recorded_by_visit, recorded_untraced
from stressor.schedules.registry import SCHEDULERS
from stressor.strategies import BY_NAME
from tests.unit.fake_turns import Op, Round, TornReads, locked, run, touch

PLAN = Plan("t", ((Call("get"),), (Call("put"),)), 3, schedule=Schedule(Spec("pos")), rounds=50)
GET, SET, OTHER = "call:m:get+0x1", "call:m:set+0x2", "call:m:other+0x3"

BODIES = st.one_of(
    st.lists(st.integers(1, 2), max_size=4).map(lambda objects: touch(*objects)),
    st.just(locked(7, 1)),
)


def of(control: Control, plan: Plan = PLAN) -> Trial:
    return Trial(plan, Evidence(Ending(End.EXITED), 1, control=control), Outcome(Verdict.PASSED))


def at_random(threads: list[tuple[Op, ...]], seed: int) -> Control:
    random = Random(seed)
    return run(threads, Schedule(), lambda step: random.choice(step.ready))[0]


@settings(max_examples=100, deadline=None)
@given(st.lists(BODIES, min_size=1, max_size=3), st.integers(0, 1000))
def test_recording_does_the_same_again(threads: list[tuple[Op, ...]], seed: int) -> None:
    control = at_random(threads, seed)
    plan = evolve(PLAN, program=((Call("get"),),) * len(threads))

    exact = recorded(of(control, plan))

    assert exact is not None
    assert exact.schedule is not None
    check_plan(exact)
    assert exact.rounds == 1
    assert exact.schedule.then == Spec("first")
    assert exact.schedule.trace == control.trace
    assert run(threads, exact.schedule)[0] == control


def test_recording_has_a_switch_for_each_unusual_choice_only() -> None:
    control = run([touch(1, 1), touch(1)], Schedule())[0]
    assert _switches(recorded(of(control))) == []

    second = Switch(0, "call:m:op0.1+0x2", 2, Phase.BEFORE, 1, 2)
    control = run([touch(1, 1), touch(1)], Schedule(switches=(second,)))[0]
    assert _switches(recorded(of(control))) == [second]
    assert _switches(recorded_by_visit(of(control))) == [evolve(second, step=ANY_STEP)]
    untraced = recorded_untraced(of(control))
    assert untraced is not None
    assert untraced.schedule == Schedule(switches=(second,))


def test_by_visit_only_visits_are_named() -> None:
    # Beginning with thread 1, and going on with 0 when 2 ends, are choices at no visit.
    threads = [touch(1), touch(1), touch(1)]
    control = run(threads, Schedule(), lambda step: max(step.ready))[0]

    assert {switch.site for switch in _switches(recorded(of(control)))} == {""}
    assert _switches(recorded_by_visit(of(control))) == []


@pytest.mark.parametrize(
    "trial",
    [
        of(Control()),
        of(evolve(at_random([touch(1), touch(1)], 1), count=99)),
        of(at_random([touch(1), touch(1)], 1), evolve(PLAN, schedule=None)),
        evolve(of(Control()), evidence=Evidence(Ending(End.EXITED))),
    ],
    ids=["no steps", "steps missing", "no schedule", "no control"],
)
def test_what_is_not_known_to_its_end_is_not_recorded(trial: Trial) -> None:
    assert recorded(trial) is None
    assert recorded_by_visit(trial) is None


def _switches(plan: Plan | None) -> list[Switch]:
    assert plan is not None
    assert plan.schedule is not None
    return list(plan.schedule.switches)


def visit(
    thread: int, to: int, site: str, obj: int, phase: Phase = Phase.BEFORE, number: int = 1
) -> Step:
    return Step(thread, site, number, phase, to, Why.VISIT, (0, 1), obj)


def test_pair_is_in_the_order_in_which_threads_go_on() -> None:
    steps = [
        visit(0, 1, GET, 5),  # 0 comes to its call, 1 goes on
        visit(1, 0, SET, 5),  # 1 comes to its call, 0 makes its own
        visit(0, 1, OTHER, 6),  # and comes to the next; 1 makes its call
        Step(1, "", 0, Phase.BEFORE, 0, Why.ENDED, (0,)),
    ]

    assert ordered_pairs(steps) == {((GET, Phase.BEFORE), (SET, Phase.BEFORE))}


def test_inside_a_call_is_another_order_than_after_it() -> None:
    inside = [
        visit(0, 0, GET, 5),
        visit(0, 1, GET, 5, Phase.AFTER),
        visit(1, 1, SET, 5),
        Step(1, "", 0, Phase.BEFORE, 0, Why.ENDED, (0,)),
    ]

    assert ordered_pairs(inside) == {
        ((GET, Phase.BEFORE), (SET, Phase.BEFORE)),
        ((SET, Phase.BEFORE), (GET, Phase.AFTER)),
    }


def test_other_objects_and_the_own_thread_make_no_pair() -> None:
    steps = [visit(0, 0, GET, 5), visit(0, 1, SET, 5), visit(1, 1, GET, 6), visit(1, 0, GET, 0)]

    assert ordered_pairs(steps) == frozenset()


def test_lengths_are_means_of_what_was_seen_of_each_operation() -> None:
    lengths = Lengths()
    assert lengths.of((Call("get"),) * 3, hooks=False) == 3 * UNKNOWN_STEPS

    get, put = "op:target:get", "op:target:put"
    after = Phase.AFTER
    steps = (
        Step(-1, "", 0, Phase.BEFORE, 0, Why.BEGIN, (0, 1)),
        visit(0, 0, get, 0),
        visit(0, 1, GET, 5),
        visit(1, 1, put, 0),
        visit(1, 0, put, 0, after),
        visit(0, 0, get, 0, after),
        visit(0, 0, get, 0, number=2),
        visit(0, 0, get, 0, after, 2),
    )
    lengths.learn(PLAN, Control(steps, len(steps)))

    # Three choices of the first call and two of the second.
    assert lengths.of((Call("get"),) * 4, hooks=False) == 10
    assert lengths.of((Call("put"),), hooks=False) == 2
    assert lengths.of((Call("put"),), hooks=True) == UNKNOWN_STEPS
    assert lengths.of((), hooks=False) == 1


def test_length_of_a_round_whose_steps_are_too_many_is_shared_out() -> None:
    lengths = Lengths()

    lengths.learn(PLAN, Control((), 500))

    assert lengths.of((Call("get"),), hooks=False) == 250


def test_only_new_pairs_are_kept() -> None:
    feedback = Feedback()
    plain = run([touch(1, 1), touch(1)], Schedule())[0]

    assert feedback.draw(Random(1)) is None
    assert feedback.learn(PLAN, plain) == 1
    assert feedback.learn(PLAN, plain) == 0
    assert (len(feedback), feedback.pairs) == (1, 1)


def test_feedback_finds_orders_step_by_step() -> None:
    # From the plain order alone, with nothing but changed switches, to every ordered pair.
    threads = [touch(1, 1, 1), touch(1, 1, 1)]
    feedback, random = Feedback(), Random(7)
    feedback.learn(PLAN, run(threads, Schedule())[0])

    for _ in range(300):
        kept = feedback.draw(random)
        assert kept is not None
        feedback.learn(PLAN, run(threads, Schedule(switches=kept.switches))[0])

    assert feedback.pairs == 2 * 9


def test_changed_switches_are_valid_and_name_each_place_once() -> None:
    threads = [touch(1, 2), touch(2, 1), touch(1)]
    feedback, random = Feedback(), Random(3)
    plan = evolve(PLAN, program=((Call("get"),),) * 3)
    for seed in range(20):
        feedback.learn(plan, at_random(threads, seed))

    for _ in range(200):
        kept = feedback.draw(random)
        assert kept is not None
        check_plan(evolve(plan, schedule=Schedule(switches=kept.switches)))
        places = [(s.thread, s.site, s.visit, s.phase) for s in kept.switches]
        assert len(set(places)) == len(places)
        assert {switch.step for switch in kept.switches} <= {ANY_STEP}


def test_pool_is_bounded() -> None:
    feedback = Feedback()

    for number in range(MOST_KEPT + 50):
        site = f"call:m:f+0x{number:x}"
        steps = (visit(0, 1, site, 5), visit(1, 0, SET, 5), visit(0, 1, GET, 6))
        assert feedback.learn(PLAN, Control(steps, len(steps)))

    assert len(feedback) == MOST_KEPT


def test_same_seed_draws_the_same() -> None:
    def drawn() -> list[object]:
        feedback, random = Feedback(), Random(5)
        for seed in range(5):
            feedback.learn(PLAN, at_random([touch(1, 1), touch(1, 1)], seed))
        return [feedback.draw(random) for _ in range(20)]

    assert drawn() == drawn()


def test_torn_read_needs_its_switch() -> None:
    # The fake that campaigns are tested with: the plain order is harmless.
    target = TornReads()
    calm = target(evolve(PLAN, schedule=Schedule(), rounds=1))

    assert calm.outcome.verdict is Verdict.PASSED
    assert target(PLAN).outcome.verdict is Verdict.FAILED


def test_every_scheduler_has_a_share_and_a_name_of_its_own() -> None:
    assert set(controlled.SHARES) == {*SCHEDULERS, controlled.FEEDBACK}
    assert not set(controlled.SHARES) & set(BY_NAME)


def test_rounds_run_to_their_end() -> None:
    made = Round([touch(1), locked(7, 1)], lambda step: step.ready[-1])

    assert made.run() == ()
    assert len(made.done) == 4
