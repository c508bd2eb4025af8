"""The command line: options in, one call, a rendering, an exit code. No process, no thread."""

import json
import re
import sys
from pathlib import Path
from random import Random

import pytest
from attrs import evolve

from stressor import __version__
from stressor.campaign.progress import MOST_REASONS, OTHER_REASONS, Tally
from stressor.campaign.report import INTERRUPTED
from stressor.campaign.session import Session
from stressor.cli.boundary import FAULT_HEADING, exit_code_of, say
from stressor.cli.bundled import bundled_targets
from stressor.cli.main import run, stressor
from stressor.cli.shares import Share, share_of
from stressor.cli.telling import worst
from stressor.corpus import Corpus, Entry, load_entry
from stressor.errors import NotTestedError, UsageError
from stressor.minimize.followup import GRACE_SECONDS, FollowUp
from stressor.model.evidence import CallResult, CallStatus, End, Ending, Evidence
from stressor.model.outcome import Outcome, Verdict
from stressor.model.plan import Action, Plan, Rule
from stressor.model.site import Phase
from stressor.model.trial import Origin, Trial
from tests.unit.fake_race import BUG, Odds, Race
from tests.unit.fake_session import Shell, shell
from tests.unit.fake_turns import TornReads
from tests.unit.test_explore import CALM, FRAGILE

# The fake race knows delays, not turns.
FUZZ = ("fuzz", "cache", "--trials", "25", "--rounds", "5", "--seed", "1", "--mode", "perturbed")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def calm() -> Shell:
    return shell(Race(Random(1), CALM))


def fragile() -> Shell:
    return shell(Race(Random(1), FRAGILE))


def found_entry() -> Path:
    """Fuzz until there is a corpus, and return its exemplar."""
    assert fragile()(*FUZZ) == 1
    [entry] = Corpus(Path(".stressor/corpus")).exemplars()
    return entry.path


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["fuzz"],
        ["replay"],
        ["minimize"],
        ["corpus"],
        ["corpus", "list"],
        ["corpus", "show"],
        ["corpus", "merge"],
        ["corpus", "prune"],
        ["sites"],
        ["doctor"],
        ["interpreter"],
        ["interpreter", "find"],
        ["interpreter", "install"],
    ],
    ids=" ".join,
)
def test_every_command_has_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, "--help"]) == 0
    assert "Usage: stressor" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command", [name for name in stressor.commands if name not in ("interpreter",)]
)
def test_commands_show_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    run([command, "--help"])
    assert f"Examples:\n    stressor {command}" in capsys.readouterr().out


