"""`stressor sites`: what can be instrumented in an extension module, or in the interpreter itself."""

import json
import subprocess
import sys
from collections import Counter
from typing import Any

import click
from rich.table import Table

from stressor.campaign.redirection import find_all, interpreter_file
from stressor.cli.choices import JSON
from stressor.cli.output import console, print_json
from stressor.errors import NotTestedError, StressorError, UsageError
from stressor.model.inner import INNER_FUNCTIONS
from stressor.symbols.callsites import CallSites

SECONDS = 120.0

INNER = {each.name: each for each in INNER_FUNCTIONS}

EXAMPLES = """\b
Examples:
  stressor sites numpy
  stressor sites _csv --json
  stressor sites build/lib/mymodule.cpython-313t-x86_64-linux-gnu.so
  stressor sites --runtime                         functions inside this interpreter
"""


@click.command(epilog=EXAMPLES)
@click.argument("module", required=False)
@click.option("--runtime", is_flag=True, help="Show functions inside the interpreter instead.")
@JSON
def sites(module: str | None, runtime: bool, as_json: bool) -> None:
    """Show the calls of MODULE (a name or a file) at which threads can be paused.

    Every line is a symbol that the module calls through a slot; a slot may have many callers, and each
    caller is a site of its own. The module is imported in a process of its own.

    With --runtime every line is a function of the interpreter, with the calls of it that
    `stressor fuzz --runtime` redirects, as disassembling its file and searching its bytes count them.
    """
    if (module is None) != runtime:
        raise click.UsageError("name a MODULE, or use --runtime", click.get_current_context())
    if module is None:
        inner = find_all(interpreter_file())
        print_json(_inner_data(inner)) if as_json else _show_inner(inner)
        return
    survey = take_survey(module)
    if as_json:
        print_json(survey)
    else:
        _show(survey)


def take_survey(module: str) -> dict[str, Any]:
    """Run `stressor.runtime.survey`. Raises `UsageError`, `NotTestedError`, `StressorError`."""
    command = [sys.executable, "-m", "stressor.runtime.survey", module]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotTestedError(f"importing {module} took more than {SECONDS:.0f} s.") from None
    if done.returncode < 0:
        raise NotTestedError(f"importing {module} ended by signal {-done.returncode}.")
    try:
        survey: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        said = done.stderr.strip() or "nothing"
        if done.returncode == 0 or "stressor" in said:
            raise StressorError(f"the survey of {module} failed:\n{said}") from None
        raise NotTestedError(f"importing {module} ended the process:\n{said}") from None
    if (refused := survey.get("refused")) is not None:
        kind = UsageError if refused["exit"] == 2 else NotTestedError
        raise kind(refused["message"])
    return survey


def _show(survey: dict[str, Any]) -> None:
    out = console()
    own = [slot for slot in survey["slots"] if slot["kind"] == "call"]
    blocking = len(survey["slots"]) - len(own)
    for path in sorted({slot["path"] for slot in own}):
        out.print(path)
        out.print(_table([slot for slot in own if slot["path"] == path]))
    if not survey["files"]:
        out.print(
            f"{survey['module']} has no extension module of its own (built in, or pure Python)."
        )
    for each in survey["uncovered"]:
        out.print(f"not covered: {each['path']}: {each['reason']}")
    kinds = Counter(slot["category"] for slot in own)
    told = ", ".join(f"{count} {category}" for category, count in kinds.most_common()) or "none"
    out.print(f"symbols called through slots: {told}")
    out.print(
        f"besides: {blocking} of the interpreter's blocking calls, object destruction and allocation, "
        "and the start and end of each operation"
    )
    if survey["gil"]:
        out.print(survey["gil"])


def _table(slots: list[dict[str, Any]]) -> Table:
    table = Table("symbol", "category", "paused", "relocation", "notes", box=None, pad_edge=False)
    for slot in sorted(slots, key=lambda slot: (slot["category"], slot["symbol"])):
        notes = ["borrowed reference"] if slot["borrows"] else []
        if slot["may_detach"]:
            notes.append(f"may detach: {slot['may_detach']}")
        table.add_row(
            slot["symbol"],
            slot["category"],
            ", ".join(slot["phases"]),
            slot["relocation"],
            "; ".join(notes),
        )
    return table


def _show_inner(found: CallSites) -> None:
    out = console()
    out.print(found.path)
    if found.reason:
        raise NotTestedError(f"{found.path}: its own calls cannot be redirected: {found.reason}.")
    table = Table("function", "category", "paused", "calls", "bytes", "", box=None, pad_edge=False)
    for each in found.functions:
        known = INNER[each.name]
        table.add_row(
            each.name,
            known.category.value,
            ", ".join(phase.value for phase in known.phases),
            str(each.disassembled),
            str(each.scanned),
            "; ".join(filter(None, [each.reason and f"not redirected: {each.reason}", each.note])),
        )
    out.print(table)
    possible = [each for each in found.functions if not each.reason]
    calls = sum(each.disassembled for each in possible)
    out.print(f"{calls} calls of {len(possible)} functions can be redirected")


def _inner_data(found: CallSites) -> dict[str, Any]:
    return {
        "path": found.path,
        "build_id": found.build_id,
        "reason": found.reason,
        "functions": [
            {
                "name": each.name,
                "category": INNER[each.name].category.value,
                "phases": [phase.value for phase in INNER[each.name].phases],
                "turns": [phase.value for phase in INNER[each.name].turns],
                "disassembled": each.disassembled,
                "scanned": each.scanned,
                "reason": each.reason,
                "note": each.note,
            }
            for each in found.functions
        ],
    }
