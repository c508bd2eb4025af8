"""Parts of the child that need no child: rules as numbers, globs, plain values, texts, accounts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stressor import _shim
from stressor.campaign import account as reader
from stressor.campaign.evidence import OWN_FAULT
from stressor.model.plan import Action, Rule, Until
from stressor.model.site import Category, Kind, Phase, key_hash
from stressor.runtime import account, binding, scope
from stressor.runtime.program import is_plain

pytestmark = pytest.mark.native


def test_a_bare_rule_is_any_everywhere() -> None:
    assert binding.rule_numbers(Rule(Action.SPIN)) == (
        *(0, -1, -1, -1, -1),
        *(1 << 32, 2, 0, 0),
        *(-1, -1, -1, -1),
    )


def test_a_full_rule_has_all_its_numbers() -> None:
    rule = Rule(
        Action.HOLD,
        site="call:m:f+0x1",
        phase=Phase.AFTER,
        thread=3,
        visit=9,
        chance=0.5,
        least_ns=1,
        most_ns=60_000_000_000,
        until=Until(1, "op:target:b", 4, Phase.BEFORE),
    )

    assert binding.rule_numbers(rule) == (
        *(1, key_hash("call:m:f+0x1"), 1, 3, 9),
        *(1 << 31, 5, 1, binding.MOST_NS),
        *(1, key_hash("op:target:b"), 4, 0),
    )


@pytest.mark.parametrize("category", list(Category))
def test_categories_are_selected_by_number(category: Category) -> None:
    numbers = binding.rule_numbers(Rule(Action.YIELD, site=f"category:{category.value}"))

    assert numbers[:2] == (2, list(Category).index(category))


@pytest.mark.parametrize("kind", list(Kind))
def test_kinds_are_selected_by_number(kind: Kind) -> None:
    numbers = binding.rule_numbers(Rule(Action.YIELD, site=f"kind:{kind.value}"))

    assert numbers[:2] == (3, list(Kind).index(kind))


def test_the_shim_takes_every_kind_of_rule_and_agrees_on_the_action() -> None:
    site = "call:m:f+0x1"
    for action in (Action.YIELD, Action.SPIN, Action.SLEEP, Action.DETACH):
        rule = binding.rule_numbers(Rule(action, site=site, least_ns=5, most_ns=5))

        decided = _shim.decide(1, 0, 0, key_hash(site), 1, [rule], 0)

        assert decided == (list(Action).index(action), 5)


def test_chosen_globs_stand_alone() -> None:
    assert scope.globs(["*numpy*"], ["/x/y.so"]) == ["*numpy*"]


def test_a_module_in_a_package_stands_for_the_package(tmp_path: Path) -> None:
    inner = tmp_path / "pkg[1]" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "__init__.py").touch()

    covered = scope.globs([], [str(inner / "a.so"), str(inner.parent / "b.so"), "/lib/alone.so"])

    assert covered == ["/lib/alone.so", f"{tmp_path}/pkg[[]1]/*"]


def test_a_long_path_is_matched_by_its_end() -> None:
    (glob,) = scope.globs([], ["/dir" * 100 + "/module.so"])

    assert glob.startswith("*")
    assert glob.endswith("/module.so")
    assert len(glob) < 255


@pytest.mark.parametrize("value", [1, "a", b"", None, 1.5, True, (), (1, ("a", frozenset({2})))])
def test_plain_values_are_shared_by_rounds(value: object) -> None:
    assert is_plain(value)


@pytest.mark.parametrize("value", [[], {}, bytearray(), ([],), object(), type("I", (int,), {})(1)])
def test_what_can_be_changed_is_not_plain(value: object) -> None:
    assert not is_plain(value)


def test_reader_and_writer_of_results_agree() -> None:
    letters = {account.RETURNED, account.RAISED_LEGAL, account.RAISED, account.NOT_STARTED}

    assert letters == reader.WRITTEN
    assert account.OWN_FAULT == OWN_FAULT


def test_exceptions_are_told_with_the_place_that_is_not_ours() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def raising() -> None:
        raise Odd

    with pytest.raises(Odd) as caught:
        raising()

    told = account.tell(caught.value)
    assert told["type"].endswith("Odd")
    assert told["message"] == "<its message raised RuntimeError>"
    assert told["where"] == "test_parts.py:raising"
    assert "in raising" in told["traceback"]


def test_many_exceptions_are_told_within_bounds() -> None:
    everything = [(0, call, ValueError("x" * 10_000)) for call in range(5_000)]

    told = account.tell_all(everything)

    assert len(told) == account.MOST_MENTIONED
    assert [each[1] for each in told] == list(range(len(told)))
    assert len(json.dumps(told)) < reader.MOST_BYTES / 4


def test_a_result_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "result.json"

    account.write(path, {"text": "\udc80é" * 100_000})

    assert json.loads(path.read_bytes()) == {"text": "\udc80é" * 100_000}
    assert [each.name for each in tmp_path.iterdir()] == ["result.json"]


def test_a_fault_that_cannot_be_written_is_printed(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from stressor.runtime import trial;"
        f"assignment = trial.Assignment(Path({str(tmp_path / 'gone')!r}), 'n', None);"
        "trial._end_with_fault(assignment, 'Traceback')"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 70
    assert done.stderr.startswith(f"{OWN_FAULT}\nTraceback")
