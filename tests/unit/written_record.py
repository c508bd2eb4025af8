"""A record file written by hand, with a controlled schedule in it."""

import struct
from pathlib import Path

from stressor.model import record, schedule_record
from stressor.model.schedule_record import NOWHERE

THREADS = 2
GET = "call:box:PyList_GetItem+0x10"
ACT = "op:target:act"
TRACE = 0x0123456789ABCDEF

type Raw = tuple[int, int, int, int, int, int, int, int, int]

# ready, object, site, visit, thread, to, phase, why, padding
BEGIN: Raw = (0b11, 0, NOWHERE, 0, -1, 1, 0, 0, 0)
VISIT: Raw = (0b10, 0xF00, 1, 7, 1, 0, 1, 1, 0)


class Written:
    """A record with two sites and no visits, to be written to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("wb") as file:
            file.truncate(record.RECORD_SIZE)
        size = record.RECORD_SIZE & 0xFFFFFFFF
        head = (record.MAGIC, record.VERSION, size, THREADS, 0, 1, 2, 3, 0, 0, 0, 0)
        self.put(0, record._HEAD.pack(*head))
        module = struct.pack("<QQQ232s", 0, 0, 0, b"/site/box.cpython-313t.so")
        self.put(record.MODULES_AT + 2 * record._MODULE.size, module)
        sites = ((3, 9, b"act"), (0, 4, b"PyList_GetItem"))
        for place, (kind, category, name) in enumerate(sites):
            site = record._SITE.pack(0, 0x10, 2, 1, kind, category, 3, 0, 0, 0, name)
            self.put(record.SITES_AT + place * record._SITE.size, site)

    def put(self, place: int, data: bytes) -> None:
        with self.path.open("r+b") as file:
            file.seek(place)
            file.write(data)

    def control(
        self,
        *steps: Raw,
        count: int | None = None,
        deadlock: int = 0,
        diverged: tuple[int, int] = (0, 0),
        controlled: int = 1,
    ) -> None:
        count = len(steps) if count is None else count
        head = (TRACE, count, 5_000, 3, deadlock, *diverged, controlled)
        self.put(record.CONTROL_AT, schedule_record.HEAD.pack(*head))
        log = b"".join(schedule_record.STEP.pack(*step) for step in steps)
        self.put(record.CONTROL_AT + schedule_record.STEPS_AT, log)

    def waits(self, thread: int, *wait: int) -> None:
        place = schedule_record.WAITS_AT + thread * schedule_record.WAIT.size
        self.put(record.CONTROL_AT + place, schedule_record.WAIT.pack(*wait))

    def departed(self, step: int, came: Raw) -> None:
        data = schedule_record.STEP.pack(*came) + struct.pack("<Q", step)
        self.put(record.CONTROL_AT + schedule_record.DEPARTED_AT, data)
