"""What a plan costs its reader: the order in which minimizing and the corpus prefer plans.

Heaviest first, with the reasons: threads, since each one multiplies the interleavings; calls, since
each has to be understood; arguments, shorter and then smaller, as in shortlex; rules, since each
raises the question "why there"; rules that are not pins, since a pin says an order and a delay only
hopes for one; rules that apply in many places; the time that is waited; rounds, which cost only
patience. Equal costs are two plans that are equally easy to read, not two equal plans.
"""

from typing import NamedTuple

from stressor.model.plan import ANYWHERE, Allocator, Plan, Rule


class Cost(NamedTuple):
    """Compares as a tuple; fields in the order in which they weigh."""

    threads: int
    calls: int
    argument_bytes: int
    arguments: str
    rules: int
    delays: int
    breadth: int
    waited_ns: int
    rounds: int
    debug_allocator: bool


def cost(plan: Plan) -> Cost:
    """How much a reader of `plan` must hold in mind."""
    arguments = "".join(call.entropy for calls in plan.program for call in calls)
    return Cost(
        threads=plan.threads,
        calls=plan.calls,
        argument_bytes=len(arguments) // 2,
        arguments=arguments,
        rules=len(plan.rules),
        delays=sum(not rule.is_pin for rule in plan.rules),
        breadth=sum(map(_breadth, plan.rules)),
        waited_ns=sum(rule.most_ns for rule in plan.rules if not rule.is_pin),
        rounds=plan.rounds,
        debug_allocator=plan.allocator is Allocator.DEBUG,
    )


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
