"""How much of the evidence an entry keeps: what a reader looks at, and what a file may hold.

A trial records up to sixty-four rings of thousands of events; a reader looks at the last few. Of the
choices of a schedule the first ones are kept, since each is numbered by its place. The plan is never
touched: it is what reproduces the failure. Texts are cut at the start, since the end tells what
happened last, and it is said that they were cut.
"""

import json

from attrs import evolve, frozen

from stressor.corpus.write import CorpusWriteError
from stressor.model.codec import MOST_BYTES, encode_compact, encode_readable, to_data
from stressor.model.evidence import CallResult, Evidence, Raised
from stressor.model.outcome import Failure
from stressor.model.trial import Trial

CUT = "[...]\n"


@frozen
class _Share:
    """How much is kept: events of each thread, choices, characters of each text, calls and sites."""

    events: int
    steps: int
    characters: int
    calls: int
    sites: int


# All that a reader asks for; then less, for programs of a hundred thousand calls.
_SHARES = (
    _Share(events=200, steps=5_000, characters=50_000, calls=20_000, sites=10_000),
    _Share(events=50, steps=500, characters=4_000, calls=2_000, sites=1_000),
    _Share(events=10, steps=50, characters=400, calls=0, sites=0),
)


def encode_entry(trial: Trial) -> bytes:
    """Encode a trial with as much of its evidence as fits into an entry.

    Raises `CorpusWriteError` when the plan alone is too large.
    """
    if len(encode_compact(trial.plan)) <= MOST_BYTES:
        for share in _SHARES:
            kept = _trimmed(trial, share)
            # Laying text out is slow: not for what is too large anyway.
            if len(json.dumps(to_data(kept))) <= MOST_BYTES:
                data = encode_readable(kept)
                if len(data) <= MOST_BYTES:
                    return data
    raise CorpusWriteError(
        trial.plan.target, f"the plan alone has about {MOST_BYTES} bytes or more; use fewer calls"
    )


def _trimmed(trial: Trial, share: _Share) -> Trial:
    outcome = trial.outcome
    return evolve(
        trial,
        evidence=_evidence(trial.evidence, share),
        outcome=evolve(
            outcome,
            failures=tuple(_failure(failure, share) for failure in outcome.failures[:100]),
            undecided=outcome.undecided[:100],
        ),
    )


def _evidence(evidence: Evidence, share: _Share) -> Evidence:
    few = sum(map(len, evidence.calls)) <= share.calls
    return evolve(
        evidence,
        setup=evidence.setup and _raised(evidence.setup, share),
        check=evidence.check and _raised(evidence.check, share),
        calls=tuple(tuple(_call(call, share) for call in calls) for calls in evidence.calls if few),
        losses=evidence.losses[: share.events],
        breaches=evidence.breaches[: share.events],
        control=evidence.control
        and evolve(evidence.control, steps=evidence.control.steps[: share.steps]),
        events=tuple(events[-share.events :] for events in evidence.events),
        # Their files were for finding names, and lie elsewhere for another reader.
        sites=tuple(evolve(site, path="") for site in evidence.sites[: share.sites]),
        stacks=evidence.stacks[: share.characters],
        stderr=_end(evidence.stderr, share),
    )


def _call(call: CallResult, share: _Share) -> CallResult:
    if call.raised is None and len(call.shown) <= share.characters:
        return call
    raised = call.raised and _raised(call.raised, share)
    return evolve(call, shown=call.shown[: share.characters], raised=raised)


def _raised(raised: Raised, share: _Share) -> Raised:
    return evolve(
        raised,
        message=raised.message[: share.characters],
        traceback=_end(raised.traceback, share),
    )


def _failure(failure: Failure, share: _Share) -> Failure:
    return evolve(failure, details=_end(failure.details, share))


def _end(text: str, share: _Share) -> str:
    return text if len(text) <= share.characters else CUT + text[-share.characters :]
