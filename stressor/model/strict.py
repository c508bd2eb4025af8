"""A cattrs converter that converts nothing: a JSON value must have exactly the type of its field.

cattrs would read "5" as 5, a string as a tuple of its letters and true as 1. For data from
strangers that is a guess; here it is an error. Written floats are always floats, so that equal
nouns have equal text.
"""

from collections.abc import Callable, Mapping
from typing import Any, get_origin

from attrs import has
from cattrs import Converter
from cattrs.cols import homogenous_tuple_structure_factory
from cattrs.gen import make_dict_structure_fn, make_mapping_structure_fn

MOST_FLOAT = 1e18

# What cattrs calls with (value, type); its own types say Any.
type Hook = Callable[[Any, Any], Any]


def strict_converter(checks: Mapping[type, Callable[[Any], None]]) -> Converter:
    """Make a converter; `checks` look at each finished value of a class and raise `ValueError`."""
    converter = Converter(omit_if_default=True, forbid_extra_keys=True, detailed_validation=True)
    converter.register_unstructure_hook(float, float)
    converter.register_structure_hook(int, _structure_int)
    converter.register_structure_hook(float, _structure_float)
    converter.register_structure_hook(str, _structure_str)
    converter.register_structure_hook(bool, _structure_bool)
    converter.register_structure_hook_factory(
        _origin_is(tuple),
        lambda kind: _exactly(list, homogenous_tuple_structure_factory(kind, converter)),
    )
    converter.register_structure_hook_factory(
        _origin_is(dict),
        lambda kind: _exactly(dict, make_mapping_structure_fn(kind, converter)),
    )
    converter.register_structure_hook_factory(
        has, lambda kind: _checked(_class_hook(kind, converter), checks.get(kind))
    )
    return converter


def _origin_is(wanted: type) -> Callable[[Any], bool]:
    def matches(kind: object) -> bool:
        origin: object = get_origin(kind)
        return origin is wanted

    return matches


def _class_hook(kind: type, converter: Converter) -> Hook:
    return _exactly(dict, make_dict_structure_fn(kind, converter))


def _exactly(wanted: type, hook: Hook) -> Hook:
    said = "a list" if wanted is list else "an object"

    def structure(value: object, kind: object) -> object:
        if type(value) is not wanted:
            raise TypeError(f"must be {said}, not {_said(value)}")
        return hook(value, kind)

    return structure


def _checked(hook: Hook, check: Callable[[Any], None] | None) -> Hook:
    if check is None:
        return hook

    def structure(value: object, kind: object) -> object:
        made = hook(value, kind)
        check(made)
        return made

    return structure


def _structure_int(value: object, _: object) -> int:
    if type(value) is not int:
        raise TypeError(f"must be a whole number, not {_said(value)}")
    if not -(1 << 63) <= value < 1 << 64:
        raise ValueError("must fit in 64 bits")
    return value


def _structure_float(value: object, _: object) -> float:
    if not (isinstance(value, float) or type(value) is int):
        raise TypeError(f"must be a number, not {_said(value)}")
    if not -MOST_FLOAT <= value <= MOST_FLOAT:
        raise ValueError(f"must be between -{MOST_FLOAT:g} and {MOST_FLOAT:g}")
    return float(value)


def _structure_str(value: object, _: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"must be a string, not {_said(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode") from None
    return value


def _structure_bool(value: object, _: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"must be true or false, not {_said(value)}")
    return value


def _said(value: object) -> str:
    """Name a JSON value's type in JSON's words."""
    words = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
    return words.get(type(value), "null" if value is None else "a number")
