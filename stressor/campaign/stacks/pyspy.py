"""py-spy (benfred/py-spy): Python and native frames; 0.4.3 cannot read a free-threaded interpreter."""

import shutil
import sys
from pathlib import Path

from stressor.campaign.stacks.provider import NoStacks, command_output


class PySpy:
    """`py-spy dump`, from beside stressor's interpreter or from PATH."""

    name = "py-spy"

    def obstacle(self) -> str | None:
        """It must be installed."""
        return None if _executable() else "not installed: run `pip install py-spy`"

    def dump(self, pid: int) -> str:
        """Stop the process, read it through ptrace, let it go on. Raises `NoStacks`."""
        executable = _executable()
        if executable is None:
            raise NoStacks("not installed")
        return command_output([executable, "dump", "--native", "--pid", str(pid)])


def _executable() -> str | None:
    return shutil.which("py-spy", path=Path(sys.executable).parent) or shutil.which("py-spy")
