"""The failure report: the essential lines, hostile text, and what is said when nothing was saved."""

import io
from pathlib import Path

import pytest
from attrs import evolve
from rich.console import Console

from stressor.corpus import Corpus, load_entry
from stressor.model.codec import plan_key
from stressor.model.evidence import CallResult, CallStatus, End, Ending, Frame, Loss
from stressor.model.outcome import Failure, FailureKind, Outcome, Signature, Verdict
from stressor.model.plan import Action, Rule, Spec
from stressor.model.trial import Trial
from stressor.report import failure_data, failure_report, outcome_line, replay_command, show
from tests.unit.trials import CRASHED, FRAMES, GET

ENTRY = Path("corpus/crash-csv/0123456789abcdef.json")


def lines_of(trial: Trial, entry: Path | None = ENTRY) -> list[str]:
    return failure_report(trial, entry).plain.splitlines()


def section(lines: list[str], heading: str) -> list[str]:
    """The lines under a heading, without their indentation."""
    start = lines.index(heading) + 1
    end = next((i for i in range(start, len(lines)) if not lines[i].startswith("  ")), len(lines))
    return [line[2:] for line in lines[start:end]]


def test_the_report_begins_with_what_and_ends_with_the_command() -> None:
    lines = lines_of(CRASHED)
    assert lines[:2] == ["", "FAILED: crash in _csv:parse_save_field"]
    assert lines[-1] == "stressor replay corpus/crash-csv/0123456789abcdef.json"


def test_where_it_is_down_to_the_line() -> None:
    assert section(lines_of(CRASHED), "Crash") == [
        "segmentation fault in _csv:parse_save_field, thread 0",
        "where: parse_save_field in _csv",
        "module: /lib/_csv.so",
        "source: Modules/_csv.c:600",
    ]
    assert section(lines_of(CRASHED), "Stack, innermost first") == [
        "#0  PyList_Append     python  Objects/listobject.c:538",
        "#1  parse_save_field  _csv    Modules/_csv.c:600",
    ]


def test_the_program_with_its_arguments() -> None:
    assert section(lines_of(CRASHED), "Program, minimized") == [
        "thread 0:",
        "    pull()    <- unfinished",
        "thread 1:",
        "    push(b'\\n')",
    ]
    unknown = evolve(CRASHED, evidence=evolve(CRASHED.evidence, calls=()), minimized=False)
    assert section(lines_of(unknown), "Program")[-1] == "    push(...)"


def test_what_has_to_happen_in_words() -> None:
    assert section(lines_of(CRASHED), "What has to happen") == [
        "1. thread 0 waits after PyList_GetItem in parse_save_field+0x1c (Modules/_csv.c:600) "
        "(3rd visit)",
        "   until thread 1 has passed PyList_SetItem in _csv+0x2345 (1st visit) (at most 50 ms)",
    ]


def test_without_rules_it_says_so() -> None:
    free = evolve(CRASHED, plan=evolve(CRASHED.plan, rules=()))
    assert section(lines_of(free), "Delays") == ["nothing special: it happens without any delay"]


def test_the_last_events_of_the_threads_side_by_side() -> None:
    assert section(lines_of(CRASHED), "Last events (-> before, <- after)") == [
        "thread 0                                      thread 1",
        "-> operation pull",
        "                                              -> operation push",
        "<- PyList_GetItem in parse_save_field+0x1c,",
        "waited 1.2 ms",
        "* last visit",
        "                                              -> PyList_SetItem in _csv+0x2345",
        "                                              <- PyList_SetItem in _csv+0x2345",
    ]


def test_the_conditions_and_the_rate() -> None:
    assert section(lines_of(CRASHED), "Conditions") == [
        "target cases/target.py, seed 7, strategy targeted",
        "2 threads, up to 20 rounds, debug allocator, borrow ledger on",
        "failed this way in 19/20 runs",
        "CPython 3.13.15t, Linux x86_64, stressor 0.1.0",
        "numpy 2.2.1",
    ]


