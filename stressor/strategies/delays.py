"""How long a pause may be and how it is spent; shared by all strategies that pause.

Decides between spinning and sleeping and caps what may be waited for while attached; leaves where
and how often to the strategies. Measured on Linux: `nanosleep(1 us)` takes about 58 us, so a short
pause must spin; a thread that waits while attached keeps every stop-the-world waiting, so no pause
is longer than a few milliseconds.
"""

from random import Random

from stressor.model.plan import ANYWHERE, Action, Rule
from stressor.model.site import Phase

SPIN_MOST_NS = 20_000
ATTACHED_MOST_NS = 3_000_000

SPINS_NS = (200, SPIN_MOST_NS)
SHORT_SLEEPS_NS = (SPIN_MOST_NS, 200_000)
LONG_SLEEPS_NS = (50_000, ATTACHED_MOST_NS)

PAUSES_PER_ROUND = 16
"""Pauses at one site in one round that are worth their time: more only make the round longer."""


def pause(
    least_ns: int,
    most_ns: int,
    site: str = ANYWHERE,
    phase: Phase | None = None,
    thread: int | None = None,
    chance: float = 1.0,
) -> Rule:
    """A rule that only passes time: it spins when all of its range is short, else it sleeps."""
    action = Action.SPIN if most_ns <= SPIN_MOST_NS else Action.SLEEP
    capped = min(most_ns, ATTACHED_MOST_NS)
    return Rule(
        action,
        site,
        phase,
        thread,
        chance=round(chance, 4),
        least_ns=min(least_ns, capped),
        most_ns=capped,
    )


def affordable(chance: float, visits: int) -> float:
    """Cap a chance so that a site visited that often pauses about `PAUSES_PER_ROUND` times."""
    return min(chance, PAUSES_PER_ROUND / max(visits, 1))


def log_uniform(rng: Random, least: float, most: float) -> float:
    """Draw so that each order of magnitude is equally likely; both ends are positive."""
    return float(least * (most / least) ** rng.random())
