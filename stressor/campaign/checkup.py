"""Can stressor work here: one check per thing that it needs, each with how to put it right.

Decides what is needed (fail) and what is only useful (warn). Asks by trying wherever trying is cheap,
in processes of their own where it would touch this one; installs and changes nothing.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from attrs import frozen

from stressor.campaign import scratch
from stressor.campaign.redirection import find_all, interpreter_file
from stressor.campaign.stacks.registry import OUTSIDERS, shortcoming
from stressor.interpreter import current
from stressor.interpreter import shortcoming as interpreter_shortcoming

SECONDS = 60.0

PROBE = """
import json, sys
facts = {"gil": sys._is_gil_enabled(), "shim": "", "supported": "", "randomization": "",
         "redirectable": ""}
try:
    from stressor import _shim
except ImportError as why:
    facts["shim"] = str(why)
else:
    facts["supported"] = _shim.supported()
    facts["redirectable"] = _shim.redirectable()
    try:
        _shim.disable_randomization()
    except OSError as why:
        facts["randomization"] = str(why)
facts["gil_after"] = sys._is_gil_enabled()
print(json.dumps(facts))
"""


class State(Enum):
    """How a check came out; only FAIL prevents fuzzing."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@frozen
class Check:
    """One line of a check-up; `fix` says what to do, empty when there is nothing to do."""

    name: str
    state: State
    detail: str
    fix: str = ""


def check_up(corpus: Path) -> Iterator[Check]:
    """All checks, one after the other, so that each can be shown when it is done."""
    yield _interpreter()
    facts = _probe()
    yield from _shim(facts)
    yield _runtime(facts)
    yield _compiler()
    yield _stacks()
    yield _permissions("ptrace", Path("/proc/sys/kernel/yama/ptrace_scope"), _ptrace)
    yield _permissions("perf events", Path("/proc/sys/kernel/perf_event_paranoid"), _perf)
    yield _scratch()
    yield _corpus(corpus)


def _interpreter() -> Check:
    found = current()
    why = interpreter_shortcoming(found)
    if why is None:
        return Check("interpreter", State.OK, str(found))
    return Check(
        "interpreter",
        State.FAIL,
        f"{found}: {why}",
        "run `stressor interpreter install`, and install stressor into an environment of that Python",
    )


