"""`./dev native`: the C sources compiled with warnings as errors.

Takes the sources and flags from `pyproject.toml`, the one place where they are listed, and adds
`-Werror`. Makes objects in a temporary folder only; what is installed is made by setuptools without
`-Werror`, since a user's compiler may know warnings that ours does not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from stressor.provision.environment import Checkout, Environment, extensions

COMPILE_SECONDS = 600.0
_INCLUDES = "import sysconfig as s; print(s.get_path('include')); print(s.get_path('platinclude'))"


def compile_strictly(environment: Environment, arguments: list[str]) -> int:
    """Compile each source of each extension, and print what the compiler has to say."""
    if arguments:
        print("./dev native: takes no arguments", file=sys.stderr)
        return 2
    compiler = os.environ.get("CC") or next(filter(None, map(shutil.which, ("gcc", "cc"))), None)
    if compiler is None:
        print(
            "./dev native: there is no C compiler; as root: apt-get install -y gcc libc6-dev",
            file=sys.stderr,
        )
        return 3
    asked = subprocess.run(
        [environment.python, "-I", "-c", _INCLUDES], capture_output=True, text=True, check=True
    )
    includes = sorted(set(asked.stdout.split("\n")) - {""})
    with tempfile.TemporaryDirectory(prefix="stressor-native-") as scratch:
        commands = [
            [
                *compiler.split(),
                *flags,
                *(f"-I{path}" for path in includes),
                "-c",
                source,
                "-o",
                f"{scratch}/{n}.o",
            ]
            for n, (source, flags) in enumerate(jobs(environment.checkout))
        ]
        one = partial(_compile, environment.checkout.root)
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            failed = sum(not ok for ok in pool.map(one, commands))
    print(f"./dev native: {len(commands)} files with -Werror, {failed} failed", file=sys.stderr)
    return 1 if failed else 0


def jobs(checkout: Checkout) -> list[tuple[str, list[str]]]:
    """Return each source that `pyproject.toml` lists, with its flags."""
    return [
        (source, flags(extension))
        for extension in extensions(checkout.project())
        for source in extension["sources"]
    ]


def flags(extension: Mapping[str, Any]) -> list[str]:
    """Return the flags of one extension, made strict."""
    macros = [f"-D{name}={value}" for name, value in extension.get("define-macros", [])]
    includes = [f"-I{folder}" for folder in extension.get("include-dirs", [])]
    return ["-fPIC", *extension.get("extra-compile-args", []), "-Werror", *macros, *includes]


def _compile(root: Path, command: list[str]) -> bool:
    done = subprocess.run(
        command,
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMPILE_SECONDS,
        check=False,
    )
    if done.stderr:
        sys.stderr.write(done.stderr)
    return done.returncode == 0
