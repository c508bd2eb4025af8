"""Plans against real builds: what a trial recorded is there, and is missing once the source changed."""

import shutil
from pathlib import Path

import pytest
from attrs import evolve

from stressor.campaign.fit import Fitted, fit
from stressor.campaign.hosts import Hosts
from stressor.campaign.locate import with_ordinals
from stressor.campaign.missing import missing_sites
from stressor.campaign.scratch import Scratch
from stressor.campaign.session import open_session
from stressor.cli.main import run
from stressor.corpus import Corpus
from stressor.errors import NotTestedError
from stressor.model.outcome import Failure, FailureKind, Outcome, Signature, Verdict
from stressor.model.plan import Action, Call, Plan, Rule, Schedule, Spec
from stressor.model.site import Site
from stressor.model.trial import Trial
from stressor.symbols.calls import ends_call, is_call

pytestmark = [pytest.mark.native, pytest.mark.slow]

CASES = Path(__file__).parents[2] / "corpus" / "cases"
FOLDERS = sorted(each.parent for each in CASES.glob("*/*/target.py"))


def plan_of(target: Path, operations: list[str]) -> Plan:
    """Two threads that call everything and take turns: the interpreter's own calls are sites too."""
    program = tuple(tuple(Call(each) for each in operations * 2) for _ in range(2))
    return Plan(str(target), program, seed=7, schedule=Schedule(then=Spec("walk")), rounds=3)


def naming(plan: Plan, *sites: str) -> Plan:
    rules = tuple(Rule(Action.SLEEP, each) for each in sites)
    return evolve(plan, schedule=None, rules=rules)


@pytest.mark.parametrize("case", FOLDERS, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_no_site_that_a_trial_recorded_is_missing(case: Path) -> None:
    with Scratch() as scratch, Hosts(scratch) as hosts:
        hello = hosts.host(str(case)).hello
        plan = plan_of(case, [each.name for each in hello.operations])
        trial = hosts.carry_out(plan)
        sites = {site.key: site for site in trial.evidence.sites}
        sites.update({site.key: site for site in hello.sites})
    covered = {each.path for each in hello.modules if each.slots}
    refused = [site.key for site in sites.values() if is_refused(site, covered)]

    # What is tested of the interpreter's own types has no calls through slots.
    assert case.parent.name == "real" or any(each.offset is not None for each in sites.values())
    assert hello.loaded
    assert not refused
    assert missing_sites(naming(plan, *sites), hello) == ()
    evidence = evolve(trial.evidence, sites=tuple(sites.values()))
    kept = with_ordinals(evolve(trial, plan=naming(plan, *sites), evidence=evidence))
    assert fit(kept, hello) == Fitted(kept)


def is_refused(site: Site, covered: set[str]) -> bool:
    if site.offset is None:
        return False
    if site.path not in covered:
        return ends_call(site.path, site.offset) is False
    return is_call(site.path, site.offset, site.symbol) is False


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    target = tmp_path / "case"
    shutil.copytree(CASES / "buggy" / "borrowed_list_item", target)
    return target


def test_plan_for_the_buggy_build_is_refused_once_the_bug_is_fixed(
    copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Scratch() as scratch, Hosts(scratch) as hosts:
        host = hosts.host(str(copied))
        plan = plan_of(copied, [each.name for each in host.hello.operations])
        evidence = hosts.carry_out(plan).evidence
        seen = [*evidence.sites, *host.hello.sites]
    borrowed = next(site.key for site in seen if site.symbol == "PyList_GetItem")
    named = naming(plan, borrowed, "op:target:nothing_like_it")
    failure = Failure(Signature(FailureKind.CRASH, "nowhere"), "a crash")
    outcome = Outcome(Verdict.FAILED, (failure,))
    trial = Trial(named, evidence, outcome)
    entry = Corpus(tmp_path / "corpus").keep(trial)
    with open_session() as session, pytest.raises(NotTestedError, match="1 of the 2 places"):
        session.fitted(trial)

    fixed = (CASES / "correct" / "borrowed_list_item" / "playlist_fixed.c").read_text()
    (copied / "playlist.c").write_text(fixed.replace("playlist_fixed", "playlist"))

    assert run(["replay", str(entry), "-n", "1"]) == 3
    said = capsys.readouterr()
    assert "2 of the 2 places" in said.err
    assert borrowed in said.err
    assert "failed again" not in said.out
    for command in (["minimize", str(entry)], ["export", str(entry), "-o", "-"]):
        assert run(command) == 3
    assert sorted((tmp_path / "corpus").rglob("*.json")) == [entry]
