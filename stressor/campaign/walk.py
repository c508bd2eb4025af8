"""Exploring with nothing around it: no budget, no corpus, no minimizing, one trial after the other.

What a campaign's loop does to find something, for measuring how well it finds. The campaign itself adds
jobs, the budget and what is done about a failure (`explore`).
"""

from collections.abc import Iterator

from stressor.campaign.hosts import Hosts
from stressor.campaign.known import KnownSites
from stressor.campaign.portfolio import Portfolio
from stressor.campaign.settings import Settings
from stressor.model.trial import Trial


def walk(hosts: Hosts, settings: Settings) -> Iterator[Trial]:
    """Carry out the plans of the campaign with these settings, without end.

    Raises what `Hosts.carry_out` raises.
    """
    hello = hosts.host(settings.target, settings.modules, runtime=settings.runtime).hello
    portfolio, known = Portfolio(settings, hello.operations), KnownSites(hello.sites)
    index = 0
    while True:
        trial = hosts.carry_out(portfolio.plan(index, known.all()))
        known.add(trial.evidence.sites)
        portfolio.learn(trial)
        yield trial
        index += 1
