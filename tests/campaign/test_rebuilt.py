"""A kept failure and an exported one survive a rebuild: changed sources, moved calls, the same bug."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import evolve, frozen

from stressor.campaign.hosts import Hosts
from stressor.campaign.locate import located
from stressor.campaign.scratch import Scratch
from stressor.cli.main import run
from stressor.corpus import Corpus
from stressor.model.outcome import Verdict
from stressor.model.plan import Call, Plan, Schedule, Spec, Switch
from stressor.model.site import Ordinal, Phase
from stressor.model.trial import Trial
from stressor.schedules.recorded import recorded

pytestmark = [pytest.mark.native, pytest.mark.slow]

CASE = Path(__file__).parents[2] / "corpus" / "cases" / "buggy" / "borrowed_list_item"
SECONDS = 280.0

UNRELATED = """\
static PyObject *
playlist_size(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromSsize_t(PyList_Size(((Playlist *)op)->titles) + 3);
}

"""
READS = "    PyObject *title = PyList_GetItem("
CHECKS = """\
    if (PyList_Size(((Playlist *)op)->titles) > 1000 || PyErr_Occurred()) {
        return PyLong_FromLong(7);
    }
"""


@frozen
class Kept:
    """A failure in a corpus, and the sources of the module that it is in."""

    entry: Path
    source: Path
    trial: Trial
    keys: tuple[str, ...]

    def rebuild(self, *changes: tuple[str, str]) -> None:
        text = self.source.read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        self.source.write_text(text)


def rebuilt(kept: Kept) -> None:
    """An unrelated function before all, and more in the function before the call that fails."""
    kept.rebuild(
        ("static PyObject *\nplaylist_now", UNRELATED + "static PyObject *\nplaylist_now"),
        ('    {"play",', '    {"size", playlist_size, METH_NOARGS, "Count."},\n    {"play",'),
        (READS, CHECKS + READS),
    )


def failing(hosts: Hosts, target: Path) -> tuple[Plan, tuple[str, str]]:
    """Thread 1 puts a title in; thread 0 has borrowed it when thread 1 replaces it."""
    put = Call("play", given="{'number': 3}")
    program = ((Call("now_playing"),), (put, put))
    looking = Plan(str(target), program, seed=7, schedule=Schedule(then=Spec("walk")))
    seen = {site.symbol: site.key for site in hosts.carry_out(looking).evidence.sites}
    borrows, puts = seen["PyList_GetItem"], seen["PyList_SetItem"]
    switches = (
        Switch(-1, "", 0, Phase.BEFORE, 1),
        Switch(1, puts, 1, Phase.AFTER, 0),
        Switch(0, borrows, 1, Phase.AFTER, 1),
    )
    return evolve(looking, schedule=Schedule(switches=switches)), (borrows, puts)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    target = tmp_path / "case"
    shutil.copytree(CASE, target)
    with Scratch() as scratch, Hosts(scratch) as hosts:
        plan, keys = failing(hosts, target)
        first = hosts.carry_out(plan)
        assert first.outcome.verdict is Verdict.FAILED
        exact = recorded(first)
        assert exact is not None
        trial = located(hosts.carry_out(exact))
    assert trial.outcome.signature == first.outcome.signature
    assert trial.plan.schedule is not None
    assert trial.plan.schedule.trace
    return Kept(Corpus(tmp_path / "corpus").keep(trial), target / "playlist.c", trial, keys)


def said(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = run([str(each) for each in arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_what_is_kept_says_which_call_it_is(kept: Kept) -> None:
    ordinals = {site.key: site.ordinal for site in kept.trial.evidence.sites}
    borrows, puts = kept.keys
    assert ordinals[borrows] == Ordinal(1, 1)
    # One in the source; a compiler may make two of it, for the two ways through Py_NewRef.
    assert ordinals[puts] is not None


def test_replay_finds_the_places_where_they_are_now(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, "replay", kept.entry, "-n", "2")[0] == 1
    rebuilt(kept)

    code, out, err = said(capsys, "replay", kept.entry, "-n", "3")

    assert code == 1, out + err
    assert f"3/3 failed again: {kept.trial.outcome.signature}" in out
    assert "places moved since it was kept (the module was rebuilt): PyList_" in err
    code, out, _ = said(capsys, "replay", kept.entry, "-n", "1", "--json")
    moved = {each["from"]: each["to"] for each in json.loads(out)["moved"]}
    assert moved.keys() >= set(kept.keys)
    assert all(new != old for old, new in moved.items())


def test_a_campaign_tries_it_as_the_build_has_it_or_says_why_not(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rebuilt(kept)
    fuzz = ("fuzz", kept.source.parent, "--trials", "1", "--jobs", "1", "--no-minimize")
    options = ("--corpus", tmp_path / "corpus", "--json")

    code, out, err = said(capsys, *fuzz, *options)
    [campaign] = json.loads(out)["campaigns"]
    assert code == 1, out + err
    assert any(each["known"] for each in campaign["failures"])
    assert campaign["known_untried"] == []
    assert "moved since it was kept" in err

    # Two such calls: which of them it was is not guessed.
    kept.rebuild((READS, f"    (void){READS.split('= ')[1]}((Playlist *)op)->titles, 1);\n{READS}"))
    _, out, _ = said(capsys, *fuzz, *options)
    untried = json.loads(out)["campaigns"][0]["known_untried"]
    assert [each["entry"] for each in untried] == [str(kept.entry)]
    assert kept.keys[0] in untried[0]["reason"]
    _, out, _ = said(capsys, *fuzz, *options[:2])
    assert "known failure was not tried" in out.partition("\nNotes")[2]
    assert said(capsys, "replay", kept.entry)[0] == 3


def test_an_exported_file_survives_it_too(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "repro.py"
    assert said(capsys, "export", kept.entry, "-o", file)[0] == 0
    text = file.read_text()
    assert "call:playlist:PyList_GetItem in playlist_now_playing visit 1" in text
    assert "+0x" not in text.partition("switches=")[2]
    rebuilt(kept)

    done = subprocess.run(
        [sys.executable, str(file)],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert "20/20 failed again" in done.stdout
