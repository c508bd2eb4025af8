"""The summary of a session with `--stressor`: failures, what was exercised, and what was not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_stressor.suite.options import Asked
from stressor.campaign.suite import Stressed
from stressor.model.site import Kind
from stressor.report.words import many

SHOWN = 5


def told_of(stressed: Stressed) -> dict[str, Any]:
    """What travels with a test's report: plain data, since it may cross processes."""
    trial = stressed.failing
    # Where threads block or objects end is reached by any Python code, and says nothing of a module.
    calls = [site.key for site in stressed.sites if site.kind is Kind.CALL and site.visits]
    return {
        "rounds": stressed.rounds,
        "sites": calls,
        "signature": str(trial.outcome.signature) if trial else "",
        "rate": f"{trial.rate.hits}/{trial.rate.runs}" if trial and trial.rate else "",
        "alone": stressed.alone,
        "known": stressed.known,
        "fixed": list(stressed.fixed),
        "one_thread": stressed.unfit,
        "entry": "",
    }


@dataclass
class Summary:
    """Collects from reports, and writes."""

    asked: Asked
    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    one_thread: dict[str, str] = field(default_factory=dict)

    def add(self, report: pytest.TestReport) -> None:
        """Note one report."""
        data: dict[str, Any] = getattr(report, "stressor", {})
        if reason := data.get("one_thread"):
            self.one_thread[report.nodeid] = reason
        elif "rounds" in data and not report.skipped:
            self.told[report.nodeid] = data

    @property
    def sites(self) -> set[str]:
        """All places that were reached."""
        return {site for data in self.told.values() for site in data["sites"]}

    @property
    def tested_nothing(self) -> bool:
        """Whether tests were run in threads and none reached an instrumented place."""
        return bool(self.told) and not self.sites

    def write(self, reporter: Any) -> None:  # noqa: ANN401 - pytest's terminal reporter
        """Write the section."""
        if not self.told and not self.one_thread:
            return
        reporter.section("stressor")
        for line in self.lines(reporter.hasopt("s")):
            reporter.line(line)

    def lines(self, all_reasons: bool) -> list[str]:
        """The section; each single-threaded test's reason with `-rs`."""
        rounds = sum(data["rounds"] for data in self.told.values())
        lines = [
            f"{many(len(self.told), 'test')} in {self.asked.threads} threads, {many(rounds, 'round')},"
            f" {many(len(self.sites), 'site')} reached; --stressor-seed={self.asked.seed}"
        ]
        lines += self._failures() + self._fixed() + self._untouched(all_reasons)
        if self.tested_nothing:
            lines.append(
                "NOTHING TESTED: no test reached a place in an instrumented module. Name the modules"
                " with --stressor-modules, or allow it with --stressor-allow-nothing."
            )
        return lines + self._single(all_reasons)

    def _failures(self) -> list[str]:
        lines = []
        for nodeid, data in self.told.items():
            if data["signature"] and not data["alone"]:
                seen = "seen before, " if data["known"] else ""
                rate = f" ({seen}{data['rate'] or 'rate not measured'})"
                lines.append(f"FAILED {nodeid}: {data['signature']}{rate}")
                lines.append(f"  stressor replay {data['entry']}")
        return lines

    def _fixed(self) -> list[str]:
        return [
            f"FIXED {nodeid}: {signature} did not come again"
            for nodeid, data in self.told.items()
            for signature in data["fixed"]
        ]

    def _untouched(self, every: bool) -> list[str]:
        names = [nodeid for nodeid, data in self.told.items() if not data["sites"]]
        if not names or self.tested_nothing:
            return []
        shown = names if every else names[:SHOWN]
        more = f" and {len(names) - len(shown)} more (-rs)" if len(shown) < len(names) else ""
        return [f"{len(names)} reached no instrumented place: {', '.join(shown)}{more}"]

    def _single(self, every: bool) -> list[str]:
        if every:
            return [f"one thread: {name}: {why}" for name, why in self.one_thread.items()]
        counts = Counter(self.one_thread.values())
        return [f"one thread: {count} x {why}" for why, count in counts.most_common()]
