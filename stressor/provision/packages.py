"""The Debian packages that a build needs: which are missing, and how they get there.

As root they are installed, without their recommendations; otherwise the exact command is said. What
is built with them is `build`'s business.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from stressor.provision.errors import CouldNotTest
from stressor.provision.progress import Log

COMPILER = ("gcc", "libc6-dev")
FOR_PYTHON = (
    *COMPILER,
    "make",
    "pkg-config",
    "tar",
    "xz-utils",
    "ca-certificates",
    "libbz2-dev",
    "libffi-dev",
    "liblzma-dev",
    "libsqlite3-dev",
    "libssl-dev",
    "zlib1g-dev",
)
INSTALL_SECONDS = 900.0
LOCK_WAIT = ("-o", "DPkg::Lock::Timeout=300")
"""Somebody else's apt-get, or the machine's unattended upgrades, may be at work."""


def missing(names: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Return those of `names` that dpkg does not have installed; all of them where there is no dpkg."""
    if shutil.which("dpkg-query", path=environ.get("PATH")) is None:
        return list(names)
    command = ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package} ${Provides}\n"]
    listed = subprocess.run(
        command, capture_output=True, text=True, check=False, env=dict(environ)
    ).stdout
    rows = [line.replace(",", " ").split() for line in listed.splitlines()]
    present = {
        word for status, *words in filter(None, rows) if status == "installed" for word in words
    }
    return [name for name in names if name not in present]


def ensure(names: Sequence[str], log: Log, environ: Mapping[str, str]) -> None:
    """Install what is missing of `names`, or say the command that does."""
    absent = missing(names, environ)
    if not absent:
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *absent]
    if shutil.which("apt-get", path=environ.get("PATH")) is None:
        raise CouldNotTest(
            f"needed to build, and there is no apt-get to install them: {' '.join(absent)}"
        )
    if os.geteuid() != 0:
        raise CouldNotTest(
            f"packages are missing; run this as root, then try again:\n  {' '.join(install)}"
        )
    own = {**environ, "DEBIAN_FRONTEND": "noninteractive"}
    here = Path("/")
    command = [install[0], *LOCK_WAIT, *install[1:]]
    with log.progress.phase(f"install {' '.join(absent)}"):
        try:
            log.run(command, cwd=here, seconds=INSTALL_SECONDS, environ=own)
        except CouldNotTest:
            # Most often the lists are old or were never fetched: a fresh machine has none.
            log.run(
                ["apt-get", *LOCK_WAIT, "update"], cwd=here, seconds=INSTALL_SECONDS, environ=own
            )
            log.run(command, cwd=here, seconds=INSTALL_SECONDS, environ=own)
