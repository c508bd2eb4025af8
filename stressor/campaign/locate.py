"""Source lines for a trial that will be shown.

Exploring makes do with function names, which signatures are made of; lines cost seconds and are found
for what a person will read. Failures quote frames, so the trial is judged again with them.
"""

from attrs import evolve

from stressor.model.trial import Trial
from stressor.oracles import judge
from stressor.symbols.symbolizer import SYMBOLS


def located(trial: Trial) -> Trial:
    """The trial with lines in its evidence and its failures; the verdict stays what it was."""
    evidence = SYMBOLS.locate_evidence(trial.evidence)
    outcome = judge(evidence)
    same = outcome.signature == trial.outcome.signature
    return evolve(trial, evidence=evidence, outcome=outcome if same else trial.outcome)
