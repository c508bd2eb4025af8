"""The record file of a child, read back: sites, event rings, crash, losses, breaches, schedule.

The layout is that of `native/include/stressor/record.h`; a test compares the two. A killed child may
leave any entry half written, so nothing read here is trusted: numbers are bounded, entries that make
no sense are left out, and a file that is no record at all is an empty reading with a reason. The parts
of a controlled schedule and of the monitors are `schedule_record`'s and `breach_record`'s.
"""

import mmap
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from attrs import evolve, frozen

from stressor.model import breach_record, schedule_record
from stressor.model.evidence import Breach, Control, Crash, Event, Frame, Loss, Step
from stressor.model.plan import Action
from stressor.model.schedule_record import Departure
from stressor.model.site import Category, Kind, Phase, Site

MAGIC = 0x3152535345525453
VERSION = 3
MAX_THREADS, MAX_SITES, MAX_MODULES, RING, MAX_FRAMES, MAX_LOSSES = 64, 4096, 512, 2048, 48, 8
EXPIRED = 0x80

_HEAD = struct.Struct("<QIIIIIIIIIIQ")
_CRASH = struct.Struct(f"<IiQII{MAX_FRAMES}Q")
_LOSS = struct.Struct(f"<IIiiII80s80sII{MAX_FRAMES}Q{MAX_FRAMES}Q")
_MODULE = struct.Struct("<QQQ232s")
_SITE = struct.Struct("<QQIIBBBBIQ80s")
_LANE_HEAD = struct.Struct("<QQii")
_EVENT = struct.Struct("<QQIIIhBB")

CRASH_AT = _HEAD.size
LOSSES_AT = CRASH_AT + _CRASH.size
BREACHES_AT = LOSSES_AT + MAX_LOSSES * _LOSS.size
MODULES_AT = BREACHES_AT + breach_record.SIZE
SITES_AT = MODULES_AT + MAX_MODULES * _MODULE.size
LANES_AT = SITES_AT + MAX_SITES * _SITE.size
BEFORE_AT = _LANE_HEAD.size
AFTER_AT = BEFORE_AT + 4 * MAX_SITES
RING_AT = AFTER_AT + 4 * MAX_SITES + 40
LANE_SIZE = RING_AT + RING * _EVENT.size
CONTROL_AT = LANES_AT + MAX_THREADS * LANE_SIZE
RECORD_SIZE = CONTROL_AT + schedule_record.SIZE

_KINDS, _CATEGORIES = tuple(Kind), tuple(Category)
_ACTIONS, _PHASES = tuple(Action), tuple(Phase)
OVERFLOWS = ("sites", "rules", "modules", "slots", "losses", "breaches")


@frozen
class Lane:
    """How far one worker came in the last round; `call` is the running call, -1 outside."""

    call: int
    finished: int
    events: int


@frozen
class Reading:
    """One record. `events`, and the steps of `control`, are empty after `read_summary`.

    `departure` is where a controlled trial left its schedule; only with the plan it can be told.
    `modules` are paths of what is loaded, the executable first.
    """

    sites: tuple[Site, ...] = ()
    lanes: tuple[Lane, ...] = ()
    events: tuple[tuple[Event, ...], ...] = ()
    crash: Crash | None = None
    losses: tuple[Loss, ...] = ()
    breaches: tuple[Breach, ...] = ()
    control: Control | None = None
    departure: Departure | None = None
    strangers: int = 0
    progress: int = 0
    round: int = 0
    overflow: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    unreadable: str = ""


@frozen
class Pulse:
    """A look at a child that runs: visits of all threads so far, and whether it is deadlocked."""

    progress: int = 0
    deadlock: bool = False


def read_record(path: Path) -> Reading:
    """Everything in the record, events and steps included. Never raises for what the file holds."""
    return _ask(path, lambda parser: parser.reading(whole=True), _unreadable)


def read_summary(path: Path) -> Reading:
    """The same without events and steps: cheap, for trials that ended well."""
    return _ask(path, lambda parser: parser.reading(whole=False), _unreadable)


