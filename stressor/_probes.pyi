"""Types of the probes' C side (`native/probes`). `stressor.probes` is its only importer.

`begin`, `watch` and `notes` are called by the thread that owns the round, while no worker runs.
"""

def begin(roles: tuple[int, ...], uses: int) -> None:
    """Begin a journal. `roles` has the number of slots of each. Raises ValueError on too many."""

def watch(site: str, thing: object) -> None:
    """Note the visits of a symbol's sites by threads in an operation, with this object only.

    None: with any object; a capsule: with what it points to. `site` has to outlive the round.
    """

def notes() -> list[tuple[int, str, int]] | None:
    """The notes in order: slot, what, value. None when there were too many to keep."""

def mutex_new() -> bytearray: ...
def mutex_round(mutex: bytearray) -> None: ...
def mutex_round_without_cas(mutex: bytearray) -> None: ...
