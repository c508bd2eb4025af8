"""Source lines for a trial that will be shown.

Exploring makes do with function names, which signatures are made of; lines cost seconds and are found
for what a person will read. Failures quote frames, so the trial is judged again with them. Sites that a
plan names also get the ordinals of their calls, by which they are found in another build.
"""

from attrs import evolve

from stressor.campaign.missing import named_sites
from stressor.model.trial import Trial
from stressor.oracles import judge
from stressor.symbols.places import numbered
from stressor.symbols.symbolizer import SYMBOLS


def located(trial: Trial) -> Trial:
    """The trial with lines in its evidence and its failures; the verdict stays what it was."""
    evidence = SYMBOLS.locate_evidence(with_ordinals(trial).evidence)
    outcome = judge(evidence)
    same = outcome.signature == trial.outcome.signature
    return evolve(trial, evidence=evidence, outcome=outcome if same else trial.outcome)


def with_ordinals(trial: Trial) -> Trial:
    """The trial with function and ordinal for each site that its plan names. What is kept has them."""
    named = set(named_sites(trial.plan))
    sites = tuple(numbered(site) if site.key in named else site for site in trial.evidence.sites)
    return evolve(trial, evidence=evolve(trial.evidence, sites=sites))
