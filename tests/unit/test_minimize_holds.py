"""Edits of schedules, and from schedules to pins: pure, on choices written by hand."""

import pytest

from stressor.minimize.edits import (
    beginning_with,
    loosened,
    switches_of,
    without_calls,
    without_switches,
    without_thread,
)
from stressor.minimize.holds import holds_of, orders
from stressor.model.evidence import Control, End, Ending, Event, Evidence, Step, Why
from stressor.model.outcome import Outcome, Verdict
from stressor.model.plan import ANY_STEP, Action, Call, Plan, Rule, Schedule, Switch, Until
from stressor.model.site import Phase
from stressor.model.trial import Trial

BEFORE, AFTER = Phase.BEFORE, Phase.AFTER
OP, GET, SET, LOCK = "op:target:do", "call:m:Get+0x1", "call:m:Set+0x2", "call:m:Lock+0x3"


def begin(to: int) -> Step:
    return Step(-1, "", 0, BEFORE, to, Why.BEGIN, (0, 1, 2))


def visit(thread: int, site: str, phase: Phase, to: int, why: Why = Why.VISIT) -> Step:
    return Step(thread, site, 1, phase, to, why, (0, 1, 2))


def end(thread: int, to: int) -> Step:
    return Step(thread, "", 0, BEFORE, to, Why.ENDED, (0, 1, 2))


def hold(thread: int, site: str, phase: Phase, until: Until) -> Rule:
    return Rule(Action.HOLD, site, phase, thread, 1, most_ns=10_000_000, until=until)


# Thread 0 gets, thread 1 does all of its call, thread 0 goes on.
PREEMPTED = (
    begin(0),
    visit(0, OP, BEFORE, 0),
    visit(0, GET, BEFORE, 0),
    visit(0, GET, AFTER, 1),
    visit(1, OP, BEFORE, 1),
    visit(1, SET, BEFORE, 1),
    visit(1, SET, AFTER, 1),
    visit(1, OP, AFTER, 1),
    end(1, 0),
    visit(0, OP, AFTER, 0),
)


def test_each_stretch_but_the_first_waits_for_the_one_before_it() -> None:
    # A visit counts as passed behind its pause, so the one where a thread stands cannot be awaited.
    assert holds_of(PREEMPTED) == (
        hold(1, OP, BEFORE, Until(0, GET, 1, BEFORE)),
        hold(0, GET, AFTER, Until(1, OP, 1, AFTER)),
    )


def test_holds_where_threads_go_on_are_tried_without_those_where_they_begin() -> None:
    every, later = orders(PREEMPTED)

    assert every == holds_of(PREEMPTED)
    assert later == every[1:]


def test_thread_that_waits_in_a_lock_is_not_held() -> None:
    steps = (
        begin(0),
        visit(0, OP, BEFORE, 0),
        visit(0, GET, AFTER, 1),
        visit(1, OP, BEFORE, 1),
        visit(1, LOCK, BEFORE, 1),
        visit(1, LOCK, BEFORE, 0, Why.BLOCKED),
        visit(0, OP, AFTER, 0),
        end(0, 1),
        visit(1, OP, AFTER, 1),
    )

    # Thread 1 is past the side before the lock when it waits in it, and goes on by itself.
    assert holds_of(steps) == (
        hold(1, OP, BEFORE, Until(0, OP, 1, BEFORE)),
        hold(0, GET, AFTER, Until(1, LOCK, 1, BEFORE)),
    )


def test_holds_never_wait_for_one_another() -> None:
    steps = (
        begin(0),
        visit(0, OP, BEFORE, 0),
        visit(0, GET, BEFORE, 1),
        visit(1, OP, BEFORE, 1),
        visit(1, GET, BEFORE, 1),
        visit(1, SET, BEFORE, 0),
        visit(0, GET, AFTER, 0),
        visit(0, SET, BEFORE, 1),
        visit(1, SET, AFTER, 1),
        end(1, 0),
        visit(0, SET, AFTER, 0),
        end(0, 0),
    )
    order = {
        (step.thread, step.site, step.visit, step.phase): number
        for number, step in enumerate(steps)
    }

    for rule in holds_of(steps):
        assert rule.until is not None
        awaited = (rule.until.thread, rule.until.site, rule.until.visit, rule.until.phase)
        goes_on = max(n for n, step in enumerate(steps) if step.to == rule.thread)
        assert order[awaited] < goes_on
    assert len(holds_of(steps)) == 4


def test_threads_one_after_the_other_need_no_order_that_was_not_there() -> None:
    steps = (begin(0), visit(0, OP, AFTER, 0), end(0, 1), visit(1, OP, BEFORE, 1))

    assert holds_of(steps) == (hold(1, OP, BEFORE, Until(0, OP, 1, AFTER)),)
    assert list(orders(())) == []


def switch(thread: int, site: str, visit: int, to: int, step: int = ANY_STEP) -> Switch:
    return Switch(thread, site, visit, BEFORE, to, step)


PLAN = Plan(
    "t",
    ((Call("a"),), (Call("b"), Call("b")), (Call("c"),)),
    seed=1,
    home=2,
    schedule=Schedule(
        switches=(
            switch(-1, "", 0, 1, 0),
            switch(1, GET, 2, 2, 3),
            switch(2, SET, 1, 1, 4),
            switch(1, "", 0, 0, 7),
            switch(-1, "", 0, 2, 9),
        ),
        trace="0123456789abcdef",
    ),
)


def test_dropping_a_thread_drops_its_switches_and_loosens_the_others() -> None:
    small = without_thread(PLAN, 0)

    assert switches_of(small) == (
        switch(-1, "", 0, 0),
        switch(0, GET, 2, 1),
        switch(1, SET, 1, 0),
    )
    assert small.home == 1
    assert small.schedule is not None
    assert small.schedule.trace == ""
    assert without_thread(PLAN, 2).home is None


@pytest.mark.parametrize(("gone", "visits"), [(0, [1]), (1, [])])
def test_dropping_a_call_moves_or_drops_its_switches(gone: int, visits: list[int]) -> None:
    events = tuple(Event(1, n, GET, n, BEFORE, call=n - 1) for n in (1, 2))
    evidence = Evidence(Ending(End.EXITED), events=((), events, ()), control=Control())
    trial = Trial(PLAN, evidence, Outcome(Verdict.FAILED))

    small = without_calls(trial, 1, {gone})

    assert [each.visit for each in switches_of(small) if each.site == GET] == visits
    assert all(each.step == ANY_STEP for each in switches_of(small))


def test_loose_switches_forget_who_was_woken_but_not_who_begins() -> None:
    # Without a thread and a step a switch is taken at the beginning, wherever it came from.
    assert [each.thread for each in switches_of(loosened(PLAN))] == [-1, 1, 2, 1]


def test_leaving_out_a_switch_keeps_the_steps_before_it() -> None:
    assert [each.step for each in switches_of(without_switches(PLAN, 2, 3))] == [0, 3, -1]


def test_numbering_anew_moves_everything_round() -> None:
    turned = beginning_with(without_switches(PLAN, 0, 1), 1)

    assert turned.program == (*PLAN.program[1:], PLAN.program[0])
    assert turned.home == 1
    assert switches_of(turned) == (
        switch(0, GET, 2, 1),
        switch(1, SET, 1, 0),
        switch(0, "", 0, 2),
    )
    assert beginning_with(beginning_with(turned, 1), 1) == loosened(without_switches(PLAN, 0, 1))
