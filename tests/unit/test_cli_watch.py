"""What is shown while a campaign runs: when, and what."""

import io
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from attrs import evolve
from rich.console import Console
from rich.live import Live

from stressor.campaign.progress import Finding, Status, Tally
from stressor.cli.watch import LiveWatch, PlainWatch, Reports, display, numbers, watching
from stressor.model.plan import Call, Plan
from tests.unit.fake_race import BUG, Odds, Race

PLAN = Plan("cache", ((Call("read"),), (Call("write"),)), seed=5, rounds=3)


def failed_finding() -> Finding:
    return Finding(BUG, Race(Random(1), Odds(1.0, 1.0))(PLAN))


def status(**changes: object) -> Status:
    tally = Tally()
    tally.add(failed_finding().trial)
    return evolve(Status("cache", "exploring", tally, 7, 4.0, 56.0, None), **changes)  # type: ignore[arg-type]  # any field


def memory() -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, width=200, highlight=False), text


def at(*seconds: float) -> Callable[[], float]:
    ticks = iter(seconds)
    return lambda: next(ticks)


def test_numbers_say_what_was_done_and_what_is_left() -> None:
    assert numbers(status()) == (
        "4 s, 56 s left, 1 trials (0.2/s), 2 calls, 7 sites, 1 failed, signatures: 1"
    )
    assert "9 trials left" in numbers(status(seconds_left=None, trials_left=9))


def test_plain_lines_come_every_five_seconds() -> None:
    lines, text = memory()
    watch = PlainWatch(lines, lines, None, at(0.0, 1.0, 5.0, 6.0, 9.9, 10.0))

    for _ in range(5):
        watch.update(status())

    assert text.getvalue().count("exploring\n") == 2


def test_failure_is_told_in_full_or_in_a_line() -> None:
    lines, said = memory()
    results, report = memory()

    PlainWatch(lines, results, Reports()).found(failed_finding())
    PlainWatch(lines, results, None).found(failed_finding())

    assert report.getvalue().count(f"FAILED: {BUG}") == 1
    assert said.getvalue() == f"found: {BUG}\n"


def test_a_report_that_is_not_minimized_waits_unless_only_it_has_the_failure() -> None:
    lines, said = memory()
    results, report = memory()
    reports = Reports()
    saved = evolve(failed_finding(), path=Path("corpus/entry.json"))
    small = evolve(saved, trial=evolve(saved.trial, minimized=True))

    reports.tell(results, lines, saved)
    assert report.getvalue() == ""
    assert said.getvalue().startswith(f"found: {BUG} (corpus/entry.json)")
    began = [reports.has_begun]

    reports.tell(results, lines, small)
    reports.tell(results, lines, failed_finding())
    assert [*began, reports.has_begun] == [False, True]
    assert report.getvalue().count("FAILED") == 2
    reports.release(results)
    reports.release(results)
    assert report.getvalue().count("FAILED") == 3


def test_live_display_is_redrawn_five_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    console, text = memory()
    live = Live(console=console, auto_refresh=False)
    drawn: list[object] = []
    monkeypatch.setattr(live, "update", lambda shown, refresh: drawn.append(shown))
    watch = LiveWatch(live, Reports(), at(0.0, 0.1, 0.2, 0.3, 0.45))

    for _ in range(5):
        watch.update(status())
    watch.note("something")

    assert len(drawn) == 3
    assert "stressor: something" in text.getvalue()


def test_display_names_the_failures() -> None:
    console, text = memory()

    console.print(display(status(doing="minimizing\x1b[2J")))

    shown = text.getvalue()
    assert "cache: minimizing\\x1b[2J" in shown
    assert f"1 x {BUG}" in shown


def test_without_a_terminal_there_are_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with watching(Reports()) as progress:
        progress.note("in a file")

    assert isinstance(progress, PlainWatch)
    assert capsys.readouterr().err == "stressor: in a file\n"
