"""`stressor doctor`: can it work on this machine, and if not, what to do."""

from pathlib import Path

import click

from stressor.campaign.checkup import Check, State, check_up
from stressor.cli.choices import CORPUS, JSON
from stressor.cli.output import print_json
from stressor.errors import ExitCode

EXAMPLES = """\b
Examples:
  stressor doctor
  stressor doctor --json
"""


@click.command(epilog=EXAMPLES)
@CORPUS
@JSON
def doctor(root: Path, as_json: bool) -> int:
    """Check interpreter, shim, permissions, stack providers, compiler and folders.

    Ends with 0 when fuzzing can work, and with 3 when a check failed. Warnings say what works less well.
    """
    checks = []
    for check in check_up(root):
        checks.append(check)
        if not as_json:
            _show(check)
    failed = any(check.state is State.FAIL for check in checks)
    if as_json:
        print_json({"ready": not failed, "checks": [_data(check) for check in checks]})
    else:
        click.echo("fuzzing cannot work here yet" if failed else "ready")
    return ExitCode.NOT_TESTED if failed else ExitCode.NOTHING_FOUND


def _show(check: Check) -> None:
    click.echo(f"{check.state.value:4}  {check.name:12} {check.detail}")
    if check.fix and check.state is not State.OK:
        click.echo(f"      {'':12} -> {check.fix}")


def _data(check: Check) -> dict[str, str]:
    return {
        "name": check.name,
        "state": check.state.value,
        "detail": check.detail,
        "fix": check.fix,
    }
