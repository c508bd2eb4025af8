"""A finding as text for people: one column per thread, the broken invariant, the state around it."""

from collections.abc import Iterator
from textwrap import wrap

from stressor.mechanisms.base import Mechanism
from stressor.mechanisms.finding import Finding
from stressor.mechanisms.required import required

WIDTH = 34
GAP = "  "


def story(finding: Finding) -> str:
    """The steps in order, each in its thread's column, and what the last one did to the state."""
    run = finding.run
    sizes = ", ".join(f"{name}={number}" for name, number in run.sizes.items())
    heading = f"{run.mechanism}, {f'defect {run.defect}' if run.defect else 'correct version'}"
    lines = [heading + (f" ({sizes})" if sizes else ""), ""]
    lines += _table(finding)
    lines += ["", f"broken  {finding.broken.text}"]
    lines += [f"next    {each.thread}: {each.step}" for each in finding.waiting]
    lines += ["", "state before the last step, and after it where that differs:"]
    lines += list(_states(finding))
    return "\n".join(lines)


def explained(mechanism: type[Mechanism], steps: dict[str, list[str]]) -> str:
    """Everything about a mechanism; `steps` are those that each thread was seen to take."""
    lines = [f"{mechanism.name.upper()}  {mechanism.title}  ({mechanism.status.value})", ""]
    lines += [line.removeprefix("    ") for line in (mechanism.__doc__ or "").splitlines()]
    lines += ["", "Invariants:"]
    lines += [
        f"  {each.key}  {each.says}{' (at rest)' if each.at_end else ''}"
        for each in mechanism.invariants
    ]
    lines += [
        f"  {key}  {says} (within a step)"
        for key, sentences in required(mechanism).items()
        for says in sentences
    ]
    lines += [f"  {mechanism.stuck[0]}  {mechanism.stuck[1]} (at rest)", "", "Defects:"]
    lines += [f"  {name}: {says}" for name, says in mechanism.defects.items()]
    lines += ["", "Steps, as a few runs took them:"]
    lines += [f"  {thread}: {each}" for thread, taken in steps.items() for each in taken]
    sizes = [f"{name}={number}" for name, number in mechanism.sizes.items()]
    lines += ["", f"Sizes: {', '.join(sizes) or 'none'}", "", "Sources:"]
    return "\n".join([*lines, *(f"  {source}" for source in mechanism.sources)])


def _table(finding: Finding) -> list[str]:
    threads = list(dict.fromkeys(each.thread for each in finding.steps))
    rows = [(threads.index(each.thread), wrap(each.step, WIDTH)) for each in finding.steps]
    widths = [
        max([len(name), *(len(line) for column, cell in rows if column == n for line in cell)])
        for n, name in enumerate(threads)
    ]
    offsets = [5 + sum(widths[:n]) + len(GAP) * n for n in range(len(threads))]
    heading = GAP.join(name.ljust(width) for name, width in zip(threads, widths, strict=True))
    lines = [" " * 5 + heading.rstrip()]
    for number, (column, cell) in enumerate(rows, start=1):
        for first, line in zip([f"{number:>3}", *[""] * len(cell)], cell, strict=False):
            lines.append(f"{first:<{offsets[column]}}{line}")
    return lines


def _states(finding: Finding) -> Iterator[str]:
    width = max(map(len, finding.before), default=0)
    for name, before in finding.before.items():
        after = finding.after.get(name, "")
        yield f"  {name:<{width}}  {before}" + (f"  ->  {after}" if after != before else "")
