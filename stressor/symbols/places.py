"""Which call a site is, in words that a rebuild leaves alone, and where that call is in another build.

Decides when such words are certain: every call that counts leads to the symbol for sure, and one
function of the name has all of them. Two static functions may share a name, and a compiler may have
moved a part of a function elsewhere; where both parts have such calls nothing is said.
"""

from attrs import evolve

from stressor.model.site import Ordinal, Site
from stressor.symbols.calls import calls_of, is_call
from stressor.symbols.symbolizer import SYMBOLS


def numbered(site: Site) -> Site:
    """The site with its function and its call's ordinal, as far as the file at its path says them."""
    site = SYMBOLS.name_site(site)
    if site.offset is None or not site.function:
        return site
    ends = _calls(site.path, site.function_name, site.symbol)
    if site.offset not in ends:
        return site
    return evolve(site, ordinal=Ordinal(ends.index(site.offset) + 1, len(ends)))


def offset_in(path: str, site: Site) -> int | None:
    """Where the call of a site of another build ends in this file; None when that is not certain.

    Of as many calls of the symbol in the function the same one; without an ordinal, the call at the
    same distance from the function's beginning.
    """
    if site.ordinal is not None:
        ends = _calls(path, site.function_name, site.symbol)
        return ends[site.ordinal.number - 1] if len(ends) == site.ordinal.of else None
    functions = SYMBOLS.functions(path, site.function_name)
    distance = Site(site.function or "", site.category, ()).offset
    if len(functions) != 1 or distance is None:
        return None
    offset = functions[0].start + distance
    inside = offset <= functions[0].end
    return offset if inside and is_call(path, offset, site.symbol) else None


def _calls(path: str, function: str, symbol: str) -> tuple[int, ...]:
    """Where the calls of a symbol end; none when it is not certain which function they are in."""
    parts = [
        calls_of(path, each.start, each.end, symbol) for each in SYMBOLS.functions(path, function)
    ]
    having = [each for each in parts if each is None or each]
    only = having[0] if len(having) == 1 else None
    return only or ()
