"""The process died: by a signal, by a fatal error, or by leaving in the middle of an operation.

The signature is the place alone. A kill that stressor did not send and that no crash explains says
nothing about the target: it is the kernel short of memory, or a person.
"""

import signal

from stressor.model.evidence import End, Evidence, Frame
from stressor.model.outcome import OUTSIDE, Failure, FailureKind, Signature, located_in
from stressor.oracles.messages import Report, report_of
from stressor.oracles.modules import Owner, owner_of
from stressor.oracles.place import in_operation, is_late, operations_in_progress, place_of

_SIGNALS = {
    signal.SIGSEGV: "segmentation fault",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "arithmetic error",
    signal.SIGILL: "illegal instruction",
    signal.SIGABRT: "aborted",
    signal.SIGTRAP: "trap",
    signal.SIGSYS: "forbidden system call",
    # Nobody outside sends these: the target set a timer or a limit, or wrote where no reader was.
    signal.SIGALRM: "ended by its own alarm",
    signal.SIGPIPE: "broken pipe",
    signal.SIGXCPU: "processor time limit exceeded",
    signal.SIGXFSZ: "file size limit exceeded",
}


def failures(evidence: Evidence) -> tuple[Failure, ...]:
    """At most one: a process dies once."""
    if evidence.crash is not None or _died(evidence):
        return (_crash(evidence),)
    if _left(evidence):
        return (_exit(evidence),)
    return ()


def killed_from_outside(evidence: Evidence) -> str | None:
    """Say that a signal ended the process that no crash explains, or return None."""
    ending = evidence.ending
    if ending.end is not End.SIGNALLED or _died(evidence) or evidence.crash is not None:
        return None
    if ending.code == signal.SIGKILL:
        return "the process was killed from outside (signal 9), as when memory runs out"
    return f"the process was ended by signal {ending.code}, which no crash sends"


def _died(evidence: Evidence) -> bool:
    return evidence.ending.end is End.SIGNALLED and evidence.ending.code in _SIGNALS


def _crash(evidence: Evidence) -> Failure:
    crash, report = evidence.crash, report_of(evidence.stderr)
    frames = crash.frames if crash else ()
    thread = crash.thread if crash and crash.thread >= 0 else None
    late = is_late(frames) or (report is not None and report.late)
    place = None if late else place_of(frames)
    where = place or in_operation(evidence, thread)
    number = crash.signal if crash else evidence.ending.code
    return Failure(
        Signature(FailureKind.CRASH, where),
        summary=f"{_said(number, report)} {located_in(where)}{_innermost(frames, place)}",
        thread=thread,
        frames=frames,
        details="\n".join(_details(evidence, report, late, where)),
    )


def _innermost(frames: tuple[Frame, ...], place: str | None) -> str:
    """Name what the thread ran when no frame tells a place: an operation alone says too little.

    Not part of the identity: where damage is found changes from run to run.
    """
    if place is not None:
        return ""
    owners = (Owner.TARGET, Owner.INTERPRETER)
    named = (frame.function for frame in frames if frame.function and owner_of(frame) in owners)
    others = (f.function for f in frames if f.function and owner_of(f) is not Owner.STRESSOR)
    function = next(named, None) or next(others, None)
    return f" (in {function})" if function else ""


def _said(number: int, report: Report | None) -> str:
    name = _SIGNALS.get(signal.Signals(number), "") if number in _SIGNALS else f"signal {number}"
    return f"{name}: {report.text}" if report else name


def _details(evidence: Evidence, report: Report | None, late: bool, where: str) -> list[str]:
    said = [report.text] if report else []
    if evidence.crash is not None and evidence.crash.signal != signal.SIGABRT:
        said.append(f"Faulting address {evidence.crash.address:#x}.")
    if late:
        said.append(
            "Memory had been damaged before: an allocation or a collection came upon it, and the "
            "stack does not show who did it. Run with the debug allocator to see it earlier."
        )
    running = operations_in_progress(evidence)
    if running:
        whose = " of other threads" if where == OUTSIDE else ""
        said.append(f"Operations in progress{whose}: {', '.join(running)}.")
    return said


def _left(evidence: Evidence) -> bool:
    """Whether the process exited by itself, by `os._exit` or C's `exit`, and not at its end."""
    ending = evidence.ending
    return ending.end is End.EXITED and (ending.code != 0 or not evidence.complete)


def _exit(evidence: Evidence) -> Failure:
    where, code = in_operation(evidence), evidence.ending.code
    report = report_of(evidence.stderr)
    return Failure(
        Signature(FailureKind.CRASH, where, f"exit code {code}"),
        summary=f"the process left with exit code {code} {located_in(where)}",
        details=report.text if report else "",
    )