def test_a_detach_that_was_needed_is_said() -> None:
    detach = Rule(Action.DETACH, GET, thread=1, most_ns=1000)
    trial = evolve(CRASHED, plan=evolve(CRASHED.plan, rules=(detach,)))
    assert section(lines_of(trial), "Detach")[0].startswith("Needed: ")
    assert section(lines_of(evolve(trial, minimized=False)), "Detach")[0].startswith("Used; ")
    assert "Detach" not in lines_of(CRASHED)


def test_a_lost_borrow_has_both_stacks() -> None:
    failure = Failure(
        Signature(FailureKind.BORROW, "ext:get", "PyList_GetItem"), "ext:get used a str", 0, FRAMES
    )
    ours = Frame("_shim.cpython-313t.so", 1, "stressor_unwind")
    loss = Loss(
        GET, 0, 3, "str", 1, "counted", (ours, *FRAMES[1:]), (Frame("ext.so", 9, "replace"),)
    )
    trial = evolve(
        CRASHED,
        evidence=evolve(CRASHED.evidence, losses=(loss, evolve(loss, used=None, type="int"))),
        outcome=Outcome(Verdict.FAILED, (failure,)),
    )
    lines = lines_of(trial)
    heading = (
        "Thread 0 borrowed a str: PyList_GetItem in parse_save_field+0x1c (Modules/_csv.c:600)"
    )
    assert section(lines, heading) == ["#0  parse_save_field  _csv  Modules/_csv.c:600"]
    assert section(lines, "Thread 1 destroyed it") == ["#0  replace  ext"]
    assert not any("borrowed an int" in line for line in lines)


def test_a_hang_has_all_its_places_and_the_stacks() -> None:
    signature = Signature(FailureKind.HANG, "ext:left + target.py:push")
    trial = evolve(
        CRASHED,
        evidence=evolve(CRASHED.evidence, ending=Ending(End.STUCK), stacks="Traceback for\n\tf\n"),
        outcome=Outcome(Verdict.FAILED, (Failure(signature, "2 threads wait"),)),
    )
    lines = lines_of(trial)
    assert section(lines, "Hang") == [
        "2 threads wait",
        "where: left in ext",
        "where: push in target.py",
    ]
    assert section(lines, "Stacks of the hung process") == ["Traceback for", "    f"]


def test_every_failure_and_what_is_undecided_is_told() -> None:
    other = Failure(Signature(FailureKind.GIL, "_old"), "the GIL was enabled")
    outcome = evolve(
        CRASHED.outcome, failures=(*CRASHED.outcome.failures, other), undecided=("a str was lost",)
    )
    lines = lines_of(evolve(CRASHED, outcome=outcome))
    assert lines[1].endswith("(and 1 more)")
    assert section(lines, "Gil") == ["the GIL was enabled", "where: _old"]
    assert section(lines, "Undecided") == ["a str was lost"]


HOSTILE = "\x1b]0;owned\x07 [bold red]x[/] \x9b2J \u202egnp.exe \udcff :bomb:\r\n\ttail"


def test_hostile_text_is_spelled_out_and_nothing_is_markup() -> None:
    frame = Frame(HOSTILE, 1, HOSTILE, HOSTILE, HOSTILE)
    failure = Failure(Signature(FailureKind.CRASH, HOSTILE, HOSTILE), HOSTILE, 0, (frame,), HOSTILE)
    calls = ((CallResult(HOSTILE, CallStatus.RAISED, HOSTILE),), ())
    trial = evolve(
        CRASHED,
        plan=evolve(CRASHED.plan, target=HOSTILE),
        evidence=evolve(CRASHED.evidence, stderr=HOSTILE, stacks=HOSTILE, calls=calls),
        outcome=Outcome(Verdict.FAILED, (failure,), (HOSTILE,)),
    )
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="truecolor", width=80)
    show(console, failure_report(trial, ENTRY))
    # What is left of escapes is what the report's own styles are made of.
    own = [f"\x1b[{code}m" for code in ("0", "1", "1;31")]
    text = out.getvalue()
    for code in own:
        text = text.replace(code, "")
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert "[bold red]x[/]" in text
    assert ":bomb:" in text
    assert "\\x1b]0;owned\\x07" in text
    assert "\\u202e" in text


