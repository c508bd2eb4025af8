"""Which call a site is, in words that a rebuild leaves alone, and where that call is in another build.

Decides when such words are certain: every call that counts leads to the symbol for sure, and one
function of the name has all of them. Two static functions may share a name, and a compiler may have
moved a part of a function elsewhere; where both parts have such calls nothing is said.
"""

from attrs import evolve

from stressor.model.site import Kind, Ordinal, Site
from stressor.symbols.calls import calls_of, direct_calls, is_call, is_direct_call
from stressor.symbols.symbolizer import SYMBOLS


def numbered(site: Site) -> Site:
    """The site with its function and its call's ordinal, as far as the file at its path says them."""
    site = SYMBOLS.name_site(site)
    if site.offset is None or not site.function:
        return site
    ends = _calls(site.path, site)
    if site.offset not in ends:
        return site
    return evolve(site, ordinal=Ordinal(ends.index(site.offset) + 1, len(ends)))


def offset_in(path: str, site: Site) -> int | None:
    """Where the call of a site of another build ends in this file; None when that is not certain.

    Of as many calls of the symbol in the function the same one; without an ordinal, the call at the
    same distance from the function's beginning.
    """
    if site.ordinal is not None:
        ends = _calls(path, site)
        return ends[site.ordinal.number - 1] if len(ends) == site.ordinal.of else None
    functions = SYMBOLS.functions(path, site.function_name)
    distance = Site(site.function or "", site.category, ()).offset
    if len(functions) != 1 or distance is None:
        return None
    offset = functions[0].start + distance
    inside = offset <= functions[0].end
    return (
        offset
        if inside and leads_there(path, evolve(site, key=f"{_plain(site)}+{offset:#x}"))
        else None
    )


def leads_there(path: str, site: Site) -> bool | None:
    """Whether the file calls the site's symbol where the site says. None when it cannot be told."""
    if site.offset is None:
        return None
    if site.kind is Kind.REDIRECT:
        targets = _starts(path, site.symbol)
        return is_direct_call(path, site.offset, targets) if targets else None
    return is_call(path, site.offset, site.symbol)


def _calls(path: str, site: Site) -> tuple[int, ...]:
    """Where the calls of its symbol end; none when it is not certain which function they are in."""
    targets = _starts(path, site.symbol) if site.kind is Kind.REDIRECT else None
    parts = [
        calls_of(path, each.start, each.end, site.symbol)
        if targets is None
        else direct_calls(path, each.start, each.end, targets)
        for each in SYMBOLS.functions(path, site.function_name)
    ]
    having = [each for each in parts if each is None or each]
    only = having[0] if len(having) == 1 else None
    return only or ()


def _starts(path: str, name: str) -> frozenset[int]:
    return frozenset(each.start for each in SYMBOLS.functions(path, name))


def _plain(site: Site) -> str:
    return f"{site.kind.value}:{site.module}:{site.symbol}"
