"""A kept plan in a rebuilt module: what moved is found, what is not certain is refused."""

import shutil
import subprocess
from pathlib import Path

import pytest
from attrs import evolve

from stressor.campaign.fit import Fitted, fit
from stressor.campaign.hello import Hello
from stressor.campaign.locate import with_ordinals
from stressor.model.evidence import Control, End, Ending, Evidence, Step, Why
from stressor.model.plan import ANY_STEP, Action, Plan, Rule, Schedule, Switch, Until
from stressor.model.site import Category, Ordinal, Phase, Site, text_without_offset
from stressor.model.trial import Trial
from stressor.symbols.calls import calls_of
from stressor.symbols.symbolizer import SYMBOLS
from tests.unit.test_missing import hello
from tests.unit.test_symbols_calls import SOURCE, build, end_of
from tests.unit.trials import failing

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc builds what is looked at")

PYTHON = "/usr/bin/python3"
BEFORE = "int before_it(int n) { return elsewhere(n) * 7 + elsewhere(n + 1); }\n"
# The same function with more in it before the calls: all distances change.
GROWN = SOURCE.replace("void *outer", f"{BEFORE}\nvoid *outer").replace(
    "elsewhere(1) +", "elsewhere(1) * elsewhere(2) * elsewhere(3) +"
)
TWICE = SOURCE.replace(
    "    found += pointer", "    found += PyList_GetItem(key, 0) != 0;\n    found += pointer"
)
SWAPPED = SOURCE.replace("void *outer", "void *other")
LIST_ITEM = "PyList_GetItem"


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("old"), "-fno-optimize-sibling-calls")


def rebuilt(folder: Path, source: str) -> Hello:
    return hello(PYTHON, str(build(folder, "-fno-optimize-sibling-calls", source=source)))


def site_at(box: Path, offset: int, symbol: str = LIST_ITEM) -> Site:
    key = f"call:box:{symbol}+{offset:#x}"
    return Site(key, Category.CONTAINER, (Phase.AFTER,), visits=3, path=str(box))


def kept(plan: Plan, *sites: Site, steps: tuple[Step, ...] = ()) -> Trial:
    """As it comes out of the corpus: with ordinals, without paths."""
    control = Control(steps, len(steps)) if steps else None
    trial = Trial(plan, Evidence(Ending(End.EXITED), sites=sites, control=control), failing())
    kept = with_ordinals(trial)
    bare = tuple(evolve(site, path="") for site in kept.evidence.sites)
    return evolve(kept, evidence=evolve(kept.evidence, sites=bare))


def naming(*keys: str) -> Plan:
    return Plan("box", ((), ()), 1, rules=tuple(Rule(Action.SLEEP, key) for key in keys))


def key_of(fitted: Fitted) -> str:
    [rule] = fitted.trial.plan.rules
    return rule.site


def test_the_build_it_was_kept_for_changes_nothing(old: Path) -> None:
    site = site_at(old, end_of(old, LIST_ITEM))
    trial = kept(naming(site.key), site)

    assert trial.evidence.sites[0].ordinal == Ordinal(1, 1)
    assert fit(trial, hello(PYTHON, str(old))) == Fitted(trial)


def test_a_call_that_moved_is_found_by_its_function_and_ordinal(old: Path, tmp_path: Path) -> None:
    site = site_at(old, end_of(old, LIST_ITEM))
    until = Until(1, site.key, 2)
    hold = Rule(Action.HOLD, "op:target:pull", most_ns=5, until=until)
    trial = kept(evolve(naming(site.key), rules=(Rule(Action.SLEEP, site.key), hold)), site)
    build_ = rebuilt(tmp_path, GROWN)
    new = tmp_path / "box.so"
    assert end_of(new, LIST_ITEM) != end_of(old, LIST_ITEM)

    fitted = fit(trial, build_)

    there = site_at(new, end_of(new, LIST_ITEM)).key
    assert [rule.site for rule in fitted.trial.plan.rules] == [there, "op:target:pull"]
    assert fitted.trial.plan.rules[1].until == evolve(until, site=there)
    [move] = fitted.moves
    assert (move.key, move.new_key) == (site.key, there)
    assert fitted.note.startswith("1 place moved since it was kept (the module was rebuilt): Py")
    old_end, new_end = (f"+{key.rpartition('+')[2]}" for key in (site.key, there))
    assert f"PyList_GetItem in outer {old_end} -> {new_end}" in fitted.note
    # What a report says of the place is true of this build.
    assert {each.key for each in fitted.trial.evidence.sites} == {site.key, there}
    # In the rebuilt module there is nothing to find any more.
    assert fit(fitted.trial, build_).moves == ()


def test_another_number_of_such_calls_is_not_guessed_at(old: Path, tmp_path: Path) -> None:
    site = site_at(old, end_of(old, LIST_ITEM))
    trial = kept(naming(site.key), site)

    assert fit(trial, rebuilt(tmp_path, TWICE)).missing == (site.key,)


def test_each_of_several_calls_stays_the_same_one(old: Path, tmp_path: Path) -> None:
    first, second = (tmp_path / name for name in ("first", "second"))
    first.mkdir()
    second.mkdir()
    twice = build(first, source=TWICE)
    [outer] = SYMBOLS.functions(str(twice), "outer")
    sites = [
        site_at(twice, at) for at in calls_of(str(twice), outer.start, outer.end, LIST_ITEM) or ()
    ]
    trial = kept(naming(*(site.key for site in sites)), *sites)
    assert [site.ordinal for site in trial.evidence.sites] == [Ordinal(1, 2), Ordinal(2, 2)]

    fitted = fit(
        trial, hello(PYTHON, str(build(second, source=BEFORE.join(TWICE.split("\n\n", 1)))))
    )

    assert len(fitted.moves) == 2
    assert [move.function for move in fitted.moves] == ["outer", "outer"]
    assert fitted.moves[0].new_key < fitted.moves[1].new_key