def test_a_terminal_that_knows_only_ascii_gets_escapes() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    trial = evolve(CRASHED, evidence=evolve(CRASHED.evidence, stderr="Größe\n"))
    show(Console(file=out), failure_report(trial, ENTRY))
    out.flush()
    assert b"Gr\\xf6\\xdfe" in raw.getvalue()


def test_long_lines_are_not_broken_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    long = Path("/very/long" * 30) / "entry.json"
    show(Console(file=out, width=40), failure_report(CRASHED, long))
    assert out.getvalue().splitlines()[-1] == f"stressor replay {long}"


def test_what_could_not_be_saved_is_printed_whole_and_can_be_replayed(tmp_path: Path) -> None:
    odd = evolve(CRASHED, plan=evolve(CRASHED.plan, target="caf\u00e9/\U0001f40d.py"))
    lines = lines_of(odd, None)
    assert "could not be saved" in next(line for line in lines if "saved" in line)
    assert lines[-1] == "stressor replay FILE"
    body = "\n".join(lines[lines.index("{") : -1])
    assert body.isascii()
    (tmp_path / "by hand.json").write_text(body)
    saved = load_entry(tmp_path / "by hand.json")
    assert saved.plan == odd.plan
    assert saved.outcome.signature == odd.outcome.signature
    assert saved.rate == odd.rate
    assert Corpus(tmp_path / "corpus").keep(saved).stem == plan_key(odd.plan)


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("a/b.json", "stressor replay a/b.json"),
        ("my corpus/b.json", "stressor replay 'my corpus/b.json'"),
        ("a;rm -rf/b.json", "stressor replay 'a;rm -rf/b.json'"),
        ("it's.json", """stressor replay 'it'"'"'s.json'"""),
        ("a\nb'\\.json", "stressor replay $'a\\x0ab\\x27\\x5c.json'"),
        ("a\udcff.json", "stressor replay $'a\\xff.json'"),
    ],
)
def test_the_command_is_one_line_that_a_shell_reads_as_meant(path: str, command: str) -> None:
    assert replay_command(Path(path)) == command


def test_one_line_for_any_outcome() -> None:
    assert outcome_line(CRASHED) == "FAILED: crash in _csv:parse_save_field"
    assert outcome_line(evolve(CRASHED, outcome=Outcome(Verdict.PASSED))) == "PASSED"
    unknown = Outcome(Verdict.UNKNOWN, undecided=("killed\x1b",))
    assert outcome_line(evolve(CRASHED, outcome=unknown)) == "UNKNOWN: killed\\x1b"


def test_the_same_for_machines() -> None:
    data = failure_data(CRASHED, ENTRY)
    assert data["verdict"] == "failed"
    assert data["rate"] == "19/20"
    assert data["replay"] == replay_command(ENTRY)
    assert data["signature"]["where"] == "_csv:parse_save_field"
    assert data["trial"]["plan"]["seed"] == 7
    unsaved = failure_data(evolve(CRASHED, outcome=Outcome(Verdict.PASSED), rate=None), None)
    assert unsaved["signature"] is unsaved["rate"] is unsaved["entry"] is unsaved["replay"] is None


def test_a_hold_that_gave_up_is_not_said_to_have_been_satisfied() -> None:
    [first, second] = CRASHED.evidence.events
    late = (first[0], evolve(first[1], expired=True, ns=10_000_000))
    trial = evolve(CRASHED, evidence=evolve(CRASHED.evidence, events=(late, second)))
    told = " ".join(section(lines_of(trial), "Last events (-> before, <- after)"))
    assert "gave up after 10 ms" in told
    assert "waited" not in told


def test_an_event_in_a_ring_of_another_thread_is_left_out() -> None:
    stray = (evolve(CRASHED.evidence.events[0][0], thread=7), *CRASHED.evidence.events[0][1:])
    events = (stray, *CRASHED.evidence.events[1:])
    told = section(
        lines_of(evolve(CRASHED, evidence=evolve(CRASHED.evidence, events=events))),
        "Last events (-> before, <- after)",
    )
    assert not any("operation pull" in line for line in told)


