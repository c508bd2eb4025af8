"""A kept trial's plan in the installed build: places that moved with a rebuild get their new names.

Decides what is the same place: the same one of as many calls of the same symbol in the function of the
same name. What cannot be placed so is not guessed; it is missing. An offset is part of a site's name,
and decisions depend on names, so a plan with moved places is no longer the run that was recorded: its
trace and the numbers of its choices are dropped, and its switches are taken wherever their visits come.
"""

from collections.abc import Iterable, Mapping

from attrs import evolve, frozen

from stressor.campaign.hello import Hello
from stressor.campaign.missing import WITH_PLACE, files_of, is_missing, named_sites
from stressor.model.evidence import Step, Why
from stressor.model.plan import ANY_STEP, Plan, Rule, Switch
from stressor.model.site import Category, Site, read_without_offset
from stressor.model.trial import Trial
from stressor.report.words import many
from stressor.symbols.places import numbered, offset_in
from stressor.symbols.symbolizer import SYMBOLS

MOST_SHOWN = 5

_AT_VISIT = (Why.VISIT, Why.YIELD)


@frozen
class Move:
    """A place in `function` whose key is another one now."""

    key: str
    new_key: str
    function: str

    def __str__(self) -> str:
        was, now = (Site(key, Category.OP, ()) for key in (self.key, self.new_key))
        return f"{was.symbol} in {self.function} {was.offset or 0:+#x} -> {now.offset or 0:+#x}"


@frozen
class Fitted:
    """A trial whose plan names places as the installed build does.

    `missing` are those named that this build does not have, or that cannot be told there: as long as
    there are any, the plan says nothing. `is_loose`: trace and numbers of choices were dropped.
    """

    trial: Trial
    moves: tuple[Move, ...] = ()
    missing: tuple[str, ...] = ()
    is_loose: bool = False

    @property
    def note(self) -> str:
        """What is to be said of it, in one line; empty when it is the plan that was kept."""
        if not self.moves:
            rebuilt = "the module was rebuilt since it was kept"
            return f"{rebuilt}{_LOOSE}" if self.is_loose else ""
        shown = ", ".join(map(str, self.moves[:MOST_SHOWN]))
        more = len(self.moves) - MOST_SHOWN
        return (
            f"{many(len(self.moves), 'place')} moved since it was kept (the module was rebuilt): "
            f"{shown}{f' and {more} more' if more > 0 else ''}{_LOOSE if self.is_loose else ''}"
        )


_LOOSE = "; the recorded schedule is followed by its visits, not choice by choice"


def fit(trial: Trial, hello: Hello) -> Fitted:
    """Find what the trial's plan names in the build of its own host, whose `hello` it is.

    Reads the files of the modules that the places are in.
    """
    plan, recorded = trial.plan, {site.key: site for site in trial.evidence.sites}
    there = {key: _site_now(_kept(key, recorded), hello) for key in named_sites(plan)}
    missing = tuple(key for key, site in there.items() if site is None)
    found = {key: site for key, site in there.items() if site is not None and site.key != key}
    if missing:
        return Fitted(trial, missing=missing)
    moves = tuple(
        Move(key, site.key, site.function_name) for key, site in found.items() if key in recorded
    )
    steps = trial.evidence.control.steps if trial.evidence.control is not None else ()
    plan = _renamed(plan, {key: site.key for key, site in found.items()})
    loose = loosened(plan, steps) if moves or _is_off_course(trial, hello) else plan
    sites = (*trial.evidence.sites, *(each for each in found.values() if each.key not in recorded))
    fitted = evolve(trial, plan=loose, evidence=evolve(trial.evidence, sites=sites))
    return Fitted(fitted, moves, is_loose=loose != plan)


def _kept(key: str, recorded: Mapping[str, Site]) -> Site:
    return recorded.get(key) or read_without_offset(key) or Site(key, Category.OP, ())


def _site_now(site: Site, hello: Hello) -> Site | None:
    """The place as it is in this build; None when it is not there, or nobody can tell."""
    missing = is_missing(site.key, hello)
    files = files_of(site.module, hello) if site.function and _has_place(site) else ()
    if len(files) != 1:
        return None if missing or _lacks_offset(site) else site
    look = SYMBOLS.name_site if site.ordinal is None else numbered
    here = look(evolve(site, path=files[0], function=None, ordinal=None, source=None))
    if not missing and not _lacks_offset(site) and (here.function is None or _same(site, here)):
        return site
    offset = offset_in(files[0], site)
    if offset is None:
        return None
    key = f"{site.kind.value}:{site.module}:{site.symbol}+{offset:#x}"
    return numbered(SYMBOLS.resolve_site(evolve(here, key=key, function=None, ordinal=None)))


def _same(then: Site, now: Site) -> bool:
    if then.ordinal is None:
        return then.function == now.function
    return (then.function_name, then.ordinal) == (now.function_name, now.ordinal)


def _has_place(site: Site) -> bool:
    return site.key.split(":", 1)[0] in WITH_PLACE


def _lacks_offset(site: Site) -> bool:
    """Whether it came from a text that leaves the offset to the build."""
    return site.offset is None and site.ordinal is not None


def _is_off_course(trial: Trial, hello: Hello) -> bool:
    """Whether the plan's trace has names that this build does not have, though the plan has none."""
    schedule = trial.plan.schedule
    if schedule is None or not schedule.trace:
        return False
    return any(_site_now(site, hello) != site for site in trial.evidence.sites if _has_place(site))


def _renamed(plan: Plan, names: Mapping[str, str]) -> Plan:
    schedule = plan.schedule
    return evolve(
        plan,
        rules=tuple(_renamed_rule(rule, names) for rule in plan.rules),
        schedule=schedule
        and evolve(
            schedule,
            switches=tuple(
                evolve(each, site=names.get(each.site, each.site)) for each in schedule.switches
            ),
        ),
    )


def _renamed_rule(rule: Rule, names: Mapping[str, str]) -> Rule:
    until = rule.until
    return evolve(
        rule,
        site=names.get(rule.site, rule.site),
        until=until and evolve(until, site=names.get(until.site, until.site)),
    )


def loosened(plan: Plan, steps: tuple[Step, ...] = ()) -> Plan:
    """Without the trace, and with switches that are taken wherever their visits come up.

    `steps` are those of the recording; without them a wait is not told from a visit.
    """
    schedule = plan.schedule
    if schedule is None:
        return plan
    switches = tuple(
        evolve(switch, step=ANY_STEP)
        for switch in schedule.switches
        if not _is_of_wait(switch, steps)
    )
    return evolve(plan, schedule=evolve(schedule, switches=_once(switches), trace=""))


def _is_of_wait(switch: Switch, steps: tuple[Step, ...]) -> bool:
    """Whether the thread waited, so that its visit alone would name an earlier choice."""
    if not switch.site or not 0 <= switch.step < len(steps):
        return False
    return steps[switch.step].why not in _AT_VISIT


def _once(switches: Iterable[Switch]) -> tuple[Switch, ...]:
    """The first switch at each visit: a visit is taken once."""
    first: dict[tuple[object, ...], Switch] = {}
    for each in switches:
        first.setdefault((each.thread, each.site, each.visit, each.phase), each)
    return tuple(first.values())
