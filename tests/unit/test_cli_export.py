"""`stressor export`: which harness goes into the file, what is written and what is refused."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from attrs import evolve

from stressor.campaign.hello import Hello
from stressor.campaign.hosts import Hosts
from stressor.campaign.session import Session
from stressor.cli.export import exported_from
from stressor.cli.main import run
from stressor.corpus import Corpus
from stressor.errors import UsageError
from stressor.model.plan import Call
from stressor.model.trial import Trial
from tests.unit.trials import CRASHED

SOURCE = """from stressor.targets import Target, operation


class Case(Target):
    def setup(self):
        return []

    @operation
    def pull(self, state):
        state.append(1)

    @operation
    def push(self, state):
        state.append(2)
"""
HELLO = Hello("3.13.5", False, 10, (), (), ())
LITERALS = (("",), ("{'n': 3}",))


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@contextmanager
def opens(jobs: int) -> Iterator[Session]:
    """A session whose targets can say their arguments, and that there is nothing else."""
    host = SimpleNamespace(literals=lambda plan: LITERALS, hello=HELLO)
    hosts = SimpleNamespace(host=lambda target, modules, allocator: host, host_of=lambda plan: host)
    yield Session((cast("Hosts", hosts),))


def export(*arguments: str | Path) -> int:
    return run(["export", *map(str, arguments)], opens)


def failing(target: str, source: str = SOURCE) -> Trial:
    """A trial of a target that is there; a name that is a file gets its source."""
    file = Path(target.partition(":")[0])
    if file.suffix == ".py":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    return evolve(CRASHED, plan=evolve(CRASHED.plan, target=target))


def kept(trial: Trial) -> Path:
    return Corpus(Path("corpus")).keep(trial)


def test_a_small_harness_is_in_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert export(kept(failing("cases/target.py"))) == 0
    printed = capsys.readouterr()
    file = Path(printed.out.strip())
    assert file.name.startswith("crash-csv-parse-save-field-")
    text = file.read_text()
    assert "class Case(Target):" in text
    assert "        __file__,\n" in text
    assert '["push(n=3)"],' in text
    assert not printed.err


def test_a_named_class_is_named_in_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert export(kept(failing("cases/target.py:Case")), "-o", "-") == 0
    assert '        f"{__file__}:Case",\n' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "source", "named", "why"),
    [
        ("cases/a/target.py", "import quota\n" + SOURCE, '"../cases/a"', ""),
        (
            "cases/a/target.py",
            "import quota\nquota.x = 1\n" + SOURCE,
            '"../cases/a"',
            "lies beside",
        ),
        (
            "cases/case.py",
            SOURCE + "HERE = open(__file__)\nHERE.close()\n",
            '"../cases/case.py"',
            "__f",
        ),
        ("cases/c.py:Case", SOURCE + "print(eval)\n", '"../cases/c.py") + ":Case"', "it uses eval"),
        ("json.tool:Case", "", '        "json.tool:Case",\n', "it is the module json.tool"),
        ("cases/l.py", SOURCE + "        state.pop()\n" * 100, '"../cases/l.py"', "would have 1"),
    ],
)
def test_a_harness_that_cannot_move_stays_where_it_is(
    target: str, source: str, named: str, why: str
) -> None:
    trial = failing(target, source)
    Path("cases/a").mkdir(parents=True, exist_ok=True)
    Path("cases/a/quota.c").touch()
    exported = exported_from(trial, LITERALS, Path("elsewhere"))
    assert exported.standalone is not bool(why)
    assert (named in exported.text) is bool(why)
    assert why in " ".join(exported.notes)
    assert bool(exported.notes) is bool(why)


def test_what_is_long_says_what_makes_it_shorter() -> None:
    trial = failing("case.py")
    many = tuple(tuple(Call("pull", f"{n:02x}") for n in range(30)) for _ in range(2))
    long = evolve(trial, plan=evolve(trial.plan, program=many), minimized=False)
    [note] = exported_from(long, (), Path()).notes
    assert note.endswith("lines; `stressor minimize` makes it shorter.")
    [note] = exported_from(evolve(trial, minimized=False), LITERALS, Path()).notes
    assert note == "the failure is not minimized yet; `stressor minimize` makes it simpler."


def test_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert export(kept(failing("case.py")), "--output", "repro.py", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    lines = Path("repro.py").read_text().count("\n")
    assert told == {"file": "repro.py", "lines": lines, "standalone": True, "notes": []}


def test_a_file_that_exists_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    Path("repro.py").write_text("mine")
    assert export(kept(failing("case.py")), "-o", "repro.py") == 2
    assert "repro.py exists already; name another file with --output" in capsys.readouterr().err
    assert Path("repro.py").read_text() == "mine"


def test_a_folder_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert export(kept(failing("case.py")), "-o", "nowhere/repro.py") == 2
    assert "nowhere/repro.py: cannot be written: No such file" in capsys.readouterr().err


def test_a_target_that_is_gone_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        exported_from(CRASHED, (), Path())


def test_a_site_with_a_name_that_would_read_otherwise_is_refused() -> None:
    trial = failing("case.py")
    [rule] = trial.plan.rules
    odd = evolve(
        trial, plan=evolve(trial.plan, rules=(evolve(rule, site="op:t:x visit 3", visit=None),))
    )
    with pytest.raises(UsageError, match=r"cannot be written as a file: the site .* is ambiguous"):
        exported_from(odd, (), Path())
