"""The canary: a known race that must be caught before silence about a target means anything.

The program is fixed, since it is the injection that is tried. Decides when instrumentation is
believed to bite: the race of `stressor_canary.c` was seen, in a trial in which something was injected.
Otherwise nothing is known about any target, and `NotTestedError` says what was missing. The extension
is compiled on first use, like any target with C sources.
"""

from pathlib import Path

from attrs import evolve, frozen

from stressor.campaign.carryout import CarryOut
from stressor.campaign.known import KnownSites
from stressor.campaign.portfolio import Portfolio
from stressor.campaign.settings import Settings
from stressor.errors import NotTestedError
from stressor.model.plan import Call
from stressor.model.site import Kind, Site
from stressor.model.trial import Trial
from stressor.targets.harness import OperationInfo

TARGET = str(Path(__file__).parent)

SETTINGS = Settings(target=TARGET, seed=1, strategies=("targeted", "weighted"))
OPERATIONS = (OperationInfo("peek"), OperationInfo("replace"))

PROGRAM = ((Call("peek"),) * 20, (Call("replace"),) * 10)
ROUNDS = 10

MOST_TRIALS = 60
"""Nearly every second trial catches it, measured on two cores: 60 miss it with less than 1e-10."""


@frozen
class Caught:
    """How the canary was caught."""

    trials: int
    trial: Trial


def catch(carry_out: CarryOut) -> Caught:
    """Run the canary until it is caught. Raises `NotTestedError` when it is not."""
    portfolio, known = Portfolio(SETTINGS, OPERATIONS), KnownSites()
    for index in range(MOST_TRIALS):
        plan = portfolio.plan(index, known.all())
        trial = carry_out(evolve(plan, program=PROGRAM, rounds=ROUNDS, ledger=True))
        known.add(trial.evidence.sites, trial.evidence.rounds)
        injected = any(site.acted for site in trial.evidence.sites)
        if trial.outcome.signature is not None and injected:
            return Caught(index + 1, trial)
    raise NotTestedError(
        f"the canary, a race built in to be caught, was not caught in {MOST_TRIALS} trials: "
        f"{_missing(known.all())}. Silence about your target would mean nothing, so it was not tested. "
        "`stressor doctor` checks what stressor needs."
    )


def _missing(sites: tuple[Site, ...]) -> str:
    calls = [site for site in sites if site.kind is Kind.CALL]
    if not sites:
        return "no site was reached at all"
    if not calls:
        return "none of its C-API calls was reached, so extension modules are not instrumented"
    return f"{len(calls)} of its C-API calls were reached, but pausing there did nothing"
