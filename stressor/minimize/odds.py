"""The arithmetic of failures that happen by chance: how often to try, how many rounds to run.

Decides numbers only. A race that fails in 19 of 20 runs misses now and then, so one miss proves
nothing and one hit of a rare failure says little about its rate; everything here states its error.
"""

from math import ceil, comb, log

from attrs import frozen

WRONGLY_REJECTED = 0.05
"""Chance to reject a candidate that is exactly as likely to fail as the plan it came from."""

SURE = 0.98
"""Wanted chance that one run fails: then 18 or more of 20 runs do in 99 % of the cases."""

TWO_HITS_FROM = 0.3
"""From this rate on two hits are asked for. One would also take candidates that hardly ever fail."""

KEPT = 0.6
"""So much has to be left when two short counts are compared: two runs of 5 of the same plan of rate
0.9 differ by more in less than 3 % of the cases. The whole is confirmed in the end."""

MOST_TRIES = 30
MOST_ROUNDS = 2000


@frozen
class Quorum:
    """Accept on `hits` hits in at most `tries` tries."""

    hits: int
    tries: int


@frozen
class Tally:
    """What runs of one plan gave: hits, runs, and rounds over all of them."""

    hits: int = 0
    runs: int = 0
    rounds: int = 0

    def add(self, hit: bool, rounds: int) -> "Tally":
        """One more run, of so many rounds."""
        return Tally(self.hits + hit, self.runs + 1, self.rounds + max(rounds, 1))

    @property
    def misses(self) -> int:
        """Runs that did not fail in this way."""
        return self.runs - self.hits

    @property
    def rate(self) -> float:
        """Hits per run."""
        return self.hits / self.runs if self.runs else 0.0

    @property
    def per_round(self) -> float:
        """Hits per round: a run stops at its first failing round, so this is the likeliest value."""
        return self.hits / self.rounds if self.rounds else 0.0

    def is_no_rarer(self, before: "Tally") -> bool:
        """Whether this is as good as `before`, as far as few runs can tell."""
        return self.rate >= KEPT * before.rate and self.per_round >= KEPT * before.per_round


def chance_of_fewer(hits: int, tries: int, rate: float) -> float:
    """Chance that `tries` independent runs, each failing with `rate`, give fewer than `hits`."""
    return sum(comb(tries, k) * rate**k * (1 - rate) ** (tries - k) for k in range(hits))


def quorum(rate: float) -> Quorum:
    """The shortest test that wrongly rejects at most one candidate in twenty.

    At 0.95: 2 of 3, rejects an equal candidate with 3 * 0.95 * 0.05**2 + 0.05**3 = 0.7 %, and takes
    one of rate 0.1 with 2.8 %. At 0.5: 2 of 8 (3.5 %; 19 %). At 0.1: 1 of 29 (4.7 %). Stopping at
    the first outcome that decides makes a hopeless candidate cost two misses at 0.95.
    """
    # Nobody has measured a rate of exactly one.
    believed = min(max(rate, 0.01), 0.95)
    hits = 2 if believed >= TWO_HITS_FROM else 1
    tries = hits
    while tries < MOST_TRIES and chance_of_fewer(hits, tries, believed) > WRONGLY_REJECTED:
        tries += 1
    return Quorum(hits, tries)


def rounds_for(per_round: float, sure: float = SURE) -> int:
    """Rounds after which one of them has failed with chance `sure`: 1 - (1 - p)**n >= sure."""
    if per_round <= 0.0:
        return MOST_ROUNDS
    if per_round >= sure:
        return 1
    return min(ceil(log(1 - sure) / log(1 - per_round)), MOST_ROUNDS)
