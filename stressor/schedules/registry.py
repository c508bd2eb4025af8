"""The schedulers of the shim, as the parent knows them: names, and numbers with their usual values.

The parent never loads the shim, so this is a copy of its registry (`native/src/schedulers.c`), held
to it by a test. A new scheduler is a C file, a line there, and a line here.
"""

from stressor.model.bounds import MOST_THREADS

SCHEDULERS: dict[str, dict[str, int]] = {
    "first": {},
    "walk": {},
    "pct": {"depth": 3, "steps": 1000},
    "pos": {},
    "surw": {
        **{f"count{thread}": 0 for thread in range(MOST_THREADS)},
        **{"object": 0, "category": -1, "phase": -1},
        **{f"site{number}": 0 for number in range(4)},
    },
    "delayed": {"delays": 2, "steps": 1000},
}
