"""The report of one failing trial, from what went wrong to the command that shows it again.

Decides the order: the failure, where, the program, what has to happen when, what was seen last, the
stacks, under which conditions and how often. The last line is always what the reader can do.
"""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from rich.text import Text

from stressor.model.evidence import CallResult, CallStatus, Loss
from stressor.model.outcome import Failure, FailureKind
from stressor.model.plan import Action, Allocator, Call, Plan
from stressor.model.trial import Trial
from stressor.report.control import control_facts
from stressor.report.explanation import explain
from stressor.report.frames import frame_lines, without_ours
from stressor.report.plain import Page, plain, plain_lines
from stressor.report.replay import minimize_command, replay_command, unsaved_entry
from stressor.report.story import Explanation, visit_words
from stressor.report.timeline import timeline
from stressor.report.turns import turns
from stressor.report.words import UNTIL, Sites, rule_words, site_words, switch_words

# What the oracle puts before the function at which a check failed.
CHECK_OF = "check of "
# The plan's rules say it all.
NO_STRATEGY = "none"
MOST_CALLS = 16
MOST_SWITCHES = 40
MOST_STACK_LINES = 80
# A dying interpreter says first why, and the target's last words come last.
FIRST_LINES, LAST_LINES = 20, 6


def failure_report(trial: Trial, entry: Path | None) -> Text:
    """Tell a failing trial; `entry` is its corpus file, None when it could not be saved.

    Print it with `show`: lines are as long as what they name.
    """
    page = Page()
    _body(page, trial)
    _end(page, trial, entry)
    return page.finish()


def failure_text(trial: Trial) -> Text:
    """The same without the commands at its end, for a trial that is nobody's entry."""
    page = Page()
    _body(page, trial)
    return page.finish()


def _body(page: Page, trial: Trial) -> None:
    plan, sites = trial.plan, {site.key: site for site in trial.evidence.sites}
    explained = explain(trial, sites)
    # The command's own lines may stand right above.
    page.line("")
    page.line(outcome_line(trial), "bold red")
    for failure in trial.outcome.failures:
        _tell(page, failure)
    page.section(_program_heading(trial), _program(trial))
    page.section(*_order(plan, sites))
    page.section("Detach", _detach(trial))
    page.section("What happened", _happened(explained, sites))
    page.section("Schedule", control_facts(trial))
    drawn = turns(trial, sites, explained.marks)
    page.section("Turns (-> before, <- after)", drawn)
    if not drawn:
        told = timeline(trial, sites, explained.marks)
        page.section("Last events (-> before, <- after)", told)
    for loss in trial.evidence.losses:
        if loss.used is not None:
            _tell_loss(page, loss, sites)
    page.section("Stacks of the hung process", _stacks(trial))
    page.section("Undecided", map(plain, trial.outcome.undecided))
    page.section("Standard error", _printed(trial))
    page.section("Conditions", _conditions(trial))


def outcome_line(trial: Trial) -> str:
    """One line: the verdict and what it is about."""
    outcome = trial.outcome
    verdict = outcome.verdict.value.upper()
    if outcome.failures:
        more = len(outcome.failures) - 1
        also = f" (and {more} more)" if more else ""
        return f"{verdict}: {plain(str(outcome.failures[0].signature))}{also}"
    return f"{verdict}: {plain(outcome.undecided[0])}" if outcome.undecided else verdict


def _tell(page: Page, failure: Failure) -> None:
    thread = f", thread {failure.thread}" if failure.thread is not None else ""
    page.section(
        failure.signature.kind.value.capitalize(),
        [plain(failure.summary) + thread, *_where(failure), *_details(failure)],
    )
    # The stacks of a lost borrow are told as a pair, further down.
    if failure.signature.kind is not FailureKind.BORROW:
        page.section("Stack, innermost first", frame_lines(failure.frames))


def _where(failure: Failure) -> Iterable[str]:
    """The parts of a signature's place; a hang has several, and a place may be an operation."""
    for place in failure.signature.where.split(" + "):
        module, _, function = place.removeprefix(CHECK_OF).partition(":")
        yield (
            f"where: {plain(function)} in {plain(module)}" if function else f"where: {plain(place)}"
        )
        for frame in failure.frames:
            if function and frame.function == function:
                yield from (f"module: {plain(frame.path)}",) if frame.path else ()
                yield from (f"source: {plain(frame.source)}",) if frame.source else ()
                break


def _details(failure: Failure) -> Iterable[str]:
    return plain_lines(failure.details) if failure.details.strip() else []


def _program_heading(trial: Trial) -> str:
    if not trial.minimized:
        return "Program"
    return f"Program, minimized {plain(trial.cut_short)}".rstrip()


def _program(trial: Trial) -> Iterable[str]:
    results = trial.evidence.calls
    for thread, calls in enumerate(trial.plan.program):
        known = results[thread] if thread < len(results) else ()
        yield f"thread {thread}:"
        texts = [_shown(call, known[i] if i < len(known) else None) for i, call in enumerate(calls)]
        runs = [(text, len(list(same))) for text, same in groupby(texts)]
        for text, count in runs[:MOST_CALLS]:
            yield f"    {text}" + (f"    x{count}" if count > 1 else "")
        if len(runs) > MOST_CALLS:
            yield f"    ... and {sum(count for _, count in runs[MOST_CALLS:])} more"


