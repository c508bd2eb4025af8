"""What an exported reproducer imports: it says its plan in a few readable lines, and runs it.

    if __name__ == "__main__":
        from stressor.reproduce import pin, reproduce

        reproduce(
            __file__,
            fails=("invariant", "check of <this file>:check"),
            program=[["take(units=1)"], ["take(units=1)"]],
            rules=[
                pin("thread 0 after call:quota:PyLong_AsSsize_t in take visit 1",
                    until="thread 1 after call:quota:PyLong_AsSsize_t in take visit 1"),
            ],
        )

`stressor export` writes such files, and they may be edited. Runs are those of `stressor replay`:
child processes, deadlines, oracles and exit codes are the same. A place like the one above is looked
up in the module that is loaded, so it survives a rebuild. How texts read: `stressor.report.notation`.
"""

import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, TypedDict, Unpack

from attrs import evolve

from stressor.campaign.fit import loosened
from stressor.campaign.locate import located
from stressor.campaign.session import open_session
from stressor.cli.boundary import exit_code_of, say
from stressor.cli.output import console
from stressor.cli.replay import exit_code, run_again, tell_counts
from stressor.errors import UsageError
from stressor.model.bounds import check_plan
from stressor.model.evidence import End, Ending, Evidence
from stressor.model.outcome import Failure, FailureKind, Outcome, Signature, Verdict
from stressor.model.plan import (
    ANY_STEP,
    ANYWHERE,
    Action,
    Allocator,
    Call,
    Limits,
    Plan,
    Rule,
    Schedule,
    Switch,
    Until,
)
from stressor.model.trial import Trial
from stressor.report import failure_text, show
from stressor.report.notation import read_call, read_choice, read_exact_visit, read_spec, read_visit
from stressor.report.reproducer import HOLD_NS, THIS_FILE

HELP = {"-h", "--help"}

type Program = Sequence[Sequence[str | tuple[str, str]]]
"""Calls of each thread: "put(key=3)", or an operation with the entropy that its arguments are
drawn from, ("put", "0a3f")."""


def pin(at: str, *, until: str, ns: int | tuple[int, int] = HOLD_NS, chance: float = 1.0) -> Rule:
    """At the visit `at` the thread waits until another one has passed `until`, at most `ns`."""
    reached = read_exact_visit(until)
    least, most = ns if isinstance(ns, tuple) else (0, ns)
    rule = _rule(Action.HOLD, at, least, most, chance)
    return evolve(rule, until=Until(reached.thread, reached.site, reached.visit, reached.phase))


def delay(
    action: str, at: str = ANYWHERE, *, ns: int | tuple[int, int] = 0, chance: float = 1.0
) -> Rule:
    """At the visits `at` the thread does `action`: go, yield, spin, sleep or detach, for `ns`."""
    least, most = ns if isinstance(ns, tuple) else (ns, ns)
    return _rule(Action(action), at, least, most, chance)


def switch(at: str, *, to: int, step: int = ANY_STEP) -> Switch:
    """At the visit `at` the turn goes to thread `to`; `step` says at which choice exactly.

    Where a thread has no visit `at` is "thread 0 at no visit", and "no thread" at the beginning.
    """
    visit = read_choice(at)
    return Switch(visit.thread, visit.site, visit.visit, visit.phase, to, step)


class Settings(TypedDict, total=False):
    """The rest of a plan; what is left out is as in `stressor.model.plan.Plan`, its seed 0.

    `rules` are delays and pins, of threads that run in parallel. `switches` are hand-overs of threads
    that take turns; the strategy `then`, as "pct(depth=3)", chooses the others, usually "first()".
    With either there are no rules, and with `hooks` destructions and allocations are places for a
    hand-over too.
    """

    rules: Sequence[Rule]
    switches: Sequence[Switch]
    then: str
    hooks: bool
    home: int | None
    seed: int
    rounds: int
    modules: Sequence[str]
    runtime: Sequence[str]
    allocator: str
    ledger: bool
    monitors: Sequence[str]
    seconds: float
    memory_mb: int


