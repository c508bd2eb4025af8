"""Rules and sites in words: who does what at which visit, and until when.

Numbers of threads are those of the plan, from 0 on; visits count from 1, as in rules.
"""

from collections.abc import Mapping

from stressor.model.cost import CERTAIN
from stressor.model.plan import ANY_STEP, ANYWHERE, Action, Plan, Rule, Switch, Until
from stressor.model.site import Category, Kind, Phase, Site
from stressor.report.plain import plain

UNTIL = " until thread "
"""Stands before the second visit of a pin: a good place to begin a new line."""

type Sites = Mapping[str, Site]

_DOES = {
    Action.GO: "goes on",
    Action.YIELD: "yields",
    Action.SPIN: "spins",
    Action.SLEEP: "sleeps",
    Action.DETACH: "detaches",
    Action.HOLD: "waits",
}
_DID = {
    Action.YIELD: "yielded",
    Action.SPIN: "spun",
    Action.SLEEP: "slept",
    Action.DETACH: "detached for",
    Action.HOLD: "waited",
}


def rule_words(rule: Rule, sites: Sites) -> str:
    """One rule as a sentence without its full stop."""
    who = f"thread {rule.thread}" if rule.thread is not None else "each thread"
    side = f"{rule.phase.value} " if rule.phase is not None else "before and after "
    said = [who, _DOES[rule.action], *_duration(rule), side + selector_words(rule.site, sites)]
    if rule.visit is not None:
        said.append(f"({ordinal(rule.visit)} visit)")
    elif rule.until is None:
        said.append("at every visit")
    if rule.chance < 1.0:
        said.append(f"with a chance of {rule.chance:.3g}")
    if rule.until is not None:
        said.append(_until(rule.until, sites))
        said.append(f"(at most {duration(rule.most_ns)})")
    return " ".join(said)


def switch_words(switch: Switch, sites: Sites) -> str:
    """One switch as a sentence without its full stop."""
    exactly = f" (choice {switch.step})" if switch.step != ANY_STEP else ""
    to = f"thread {switch.to}"
    if switch.thread < 0:
        return f"{to} goes first{exactly}"
    if not switch.site:
        return f"after thread {switch.thread} {to} goes on{exactly}"
    where = f"{switch.phase.value} {site_words(switch.site, sites)} ({ordinal(switch.visit)} visit)"
    return f"thread {switch.thread} gives the turn to {to} {where}{exactly}"


def selector_words(selector: str, sites: Sites) -> str:
    """What a rule's site selects, in words."""
    if selector == ANYWHERE:
        return "any site"
    kind, _, name = selector.partition(":")
    if kind in ("category", "kind"):
        return f"any {plain(name)} site"
    return site_words(selector, sites)


def site_words(key: str, sites: Sites) -> str:
    """Name a site: "PyDict_GetItem in update+0x1c (_csv.c:30)", or "operation pull"."""
    site = sites.get(key) or Site(key, Category.OP, ())
    kind = key.partition(":")[0]
    if kind == Kind.OP.value:
        return f"operation {plain(site.symbol)}"
    if kind == Kind.HOOK.value:
        return f"{plain(site.module)} of {plain(site.symbol)}"
    if site.function:
        source = f" ({plain(site.source)})" if site.source else ""
        return f"{plain(site.symbol)} in {plain(site.function)}{source}"
    place = f"{site.module}+{site.offset:#x}" if site.offset is not None else site.module
    return f"{plain(site.symbol)} in {plain(place)}"


def short_site(key: str, sites: Sites) -> str:
    """Name a site without its source line, for columns."""
    site = sites.get(key)
    if site is not None and site.source and site.function:
        return f"{plain(site.symbol)} in {plain(site.function)}"
    return site_words(key, sites)


def done_words(action: Action, ns: int) -> str:
    """What an event's action was: "slept 300 us"; empty when nothing was done, or at once."""
    if action is Action.GO or (ns == 0 and action is not Action.YIELD):
        return ""
    return _DID[action] if action is Action.YIELD else f"{_DID[action]} {duration(ns)}"


def duration(ns: int) -> str:
    """Nanoseconds in the unit that gives the fewest digits, ASCII only."""
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if ns >= size:
            value = ns / size
            return f"{value:.3g} {unit}" if value < 1000 else f"{value:.0f} {unit}"
    return f"{ns} ns"


def many(count: int, one: str, more: str = "") -> str:
    """Count things: "1 visit", "2 visits"; `more` where the plural is not made with an s."""
    return f"{count} {one if count == 1 else more or one + 's'}"


def size_words(plan: Plan) -> str:
    """How much there is of a plan: "2 threads, 3 calls, 2 switches, 1 round"."""
    schedule = plan.schedule
    told = [many(plan.threads, "thread"), many(plan.calls, "call")]
    if schedule is None:
        pins = sum(rule.is_pin for rule in plan.rules)
        told += [many(pins, "pin")] if pins else []
        told += [many(len(plan.rules) - pins, "delay")] if len(plan.rules) > pins else []
    else:
        told.append(many(len(schedule.switches), "switch", "switches"))
        told += [f"strategy {plain(schedule.then.name)} for the rest"] * (
            schedule.then.name != CERTAIN
        )
    return ", ".join([*told, many(plan.rounds, "round")])


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 11th."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def _duration(rule: Rule) -> list[str]:
    if rule.until is not None or rule.action in (Action.GO, Action.YIELD):
        return []
    joined = "for " if rule.action is Action.DETACH else ""
    if rule.least_ns == rule.most_ns:
        return [joined + duration(rule.most_ns)]
    if rule.least_ns == 0:
        return [f"{joined}up to {duration(rule.most_ns)}"]
    return [f"{joined}{duration(rule.least_ns)} to {duration(rule.most_ns)}"]


def _until(until: Until, sites: Sites) -> str:
    passed = "has passed" if until.phase is Phase.AFTER else "has reached"
    site = site_words(until.site, sites)
    return f"{UNTIL.lstrip()}{until.thread} {passed} {site} ({ordinal(until.visit)} visit)"
