"""A lost borrow explained: who held the reference, who destroyed the object, how it was used then."""

from collections.abc import Iterator, Sequence

from stressor.model.evidence import Loss
from stressor.model.outcome import Failure
from stressor.model.site import Category, Phase, Site
from stressor.report.frames import entered_function, named_function, site_of
from stressor.report.history import Visited
from stressor.report.plain import plain
from stressor.report.story import BROKE, LAST_USE, Explanation, Story

_USES = {
    "counted": "it counted the reference",
    "returned": "it returned it",
    "crash": "it crashed on it",
}


def borrow(story: Story, failure: Failure) -> Explanation:
    """Explain the first used loss of the thread that failed."""
    losses = [loss for loss in story.evidence.losses if loss.used is not None]
    if not losses:
        return Explanation()
    loss = next((each for each in losses if each.thread == failure.thread), losses[0])
    lent = _index(story.visits, loss)
    destroyed_at = site_of(loss.destroyer_frames, story.sites)
    broke = _visit_around(story.visits, lent, loss.destroyer, destroyed_at)
    used = _use(story.visits, lent, loss)
    return Explanation(
        tuple(_borrow_sentences(story, loss, destroyed_at)),
        {
            **({story.visits[lent]: "borrowed here"} if lent is not None else {}),
            **({broke: BROKE} if broke is not None else {}),
            **({used: LAST_USE} if used is not None else {}),
        },
    )


def _borrow_sentences(story: Story, loss: Loss, destroyed_at: str | None) -> Iterator[str]:
    holder = named_function(loss.borrower_frames)
    lender = plain(Site(loss.site, Category.BORROWED_REF, ()).symbol)
    who = f"thread {loss.destroyer}" if loss.destroyer >= 0 else "a thread that is not the trial's"
    yield (
        f"Thread {loss.thread} held a borrowed {plain(loss.type)} from {lender}"
        f"{f' in {holder}' if holder else ''} while {who} destroyed it"
        f"{_by_what(story, loss, destroyed_at)}."
    )
    used = loss.used or ""
    yield f"Then {_USES.get(used, plain(f'it was {used}'))}: that was the last use."


def _by_what(story: Story, loss: Loss, destroyed_at: str | None) -> str:
    if destroyed_at is not None:
        return f" by {story.site(destroyed_at)}"
    function = entered_function(loss.destroyer_frames)
    return f" in {function}" if function else ""


def _index(visits: Sequence[Visited], loss: Loss) -> int | None:
    """Where the borrowed reference was returned."""
    for at, visit in enumerate(visits):
        if (visit.thread, visit.site, visit.visit, visit.phase) == (
            loss.thread,
            loss.site,
            loss.visit,
            Phase.AFTER,
        ):
            return at
    return None


def _visit_around(
    visits: Sequence[Visited], lent: int | None, thread: int, site: str | None
) -> Visited | None:
    """The destroyer's visit of `site` that began before the use and ended after the loan."""
    if lent is None or site is None:
        return None
    before: Visited | None = None
    for at, visit in enumerate(visits):
        if visit.thread != thread or visit.site != site:
            continue
        if visit.phase is Phase.BEFORE:
            before = visit
            if at > lent:
                return visit
        elif at > lent:
            return before or visit
        else:
            before = None
    return before


def _use(visits: Sequence[Visited], lent: int | None, loss: Loss) -> Visited | None:
    """The visit in which the borrower used what was gone, where it is one."""
    used = loss.used or ""
    later = visits[lent + 1 :] if lent is not None else ()
    for visit in later:
        if visit.thread != loss.thread:
            continue
        if used == "returned" and visit.is_operation and visit.phase is Phase.AFTER:
            return visit
        symbol = Site(visit.site, Category.CONTAINER, ()).symbol
        if used.startswith("passed to ") and used.removeprefix("passed to ") == symbol:
            return visit
    return None