def test_such_a_call_at_the_old_offset_of_another_function_is_not_it(
    old: Path, tmp_path: Path
) -> None:
    site = site_at(old, end_of(old, LIST_ITEM))
    trial = kept(naming(site.key), site)

    assert fit(trial, rebuilt(tmp_path, SWAPPED)).missing == (site.key,)


def test_old_entries_are_found_while_the_function_is_the_same_inside(
    old: Path, tmp_path: Path
) -> None:
    """They have no ordinals; "function+0x1c" says enough when only what is before it changed."""
    site = SYMBOLS.name_site(site_at(old, end_of(old, LIST_ITEM)))
    entry = evolve(kept(naming(site.key)), evidence=Evidence(Ending(End.EXITED), sites=(site,)))
    moved, grown = (tmp_path / name for name in ("moved", "grown"))
    moved.mkdir()
    grown.mkdir()

    fitted = fit(entry, rebuilt(moved, SOURCE.replace("void *outer", f"{BEFORE}\nvoid *outer")))
    assert key_of(fitted) == site_at(old, end_of(moved / "box.so", LIST_ITEM)).key
    assert fit(entry, rebuilt(grown, GROWN)).missing == (site.key,)


def test_a_place_without_an_offset_is_looked_up(old: Path, tmp_path: Path) -> None:
    text = "call:box:PyList_GetItem in outer"

    fitted = fit(kept(naming(text)), rebuilt(tmp_path, GROWN))
    assert key_of(fitted) == site_at(old, end_of(tmp_path / "box.so", LIST_ITEM)).key
    assert fitted.note == ""
    for wrong in (f"{text} #2 of 2", "call:box:PyList_GetItem in inner", "call:bag:PyX in outer"):
        assert fit(kept(naming(wrong)), hello(PYTHON, str(old))).missing == (wrong,)


def test_stripped_modules_are_taken_as_they_are(old: Path, tmp_path: Path) -> None:
    site = site_at(old, end_of(old, LIST_ITEM))
    trial = kept(naming(site.key), site)
    bare = tmp_path / "box.so"
    shutil.copy(old, bare)
    subprocess.run(["strip", "--strip-all", bare], check=True, timeout=60)

    assert fit(trial, hello(PYTHON, str(bare))).missing == ()


def test_a_moved_schedule_is_followed_by_its_visits(old: Path, tmp_path: Path) -> None:
    site = site_at(old, end_of(old, LIST_ITEM))
    begin, visit, blocked, end = (
        Step(-1, "", 0, Phase.BEFORE, 0, Why.BEGIN, (0, 1)),
        Step(0, site.key, 1, Phase.AFTER, 1, Why.VISIT, (0, 1)),
        Step(1, site.key, 1, Phase.AFTER, 0, Why.BLOCKED, (0,)),
        Step(0, "", 0, Phase.BEFORE, 1, Why.ENDED, (1,)),
    )
    switches = tuple(
        Switch(each.thread, each.site, each.visit, each.phase, each.to, number)
        for number, each in enumerate((begin, visit, blocked, end))
    )
    plan = Plan("box", ((), ()), 1, schedule=Schedule(switches=switches, trace="0" * 16))
    trial = kept(plan, site, steps=(begin, visit, blocked, end))
    assert fit(trial, hello(PYTHON, str(old))).trial.plan == plan

    fitted = fit(trial, rebuilt(tmp_path, GROWN))

    schedule = fitted.trial.plan.schedule
    assert schedule is not None
    assert schedule.trace == ""
    assert {each.step for each in schedule.switches} == {ANY_STEP}
    new = site_at(old, end_of(tmp_path / "box.so", LIST_ITEM)).key
    assert [(each.thread, each.site) for each in schedule.switches] == [(-1, ""), (0, new), (0, "")]
    assert "followed by its visits" in fitted.note


def test_a_trace_is_dropped_when_what_it_visited_moved(old: Path, tmp_path: Path) -> None:
    """The plan names no call, and would be told to have diverged for the names of the others."""
    site = site_at(old, end_of(old, LIST_ITEM))
    switch = Switch(-1, "", 0, Phase.BEFORE, 1, 0)
    plan = Plan("box", ((), ()), 1, schedule=Schedule(switches=(switch,), trace="0" * 16))
    trial = evolve(
        kept(plan), evidence=Evidence(Ending(End.EXITED), sites=(SYMBOLS.name_site(site),))
    )

    fitted = fit(trial, rebuilt(tmp_path, GROWN))

    assert fitted.is_loose
    assert fitted.trial.plan.schedule == Schedule(switches=(evolve(switch, step=ANY_STEP),))
    assert fitted.moves == ()
    assert "the module was rebuilt" in fitted.note
    assert fit(trial, hello(PYTHON, str(old))) == Fitted(trial)


def test_texts_without_offset_say_which_of_several() -> None:
    site = Site("call:_c:PyDict_SetItem+0x130a", Category.CONTAINER, (), function="Cache_put+0x32")
    assert text_without_offset(site) == ""
    only = evolve(site, ordinal=Ordinal(1, 1))
    assert text_without_offset(only) == "call:_c:PyDict_SetItem in Cache_put"
    second = evolve(site, ordinal=Ordinal(2, 3))
    assert text_without_offset(second) == "call:_c:PyDict_SetItem in Cache_put #2 of 3"
    assert text_without_offset(evolve(only, function="two words+0x2")) == ""