def test_a_stack_ends_at_the_operation_and_has_no_frame_of_ours() -> None:
    evaluation = Frame("python3.13t", 5, "_PyEval_EvalFrameDefault")
    frames = (
        Frame("_csv.so", 1, "inner"),
        evaluation,
        Frame("_shim.cpython-313t.so", 2, "wrap_PyObject_Call"),
        Frame("ext.cpython-313t.so", 3, "outer"),
        Frame("python3.13t", 4, "wrap_binaryfunc"),
        evaluation,
        evaluation,
        Frame("python3.13t", 6, "thread_run"),
        Frame("libc.so.6", 7, "start_thread"),
    )
    [failure] = CRASHED.outcome.failures
    outcome = evolve(CRASHED.outcome, failures=(evolve(failure, frames=frames),))
    assert section(lines_of(evolve(CRASHED, outcome=outcome)), "Stack, innermost first") == [
        "#0  inner                     _csv",
        "#1  _PyEval_EvalFrameDefault  python",
        "#2  outer                     ext",
        "#3  wrap_binaryfunc           python",
        "#4  _PyEval_EvalFrameDefault  python",
        "... 3 more",
    ]


def test_standard_error_leaves_out_the_frames_that_every_trial_has() -> None:
    stderr = (
        "Fatal Python error: Segmentation fault\n"
        '  File "/home/me/target.py", line 3 in push\n'
        '  File "/lib/stressor/runtime/trial.py", line 9 in _run\n'
        '  File "/lib/python3.13t/threading.py", line 994 in run\n'
    )
    trial = evolve(CRASHED, evidence=evolve(CRASHED.evidence, stderr=stderr))
    assert section(lines_of(trial), "Standard error") == [
        "Fatal Python error: Segmentation fault",
        '  File "/home/me/target.py", line 3 in push',
    ]


def test_what_is_not_minimized_says_how() -> None:
    lines = lines_of(evolve(CRASHED, minimized=False))
    assert "not minimized" in lines[-3]
    assert lines[-2:] == [f"stressor minimize {ENTRY}", f"stressor replay {ENTRY}"]
    assert not any("stressor minimize" in line for line in lines_of(CRASHED))


def test_a_failed_check_has_its_function() -> None:
    signature = Signature(FailureKind.INVARIANT, "check of target.py:_sum")
    outcome = Outcome(Verdict.FAILED, (Failure(signature, "the check failed"),))
    told = section(lines_of(evolve(CRASHED, outcome=outcome)), "Invariant")
    assert told == ["the check failed", "where: _sum in target.py"]


def test_what_was_cut_short_is_not_called_minimized_without_a_word() -> None:
    short = lines_of(evolve(CRASHED, cut_short="as far as 150 runs allowed"))
    assert "Program, minimized as far as 150 runs allowed" in short


def test_a_dying_interpreter_that_tells_nothing_new_is_left_out() -> None:
    printed = """Fatal Python error: Segmentation fault

Current thread 0x00007ffff56b96c0 (most recent call first):

Thread 0x00007ffff7cf2740 (most recent call first):
  File "<frozen runpy>", line 88 in _run_code

Extension modules: stressor._shim (total: 1)
"""
    assert "Standard error" not in lines_of(_printing(printed))
    own = printed.replace(
        "first):\n\nThread", 'first):\n  File "/x/t.py", line 3 in push\n\nThread'
    )
    assert section(lines_of(_printing(own)), "Standard error") == [
        "Fatal Python error: Segmentation fault",
        "",
        "Current thread 0x00007ffff56b96c0 (most recent call first):",
        '  File "/x/t.py", line 3 in push',
        "",
        "Extension modules: stressor._shim (total: 1)",
    ]
    assert section(lines_of(_printing("Fatal Python error: oh\n")), "Standard error") == [
        "Fatal Python error: oh"
    ]


def _printing(text: str) -> Trial:
    return evolve(CRASHED, evidence=evolve(CRASHED.evidence, stderr=text))


def test_a_strategy_that_does_nothing_is_not_named() -> None:
    plan = evolve(CRASHED.plan, strategy=Spec("none"))
    lines = section(lines_of(evolve(CRASHED, plan=plan)), "Conditions")
    assert lines[0] == "target cases/target.py, seed 7"
