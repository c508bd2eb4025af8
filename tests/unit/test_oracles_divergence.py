"""Where two runs part, and where one leaves its schedule: steps in, words out."""

from attrs import evolve

from stressor.model.evidence import Control, Divergence, Step, Why
from stressor.model.plan import Schedule, Switch
from stressor.model.schedule_record import Departure, Leave
from stressor.model.site import Phase
from stressor.oracles.divergence import first_difference, left_course

GET, SET = "call:m:PyList_GetItem+0x1", "call:m:PyList_SetItem+0x2"
BEGIN = Step(-1, "", 0, Phase.BEFORE, to=0, why=Why.BEGIN, ready=(0, 1))
AT_GET = Step(0, GET, 2, Phase.BEFORE, to=1, why=Why.VISIT, ready=(0, 1), obj=5)
AT_SET = Step(1, SET, 1, Phase.AFTER, to=0, why=Why.VISIT, ready=(0, 1))
END = Step(1, "", 0, Phase.BEFORE, to=0, why=Why.ENDED, ready=(0,))


def run(*steps: Step, trace: str = "a" * 16) -> Control:
    return Control(steps, len(steps), trace)


ONE = run(BEGIN, AT_GET, AT_SET, END)


def test_the_same_choices_are_no_difference() -> None:
    assert first_difference(ONE, ONE) is None
    # Addresses are nobody's choice.
    moved = run(BEGIN, evolve(AT_GET, obj=9), AT_SET, END)
    assert first_difference(ONE, moved) is None


def test_the_first_step_that_differs_is_told() -> None:
    other = run(BEGIN, AT_GET, evolve(AT_SET, visit=3), trace="b" * 16)
    assert first_difference(ONE, other) == Divergence(
        2,
        f"thread 1 after {SET} (visit 1), then thread 0",
        f"thread 1 after {SET} (visit 3), then thread 0",
    )


def test_another_choice_at_the_same_place_is_a_difference() -> None:
    other = run(evolve(BEGIN, to=1), AT_GET, trace="b" * 16)
    assert first_difference(ONE, other) == Divergence(
        0,
        "the beginning of the round, then thread 0",
        "the beginning of the round, then thread 1",
    )


def test_a_round_that_ended_earlier_parts_at_its_end() -> None:
    other = run(BEGIN, AT_GET, trace="b" * 16)
    assert first_difference(ONE, other) == Divergence(
        2,
        f"thread 1 after {SET} (visit 1), then thread 0",
        "the end of the round after 2 choices",
    )


def test_beyond_the_record_only_the_traces_tell() -> None:
    one = evolve(ONE, count=70_000)
    other = evolve(ONE, count=80_000, trace="b" * 16)
    assert first_difference(one, other) == Divergence(
        4, f"70000 choices, trace {'a' * 16}", f"80000 choices, trace {'b' * 16}"
    )


SWITCHES = (
    Switch(1, SET, 1, Phase.AFTER, to=0),
    Switch(1, "", 0, Phase.BEFORE, to=0, step=3),
    Switch(0, GET, 2, Phase.BEFORE, to=1, step=1),
)
SCHEDULE = Schedule(switches=SWITCHES, trace="a" * 16)


def test_a_schedule_that_was_kept_is_no_divergence() -> None:
    assert left_course(SCHEDULE, ONE, None) is None
    assert left_course(evolve(SCHEDULE, trace=""), evolve(ONE, trace="b" * 16), None) is None


def test_another_trace_is_a_divergence_between_the_switches() -> None:
    divergence = left_course(SCHEDULE, evolve(ONE, trace="b" * 16), None)
    assert divergence == Divergence(
        4,
        f"a round with trace {'a' * 16}",
        f"trace {'b' * 16} after 4 choices, parting between two switches",
    )


def test_a_run_that_never_began_left_nothing() -> None:
    assert left_course(SCHEDULE, Control(), None) is None


def test_switches_are_counted_as_the_shim_has_them() -> None:
    # Those with a step first, in their order: the plan has them otherwise.
    departure = Departure(Leave.ELSEWHERE, switch=0, step=1, came=AT_SET)
    assert left_course(SCHEDULE, ONE, departure) == Divergence(
        1, f"thread 0 before {GET} (visit 2), then thread 1", f"thread 1 after {SET} (visit 1)"
    )


def test_a_thread_that_could_not_run_is_named() -> None:
    departure = Departure(Leave.UNREADY, switch=0, step=1, came=AT_GET)
    divergence = left_course(SCHEDULE, ONE, departure)
    assert divergence is not None
    assert divergence.actual == f"thread 0 before {GET} (visit 2), where thread 1 could not run"


def test_a_switch_that_never_came_up_is_told_with_its_own_step() -> None:
    departure = Departure(Leave.MISSED, switch=1, step=2, came=None)
    assert left_course(SCHEDULE, ONE, departure) == Divergence(
        3, "the end of thread 1, then thread 0", "the end of the round after 2 choices"
    )


def test_a_record_that_makes_no_sense_is_still_a_divergence() -> None:
    departure = Departure(Leave.ELSEWHERE, switch=99, step=1, came=None)
    assert left_course(SCHEDULE, ONE, departure) == Divergence(1, "switch 99", "another one")
