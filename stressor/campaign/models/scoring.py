"""Scoring many models: over processes, row by row, and so that it can be gone on with later.

Decides what is worked on where, and what the file of a scoring holds: what was asked for, before the
first row, and each row when it is done, with a digest of its mechanism's source, so that rows of a
mechanism that was changed since are made anew. What a row is, is `stressor.mechanisms.score`'s.
"""

import inspect
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Thread

from attrs import asdict, evolve, frozen

from stressor.campaign.models.schedulers import strategy_named
from stressor.corpus.write import write_file
from stressor.errors import NotTestedError, UsageError
from stressor.mechanisms.registry import named
from stressor.mechanisms.score import Scored, scored
from stressor.model.codec import CodecError, open_envelope, structured
from stressor.model.strict import strict_converter

NOUN, VERSION = "scoring", 1

_converter = strict_converter({})


@frozen
class Asked:
    """What is scored: mechanisms and strategies by name, seeds, and the cap of schedules."""

    mechanisms: tuple[str, ...]
    strategies: tuple[str, ...]
    seeds: int
    runs: int

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Every mechanism with each of its defects, in order."""
        return tuple((name, defect) for name in self.mechanisms for defect in named(name).defects)


@frozen
class Pair:
    """All strategies on one defect of one mechanism, whose source had this digest."""

    digest: str
    rows: tuple[Scored, ...]

    @property
    def name(self) -> tuple[str, str]:
        """Mechanism and defect."""
        return self.rows[0].mechanism, self.rows[0].defect


@frozen
class Scoring:
    """What was asked for, and what is done so far, in the order in which it was asked for."""

    asked: Asked
    done: tuple[Pair, ...] = ()

    @property
    def left(self) -> tuple[tuple[str, str], ...]:
        """Pairs to do."""
        known = {pair.name for pair in self.done}
        return tuple(each for each in self.asked.pairs if each not in known)

    @property
    def rows(self) -> tuple[Scored, ...]:
        """All rows that are done."""
        return tuple(row for pair in self.done for row in pair.rows)

    def having(self, pair: Pair) -> "Scoring":
        """With one pair more."""
        order = self.asked.pairs
        done = sorted((*self.done, pair), key=lambda each: order.index(each.name))
        return evolve(self, done=tuple(done))


def score(scoring: Scoring, jobs: int, tell: Callable[[Scoring, Pair], None]) -> Scoring:
    """Do what is left, in `jobs` processes, or in this one; `tell` is told each pair when it is done.

    Raises `NotTestedError` when a process dies. What `tell` was told is all that is to be kept.
    """
    made = _in_processes(scoring, jobs) if jobs > 1 else map(_pair, *_parts(scoring))
    for pair in made:
        scoring = scoring.having(pair)
        tell(scoring, pair)
    return scoring


def begun(path: Path, asked: Asked) -> Scoring:
    """The scoring of a file, which is written when there is none yet.

    Raises `UsageError`: the file is none of a scoring, or of another one; `CorpusWriteError`.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        save(path, Scoring(asked))
        return Scoring(asked)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}.") from None
    saved = _decoded(data, str(path))
    for name, wanted in asdict(asked).items():
        if (was := asdict(saved.asked)[name]) != wanted:
            raise UsageError(
                f"{path}: is of another scoring, with other {name} ({_shown(was)}, and not"
                f" {_shown(wanted)}). Ask for the same, or name another file."
            )
    fresh = tuple(pair for pair in saved.done if pair.digest == digest(pair.rows[0].mechanism))
    return Scoring(saved.asked, fresh)


def save(path: Path, scoring: Scoring) -> None:
    """Write the file of a scoring, whole. Raises `CorpusWriteError`."""
    data = {"stressor": NOUN, "version": VERSION, NOUN: _converter.unstructure(scoring)}
    write_file(path, json.dumps(data, ensure_ascii=False).encode())


def digest(mechanism: str) -> str:
    """Of the file that a mechanism is written in."""
    return sha256(Path(inspect.getfile(named(mechanism))).read_bytes()).hexdigest()[:16]


def _decoded(data: bytes, source: str) -> Scoring:
    value = open_envelope(data, NOUN, VERSION, source)
    saved = structured(_converter, value, Scoring, NOUN, source)
    pairs = set(saved.asked.pairs)
    for number, pair in enumerate(saved.done):
        names = {(row.mechanism, row.defect) for row in pair.rows}
        strategies = tuple(row.strategy for row in pair.rows)
        if strategies != saved.asked.strategies or len(names) != 1 or not names <= pairs:
            raise CodecError(source, f"{NOUN}.done[{number}]: is no part of what was asked for")
    return saved


def _shown(value: object) -> str:
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


type Parts = tuple[list[tuple[str, str]], list[Asked]]


def _parts(scoring: Scoring) -> Parts:
    return list(scoring.left), [scoring.asked] * len(scoring.left)


def _pair(name: tuple[str, str], asked: Asked) -> Pair:
    """One pair, in whatever process."""
    mechanism, defect = name
    was = digest(mechanism)
    rows = (
        scored(named(mechanism), defect, strategy_named(each), asked.seeds, asked.runs)
        for each in asked.strategies
    )
    return Pair(was, tuple(rows))


def _in_processes(scoring: Scoring, jobs: int) -> Iterator[Pair]:
    """Pairs as they are done."""
    with _pool(jobs) as pool:
        running = {pool.submit(_pair, *each) for each in zip(*_parts(scoring), strict=True)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from map(_result, done)


def _result(future: Future[Pair]) -> Pair:
    try:
        return future.result()
    except BrokenProcessPool:
        raise NotTestedError(
            "a process that scored models was killed, perhaps for want of memory. What is done is in"
            " the file of --resume, if there is one; go on with fewer --jobs."
        ) from None


@contextmanager
def _pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """New processes, since this one may have threads; none is left, whatever ends the body."""
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=_live_with_parent)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
            child.join()


def _live_with_parent() -> None:
    """Ctrl-C is for whoever started this process; it ends when that one does, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
