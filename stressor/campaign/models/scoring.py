"""Scoring many models: over processes, row by row, and so that it can be gone on with later.

Decides what is worked on where, and what the file of a scoring holds: what was asked for, before the
first row, and each row when it is done, with a digest of its mechanism's source, so that rows of a
mechanism that was changed since are made anew. What a row is, is `stressor.mechanisms.score`'s.
"""

import inspect
import json
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

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
    left = iter(zip(*_parts(scoring), strict=True))
    with _workers(min(jobs, len(scoring.left))) as connections:
        busy = [each for each in connections if _give(each, left)]
        while busy:
            for connection in wait(busy):
                assert isinstance(connection, Connection)
                yield _taken(connection)
                if not _give(connection, left):
                    busy.remove(connection)


def _give(worker: Connection, left: Iterator[tuple[tuple[str, str], Asked]]) -> bool:
    """Give a worker its next pair; False when there is none."""
    if (part := next(left, None)) is None:
        return False
    worker.send(part)
    return True


def _taken(worker: Connection) -> Pair:
    try:
        said = worker.recv()
    except (EOFError, ConnectionError):
        raise NotTestedError(
            "a process that scored models was killed, perhaps for want of memory. What is done is in"
            " the file of --resume, if there is one; go on with fewer --jobs."
        ) from None
    if isinstance(said, Exception):
        raise said
    assert isinstance(said, Pair)
    return said


@contextmanager
def _workers(count: int) -> Iterator[list[Connection]]:
    """New processes, since this one may have threads; none is left, whatever ends the body.

    Without a pool: one has a thread of its own, which Ctrl-C can leave waiting for ever.
    """
    context = multiprocessing.get_context("spawn")
    processes: list[SpawnProcess] = []
    connections: list[Connection] = []
    try:
        for _ in range(count):
            ours, its = context.Pipe()
            process = context.Process(target=_serve, args=(its,), daemon=True)
            connections.append(ours)
            process.start()
            processes.append(process)
            its.close()
        yield connections
    finally:
        for process in processes:
            process.kill()
            process.join()
        for connection in connections:
            connection.close()


def _serve(connection: Connection) -> None:
    """Be a worker. Ctrl-C is for whoever started it; it ends when that one is gone, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            name, asked = connection.recv()
        except EOFError:
            return
        try:
            connection.send(_pair(name, asked))
        except Exception as error:  # told where it can be, whatever it is
            connection.send(error)