def _shown(call: Call, result: CallResult | None) -> str:
    text = result.shown if result is not None else ""
    text = text or (f"{call.op}(...)" if call.entropy else f"{call.op}()")
    return plain(text) + (_fate(result.status) if result is not None else "")


def _fate(status: CallStatus) -> str:
    marked = (CallStatus.RAISED, CallStatus.UNFINISHED)
    return f"    <- {status.value}" if status in marked else ""


def _order(plan: Plan, sites: Sites) -> tuple[str, Iterable[str]]:
    """Who has to wait for whom, or who is delayed: a heading and its lines."""
    schedule = plan.schedule
    if schedule is None:
        return "What has to happen" if _has_pins(plan) else "Delays", _rules(plan, sites)
    told = [switch_words(switch, sites) for switch in schedule.switches]
    shown = [f"{number}. {text}" for number, text in enumerate(told[:MOST_SWITCHES], start=1)]
    left_out = len(told) - len(shown)
    return "What has to happen", [*shown, *([f"... and {left_out} more"] if left_out else [])]


def _rules(plan: Plan, sites: Sites) -> Iterable[str]:
    if not plan.rules:
        yield "nothing special: it happens without any delay"
    for number, rule in enumerate(plan.rules, start=1):
        start = f"{number}. "
        does, until, when = rule_words(rule, sites).partition(UNTIL)
        yield start + does
        if until:
            yield " " * len(start) + until.lstrip() + when


def _has_pins(plan: Plan) -> bool:
    return any(rule.is_pin for rule in plan.rules)


def _happened(explained: Explanation, sites: Sites) -> Iterable[str]:
    yield from explained.sentences
    for visit, mark in explained.marks.items():
        yield f"{mark}: {visit_words(visit, sites)}"


def _detach(trial: Trial) -> Iterable[str]:
    if not any(rule.action is Action.DETACH for rule in trial.plan.rules):
        return
    if trial.minimized:
        yield "Needed: without it the failure did not come often enough. The thread lets go of its"
        yield "thread state, as the real operation there may: critical sections are suspended."
    else:
        yield "Used; whether it is needed will be known when this is minimized."


def _tell_loss(page: Page, loss: Loss, sites: Sites) -> None:
    page.section(
        f"Thread {loss.thread} borrowed {plain(loss.what)}: {site_words(loss.site, sites)}",
        frame_lines(loss.borrower_frames),
    )
    who = f"Thread {loss.destroyer}" if loss.destroyer >= 0 else "A thread that is not the trial's"
    page.section(f"{who} destroyed it", frame_lines(loss.destroyer_frames))


def _stacks(trial: Trial) -> Iterable[str]:
    lines = plain_lines(trial.evidence.stacks)
    if not any(line.strip() for line in lines):
        return []
    left_out = len(lines) - MOST_STACK_LINES
    return [*lines[:MOST_STACK_LINES], *([f"... {left_out} more"] if left_out > 0 else [])]


def _printed(trial: Trial) -> Iterable[str]:
    lines = without_ours(plain_lines(trial.evidence.stderr))
    if not any(line.strip() for line in lines):
        return []
    if len(lines) <= FIRST_LINES + LAST_LINES:
        return lines
    left_out = len(lines) - FIRST_LINES - LAST_LINES
    return [*lines[:FIRST_LINES], f"... {left_out} lines ...", *lines[-LAST_LINES:]]


def _conditions(trial: Trial) -> Iterable[str]:
    plan, rate = trial.plan, trial.rate
    told = plan.schedule is None and plan.strategy.name != NO_STRATEGY
    strategy = f", strategy {plain(plan.strategy.name)}" if told else ""
    home = f", setup() in thread {plan.home}" if plan.home is not None else ""
    yield f"target {plain(plan.target)}, seed {plan.seed}{strategy}{home}"
    rounds = "1 round" if plan.rounds == 1 else f"up to {plan.rounds} rounds"
    debug = plan.allocator is Allocator.DEBUG
    yield (
        f"{plan.threads} threads, {rounds}, {'debug' if debug else 'default'} allocator, "
        f"borrow ledger {'on' if plan.ledger else 'off'}"
    )
    if plan.monitors:
        yield plain(f"monitors: {', '.join(plan.monitors)}")
    if rate is not None:
        yield f"failed this way in {rate} runs"
    if trial.origin is not None:
        origin = trial.origin
        yield plain(f"{origin.interpreter}, {origin.platform}, stressor {origin.stressor}")
        packages = (f"{name} {version}" for name, version in sorted(origin.packages.items()))
        if origin.packages:
            yield plain(", ".join(packages))


def _end(page: Page, trial: Trial, entry: Path | None) -> None:
    page.line("")
    if entry is not None:
        if not trial.minimized:
            page.line("It is not minimized yet. To make it small, and to run it again:")
            page.line(minimize_command(entry), "bold")
        page.line(replay_command(entry), "bold")
        return
    page.line("It could not be saved. This is the whole entry; save it as a file to replay it:")
    page.line(unsaved_entry(trial).rstrip("\n"))
    page.line("stressor replay FILE", "bold")
