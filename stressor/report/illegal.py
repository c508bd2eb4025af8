"""A broken law explained: which call broke it, and what other threads did meanwhile is not claimed."""

from stressor.model.monitors import BY_LAW
from stressor.model.outcome import Failure
from stressor.model.site import Phase
from stressor.report.story import Explanation, Story

BREAKS = "breaks the law"


def illegal(story: Story, failure: Failure) -> Explanation:
    """Explain the first breach of the failure's law, by the thread that it names."""
    for breach in story.evidence.breaches:
        if breach.law != failure.signature.detail or breach.thread != failure.thread:
            continue
        at = (breach.thread, breach.site, breach.visit, breach.phase)
        marked = [v for v in story.visits if (v.thread, v.site, v.visit, v.phase) == at]
        side = "at the call of" if breach.phase is Phase.BEFORE else "at the end of"
        law = BY_LAW[breach.law]
        return Explanation(
            (f"Thread {breach.thread} {law.broken}, {side} {story.site(breach.site)}.",),
            dict.fromkeys(marked[:1], BREAKS),
        )
    return Explanation()
