"""What a plan costs its reader: the order in which minimizing and the corpus prefer plans.

Heaviest first, with the reasons: threads, since each one multiplies the interleavings; calls, since
each has to be understood; arguments, shorter and then smaller, as in shortlex; a schedule whose
choices a scheduler draws, since nobody sees them: spelled out, however many, they can be read and made
fewer; rules, and the switches that give the turn to another thread at a visit, since each raises the
question "why there"; rules that are not pins, since a pin says an order and a delay only hopes for
one; taking turns at all, so that pins, which need no turnstile, come before as many switches, and those
before as many delays; rules that apply in many places; switches that count choices, since they hold
only behind all that came before; other choices, that a thread goes on or who is next when one ends,
which are no preemptions; the time that is waited; rounds, which cost only patience; and what has to be
set up otherwise than usual. Equal costs are two plans that are equally easy to read, not two equal
plans.
"""

from typing import NamedTuple

from stressor.model.plan import ALL, ANY_STEP, ANYWHERE, Allocator, Plan, Rule, Schedule, Switch

CERTAIN = "first"
"""The scheduler that draws nothing: who has the turn keeps it while it can."""

MANY = 1000
"""What a glob over inner functions counts: more than all that can be named one by one."""

_PARALLEL = Schedule()


class Cost(NamedTuple):
    """Compares as a tuple; fields in the order in which they weigh."""

    threads: int
    calls: int
    argument_bytes: int
    arguments: str
    drawn: bool
    rules: int
    delays: int
    controlled: bool
    breadth: int
    counted: int
    choices: int
    waited_ns: int
    rounds: int
    debug_allocator: bool
    hooks: bool
    home: bool
    redirected: int


def cost(plan: Plan) -> Cost:
    """How much a reader of `plan` must hold in mind."""
    schedule = plan.schedule or _PARALLEL
    arguments = "".join(call.entropy for calls in plan.program for call in calls)
    return Cost(
        threads=plan.threads,
        calls=plan.calls,
        argument_bytes=len(arguments) // 2,
        arguments=arguments,
        drawn=schedule.then.name != CERTAIN,
        rules=len(plan.rules) + sum(map(_preempts, schedule.switches)),
        delays=sum(not rule.is_pin for rule in plan.rules),
        controlled=plan.schedule is not None,
        breadth=sum(map(_breadth, plan.rules)),
        counted=sum(switch.step != ANY_STEP for switch in schedule.switches),
        choices=len(schedule.switches),
        waited_ns=sum(rule.most_ns for rule in plan.rules if not rule.is_pin),
        rounds=plan.rounds,
        debug_allocator=plan.allocator is Allocator.DEBUG,
        hooks=schedule.hooks,
        home=plan.home is not None,
        redirected=sum(1 if glob.isidentifier() and glob != ALL else MANY for glob in plan.runtime),
    )


def _preempts(switch: Switch) -> bool:
    """Whether the turn goes from a visit to another thread; whether the one could go on is not said."""
    return switch.site != "" and switch.to != switch.thread


def _breadth(rule: Rule) -> int:
    """How many of the things that could narrow a rule are left open; 0 names a single visit."""
    named = rule.site.split(":", 1)[0] not in (ANYWHERE, "kind", "category")
    return sum(
        (
            not named,
            rule.phase is None,
            rule.thread is None,
            rule.visit is None,
            rule.chance < 1.0,
        )
    )
