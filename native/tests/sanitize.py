#!/usr/bin/env python3
"""The native tests once more, with a shim that the sanitizers of gcc watch.

`python native/tests/sanitize.py [address] [thread]`, both by default; further arguments go to pytest.

* address: the shim is built with AddressSanitizer and UndefinedBehaviorSanitizer, their runtime is
  preloaded into the stock interpreter, and tests/native runs against that shim. Scenarios are built
  as always: their crashes must look the same.
* thread: ThreadSanitizer cannot watch a shim inside an interpreter that it does not watch, so
  `threads_*.c` run the gate, the barrier, the ledger and the ring with plain threads and stand-ins
  for what they want of Python.

Exit code 0 when nothing was found, 1 when something was, 3 when there is no compiler or runtime.
"""

import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
COMPILE_SECONDS = 600
RUN_SECONDS = 3000

INCLUDES = sorted({f"-I{sysconfig.get_path(kind)}" for kind in ("include", "platinclude")})
WATCHED = ("-O1", "-g", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all")

# Crashes are what the tests are about: the runtime must leave those signals to us.
SIGNALS = ("segv", "sigbus", "sigfpe", "sigill", "abort")
ADDRESS_OPTIONS = ":".join(
    [
        "detect_leaks=0",
        "allow_user_segv_handler=1",
        "use_sigaltstack=0",
        *(f"handle_{name}=0" for name in SIGNALS),
    ]
)


class NoSanitizer(Exception):
    """There is no compiler, or it has no such runtime."""


def compiler() -> list[str]:
    """The compiler, as a command."""
    return shlex.split(os.environ.get("CC", "gcc"))


def runtime(name: str) -> str:
    """The path of a sanitizer's shared runtime."""
    try:
        said = subprocess.run(
            [*compiler(), f"-print-file-name={name}"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoSanitizer(f"no C compiler: {error}") from None
    path = said.stdout.strip()
    if not os.path.isabs(path):
        raise NoSanitizer(f"the compiler has no {name}")
    return str(Path(path).resolve())


def sources() -> tuple[list[str], list[str]]:
    """The shim's sources and flags, from the one place where they are listed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (shim,) = [
        each
        for each in project["tool"]["setuptools"]["ext-modules"]
        if each["name"] == "stressor._shim"
    ]
    flags = [*shim["extra-compile-args"], *(f"-I{folder}" for folder in shim["include-dirs"])]
    return shim["sources"], flags


def run(command: list[str], folder: Path, environ: Mapping[str, str] = os.environ) -> int:
    """Run a command that says itself what is wrong."""
    return subprocess.run(
        command, cwd=folder, env=environ, timeout=RUN_SECONDS, check=False
    ).returncode


def mirror(folder: Path) -> None:
    """A checkout in `folder` that has everything but a built shim."""
    package = folder / "stressor"
    package.mkdir()
    for path in (ROOT / "stressor").iterdir():
        if not path.name.startswith("_shim.cpython") and path.name != "__pycache__":
            (package / path.name).symlink_to(path)
    for name in ("tests", "native", "docs", "plugins", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)


def watch_addresses(folder: Path, arguments: list[str]) -> int:
    """Build the watched shim, and run the native tests against it."""
    preloaded = f"{runtime('libasan.so')} {runtime('libubsan.so')}"
    mirror(folder)
    shim = folder / "stressor" / f"_shim{sysconfig.get_config_var('EXT_SUFFIX')}"
    files, flags = sources()
    build = [*compiler(), *flags, *INCLUDES, *WATCHED, "-fsanitize=address,undefined", "-fPIC"]
    if run([*build, "-shared", *files, "-o", str(shim)], ROOT) != 0:
        return 1
    environ = {
        **os.environ,
        "LD_PRELOAD": preloaded,
        "ASAN_OPTIONS": ADDRESS_OPTIONS,
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "STRESSOR_SANITIZED": "address",
        "PYTHONPATH": os.pathsep.join([str(folder), str(folder / "plugins")]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    config = [
        "-c",
        str(folder / "pyproject.toml"),
        "-o",
        f"pythonpath={folder} {folder / 'plugins'}",
    ]
    return run([*command, *config, "tests/native", *arguments], folder, environ)


def watch_threads(folder: Path, arguments: list[str]) -> int:
    """Build and run each scenario of plain threads."""
    del arguments
    runtime("libtsan.so")
    _, flags = sources()
    worst = 0
    for source in sorted(HERE.glob("threads_*.c")):
        made = folder / source.stem
        build = [*compiler(), *flags, *INCLUDES, *WATCHED, "-fsanitize=thread", "-pthread"]
        code = run([*build, str(source), "-o", str(made), "-ldl"], ROOT)
        # Address randomization of recent kernels leaves the runtime no room for its shadow.
        code = code or run(["setarch", "-R", str(made)], folder)
        print(f"{source.name}: {'nothing found' if code == 0 else 'FAILED'}")
        worst = worst or code
    return worst


LANES = {"address": watch_addresses, "thread": watch_threads}


def main(arguments: list[str]) -> int:
    """Run the lanes that are named, or all."""
    named = [word for word in arguments if word in LANES]
    rest = [word for word in arguments if word not in LANES]
    worst = 0
    for lane in named or LANES:
        print(f"--- {lane}", flush=True)
        with tempfile.TemporaryDirectory(prefix="stressor-sanitize-") as folder:
            try:
                worst = max(worst, 1 if LANES[lane](Path(folder), rest) else 0)
            except NoSanitizer as why:
                print(f"sanitize.py: {why}", file=sys.stderr)
                worst = 3
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
