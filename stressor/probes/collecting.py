"""The collector's part in a probe: it collects when the probe asks, and what the probe made."""

import gc


def collect_when_asked() -> None:
    """Stop automatic collections; those asked for look at what is made from now on only.

    A collection merges what is queued and frees what is delayed, which a reference without a
    collector does not; and going through all of stressor's own objects costs milliseconds a round.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