def _probe() -> dict[str, Any]:
    """Facts about a fresh process of this interpreter; {} with `error` when it cannot tell them."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
        facts: dict[str, Any] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return {"error": getattr(error, "stderr", "") or str(error)}
    return facts


def _shim(facts: dict[str, Any]) -> Iterator[Check]:
    if "error" in facts:
        yield Check("shim", State.FAIL, facts["error"].strip()[-300:], "reinstall stressor")
        return
    if facts["gil"]:
        yield Check(
            "GIL",
            State.FAIL,
            "the GIL is on when Python starts",
            "unset PYTHON_GIL, and use a free-threaded interpreter",
        )
    elif facts["gil_after"]:
        yield Check("GIL", State.FAIL, "importing the shim turns it on", "reinstall stressor")
    else:
        yield Check("GIL", State.OK, "off")
    if why := facts["shim"]:
        yield Check("shim", State.FAIL, why, "reinstall stressor with a C compiler at hand")
    elif why := facts["supported"]:
        yield Check("shim", State.FAIL, why, "use x86-64 or aarch64 Linux with glibc")
    else:
        yield Check("shim", State.OK, "loads, and knows this platform and interpreter")
    if why := facts["randomization"]:
        yield Check(
            "addresses",
            State.WARN,
            f"randomization cannot be switched off: {why}",
            "allow personality(2) in the container's seccomp profile; crashes are less repeatable",
        )
    else:
        yield Check("addresses", State.OK, "randomization can be switched off for children")


def _runtime(facts: dict[str, Any]) -> Check:
    """What `--runtime` can do with this interpreter. Takes some seconds once."""
    path = interpreter_file()
    found = find_all(path)
    possible = [each for each in found.functions if not each.reason]
    why = facts.get("redirectable") or found.reason
    if why or not possible:
        return Check(
            "runtime",
            State.WARN,
            f"the interpreter's own calls cannot be redirected: {why or 'none of them is known'}",
            "only --runtime needs that: `stressor interpreter install` builds an interpreter for it",
        )
    calls = sum(each.disassembled for each in possible)
    detail = f"{calls} calls of {len(possible)} functions inside the interpreter can be redirected"
    missing = [each.name for each in found.functions if each.reason]
    if len(missing) > len(possible):
        fix = "`stressor sites --runtime` says why; a build that is not stripped has more"
        return Check("runtime", State.WARN, f"{detail}, {len(missing)} others not", fix)
    return Check("runtime", State.OK, f"{detail}, {len(missing)} others not")


def _compiler() -> Check:
    named = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    command = shlex.split(named)[0]
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if shutil.which(command) is None:
        return Check(
            "compiler",
            State.FAIL,
            f"{command} is not on PATH",
            "install gcc or clang, or set CC: the canary and targets with C sources are compiled",
        )
    if not header.is_file():
        return Check(
            "compiler", State.FAIL, f"no {header}", "install the headers of this interpreter"
        )
    return Check("compiler", State.OK, f"{shutil.which(command)}, {header}")


def _stacks() -> Check:
    reasons: list[str] = []
    for provider in OUTSIDERS:
        reason = shortcoming(provider)
        if reason is None:
            detail = f"{provider.name} reads this interpreter"
            return Check("stacks", State.OK, "; ".join([detail, *reasons]))
        reasons.append(f"{provider.name}: {reason}")
    return Check(
        "stacks",
        State.WARN,
        "; ".join(reasons),
        "hung children show Python frames only (faulthandler); allow ptrace or install pystack",
    )


_Judge = Callable[[int], tuple[State, str, str]]


def _ptrace(scope: int) -> tuple[State, str, str]:
    if scope <= 1:
        return State.OK, f"yama scope {scope}: own children may be read", ""
    return (
        State.WARN,
        f"yama scope {scope}: stacks of hung children cannot be read",
        "run as root, or: sysctl kernel.yama.ptrace_scope=1",
    )


def _perf(level: int) -> tuple[State, str, str]:
    if level <= 2:
        return State.OK, f"paranoid level {level}: user-space events allowed", ""
    return (
        State.WARN,
        f"paranoid level {level}: no user-space events (not needed by this version)",
        "sysctl kernel.perf_event_paranoid=2",
    )


def _permissions(name: str, path: Path, judge: _Judge) -> Check:
    try:
        state, detail, fix = judge(int(path.read_text()))
    except (OSError, ValueError):
        return Check(name, State.OK, f"this kernel does not restrict it ({path} is absent)")
    if state is State.WARN and os.geteuid() == 0:
        return Check(name, State.OK, f"{detail}, but root may")
    return Check(name, state, detail, fix)


def _scratch() -> Check:
    base = scratch.choose_base()
    try:
        with scratch.Scratch(base) as made:
            probe = made.slot() / "probe"
            probe.write_bytes(b"x")
        free = shutil.disk_usage(base).free >> 20
    except OSError as why:
        return Check("scratch", State.FAIL, f"{base}: {why}", "set TMPDIR to a writable folder")
    detail = f"{base}, {free} MiB free"
    if free << 20 < scratch.ROOM:
        return Check("scratch", State.WARN, detail, f"{scratch.ROOM >> 20} MiB are asked for")
    if base != scratch.SHARED_MEMORY:
        return Check("scratch", State.WARN, f"{detail}: on disk, slower", "give /dev/shm more room")
    return Check("scratch", State.OK, detail)


def _corpus(root: Path) -> Check:
    try:
        nearest = next(each for each in (root, *root.absolute().parents) if each.exists())
    except OSError as why:
        return Check("corpus", State.WARN, f"{root}: {why.strerror}", "use --corpus DIR, or cd")
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return Check(
            "corpus", State.OK, f"{root}" + ("" if root.exists() else " (made when needed)")
        )
    return Check(
        "corpus",
        State.WARN,
        f"{nearest} is not writable: failures would be printed, not saved",
        "use --corpus DIR, or work in another folder",
    )
