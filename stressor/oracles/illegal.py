"""A law of the C API was broken: what the monitors wrote down is a failure, whatever came of it.

The signature is the function that broke the law, and the law. What the laws are, and why nothing else
looks like a breach, is `model.monitors`' to say.
"""

from collections.abc import Iterator

from stressor.model.evidence import Breach, Evidence
from stressor.model.monitors import BY_LAW, Law
from stressor.model.outcome import Failure, FailureKind, Signature
from stressor.model.site import Category, Kind, Site
from stressor.oracles.place import place_of


def failures(evidence: Evidence) -> tuple[Failure, ...]:
    """One failure for each place and law, told with its first breach."""
    found: dict[Signature, list[Breach]] = {}
    for breach in evidence.breaches:
        if breach.law in BY_LAW:
            found.setdefault(_signature(breach), []).append(breach)
    return tuple(_failure(signature, breaches) for signature, breaches in found.items())


def _failure(signature: Signature, breaches: list[Breach]) -> Failure:
    first = breaches[0]
    law, site = BY_LAW[first.law], _site(first)
    times = sum(breach.times for breach in breaches)
    at = "" if site.kind is Kind.OP else f", at its call of {site.symbol} (visit {first.visit})"
    return Failure(
        signature,
        summary=f"{signature.where} {law.broken}{at}",
        thread=first.thread,
        frames=first.frames,
        details="\n".join(_details(first, law, times)),
    )


def _details(breach: Breach, law: Law, times: int) -> Iterator[str]:
    yield f"The law: {law.allowed}"
    seen = [
        f"{name} {_number(name, word)}" for name, word in zip(law.words, breach.words, strict=False)
    ]
    about = [f"at {breach.obj:#x}"] if breach.obj else []
    if seen or about:
        yield f"Seen: {', '.join([*about, *seen])}."
    if times > 1:
        yield f"It was broken {times} times in the trial, as far as was counted."
    yield f"Monitor: {law.monitor.value}. Source: {law.source}."


def _number(name: str, word: int) -> str:
    """Counts are numbers, everything else is an address."""
    return str(word) if name.endswith("count") else f"{word:#x}"


def _signature(breach: Breach) -> Signature:
    return Signature(FailureKind.ILLEGAL, _breaker(breach), breach.law)


def _breaker(breach: Breach) -> str:
    site = _site(breach)
    if site.kind is Kind.OP:  # it has returned: the stack is that of its caller
        return f"op {site.symbol}"
    place = place_of(breach.frames)
    if place is not None:
        return place
    return f"{site.module}+{site.offset:#x}" if site.offset is not None else site.module


def _site(breach: Breach) -> Site:
    return Site(breach.site, Category.OP, ())
