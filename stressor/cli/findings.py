"""What models broke, as people and machines read it: told, kept, and run again."""

from pathlib import Path
from typing import Any

from rich.text import Text

from stressor.campaign.models.carryout import replay
from stressor.cli.boundary import say
from stressor.cli.output import console, print_json
from stressor.errors import ExitCode
from stressor.mechanisms.again import Became
from stressor.mechanisms.story import story
from stressor.model.codec import to_data
from stressor.model.finding import Finding
from stressor.report.plain import plain, plain_lines
from stressor.report.replay import replay_command

_SAID = {
    Became.SAME: "broken again, step by step as it was kept",
    Became.CHANGED: "broken again, in another way",
    Became.FIXED: "fixed",
    Became.DIVERGED: "diverged",
}


def tell_finding(finding: Finding, entry: Path | None) -> None:
    """Print its story, and the command that runs it again."""
    out = console()
    out.print(Text("\n".join(plain_lines(story(finding)))))
    if entry is not None:
        out.print(Text(f"\n{replay_command(entry)}", "bold"))


def finding_data(entry: Path, finding: Finding) -> dict[str, Any]:
    """One entry for `--json`."""
    threads, turns, steps = finding.run.cost
    return {
        "entry": str(entry),
        "model": finding.run.model,
        "defect": finding.run.defect,
        "broken": finding.broken.text,
        "threads": threads,
        "turns": turns,
        "steps": steps,
        "finding": to_data(finding),
    }


def replay_finding(entry: Path, kept: Finding, as_json: bool) -> ExitCode:
    """Run a model's entry again, once: it is a function of its schedule. Tell what it became."""
    again = replay(kept)
    if as_json:
        print_json(
            {
                "entry": str(entry),
                "became": again.became.value,
                "reason": again.reason,
                "finding": to_data(again.finding) if again.finding else None,
            }
        )
    else:
        if again.finding is not None:
            tell_finding(again.finding, None)
            console().print()
        reason = f": {again.reason}" if again.reason else ""
        console().print(Text(plain(f"{kept.run.model} {_SAID[again.became]}{reason}")))
    if again.became is Became.DIVERGED:
        defect = f" --defect {kept.run.defect}" if kept.run.defect else ""
        say(
            "this says nothing about the mechanism: its steps are others now. To look for the failure"
            f" anew: stressor models run {kept.run.model}{defect} --exhaustive"
        )
        return ExitCode.NOT_TESTED
    return ExitCode.NOTHING_FOUND if again.became is Became.FIXED else ExitCode.FAILURES_FOUND