def reproduce(
    target: str,
    *,
    program: Program,
    fails: Sequence[str],
    runs: int = 20,
    **settings: Unpack[Settings],
) -> NoReturn:
    """Run the plan `runs` times, print how often it failed and how, and exit like `stressor replay`.

    Args:
        target: the harness: a file or folder, or an importable module, `:Class` behind it.
        program: see `Program`.
        fails: kind, place and, where there is one, detail of the failure; `<this file>` stands for
            the name of the target's file.
        runs: how often.
        settings: see `Settings`.
    """
    if HELP & set(sys.argv[1:]):
        print(_help(Path(sys.argv[0]).name, runs))
        sys.exit(0)
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    def run() -> int:
        plan = _plan(target, program, settings)
        return _carry_out(plan, _signature(fails, target), runs)

    sys.exit(exit_code_of(lambda: _saying_what_is_wrong(run)))


def _help(name: str, runs: int) -> str:
    return (
        f"usage: python {name}\n\n"
        f"Runs the failure that this file describes {runs} times in child processes, prints how often\n"
        "it failed, and how. It takes no options: the program, the order in which its calls must\n"
        "meet, and runs= are plain text at its end, and may be edited.\n\n"
        "Exit codes: 1 it failed at least once, 0 it never did, 2 wrong usage or a broken harness,\n"
        "3 could not test."
    )


def _plan(target: str, program: Program, settings: Settings) -> Plan:
    """Raises `ValueError` for what no plan can be."""
    unknown = settings.keys() - Settings.__annotations__.keys()
    if unknown:
        known = ", ".join(Settings.__annotations__)
        raise ValueError(f"there is no setting {min(unknown)!r}; there are: {known}")
    usual = Limits()
    plan = Plan(
        target,
        tuple(tuple(_call(each) for each in calls) for calls in program),
        seed=settings.get("seed", 0),
        rules=tuple(settings.get("rules", ())),
        schedule=_schedule(settings),
        home=settings.get("home"),
        rounds=settings.get("rounds", 1),
        modules=tuple(settings.get("modules", ())),
        runtime=tuple(settings.get("runtime", ())),
        allocator=Allocator(settings.get("allocator", Allocator.DEFAULT.value)),
        ledger=settings.get("ledger", True),
        monitors=tuple(settings.get("monitors", ())),
        limits=Limits(
            settings.get("seconds", usual.seconds), settings.get("memory_mb", usual.memory_mb)
        ),
    )
    check_plan(plan)
    return plan


def _saying_what_is_wrong(run: Callable[[], int]) -> int:
    """What was edited into the file and cannot be is the user's to put right."""
    try:
        return run()
    except ValueError as error:
        raise UsageError(f"this reproducer cannot be run: {error}") from None


def _rule(action: Action, at: str, least: int, most: int, chance: float) -> Rule:
    visit = read_visit(at)
    return Rule(action, visit.site, visit.phase, visit.thread, visit.visit, chance, least, most)


def _call(text: str | tuple[str, str]) -> Call:
    return read_call(text) if isinstance(text, str) else Call(*text)


def _schedule(settings: Settings) -> Schedule | None:
    switches, then = settings.get("switches", ()), settings.get("then", "")
    if not switches and not then:
        return None
    usual = Schedule()
    chooser = read_spec(then) if then else usual.then
    return Schedule(chooser, tuple(switches), settings.get("hooks", usual.hooks))


def _signature(fails: Sequence[str], target: str) -> Signature:
    kind, where, *detail = fails
    name = Path(target.rpartition(":")[0] if ".py:" in target else target).name
    return Signature(FailureKind(kind), where.replace(THIS_FILE, name), *detail)


def _carry_out(plan: Plan, wanted: Signature, runs: int) -> int:
    outcome = Outcome(Verdict.FAILED, (Failure(wanted, ""),))
    saved = Trial(plan, Evidence(Ending(End.EXITED)), outcome)
    with open_session() as session:
        replayed, doubts = run_again(session, saved, runs)
        if replayed.verdicts[Verdict.DIVERGED] == runs:
            say("other visits than those recorded, as after a change of the module; once more,")
            say("with the switches at their visits, whatever their steps")
            saved = evolve(saved, plan=loosened(plan))
            replayed, doubts = run_again(session, saved, runs)
    if replayed.rate.hits:
        show(console(), failure_text(located(replayed.last)))
    tell_counts(saved, replayed, doubts)
    return exit_code(replayed, doubts)
