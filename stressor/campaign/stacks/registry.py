"""The stack providers in the order of how much they tell, and how to know that one works."""

import subprocess
import sys
from collections.abc import Iterable

from stressor.campaign.stacks.provider import NoStacks, StackProvider
from stressor.campaign.stacks.pyspy import PySpy
from stressor.campaign.stacks.pystack import Pystack

OUTSIDERS: tuple[StackProvider, ...] = (Pystack(), PySpy())

_SPECIMEN = "def wait_to_be_read():\n    print(flush=True)\n    input()\nwait_to_be_read()\n"


def take_stacks(pid: int, providers: Iterable[StackProvider]) -> str:
    """Return what the first provider that can says, after a line that names it.

    When none can, the text says why for each: an empty answer would hide that something is missing.
    """
    reasons = []
    for provider in providers:
        reason = provider.obstacle()
        if reason is None:
            try:
                return f"stacks by {provider.name}:\n{provider.dump(pid)}"
            except NoStacks as failure:
                reason = str(failure)
        reasons.append(f"{provider.name}: {reason}")
    return "no stacks:\n" + "\n".join(reasons)


def shortcoming(provider: StackProvider, python: str = sys.executable) -> str | None:
    """Try the provider on a process of `python` made for the purpose; None when it can read it."""
    known = provider.obstacle()
    if known is not None:
        return known
    with subprocess.Popen(
        [python, "-c", _SPECIMEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as specimen:
        try:
            assert specimen.stdout is not None
            specimen.stdout.readline()
            text = provider.dump(specimen.pid)
        except NoStacks as failure:
            return str(failure)
        finally:
            specimen.kill()
    return None if "wait_to_be_read" in text else "it answers, but without Python functions"
