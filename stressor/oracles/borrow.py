"""The borrow ledger: an object was destroyed while a thread had it borrowed, and was used afterwards.

The signature is the function that held the borrow and the call that lent it. A loss that was never
used is not a failure: an owner may have kept the pointer for comparing only. It is mentioned.
"""

from stressor.model.evidence import Evidence, Loss
from stressor.model.outcome import Failure, FailureKind, Signature
from stressor.model.site import Category, Site
from stressor.oracles.place import place_of


def failures(evidence: Evidence) -> tuple[Failure, ...]:
    """One failure for each place that used a lost borrow, told with its first loss."""
    found: dict[Signature, list[Loss]] = {}
    for loss in evidence.losses:
        if loss.used is not None:
            found.setdefault(_signature(loss), []).append(loss)
    return tuple(_failure(signature, losses) for signature, losses in found.items())


def unused_losses(evidence: Evidence) -> tuple[str, ...]:
    """Say of each place once that a borrow was lost there and not seen to be used."""
    said = {
        f"{loss.what} borrowed by {_lender(loss)} in {_holder(loss)} was destroyed and not seen "
        "to be used"
        for loss in evidence.losses
        if loss.used is None
    }
    return tuple(sorted(said))


def _failure(signature: Signature, losses: list[Loss]) -> Failure:
    first = losses[0]
    destroyer = place_of(first.destroyer_frames)
    by = f"thread {first.destroyer}" if first.destroyer >= 0 else "a thread that is not the trial's"
    details = [
        f"Thread {first.thread} borrowed it from {_lender(first)} (visit {first.visit}); "
        f"{by} destroyed it{f' in {destroyer}' if destroyer else ''}; then it was {first.used}.",
    ]
    if len(losses) > 1:
        details.append(f"This happened {len(losses)} times in the trial.")
    return Failure(
        signature,
        summary=(
            f"{signature.where} used {first.what} borrowed from {_lender(first)} that another "
            "thread had destroyed"
        ),
        thread=first.thread,
        frames=first.borrower_frames,
        details="\n".join(details),
    )


def _signature(loss: Loss) -> Signature:
    return Signature(FailureKind.BORROW, _holder(loss), _lender(loss))


def _lender(loss: Loss) -> str:
    return _site(loss).symbol


def _holder(loss: Loss) -> str:
    place = place_of(loss.borrower_frames)
    if place is not None:
        return place
    site = _site(loss)
    return f"{site.module}+{site.offset:#x}" if site.offset is not None else site.module


def _site(loss: Loss) -> Site:
    return Site(loss.site, Category.BORROWED_REF, ())
