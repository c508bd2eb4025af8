"""Controlled campaigns on real extensions: found, kept as an exact schedule, searched to the end."""

import json
from pathlib import Path

import pytest

from tests.campaign.test_fuzz_end_to_end import CASES, SHIM, Command

pytestmark = [
    pytest.mark.slow,
    pytest.mark.native,
    pytest.mark.skipif(not SHIM, reason="the shim is not built"),
]

CASE = CASES / "buggy" / "lost_update"


@pytest.fixture
def stressor(tmp_path: Path) -> Command:
    return Command(tmp_path)


def test_batch_failure_is_kept_as_an_exact_schedule(stressor: Command, tmp_path: Path) -> None:
    # 16 trials at most were needed with six seeds; a thousand are for another machine.
    code, out, err = stressor(
        *("fuzz", CASE, "--mode", "controlled", "--strategy", "walk", "--seed", "3"),
        *("--time", "60", "--trials", "60", "--no-minimize", "--json"),
    )

    assert code == 1, err
    [campaign] = json.loads(out)["campaigns"]
    assert campaign["schedules"] >= campaign["trials"]
    entries = [Path(tmp_path / found["entry"]) for found in campaign["failures"]]
    plans = [json.loads(entry.read_text())["trial"]["plan"] for entry in entries]
    exact = [
        entry
        for entry, plan in zip(entries, plans, strict=True)
        if plan["schedule"].get("trace") and plan.get("rounds", 1) == 1
    ]
    assert exact
    code, out, err = stressor("replay", exact[0], "-n", "20", "--json")
    assert code == 1, err
    assert json.loads(out)["rate"] == "20/20"


def test_exhaustive_search_of_a_correct_case_ends_with_its_claim(stressor: Command) -> None:
    code, out, err = stressor(
        *("fuzz", CASES / "correct" / "lost_update", "--exhaustive", "preemptions=1"),
        *("--threads", "2", "--calls", "1", "--time", "250", "--double-check", "20%", "--json"),
    )

    assert code == 0, (out, err)
    [campaign] = json.loads(out)["campaigns"]
    assert campaign["covered"]
    assert all(each["all"] for each in campaign["covered"]), campaign["covered"]
    assert sum(each["schedules"] for each in campaign["covered"]) == campaign["trials"]
    assert campaign["double_check"]["trials"] > 0
    assert campaign["double_check"]["astray"] == 0
