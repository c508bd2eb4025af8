"""One run of a command: its fork servers, the canary, and campaigns and replays on them.

Decides the order in which a campaign starts: the target must load, the canary must be caught, and
only then does the budget begin to run. Owns processes and scratch space, and leaves none behind.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase

from attrs import define, evolve, field, frozen

from stressor.campaign import canary
from stressor.campaign.budget import Budget
from stressor.campaign.carryout import CarryOut, unbroken
from stressor.campaign.exhaustive import chosen_allocator, with_texts
from stressor.campaign.explore import Campaign, Surface
from stressor.campaign.findings import Keep, Shrink
from stressor.campaign.fit import Fitted, Move, fit
from stressor.campaign.hello import Hello
from stressor.campaign.hosts import Hosts
from stressor.campaign.interrupt import stop_on_interrupt
from stressor.campaign.missing import named_sites, refusal
from stressor.campaign.origin import origin_of
from stressor.campaign.progress import Finding, Progress
from stressor.campaign.report import Report
from stressor.campaign.scratch import Scratch
from stressor.campaign.settings import Settings
from stressor.errors import NotTestedError
from stressor.model.outcome import Signature, Verdict
from stressor.model.plan import Plan
from stressor.model.trial import Origin, Rate, Trial
from stressor.report.words import many


@frozen
class Replayed:
    """What runs of one plan gave.

    `rate` counts the wanted signature and those akin to it, which `akin` counts apart; `others` are
    other failures, `reasons` why runs were not decided. `last` is the last trial that failed as
    wanted, else the last of all. `unreached` are sites that the plan names and no run visited; `moves`
    are those that are elsewhere in this build.
    """

    rate: Rate
    akin: Counter[Signature]
    others: Counter[Signature]
    verdicts: Counter[Verdict]
    reasons: Counter[str]
    unreached: tuple[str, ...]
    last: Trial
    moves: tuple[Move, ...] = ()

    @property
    def is_decided(self) -> bool:
        """Whether any run came to an end that says something."""
        return bool(self.verdicts[Verdict.FAILED] or self.verdicts[Verdict.PASSED])


@define
class Session:
    """Some jobs, each with fork servers of its own. Made by `open_session`."""

    hosts: tuple[Hosts, ...]
    _caught: canary.Caught | None = field(init=False, default=None)

    @property
    def carry_out(self) -> CarryOut:
        """The first job's door, for what is done one at a time; raises for a broken trial."""
        return unbroken(self.hosts[0].carry_out)

    def hello(
        self, target: str, modules: tuple[str, ...] = (), runtime: tuple[str, ...] = ()
    ) -> Hello:
        """Load the target. Raises `UsageError`, `NotTestedError`."""
        return self.hosts[0].host(target, modules, runtime=runtime).hello

    def origin(self, plan: Plan) -> Origin:
        """Where trials of this plan come from, here and now."""
        hello = self.hello(plan.target, plan.modules, plan.runtime)
        return origin_of(hello.interpreter, hello.own_modules)

    def fitted(self, trial: Trial) -> Fitted:
        """The trial with the places that its plan names as the target's build has them now.

        Raises `NotTestedError` when it lacks some of them.
        """
        plan = trial.plan
        if not named_sites(plan) and (plan.schedule is None or not plan.schedule.trace):
            return Fitted(trial)
        hello = self.hosts[0].host_of(plan).hello
        fitted = fit(trial, hello)
        if fitted.missing:
            here = origin_of(hello.interpreter, hello.own_modules)
            raise NotTestedError(refusal(trial, fitted.missing, hello, here))
        return fitted

    def changed_calls(self, trial: Trial) -> tuple[tuple[str, str], ...]:
        """Calls of the plan that the harness makes otherwise now: the text that was recorded, and this.

        None of those whose text is not known. Raises `UsageError` for operations that are gone.
        """
        plan, then = trial.plan, trial.evidence.calls
        if not any(call.shown for calls in then for call in calls):
            return ()
        now = self.hosts[0].host_of(plan).texts(plan)
        pairs = (
            (was.shown, is_)
            for one in zip(then, now, strict=False)
            for was, is_ in zip(*one, strict=False)
        )
        # An entry keeps the beginning of a long text.
        return tuple((was, is_) for was, is_ in pairs if was and is_ and not is_.startswith(was))

    def catch_canary(self) -> canary.Caught:
        """Catch it, once in a session. Raises `NotTestedError`."""
        if self._caught is None:
            self._caught = canary.catch(self.carry_out)
        return self._caught

    def fuzz(
        self,
        settings: Settings,
        keep: Keep,
        progress: Progress,
        shrink: Callable[[Budget], Shrink] | None = None,
        known: Iterable[Finding] = (),
    ) -> Report:
        """Run a whole campaign; Ctrl-C ends it early. Raises before the first trial only.

        `known` are the target's entries, which are tried first. They are read once it is loaded.
        """
        progress.note(f"loading {settings.target} ...")
        hello = self.hello(settings.target, settings.modules, settings.runtime)
        for glob in unmatched(settings.modules, hello):
            progress.note(f"--modules {glob}: no module that the target has loaded matches")
        for note in _redirected(hello):
            progress.note(note)
        self.catch_canary()
        entries = list(known)
        budget = Budget(settings.seconds, settings.trials)
        campaign = Campaign(
            settings,
            Surface(hello.operations, hello.sites, hello.rehearsal_seconds),
            tuple(hosts.carry_out for hosts in self.hosts),
            keep,
            progress,
            budget,
            shrink(budget) if shrink is not None else None,
            origin_of(hello.interpreter, hello.own_modules),
            self.fitted,
        )
        with stop_on_interrupt(campaign.stop):
            return self._told(campaign.run(entries))

    def _told(self, report: Report) -> Report:
        """The report with the calls of the programs of an exhaustive campaign as text."""
        calls = tuple(c for each in report.explored for thread in each.program for c in thread)
        if not calls:
            return report
        settings = report.settings
        plan = Plan(
            settings.target,
            (calls,),
            0,
            modules=settings.modules,
            allocator=chosen_allocator(settings),
            runtime=settings.runtime,
        )
        host = self.hosts[0].host_of(plan)
        [texts] = host.texts(plan) or ((),)
        return evolve(report, explored=with_texts(report.explored, texts)) if texts else report

    def replay(self, trial: Trial, runs: int, tell: Callable[[int, int], None]) -> Replayed:
        """Carry the trial's plan out `runs` times; `tell` gets runs done and hits among them."""
        wanted = trial.outcome.signature
        akin: Counter[Signature] = Counter()
        others: Counter[Signature] = Counter()
        verdicts: Counter[Verdict] = Counter()
        reasons: Counter[str] = Counter()
        reached: set[str] = set()
        last, hits = trial, 0
        for number in range(1, runs + 1):
            # It is the same plan: as small as it was, and as far from its end.
            again = evolve(
                self.carry_out(trial.plan), minimized=trial.minimized, cut_short=trial.cut_short
            )
            verdicts[again.outcome.verdict] += 1
            reached |= {site.key for site in again.evidence.sites if site.visits}
            signature = again.outcome.signature
            same = signature is not None and wanted is not None and wanted.is_akin(signature)
            hits += same
            if signature is None:
                reasons.update(again.outcome.undecided)
            elif signature != wanted:
                (akin if same else others)[signature] += 1
            if same or not hits:
                last = again
            tell(number, hits)
        unreached = tuple(site for site in named_sites(trial.plan) if site not in reached)
        return Replayed(Rate(hits, runs), akin, others, verdicts, reasons, unreached, last)


@contextmanager
def open_session(jobs: int = 1) -> Iterator[Session]:
    """Scratch space and fork servers, all gone at the end. Raises `OSError` without scratch space."""
    with ExitStack() as stack:
        scratch = stack.enter_context(Scratch())
        yield Session(tuple(stack.enter_context(Hosts(scratch)) for _ in range(jobs)))


def unmatched(modules: Sequence[str], hello: Hello) -> tuple[str, ...]:
    """The globs among `modules` that no module that is loaded now matches."""
    paths = [each.path for each in hello.modules]
    return tuple(glob for glob in modules if not any(fnmatchcase(path, glob) for path in paths))


def _redirected(hello: Hello) -> Iterator[str]:
    """What of the interpreter itself is a site, when somebody asked for that."""
    if hello.redirected:
        calls = sum(hello.redirected.values())
        yield f"{many(calls, 'call')} of {many(len(hello.redirected), 'inner function')} redirected"
    for name, reason in hello.not_redirected.items():
        yield f"not redirected: {name}: {reason}"
