"""Passes over the rules: fewer delays, shorter delays.

Leave exchanging a delay for an ordering constraint to `pins`, and noise for exact delays to `exact`.
"""

from attrs import evolve

from stressor.minimize.edits import with_rule, without_rules
from stressor.minimize.search import Search
from stressor.model.plan import Rule

SHORTER = (20, 4, 2)
"""Divisors of a delay's length, boldest first."""


def drop_rules(search: Search) -> None:
    """Leave out all rules, halves, quarters, ... single ones."""
    search.begin("leaving out delays")
    size = len(search.best.plan.rules)
    while size >= 1:
        start = 0
        while start < len(search.best.plan.rules):
            if not search.consider(without_rules(search.best.plan, start, start + size)):
                start += size
        size //= 2


def shorten_delays(search: Search) -> None:
    """Make each delay shorter, and shorter again as long as that works."""
    search.begin("shortening delays")
    for index, rule in enumerate(search.best.plan.rules):
        if not rule.is_pin and rule.most_ns > 0:
            _shorten(search, index)


def _shorten(search: Search, index: int) -> None:
    for divisor in SHORTER:
        while search.consider(
            with_rule(search.best.plan, index, _divided(search.best.plan.rules[index], divisor))
        ):
            pass


def _divided(rule: Rule, divisor: int) -> Rule:
    """Shorter, to two significant digits, which is what a reader can hold in mind."""
    return evolve(
        rule,
        least_ns=_rounded(rule.least_ns // divisor),
        most_ns=_rounded(rule.most_ns // divisor),
    )


def _rounded(ns: int) -> int:
    unit = int(10 ** max(len(str(ns)) - 2, 0))
    return ns // unit * unit
