"""Builds the scenarios of `native/tests`: small extensions, some of them compiled in several ways."""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "native" / "tests"
SUFFIX = str(sysconfig.get_config_var("EXT_SUFFIX"))
COMPILE_SECONDS = 300.0

CFLAGS = ("-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared")


class Extensions:
    """What has been built in one folder. Each name is compiled once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def build(self, source: str, *flags: str, name: str = "", folder: Path | None = None) -> Path:
        """The extension module `name` (the source's own name by default) from `source`.c."""
        name = name or source
        return self._compile(source, (f"-DNAME={name}", *flags), f"{name}{SUFFIX}", folder)

    def library(self, source: str, name: str) -> Path:
        """A plain shared library."""
        return self._compile(source, (), name, None)

    def _compile(self, source: str, flags: tuple[str, ...], name: str, folder: Path | None) -> Path:
        made = (folder or self.folder) / name
        if not made.exists():
            draft = made.with_suffix(f".{os.getpid()}")
            command = [compiler(), *CFLAGS, *flags, *INCLUDES]
            done = subprocess.run(
                [*command, str(SOURCES / f"{source}.c"), "-o", str(draft), "-lpthread"],
                capture_output=True,
                text=True,
                timeout=COMPILE_SECONDS,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            draft.replace(made)
        return made


INCLUDES = tuple(f"-I{sysconfig.get_path(kind)}" for kind in ("include", "platinclude"))


def compiler() -> str:
    """The C compiler, by the name that the environment or the machine gives it."""
    found = os.environ.get("CC") or shutil.which("gcc") or shutil.which("cc")
    assert found is not None, "no C compiler"
    return found