@pytest.mark.parametrize("group", ["corpus", "interpreter"])
def test_commands_of_groups_show_examples(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    for name in stressor.commands[group].commands:  # type: ignore[attr-defined]  # they are groups
        run([group, name, "--help"])
        assert f"Examples:\n    stressor {group} {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "No such command 'nope'"),
        (["fuzz"], "name a TARGET"),
        (["fuzz", "t", "--nope"], "No such option '--nope'"),
        (["fuzz", "t", "--threads", "1"], "1 is not in the range"),
        (["fuzz", "t", "--time", "0"], "0.0 is not in the range"),
        (["fuzz", "t", "--time", "nan"], "nan is not a finite number"),
        (["fuzz", "t", "--deadline", "nan"], "nan is not a finite number"),
        (["minimize", "t", "--time", "inf"], "inf is not a finite number"),
        (["fuzz", "t", "--memory", "99999999999"], "is not in the range"),
        (["fuzz", "t", "--modules", ""], "an empty GLOB matches nothing"),
        (["fuzz", "t", "--time", "soon"], "'soon' is not a valid float"),
        (["fuzz", "t", "--strategy", "fuzzy"], "'fuzzy' is not one of 'none', 'uniform'"),
        (["fuzz", "t", "--mode", "parallel"], "'parallel' is not one of 'perturbed', 'controlled'"),
        (["fuzz", "t", "--monitor", "section"], "did you mean sections?"),
        (["fuzz", "t", "--monitor", "everything"], "there is sections, detached, thread-state"),
        (["fuzz", "t", "--double-check", "101%"], "'101%' is not a percentage"),
        (["fuzz", "t", "--double-check", "nan"], "'nan' is not a percentage"),
        (["fuzz", "t", "--exhaustive", "2"], "'2' is not preemptions=N or delays=N"),
        (["fuzz", "t", "--exhaustive", "steps=2"], "'steps=2' is not preemptions=N or delays=N"),
        (["fuzz", "t", "--exhaustive", "delays=101"], "N from 0 to 100"),
        (["fuzz", "cache", "--mode", "perturbed", "--strategy", "pct"], "is for perturbed mode"),
        (["fuzz", "t", "--allocator", "jemalloc"], "'jemalloc' is not one of"),
        (["replay"], "Missing argument 'ENTRY'"),
        (["replay", "no-such-file"], "no-such-file: cannot be opened"),
        (["minimize", "no-such-file"], "no-such-file: cannot be opened"),
        (["corpus", "show", "no-such-file"], "no-such-file: cannot be opened"),
        (["corpus", "merge"], "Missing argument"),
        (["corpus", "merge", "no-such-file"], "does not exist"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_usage_error_is_one_line_and_exit_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert calm()(*arguments) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.startswith("stressor: ")
    assert printed.count("\n") == 1


def test_quiet_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert calm()(*FUZZ) == 0
    out = capsys.readouterr().out
    assert "no failure found in cache, on what was exercised" in out
    assert "25 trials" in out
    assert not Path(".stressor").exists()


def test_failure_is_told_kept_and_replayable(capsys: pytest.CaptureFixture[str]) -> None:
    entry = found_entry()
    out = capsys.readouterr().out

    assert f"FAILED: {BUG}" in out
    assert out.rstrip().endswith(f"stressor replay {entry}")
    kept = Corpus(Path(".stressor/corpus")).load(next(Corpus(entry.parents[1]).exemplars()))
    assert kept.minimized
    assert kept.origin is not None
    assert kept.origin.interpreter == "3.13.5 free-threading"


def test_no_minimize_keeps_it_as_found() -> None:
    assert fragile()(*FUZZ, "--no-minimize") == 1
    corpus = Corpus(Path(".stressor/corpus"))
    assert corpus.entries()
    assert not any(corpus.load(entry).minimized for entry in corpus.entries())


def test_options_reach_the_plans() -> None:
    fuzz = calm()
    assert (
        fuzz(
            *("fuzz", "cache", "--trials", "40", "--threads", "3", "--calls", "2"),
            *("--rounds", "7", "--modules", "*/a.so", "--modules", "*/b.so"),
            *("--strategy", "edges", "--strategy", "none", "--allocator", "debug"),
            *("--deadline", "2.5", "--memory", "99", "--jobs", "3"),
        )
        == 0
    )
    assert fuzz.opened == [3]
    for plan in fuzz.hosts.asked:
        assert plan.threads <= 3
        assert max(map(len, plan.program)) <= 2
        assert plan.rounds <= 7
        assert plan.modules == ("*/a.so", "*/b.so")
        assert plan.strategy.name in ("edges", "none")
        assert plan.allocator.value == "debug"
        assert (plan.limits.seconds, plan.limits.memory_mb) == (2.5, 99)


@pytest.mark.parametrize(
    ("arguments", "monitors", "ledger"),
    [
        ([], (), {False, True}),
        (["--monitor", "counts"], ("counts",), {False}),
        (["--monitor", "counts", "--monitor", "borrowed"], ("counts",), {True}),
        (["--monitor", "all"], ("sections", "detached", "thread-state", "counts"), {True}),
    ],
)
def test_monitors_reach_the_plans(
    arguments: list[str], monitors: tuple[str, ...], ledger: set[bool]
) -> None:
    fuzz = calm()
    assert fuzz("fuzz", "cache", "--trials", "40", *arguments) == 0
    assert {plan.monitors for plan in fuzz.hosts.asked} == {monitors}
    assert {plan.ledger for plan in fuzz.hosts.asked} == ledger


@pytest.mark.parametrize(
    ("arguments", "controlled"),
    [
        (["--mode", "perturbed"], {False}),
        (["--mode", "controlled"], {True}),
        (["--strategy", "pos"], {True}),
        ([], {False, True}),
    ],
)
def test_mode_reaches_the_plans(arguments: list[str], controlled: set[bool]) -> None:
    fuzz = calm()

    assert fuzz("fuzz", "cache", "--trials", "40", "--rounds", "5", *arguments) == 0

    assert {plan.schedule is not None for plan in fuzz.hosts.asked} == controlled


def test_exhaustive_search_that_ends_says_what_was_tried(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fuzz, wanted = shell(TornReads()), ("--threads", "2", "--calls", "1", "--no-minimize")

    assert fuzz("fuzz", "cache", "--exhaustive", "delays=1,sleep-sets", *wanted) == 1

    text = " ".join(capsys.readouterr().out.split())
    assert "schedules with at most 1 delay of 3 programs were tried, but for those" in text


def test_double_checks_are_carried_out_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = ("--mode", "controlled", "--trials", "20", "--rounds", "5", "--no-minimize")

    shell(TornReads())("fuzz", "cache", "--double-check", "100%", *wanted)

    told = capsys.readouterr().out
    assert "0 of 20 controlled trials went another way when carried out again (0 %)" in told


def test_seed_is_printed_and_repeats_the_plans(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = calm(), calm()
    first("fuzz", "cache", "--trials", "10")
    [seed] = re.findall(r"seed (\d+)", capsys.readouterr().err)
    second("fuzz", "cache", "--trials", "10", "--seed", seed)
    assert first.hosts.asked == second.hosts.asked


def test_json_is_one_document_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert fragile()(*FUZZ, "--json") == 1
    data = json.loads(capsys.readouterr().out)
    assert data["exit_code"] == 1
    [campaign] = data["campaigns"]
    assert campaign["target"] == "cache"
    assert campaign["trials"] == 25
    [failure] = campaign["failures"]
    assert failure["signature"]["text"] == str(BUG)
    assert Path(failure["entry"]).is_file()


def test_several_targets_are_all_tried_and_a_failure_is_not_hidden(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fuzz = fragile()
    fuzz.hosts.targets = ("cache", "queue")

    assert fuzz("fuzz", "gone", "cache", "queue", "--trials", "25", "--json", "--seed", "1") == 1

    printed = capsys.readouterr()
    codes = {each["target"]: each["exit_code"] for each in json.loads(printed.out)["campaigns"]}
    assert codes == {"gone": 2, "cache": 1, "queue": 1}
    assert "gone: there is no such file" in printed.err


def test_time_is_split_between_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    fuzz, given = calm(), []
    fuzz.hosts.targets = ("cache", "queue")
    real = Session.fuzz

    def looks(self, settings, *rest):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN202
        given.append(settings.seconds)
        return real(self, settings, *rest)

    monkeypatch.setattr(Session, "fuzz", looks)
    fuzz("fuzz", "cache", "queue", "--trials", "2", "--time", "30")
    # Half of the first share is kept for minimizing; the second gets what the first left.
    assert given[0] == 7.5
    assert 15.0 < given[1] <= 30.0

    given.clear()
    fuzz("fuzz", "cache", "queue", "--trials", "2", "--time", "30", "--no-minimize")
    assert given[0] == 15.0


def test_the_shares_of_a_command_make_up_its_time() -> None:
    used: list[float] = []
    for _ in range(7):
        share = share_of(120.0, 8, used, GRACE_SECONDS)
        used.append(share.seconds + share.grace)
    assert used[0] == 22.5
    last = share_of(120.0, 8, used, GRACE_SECONDS)
    # All took as much as they could, and the last has its quarter of an equal share.
    assert last == Share(3.75, GRACE_SECONDS)
    assert sum(used) + last.seconds < 121.0
    assert share_of(120.0, 8, [7.5] * 4, GRACE_SECONDS).seconds > 11.0
    assert share_of(60.0, 1, [], GRACE_SECONDS) == Share(60.0, GRACE_SECONDS)
    assert share_of(1200.0, 2, [], GRACE_SECONDS) == Share(580.0, GRACE_SECONDS)
    # Those before used up all: there is a little for the rest, and it is not said to be tested else.
    assert share_of(120.0, 8, [70.0, 60.0], 0.0) == Share(3.75, 0.0)


def test_what_is_minimized_is_shown_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fuzz = fragile()
    fuzz.hosts.targets = ("cache", "queue")
    real = FollowUp.__call__

    def short_of_time(self, trial, *rest):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN202
        return trial if trial.plan.target == "cache" else real(self, trial, *rest)

    monkeypatch.setattr(FollowUp, "__call__", short_of_time)
    assert fuzz("fuzz", "cache", "queue", "--trials", "25", "--rounds", "5", "--seed", "1") == 1

    printed = capsys.readouterr()
    assert f"found: {BUG} (" in printed.err
    first, second = (part for part in printed.out.split("FAILED: ")[1:])
    assert "minimized yet" not in first
    assert "It is not minimized yet" in second
    assert "1 failure found in queue" in second
    assert printed.out.index("1 failure found in cache") < printed.out.index("FAILED: ")


def test_single_target_that_is_gone_is_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert calm()("fuzz", "gone") == 2
    assert capsys.readouterr().err.endswith(
        "stressor: gone: there is no such file, folder or module.\n"
    )


def test_single_target_that_is_gone_is_still_one_json_document(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert calm()("fuzz", "gone", "--json") == 2
    [campaign] = json.loads(capsys.readouterr().out)["campaigns"]
    assert campaign["exit_code"] == 2
    assert "no such file" in campaign["error"]


def test_what_is_loaded_is_said_before_it_is_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    assert fragile()("fuzz", "no-such\x1btarget") == 2
    said = capsys.readouterr().err
    assert "stressor: loading no-such\\x1btarget ...\n" in said
    assert said.index("loading") < said.index("there is no such file")

    entry = found_entry()
    for command in ("replay", "minimize"):
        capsys.readouterr()
        fragile()(command, entry)
        assert capsys.readouterr().err.startswith("stressor: loading cache ...\n")


def test_glob_that_matches_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    calm()(*FUZZ, "--modules", "*/nope.so")
    assert "*/nope.so: no module" in capsys.readouterr().err


def test_canary_that_is_not_caught_is_exit_3(capsys: pytest.CaptureFixture[str]) -> None:
    fuzz = shell(Race(Random(1), CALM), catches=False)

    assert fuzz(*FUZZ) == 3

    assert "canary" in capsys.readouterr().err
    assert fuzz.hosts.asked == []


def test_nothing_exercised_is_exit_3_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    def stuck(plan: Plan) -> Trial:
        reasons = ("the trial was too slow", "and a remark")
        return Trial(plan, Evidence(Ending(End.SLOW)), Outcome(Verdict.UNKNOWN, (), reasons))

    assert shell(stuck)(*FUZZ) == 3
    out = capsys.readouterr().out
    assert "25 unknown" in out
    assert "25 trials: the trial was too slow" in out
    assert "remark" not in out


def test_reasons_without_end_are_not_all_kept() -> None:
    tally, plan = Tally(), Plan("cache", ((),), seed=1)
    for number in range(2 * MOST_REASONS):
        outcome = Outcome(Verdict.UNKNOWN, (), (f"setup raised {number}",))
        tally.add(Trial(plan, Evidence(Ending(End.SLOW)), outcome))
    assert len(tally.reasons) == MOST_REASONS + 1
    assert tally.reasons[OTHER_REASONS] == MOST_REASONS


def test_fault_of_stressor_is_said_to_be_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(plan: Plan) -> Trial:
        evidence = Evidence(Ending(End.EXITED), fault="Traceback: KeyError in stressor")
        return Trial(plan, evidence, Outcome(Verdict.BROKEN))

    assert shell(broken)(*FUZZ) == 4

    printed = capsys.readouterr().err
    assert FAULT_HEADING in printed
    assert "KeyError in stressor" in printed


def test_fault_with_a_traceback_is_saved(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> int:
        raise LookupError("an index of ours")

    assert exit_code_of(fails) == 4

    printed = capsys.readouterr().err
    assert "LookupError: an index of ours" in printed
    saved = re.search(r"saved in (\S+?)\. ", printed)
    assert saved is not None
    assert "LookupError" in Path(saved[1]).read_text()
    Path(saved[1]).unlink()


def test_read_only_corpus_still_prints_the_whole_entry(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(".stressor").write_text("a file where the folder should be")

    assert fragile()(*FUZZ) == 1

    printed = capsys.readouterr()
    assert "could not be saved" in printed.err
    assert '"program"' in printed.out
    assert "not saved" in printed.out


def test_known_failure_is_tried_first(capsys: pytest.CaptureFixture[str]) -> None:
    entry = found_entry()
    again = fragile()
    capsys.readouterr()

    assert again(*FUZZ) == 1

    out = capsys.readouterr().out
    assert "[known before]" in out
    assert str(entry) in out
    assert again.hosts.asked[0] == Corpus(entry.parents[1]).load(_entry(entry)).plan


def _entry(path: Path):  # type: ignore[no-untyped-def]  # noqa: ANN202 - corpus.Entry
    [entry] = [each for each in Corpus(path.parents[1]).entries() if each.path == path]
    return entry


def test_known_failure_that_is_gone_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    found_entry()

    assert calm()(*FUZZ) == 0

    assert "known failure did not happen again" in capsys.readouterr().out


def test_malformed_entry_is_named_and_nothing_else_is_lost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    entry = found_entry()
    entry.parent.joinpath("notes.txt").write_text("mine")

    assert calm()(*FUZZ) == 0

    assert "notes.txt" in capsys.readouterr().err


def test_unreadable_entry_beside_a_good_one_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    bad = found_entry().parent / "00000000000000ff.json"
    bad.write_text("{}")
    capsys.readouterr()

    assert fragile()(*FUZZ) == 1

    assert capsys.readouterr().err.count(bad.name) == 1


def test_known_failure_that_cannot_be_tried_ends_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    entry = found_entry()
    known, race = Corpus(entry.parents[1]).load(_entry(entry)).plan, Race(Random(1), CALM)

    def stale(plan: Plan) -> Trial:
        if plan == known:
            raise UsageError("there is no operation 'read'")
        return race(plan)

    assert shell(stale)(*FUZZ) == 0

    printed = capsys.readouterr()
    assert "there is no operation 'read'" in printed.err
    assert "did not happen again" not in printed.out
    assert race.runs == 25


def test_replay_that_came_to_no_end_is_exit_3(capsys: pytest.CaptureFixture[str]) -> None:
    def slow(plan: Plan) -> Trial:
        return Trial(plan, Evidence(Ending(End.SLOW)), Outcome(Verdict.UNKNOWN, (), ("too slow",)))

    assert shell(slow)("replay", found_entry()) == 3
    assert "too slow" in capsys.readouterr().err


def test_replay_that_reached_no_place_of_its_plan_is_exit_3(
    capsys: pytest.CaptureFixture[str],
) -> None:
    entry = found_entry()
    trial = Corpus(entry.parents[1]).load(_entry(entry))
    rule = Rule(Action.SLEEP, "call:_gone:PyDict_GetItem+0x1", Phase.AFTER)
    saved = Corpus(Path("rebuilt")).keep(
        evolve(trial, plan=evolve(trial.plan, rules=(rule,), schedule=None))
    )

    assert calm()("replay", saved) == 3

    printed = capsys.readouterr()
    assert "not reached: call:_gone:PyDict_GetItem+0x1" in printed.out
    assert "none of the places" in printed.err


@pytest.mark.parametrize("command", ["replay", "minimize", "export"])
def test_plan_of_another_build_is_exit_3_before_any_run(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = found_entry()
    trial = Corpus(entry.parents[1]).load(_entry(entry))
    rules = tuple(Rule(Action.SLEEP, f"call:_gone:PyDict_GetItem+{n:#x}") for n in range(1, 8))
    origin = Origin("3.13.5 free-threading", "Linux", {"cachelib": "1.2"}, "0.1")
    plan = evolve(trial.plan, rules=rules, schedule=None)
    saved = Corpus(Path("rebuilt")).keep(evolve(trial, plan=plan, origin=origin))
    build = calm()
    build.hosts.loaded = ("/usr/bin/python3.13t",)

    assert build(command, saved) == 3

    said = capsys.readouterr().err
    assert "7 of the 7 places that the plan names do not exist" in said
    assert "call:_gone:PyDict_GetItem+0x5 and 2 more." in said
    assert "has loaded no module _gone" in said
    assert "`pip install cachelib==1.2`" in said
    assert build.hosts.asked == []


def test_replay_of_a_glob_that_matches_nothing_is_exit_3(
    capsys: pytest.CaptureFixture[str],
) -> None:
    entry = found_entry()
    trial = Corpus(entry.parents[1]).load(_entry(entry))
    saved = Corpus(Path("other")).keep(evolve(trial, plan=evolve(trial.plan, modules=("*/no.so",))))

    assert calm()("replay", saved) == 3
    assert "matches */no.so" in capsys.readouterr().err


def test_replay_prints_the_rate_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    entry = found_entry()
    capsys.readouterr()

    assert shell(Race(Random(1), Odds(1.0, 1.0)))("replay", entry, "-n", "7") == 1

    out = capsys.readouterr().out
    assert f"7/7 failed again: {BUG}" in out


def test_replay_that_does_not_fail_again_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    entry = found_entry()

    assert calm()("replay", entry) == 0
    assert f"0/20 failed again: {BUG}" in capsys.readouterr().out


def test_replay_that_could_not_have_failed_ends_with_3() -> None:
    entry = found_entry()

    assert shell(Race(Random(1), CALM), catches=False)("replay", entry) == 3


def test_replay_counts_other_failures_apart(capsys: pytest.CaptureFixture[str]) -> None:
    entry = found_entry()
    capsys.readouterr()

    assert shell(Race(Random(1), Odds(0.0, 0.0, other=1.0)))("replay", entry, "--json") == 0

    data = json.loads(capsys.readouterr().out)
    assert (data["rate"], data["hits"], data["runs"]) == ("0/20", 0, 20)
    assert [each["runs"] for each in data["others"]] == [20]


def test_minimize_keeps_the_result_beside_the_entry(capsys: pytest.CaptureFixture[str]) -> None:
    assert fragile()(*FUZZ, "--strategy", "weighted", "--no-minimize") == 1
    [raw] = Corpus(Path(".stressor/corpus")).exemplars()

    assert fragile()("minimize", raw.path) == 1

    [exemplar] = Corpus(Path(".stressor/corpus")).exemplars()
    assert exemplar != raw
    assert f"stressor replay {exemplar.path}" in capsys.readouterr().out


def test_minimize_that_sees_no_failure_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    entry = found_entry()
    before = sorted(Path(".stressor").rglob("*"))

    assert calm()("minimize", entry) == 0

    assert sorted(Path(".stressor").rglob("*")) == before
    assert "nothing was changed" in capsys.readouterr().err


def test_entry_of_a_target_that_is_gone_is_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    entry = found_entry()
    elsewhere = calm()
    elsewhere.hosts.targets = ()

    assert elsewhere("replay", entry) == 2
    assert elsewhere("minimize", entry) == 2
    assert "cache: there is no such file" in capsys.readouterr().err


def test_corpus_list_marks_the_exemplar(capsys: pytest.CaptureFixture[str]) -> None:
    entry = found_entry()
    capsys.readouterr()

    assert run(["corpus", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if line.startswith("*")).rstrip().endswith(str(entry))

    assert run(["corpus", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["entries"]
    assert [row["entry"] for row in rows if row["exemplar"]] == [str(entry)]


def test_empty_corpus_is_said_to_be_empty(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["corpus", "list"]) == 0
    assert "no entries" in capsys.readouterr().out


def test_corpus_show_runs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    entry = found_entry()
    capsys.readouterr()

    assert run(["corpus", "show", str(entry)]) == 0
    assert f"FAILED: {BUG}" in capsys.readouterr().out

    assert run(["corpus", "show", str(entry), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["entry"] == str(entry)


def test_corpus_merge_and_prune(capsys: pytest.CaptureFixture[str]) -> None:
    found_entry()
    Path("broken.json").write_text("{")
    capsys.readouterr()

    assert run(["corpus", "merge", ".stressor/corpus", "broken.json", "--corpus", "other"]) == 0
    printed = capsys.readouterr()
    assert "2 added, 0 known already, 1 refused" in printed.out
    assert "broken.json" in printed.err

    assert run(["corpus", "prune", "--corpus", "other", "--keep", "0", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["removed"]) == 1
    assert len(Corpus(Path("other")).entries()) == 1


def test_merge_that_refused_all_is_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.json").write_text("{}")

    assert run(["corpus", "merge", "bad.json"]) == 2
    assert "1 refused" in capsys.readouterr().out


def test_full_output_is_one_line_and_no_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        assert run(["corpus", "list"]) == 4
    printed = capsys.readouterr().err
    assert "cannot be written to standard output: No space left" in printed
    assert FAULT_HEADING not in printed


def test_worst_code_wins() -> None:
    assert worst([0, 1, 3]) == 1
    assert worst([0, 3]) == 3
    assert worst([2, 1, 4]) == 4
    assert worst([INTERRUPTED, 0]) == INTERRUPTED


def test_bundled_targets_are_those_that_can_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, requirement in {
        "mine": "stdlib",
        "there": "pytest",
        "wrong": "pytest==0.0.1",
        "gone": "no-such-distribution==1",
    }.items():
        folder = tmp_path / "real" / name
        folder.mkdir(parents=True)
        (folder / "target.py").touch()
        (folder / "meta.json").write_text(json.dumps({"requirement": requirement}))

    targets = bundled_targets(tmp_path / "real")

    assert targets == ["real/mine", "real/there"]
    said = capsys.readouterr().err
    assert "wrong is skipped" in said
    assert "gone is skipped" in said


def test_without_a_checkout_nothing_is_bundled(tmp_path: Path) -> None:
    with pytest.raises(NotTestedError, match="come with a checkout"):
        bundled_targets(tmp_path / "nowhere")


def test_a_message_that_quotes_a_stranger_moves_no_cursor(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say("\x1b[2Jowned.py: there is no such file.\nTwo lines.")
    assert capsys.readouterr().err == (
        "stressor: \\x1b[2Jowned.py: there is no such file.\nTwo lines.\n"
    )


def test_replay_of_what_is_minimized_does_not_say_that_it_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    entry = found_entry()
    assert Corpus(entry.parents[1]).load(Entry(entry)).minimized
    capsys.readouterr()
    assert fragile()("replay", entry) == 1
    assert "not minimized" not in capsys.readouterr().out


def test_a_signatures_folder_stands_for_its_exemplar(capsys: pytest.CaptureFixture[str]) -> None:
    entry = found_entry()
    capsys.readouterr()
    assert fragile()("replay", entry.parent) == 1
    assert f"stressor replay {entry}" in capsys.readouterr().out
    Path("empty").mkdir()
    assert fragile()("replay", "empty") == 2
    assert "empty has no entry that can be read" in capsys.readouterr().err


def test_replay_of_a_harness_that_makes_other_calls_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    saved = load_entry(found_entry())
    calls = tuple(
        tuple(CallResult(call.op, CallStatus.RETURNED, f"{call.op}(3)") for call in thread)
        for thread in saved.plan.program
    )
    entry = Corpus(Path("other")).keep(evolve(saved, evidence=evolve(saved.evidence, calls=calls)))
    same, other = fragile(), fragile()
    same.hosts.shown, other.hosts.shown = "3", ""

    same("replay", entry)
    assert "the harness has changed" not in capsys.readouterr().err
    other("replay", entry)
    assert re.search(
        r"the harness has changed: (\w+)\(3\) was recorded, \1\(\) is", capsys.readouterr().err
    )


def test_minimize_tells_before_and_after_and_how_to_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert fragile()(*FUZZ, "--strategy", "weighted", "--no-minimize") == 1
    [raw] = Corpus(Path(".stressor/corpus")).exemplars()
    capsys.readouterr()

    assert fragile()("minimize", raw.path, "--runs", "30", "--time", "1000") == 1

    before, after, cut_short, command = capsys.readouterr().out.splitlines()[-4:]
    assert re.match(r"before: \d threads, \d+ calls, ", before)
    assert re.match(r"after:  \d threads, \d+ calls, ", after)
    assert cut_short == "It was minimized as far as 30 runs allowed. To go on from there:"
    assert re.match(r"stressor minimize \S+\.json --time 4000 --runs 120", command)
