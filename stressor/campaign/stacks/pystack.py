"""pystack (bloomberg/pystack): Python and native frames, inlined ones too; reads 3.13t and later."""

import importlib.util
import sys

from stressor.campaign.stacks.provider import command_output


class Pystack:
    """`pystack remote`, run with the interpreter that stressor itself runs on."""

    name = "pystack"

    def obstacle(self) -> str | None:
        """It must be installed beside stressor."""
        if importlib.util.find_spec("pystack") is None:
            return "not installed: run `pip install pystack`"
        return None

    def dump(self, pid: int) -> str:
        """Stop the process, read it through ptrace, let it go on. Raises `NoStacks`."""
        command = [sys.executable, "-W", "ignore", "-m", "pystack", "--no-color"]
        return command_output([*command, "remote", str(pid), "--native"])
