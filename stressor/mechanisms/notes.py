"""What is noted of a run while it follows a chooser, and the finding that is made of it.

A run that comes round to where it was is told as well: threads that spin for what never comes.
"""

from collections.abc import Hashable, Sequence

from attrs import field, frozen

from stressor.mechanisms.base import Mechanism, Step
from stressor.mechanisms.choosers import Follow
from stressor.mechanisms.finding import Broken, Finding, Run, Taken
from stressor.mechanisms.running import Chooser, Crew, EndlessError, Makes, Ran, Unbound, run
from stressor.mechanisms.state import Shelf, place, shown


@frozen
class Notes:
    """Follows another chooser; notes each step, and the state that it begins with."""

    model: Mechanism
    crew: Crew
    chooser: Chooser
    states: list[dict[str, str]] = field(factory=list)
    steps: list[Taken] = field(factory=list)

    def arrive(self, thread: int, site: int, object: int, visit: int, /) -> None:
        """Handed on."""
        self.chooser.arrive(thread, site, object, visit)

    def choose(self, ready: int, step: int, current: int, why: int, /) -> int:
        """What the other one chooses."""
        thread = self.chooser.choose(ready, step, current, why)
        self.states.append(shown(self.model))
        self.steps.append(Taken(self.crew.names[thread], self.crew.step_name(thread)))
        return thread

    def finding(self, broken: Broken) -> Finding:
        """What the run that has ended broke."""
        return Finding(
            Run(
                self.model.name,
                self.model.defect,
                dict(self.model.numbers),
                tuple(each.thread for each in self.steps),
            ),
            broken,
            tuple(self.steps),
            self.states[-1] if self.states else shown(self.model),
            shown(self.model),
            self.crew.waiting(),
        )


@frozen
class _Rounds(Notes):
    """Notes the whole configuration too, and whether the step is one of a loop that may spin."""

    met: list[Hashable] = field(factory=list)
    allowed: list[bool] = field(factory=list)

    def choose(self, ready: int, step: int, current: int, why: int, /) -> int:
        self.met.append(self.configuration())
        thread = super(_Rounds, self).choose(ready, step, current, why)
        at = self.crew.at[thread]
        self.allowed.append(isinstance(at, Step) and (at.gives_way or at.until is not None))
        return thread

    def configuration(self) -> Hashable:
        """The shared state, and where each thread is."""
        places = (
            at and place(generator, at)
            for generator, at in zip(self.crew.generators, self.crew.at, strict=True)
        )
        return Shelf(self.model).take(), *places


def comes_round(makes: Makes, schedule: Sequence[int]) -> Finding | None:
    """Run a schedule exactly; the finding when it ends where it was before, spinning as models may.

    None when it comes to an end, breaks something else, does not come round, or when no step of the
    round waits or gives way: then the loop is a fault of the model.
    """
    model = makes()
    crew = Unbound(model)
    notes = _Rounds(model, crew, Follow(schedule))
    try:
        run(model, notes, most=len(schedule), crew=crew)
    except EndlessError:
        now = notes.configuration()
        if now in notes.met and any(notes.allowed[notes.met.index(now) :]):
            key, says = model.stuck
            spinning = dict.fromkeys(notes.steps[notes.met.index(now) :])
            round_ = ", ".join(f"{each.thread} in {each.step!r}" for each in spinning)
            return notes.finding(Broken(key, says, f"no schedule ends any more: {round_}"))
    return None


def followed(makes: Makes, schedule: Sequence[int]) -> tuple[Notes, Ran]:
    """Run a schedule (thread numbers), see `Follow`, and take notes."""
    model = makes()
    crew = Unbound(model)
    notes = Notes(model, crew, Follow(schedule))
    return notes, run(model, notes, crew=crew)
