"""The text of a call: readable, bounded, and safe against the target's own `repr`."""

from stressor.targets.calltext import LONGEST, call_text


class Rude:
    def __repr__(self) -> str:
        raise ValueError("no")


def test_shows_arguments_as_written() -> None:
    assert call_text("update", {"key": 3, "value": "ab"}) == "update(key=3, value='ab')"
    assert call_text("clear", {}) == "clear()"


def test_long_values_are_cut_and_closed() -> None:
    text = call_text("feed", {"data": b"x" * 10_000, "last": True})
    assert text.startswith("feed(data=b'xxx")
    assert "...', last=True)" in text


def test_whole_text_is_bounded() -> None:
    text = call_text("feed", {f"argument_{number}": "y" * 50 for number in range(20)})
    assert len(text) == LONGEST
    assert text.endswith("...)")


def test_survives_a_repr_that_raises() -> None:
    assert call_text("feed", {"data": Rude()}) == "feed(data=<Rude, repr raised ValueError>)"
