"""Which sites of a plan are missing in a build, and what is said about it: a real file as module."""

import shutil
from pathlib import Path

import pytest
from attrs import evolve

from stressor.campaign.hello import Coverage, Hello
from stressor.campaign.missing import missing_sites, named_sites, refusal
from stressor.model.plan import Action, Plan, Rule, Schedule, Switch, Until
from stressor.model.site import Phase
from stressor.model.trial import Origin, Trial
from stressor.targets.harness import OperationInfo
from tests.unit.test_symbols_calls import build, end_of
from tests.unit.trials import CRASHED

OPERATIONS = (OperationInfo("pull"), OperationInfo("push"))
HERE = Origin("3.13.5 free-threading", "Linux", {"box": "1.1", "other": "2.0"}, "0.1")

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc builds what is looked at")


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("missing"))


def hello(*modules: str, loaded: tuple[str, ...] = (), own: tuple[str, ...] = ()) -> Hello:
    """`modules` are instrumented; the first is the interpreter when there are any."""
    covered = tuple(Coverage(Path(each).name, each, {"container": 1}) for each in modules)
    every = (*modules, *loaded)
    return Hello("3.13.5", False, 10, OPERATIONS, covered, own, loaded=every)


def naming(*sites: str) -> Plan:
    return Plan("cache", ((),), 1, rules=tuple(Rule(Action.SLEEP, site) for site in sites))


def site(box: Path, name: str = "PyList_GetItem", shift: int = 0, module: str = "box") -> str:
    return f"call:{module}:{name}+{end_of(box, 'PyList_GetItem') + shift:#x}"


def test_rules_holds_and_switches_name_sites_and_selectors_do_not() -> None:
    until = Until(1, "op:target:push", 1)
    rules = (
        Rule(Action.HOLD, "call:a:PyList_Size+0x1", most_ns=5, until=until),
        *(Rule(Action.SLEEP, each) for each in ("*", "kind:call", "category:lock")),
    )
    switches = (
        Switch(-1, "", 0, Phase.BEFORE, 0, 0),
        Switch(0, "block:python:sem_wait+0x2", 1, Phase.BEFORE, 1),
        Switch(0, "block:python:sem_wait+0x2", 2, Phase.BEFORE, 1),
        Switch(1, "", 0, Phase.BEFORE, 0),
    )
    plan = Plan("cache", ((), ()), 1)

    assert named_sites(evolve(plan, rules=rules)) == ("call:a:PyList_Size+0x1", "op:target:push")
    controlled = evolve(plan, schedule=Schedule(switches=switches))
    assert named_sites(controlled) == ("block:python:sem_wait+0x2",)


@needs_gcc
def test_call_at_another_place_or_of_another_symbol_is_missing(box: Path) -> None:
    build_ = hello("/usr/bin/python3", str(box))
    moved, other = site(box, shift=-1), site(box, "PyTuple_GetItem")

    assert missing_sites(naming(site(box)), build_) == ()
    assert missing_sites(naming(moved, site(box), other), build_) == (moved, other)


@needs_gcc
def test_interpreter_is_the_executable(box: Path) -> None:
    there, gone = site(box, module="python"), site(box, shift=-1, module="python")

    assert missing_sites(naming(there, gone), hello(str(box))) == (gone,)


@needs_gcc
def test_one_of_several_modules_of_a_name_is_enough(box: Path, tmp_path: Path) -> None:
    twin = build(tmp_path, "-O0")
    assert end_of(twin, "PyList_GetItem") != end_of(box, "PyList_GetItem")
    both = hello("/usr/bin/python3", str(twin), str(box))

    assert missing_sites(naming(site(box), site(twin)), both) == ()


@needs_gcc
def test_where_nothing_is_instrumented_any_call_will_do(box: Path) -> None:
    build_ = hello("/usr/bin/python3", loaded=(str(box),))
    moved = site(box, shift=-1)

    assert missing_sites(naming(site(box, "PyTuple_GetItem"), moved), build_) == (moved,)


def test_module_that_is_not_there_is_missing_unless_it_may_come(tmp_path: Path) -> None:
    package = tmp_path / "package"
    for folder in (package, package / "deep", tmp_path / "beside"):
        folder.mkdir()
        (folder / "__init__.py").touch()
    for late in (package / "deep" / "_late.cpython-313t.so", tmp_path / "beside" / "_near.so"):
        late.write_bytes(b"what is no ELF file says nothing")
    build_ = hello(
        "/usr/bin/python3",
        str(tmp_path / "beside" / "main.so"),
        own=(str(package / "_core.so"),),
    )
    sites = [f"call:{name}:PyList_Size+0x10" for name in ("_late", "_near", "_gone", "_la")]

    assert missing_sites(naming(*sites), build_) == tuple(sites[2:])


def test_operations_that_are_gone_are_missing() -> None:
    build_ = hello()
    assert missing_sites(naming("op:target:pull", "op:target:pul"), build_) == ("op:target:pul",)
    # A record keeps the beginning of a long name.
    long = "p" * 100
    evolved = evolve(build_, operations=(OperationInfo(long),))
    assert missing_sites(naming(f"op:target:{long[:79]}"), evolved) == ()


@pytest.mark.parametrize(
    "site",
    [
        "hook:destroy:tuple",
        "hook:alloc:object",
        "call:unknown:PyList_Size+0x0",
        "call:x:PyList_Size",
        "?",
    ],
)
def test_what_has_no_place_is_never_missing(site: str) -> None:
    assert missing_sites(naming(site), hello("/usr/bin/python3")) == ()


def test_nothing_is_missing_where_nothing_is_known() -> None:
    assert missing_sites(naming("call:_gone:PyList_Size+0x10"), hello()) == ()


def told(trial: Trial, build_: Hello, then: Origin | None) -> str:
    missing = missing_sites(trial.plan, build_)
    return refusal(evolve(trial, origin=then), missing, build_, HERE)


@needs_gcc
def test_refusal_names_what_is_missing_where_it_looked_and_what_to_do(box: Path) -> None:
    moved = tuple(f"call:box:PyList_Size+{n:#x}" for n in range(1, 8))
    trial = evolve(CRASHED, plan=naming(site(box), *moved))
    build_ = hello("/usr/bin/python3", str(box))

    text = told(trial, build_, evolve(HERE, packages={"box": "1.0", "other": "2.0", "gone": "3"}))

    assert "cache: 7 of the 8 places" in text
    assert f"{', '.join(moved[:5])} and 2 more. There is no such call in {box}." in text
    assert "box 1.0 (1.1 here), gone 3 (not installed here)" in text
    assert text.endswith("`pip install box==1.0 gone==3` brings that back.")


def test_refusal_without_another_version_says_what_else_may_have_changed() -> None:
    trial = evolve(CRASHED, plan=naming("op:target:gone"))

    assert "operations are: pull, push. The sources" in told(trial, hello(), None)
    assert "`stressor fuzz cache`" in told(trial, hello(), HERE)
    older = evolve(HERE, interpreter="3.13.1 free-threading")
    assert "found with Python 3.13.1 free-threading; this is 3.13.5" in told(trial, hello(), older)