def read_steps(path: Path) -> tuple[Step, ...]:
    """Only the choices of a controlled schedule: 1 ms for 500; none without a readable record."""
    return _ask(path, lambda parser: parser.steps(), lambda _: ())


def read_pulse(path: Path) -> Pulse:
    """Only the pulse; without a readable record that of a child that has done nothing yet."""
    return _ask(path, lambda parser: parser.pulse(), lambda _: Pulse())


def _ask[T](path: Path, ask: Callable[["_Parser"], T], otherwise: Callable[[Exception], T]) -> T:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return ask(_Parser(data))
    except (OSError, ValueError, struct.error) as error:
        return otherwise(error)


def _unreadable(error: Exception) -> Reading:
    return Reading(unreadable=str(error))


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode(errors="replace")


class _Parser:
    """One pass over a mapped record. Raises ValueError when it is none."""

    def __init__(self, data: mmap.mmap) -> None:
        if len(data) != RECORD_SIZE:
            raise ValueError(f"a record has {RECORD_SIZE} bytes, this file {len(data)}")
        head = _HEAD.unpack_from(data, 0)
        if head[0] != MAGIC or head[1] != VERSION or head[2] != RECORD_SIZE & 0xFFFFFFFF:
            raise ValueError("not a record of this version")
        self.data = data
        self.threads = min(head[3], MAX_THREADS)
        self.round = head[4]
        self.site_count = min(head[6], MAX_SITES)
        self.module_count = min(head[7], MAX_MODULES)
        self.loss_count = min(head[8], MAX_LOSSES)
        self.overflow = tuple(n for bit, n in enumerate(OVERFLOWS) if head[9] & (1 << bit))
        self._breaches = data, BREACHES_AT, head[10]
        self.strangers = head[11]
        self._modules: list[tuple[int, int, int, str]] | None = None
        self._known: list[tuple[str, tuple[int, ...]]] | None = None

    def pulse(self) -> Pulse:
        progress = sum(lane[1] for lane in self._lane_heads())
        return Pulse(progress, schedule_record.is_deadlocked(self.data, CONTROL_AT))

    def reading(self, *, whole: bool) -> Reading:
        lanes = self._lane_heads()
        return Reading(
            sites=tuple(self._sites()),
            lanes=tuple(Lane(call, done, written) for written, _, call, done in lanes),
            events=tuple(
                tuple(self._events(i, lane[0])) if whole else () for i, lane in enumerate(lanes)
            ),
            crash=self._crash(),
            losses=tuple(self._losses()),
            breaches=breach_record.read(self._breaches, self._keys(), self._frames),
            control=self._control(whole=whole),
            departure=schedule_record.read_departure(*self._schedule()),
            strangers=self.strangers,
            progress=sum(lane[1] for lane in lanes),
            round=self.round,
            overflow=self.overflow,
            modules=tuple(path for *_, path in self.modules()),
        )

    def steps(self) -> tuple[Step, ...]:
        return schedule_record.read_steps(*self._schedule())

    def _control(self, *, whole: bool) -> Control | None:
        control = schedule_record.read_control(*self._schedule())
        return evolve(control, steps=self.steps()) if control is not None and whole else control

    def _schedule(self) -> tuple[mmap.mmap, int, int, list[str]]:
        return self.data, CONTROL_AT, self.threads, self._keys()

    def _lane_heads(self) -> list[tuple[int, ...]]:
        return [_LANE_HEAD.unpack_from(self.data, self._lane(i)) for i in range(self.threads)]

    def _lane(self, thread: int) -> int:
        return LANES_AT + thread * LANE_SIZE

    def modules(self) -> list[tuple[int, int, int, str]]:
        if self._modules is None:
            self._modules = []
            for i in range(self.module_count):
                base, start, end, path = _MODULE.unpack_from(
                    self.data, MODULES_AT + i * _MODULE.size
                )
                self._modules.append((base, start, end, _text(path)))
        return self._modules

    def _frame(self, place: int) -> Frame:
        for base, start, end, path in self.modules():
            if start <= place < end:
                return Frame(path.rsplit("/", 1)[-1], place - base, path=path)
        return Frame("", place)

    def _raw_sites(self) -> list[tuple[str, tuple[int, ...]]]:
        """Key, "" for what is none, and numbers of each site."""
        if self._known is None:
            self._known = []
            for i in range(self.site_count):
                *numbers, name = _SITE.unpack_from(self.data, SITES_AT + i * _SITE.size)
                self._known.append((self._key(tuple(numbers), _text(name)), tuple(numbers)))
        return self._known

    def _keys(self) -> list[str]:
        return [key for key, _ in self._raw_sites()]

    def _key(self, numbers: tuple[int, ...], name: str) -> str:
        _, offset, module, ready, kind, *_ = numbers
        if not ready or kind >= len(_KINDS):
            return ""
        if _KINDS[kind] is Kind.OP:
            return f"op:target:{name}"
        if _KINDS[kind] is Kind.HOOK:
            return f"hook:{name}"
        return f"{_KINDS[kind].value}:{self._module_name(module)}:{name}+0x{offset:x}"

    def _module_name(self, module: int) -> str:
        if module == 0:
            return "python"
        if module >= self.module_count:
            return "unknown"
        return self.modules()[module][3].rsplit("/", 1)[-1].split(".", 1)[0]

    def _sites(self) -> Iterator[Site]:
        visits = self._visits()
        for i, (key, numbers) in enumerate(self._raw_sites()):
            _, _, module, _, _, category, phases, may_detach, acted, total = numbers
            if key and category < len(_CATEGORIES):
                sides = tuple(phase for bit, phase in enumerate(_PHASES) if phases & (1 << bit))
                count = total + visits[i]
                path = self.modules()[module][3] if module < self.module_count else ""
                yield Site(key, _CATEGORIES[category], sides, count, acted, bool(may_detach), path)

    def _visits(self) -> list[int]:
        visits = [0] * self.site_count
        column = struct.Struct(f"<{self.site_count}I")
        for thread in range(self.threads):
            before = column.unpack_from(self.data, self._lane(thread) + BEFORE_AT)
            after = column.unpack_from(self.data, self._lane(thread) + AFTER_AT)
            visits = [v + max(b, a) for v, b, a in zip(visits, before, after, strict=True)]
        return visits

    def _events(self, thread: int, written: int) -> Iterator[Event]:
        keys = self._keys()
        for position in range(max(0, written - RING), written):
            at, obj, site, visit, ns, call, phase, action = _EVENT.unpack_from(
                self.data, self._lane(thread) + RING_AT + position % RING * _EVENT.size
            )
            known = action & ~EXPIRED
            if site < len(keys) and keys[site] and phase < 2 and known < len(_ACTIONS):
                yield Event(
                    thread=thread,
                    at=at,
                    site=keys[site],
                    visit=visit,
                    phase=_PHASES[phase],
                    action=_ACTIONS[known],
                    ns=ns,
                    call=call,
                    obj=obj,
                    expired=bool(action & EXPIRED),
                )

    def _crash(self) -> Crash | None:
        signal, thread, address, count, _, *frames = _CRASH.unpack_from(self.data, CRASH_AT)
        if signal == 0:
            return None
        return Crash(signal, address, thread, self._frames(frames, count))

    def _frames(self, places: Sequence[int], count: int) -> tuple[Frame, ...]:
        return tuple(self._frame(place) for place in places[: min(count, MAX_FRAMES)])

    def _losses(self) -> Iterator[Loss]:
        keys = self._keys()
        for i in range(self.loss_count):
            raw = _LOSS.unpack_from(self.data, LOSSES_AT + i * _LOSS.size)
            site, visit, thread, destroyer, known, used, how, kind, borrows, destroys = raw[:10]
            if known and site < len(keys):
                yield Loss(
                    site=keys[site],
                    thread=thread,
                    visit=visit,
                    type=_text(kind),
                    destroyer=destroyer,
                    used=_text(how) if used else None,
                    borrower_frames=self._frames(list(raw[10 : 10 + MAX_FRAMES]), borrows),
                    destroyer_frames=self._frames(list(raw[10 + MAX_FRAMES :]), destroys),
                )
