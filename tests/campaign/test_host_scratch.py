"""Scratch folders: private, removed at the end, and those of dead owners removed at the next start."""

import fcntl
import os
from pathlib import Path

import pytest

from stressor.campaign import scratch as module
from stressor.campaign.scratch import PREFIX, Scratch, choose_base, remove_abandoned


def test_slots_are_new_folders_that_only_the_owner_can_enter(tmp_path: Path) -> None:
    with Scratch(tmp_path) as scratch:
        first, second = scratch.slot(), scratch.slot()

        assert first != second
        assert list(first.iterdir()) == []
        assert scratch.path.stat().st_mode & 0o777 == 0o700


def test_everything_is_gone_at_the_end(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    (scratch.slot() / "record.bin").write_text("x")

    scratch.close()
    scratch.close()

    assert list(tmp_path.iterdir()) == []


def test_a_dead_owners_folder_is_removed_and_a_living_ones_is_not(tmp_path: Path) -> None:
    dead = tmp_path / f"{PREFIX}1-dead"
    (dead / "slot-1").mkdir(parents=True)
    dead.with_name(f"{dead.name}.lock").touch()
    living = Scratch(tmp_path)

    with Scratch(tmp_path) as scratch:
        assert sorted(each.name for each in tmp_path.iterdir()) == sorted(
            [
                living.path.name,
                f"{living.path.name}.lock",
                scratch.path.name,
                f"{scratch.path.name}.lock",
            ]
        )
    living.close()


def test_a_lock_that_is_held_protects(tmp_path: Path) -> None:
    folder = tmp_path / f"{PREFIX}1-x"
    folder.mkdir()
    lock = os.open(tmp_path / f"{PREFIX}1-x.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)

    assert remove_abandoned(tmp_path) == []
    os.close(lock)

    assert remove_abandoned(tmp_path) == [folder]


def test_a_lock_that_leads_elsewhere_is_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    (tmp_path / f"{PREFIX}evil.lock").symlink_to(elsewhere)

    assert remove_abandoned(tmp_path) == []
    assert elsewhere.exists()


def test_shared_memory_is_taken_only_with_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(module, "SHARED_MEMORY", tmp_path / "absent")
    assert choose_base() == tmp_path

    monkeypatch.setattr(module, "SHARED_MEMORY", tmp_path)
    monkeypatch.setattr(module, "ROOM", 0)
    assert choose_base() == tmp_path
    monkeypatch.setattr(module, "SHARED_MEMORY", Path("/"))
    monkeypatch.setattr(module, "ROOM", 1 << 62)
    assert choose_base() == tmp_path


def test_a_cleaner_that_comes_between_making_and_locking_takes_the_name_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleaned: list[Path] = []

    def lock_after_a_cleaner(file: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        cleaned.extend(remove_abandoned(tmp_path))
        flock(file, how)

    flock = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", lock_after_a_cleaner)
    with Scratch(tmp_path) as scratch:
        assert len(cleaned) == 1
        assert scratch.path not in cleaned
        assert scratch.path.with_name(f"{scratch.path.name}.lock").exists()
        assert remove_abandoned(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
