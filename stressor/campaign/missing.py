"""Places that a plan names and that the installed build does not have: such a plan says nothing.

Decides which file a site's module is, and what to do about what is missing. Whether a call ends at an
offset is `stressor.symbols.calls`' business; whether a missing one is elsewhere now is `fit`'s. Only
what is certain is missing: a module that may yet be loaded, or that a thread may return into without a
call of its own, keeps its sites.
"""

import shlex
from collections.abc import Iterator, Sequence
from glob import escape
from pathlib import Path

from stressor.campaign.hello import Hello
from stressor.model.plan import ANYWHERE, Plan
from stressor.model.site import Category, Kind, Site
from stressor.model.trial import Origin, Trial
from stressor.symbols.calls import ends_call, is_call
from stressor.symbols.places import leads_there

MOST_SHOWN = 5
NAME_BYTES = 76  # of a record's 80, what an operation's name keeps of it at least

INTERPRETER, UNKNOWN = "python", "unknown"  # the executable; code that belongs to no file

_SELECTORS = (ANYWHERE, "kind", "category")
WITH_PLACE = (Kind.CALL.value, Kind.BLOCK.value, Kind.REDIRECT.value)


def named_sites(plan: Plan) -> tuple[str, ...]:
    """The sites that the plan's rules and switches name one by one, each once."""
    named = [rule.site for rule in plan.rules]
    named += [rule.until.site for rule in plan.rules if rule.until is not None]
    if plan.schedule is not None:
        # At a round's beginning and a thread's end there is none.
        named += [switch.site for switch in plan.schedule.switches if switch.site]
    return tuple(dict.fromkeys(site for site in named if site.split(":", 1)[0] not in _SELECTORS))


def missing_sites(plan: Plan, hello: Hello) -> tuple[str, ...]:
    """The sites among those that the plan names which the target's build certainly does not have.

    `hello` is that of the plan's own host. Reads the files of the modules that the sites are in.
    """
    return tuple(site for site in named_sites(plan) if is_missing(site, hello))


def refusal(trial: Trial, missing: Sequence[str], hello: Hello, here: Origin) -> str:
    """Why the trial's plan, which names what is `missing`, says nothing in this build; what to do.

    `here` is where a trial would come from now.
    """
    plan = trial.plan
    shown = ", ".join(missing[:MOST_SHOWN])
    more = f" and {len(missing) - MOST_SHOWN} more" if len(missing) > MOST_SHOWN else ""
    return (
        f"{plan.target}: {len(missing)} of the {len(named_sites(plan))} places that the plan names "
        f"do not exist in what is installed: {shown}{more}. "
        f"{' '.join(_looked_at(missing, hello))} {_advice(plan.target, trial.origin, here)}"
    )


def is_missing(key: str, hello: Hello) -> bool:
    """Whether the target's build certainly has no such place under this name."""
    kind = key.partition(":")[0]
    site = Site(key, Category.OP, ())
    if kind == Kind.OP.value:
        return not any(_is_named(each.name, site.symbol) for each in hello.operations)
    if kind not in WITH_PLACE or site.offset is None or not hello.loaded:
        return False
    if site.kind is Kind.REDIRECT:
        return _is_not_redirected(site, hello)
    offset, symbol = site.offset, site.symbol
    if site.module == UNKNOWN:
        return False
    covered = {each.path for each in hello.modules if each.slots}
    # Where nothing is instrumented a visit still returns, when what was called there jumped to the
    # symbol as its last deed: any call may be that.
    found = (
        is_call(path, offset, symbol) if path in covered else ends_call(path, offset)
        for path in files_of(site.module, hello)
    )
    return all(each is False for each in found)


def _is_not_redirected(site: Site, hello: Hello) -> bool:
    """Whether no visit can come from there: what is not redirected is no site at all."""
    files = files_of(site.module, hello)
    return site.symbol not in hello.redirected or not any(
        leads_there(path, site) is not False for path in files
    )


def _is_named(operation: str, name: str) -> bool:
    """Whether a record calls the operation so; of a long name it keeps the beginning."""
    return operation == name or (len(name.encode()) >= NAME_BYTES and operation.startswith(name))


def files_of(module: str, hello: Hello) -> tuple[str, ...]:
    """Paths of the modules that a key's module may stand for: those that are loaded, if any is."""
    if module == INTERPRETER:
        return hello.loaded[:1]
    loaded = tuple(path for path in hello.loaded[1:] if _name(path) == module)
    return loaded or tuple(_not_loaded_yet(module, hello))


def _name(path: str) -> str:
    return Path(path).name.partition(".")[0]


def _not_loaded_yet(module: str, hello: Hello) -> Iterator[str]:
    """Files of that name beside what is loaded or in the target's packages: an import may come late."""
    pattern = f"{escape(module)}.*"
    for folder in {Path(path).parent for path in hello.loaded}:
        yield from map(str, folder.glob(pattern))
    for package in {_package(Path(path)) for path in hello.own_modules}:
        if package is not None:
            yield from map(str, package.rglob(pattern))


def _package(module: Path) -> Path | None:
    """The outermost package that the module is in."""
    inside = None
    for folder in module.parents:
        if not (folder / "__init__.py").is_file():
            break
        inside = folder
    return inside


def _looked_at(missing: Sequence[str], hello: Hello) -> Iterator[str]:
    """A sentence for each module that something is missing in."""
    sites = [Site(key, Category.OP, ()) for key in missing]
    for module in dict.fromkeys(site.module for site in sites if site.kind is not Kind.OP):
        files = ", ".join(files_of(module, hello))
        if files:
            yield f"There is no such call in {files}."
        else:
            yield f"The target has loaded no module {module}."
    if any(site.kind is Kind.OP for site in sites):
        known = ", ".join(sorted(each.name for each in hello.operations))
        yield f"The target's operations are: {known}."


def _advice(target: str, then: Origin | None, here: Origin) -> str:
    changed = _changed(then, here) if then is not None else {}
    if changed:
        versions = ", ".join(
            f"{name} {old} ({here.packages.get(name, 'not installed')} here)"
            for name, old in changed.items()
        )
        pins = " ".join(f"{name}=={old}" for name, old in changed.items())
        return f"It was found with {versions}: `pip install {pins}` brings that back."
    if then is not None and then.interpreter != here.interpreter:
        return f"It was found with Python {then.interpreter}; this is {here.interpreter}."
    return (
        "The sources or the compiler have changed since it was found: go back to those, or look for "
        f"the failure anew with `stressor fuzz {shlex.quote(target)}`."
    )


def _changed(then: Origin, here: Origin) -> dict[str, str]:
    """The packages that are another version now or gone, with the version they had."""
    return {
        name: version
        for name, version in then.packages.items()
        if here.packages.get(name) != version
    }
