"""Slots are found, rewritten and put back, whatever way the module was linked."""

import os
import re
import shutil

import pytest

from tests.native.children import Theatre
from tests.native.extensions import Extensions
from tests.native.scenes import interposition as scenes

pytestmark = [pytest.mark.native, pytest.mark.slow]

# Ways to link, and the relocation of a called symbol that each one makes.
LINKED = {
    "lazy": (("-Wl,-z,lazy", "-Wl,-z,norelro"), "JUMP_SLOT"),
    "relro": (("-Wl,-z,lazy", "-Wl,-z,relro"), "JUMP_SLOT"),
    "now": (("-Wl,-z,now", "-Wl,-z,relro"), "JUMP_SLOT"),
    "noplt": (("-fno-plt", "-Wl,-z,lazy"), "GLOB_DAT"),
}


@pytest.mark.parametrize("way", LINKED)
def test_every_kind_of_slot_is_rewritten(
    theatre: Theatre, extensions: Extensions, way: str
) -> None:
    flags, called = LINKED[way]
    built = extensions.build("callers", *flags, name=f"callers_{way}")
    seen = theatre.play(
        scenes.slots_of_callers, built.name.split(".")[0], built.name, needs=[built]
    )
    slots = seen.value["slots"]
    assert slots["PyList_GetItem"] == [called, 1]
    assert slots["PyTuple_GetItem"] == ["GLOB_DAT", 1]
    assert slots["PyDict_GetItem"] == ["ABS64", 2]
    assert seen.value["again"] == slots
    assert seen.value["idempotent"]
    assert seen.value["changed"]
    assert seen.value["access kept"], "a page of a read-only segment was left writable"
    assert not seen.value["uncovered"]
    assert seen.value["results"] == [[1, 2], 3]
    assert [seen.visits(s) for s in ("PyList_GetItem", "PyTuple_GetItem", "PyDict_GetItem")] == [
        1,
        1,
        1,
    ]


@pytest.mark.parametrize("way", LINKED)
def test_restore_puts_every_byte_back(theatre: Theatre, extensions: Extensions, way: str) -> None:
    built = extensions.build("callers", *LINKED[way][0], name=f"callers_{way}")
    seen = theatre.play(scenes.restore_callers, built.name.split(".")[0], built.name, needs=[built])
    assert seen.value.pop("restored") > 4
    assert seen.value == {"changed": True, "same bytes": True, "same access": True, "again": 0}


def test_a_module_that_is_imported_later_is_caught(
    theatre: Theatre, extensions: Extensions
) -> None:
    built = extensions.build("callers", name="latecomer")
    seen = theatre.play(scenes.import_later, "latecomer", needs=[built])
    assert seen.visits("PyList_GetItem") == 1
    assert built.name in {slot["module"] for slot in seen.value}


def test_globs_match_the_path_or_the_file_name(theatre: Theatre, extensions: Extensions) -> None:
    built = extensions.build("callers")
    cases = {
        f"{built.parent}/*": ["callers"],
        "callers.*": ["callers"],
        "callers": [],
        "*/nowhere/*": [],
        "[abc]allers.*": ["callers"],
    }
    found = {
        glob: theatre.play(scenes.match, "callers", glob, needs=[built]).value for glob in cases
    }
    assert found == cases


def test_what_cannot_be_covered_is_said(theatre: Theatre, extensions: Extensions) -> None:
    built = extensions.build("quiet")
    seen = theatre.play(scenes.uncovered, "*quiet*", needs=[built])
    assert seen.value == [[built.name, "imports no catalogued symbol through a slot"]]


def test_10_a_pointer_that_was_copied_before_is_not_covered(
    theatre: Theatre, extensions: Extensions
) -> None:
    """A hole by design: only slots are rewritten, and what the module copied is its own."""
    seen = theatre.play(scenes.copied_pointer, needs=[extensions.build("callers")])
    assert seen.value == [4, 5]
    assert seen.visits("PyTuple_GetItem") == 1


def test_a_module_whose_slots_stay_read_only_is_named(
    theatre: Theatre, extensions: Extensions
) -> None:
    built = extensions.build("callers", *LINKED["now"][0], name="callers_now")
    preload = f"{os.environ.get('LD_PRELOAD', '')} {extensions.library('refuse', 'librefuse.so')}"
    seen = theatre.attempt(
        scenes.uncovered_only, "callers_now", needs=[built], environ={"LD_PRELOAD": preload}
    )
    assert seen.code == 0, seen.stderr
    assert seen.value == ["has read-only slots that the system refuses to make writable", [1]]


@pytest.mark.skipif("STRESSOR_SANITIZED" in os.environ, reason="sanitizers refuse RTLD_DEEPBIND")
def test_a_slot_that_leads_to_an_own_definition_is_left_alone(
    theatre: Theatre, extensions: Extensions
) -> None:
    """Hazard: the wrapper calls the C library's function, not the one that the module meant."""
    built = extensions.build("twins")
    seen = theatre.play(scenes.deep_binding, needs=[built])
    assert seen.value["before"] == seen.value["during"] == [4243, 4244]
    assert seen.value["reasons"] == [
        "uses its own copies of the catalogued symbols, or other versions of them"
    ]


def test_a_library_that_takes_the_place_of_another_is_covered(
    theatre: Theatre, extensions: Extensions
) -> None:
    first = extensions.library("library", "libfirst.so")
    second = extensions.library("library", "libsecond.so")
    seen = theatre.play(scenes.unload, str(first), str(second))
    assert seen.value == {"covered": ["libsecond.so"], "restored": True}
    assert [key for key in (site.key for site in seen.reading.sites) if ":libsecond:" in key]


def test_slots_of_an_unloaded_library_are_not_touched(
    theatre: Theatre, extensions: Extensions
) -> None:
    first = extensions.library("library", "libfirst.so")
    assert theatre.play(scenes.unload_and_restore, str(first)).value > 0  # the interpreter's


def test_more_slots_than_there_is_room_for(theatre: Theatre, extensions: Extensions) -> None:
    seen = theatre.play(scenes.too_many_slots, needs=[extensions.build("pointers")])
    # Some are the interpreter's, and no sites.
    assert 65_000 < seen.value.pop("count") < 1 << 16
    assert seen.value == {"results": [5, 5]}
    assert seen.reading.overflow == ("slots",)
    assert seen.visits("PyList_GetItem") == 1


def test_more_modules_than_there_is_room_for(theatre: Theatre, extensions: Extensions) -> None:
    library = extensions.library("library", "libfirst.so")
    copies = [theatre.folder / f"libcopy{n}.so" for n in range(520)]
    for copy in copies:
        shutil.copy(library, copy)
    seen = theatre.play(scenes.too_many_modules, [str(copy) for copy in copies])
    assert seen.value == 512
    assert seen.reading.overflow == ("modules",)
    assert seen.visits("sched_yield") == 1


def test_globs_are_bounded_and_repeats_are_free(theatre: Theatre) -> None:
    refused, ok = theatre.play(scenes.globs_again_and_again).value
    assert len(refused) == 2
    assert all(re.search("at most 64 globs of at most 255 bytes", text) for text in refused)
    assert ok


def test_instrumenting_everything_leaves_the_shim_itself_alone(
    theatre: Theatre, extensions: Extensions
) -> None:
    seen = theatre.play(scenes.everything, needs=[extensions.build("callers")])
    assert seen.value == {"reasons": ["is stressor's own"], "restored": True}
    assert not [site.key for site in seen.reading.sites if ":_shim:" in site.key]


def test_several_threads_are_the_first_to_call_through_lazy_slots(
    theatre: Theatre, extensions: Extensions
) -> None:
    """Hazard 9: the loader writes the slot after us when it was not bound yet."""
    times = 300
    built = extensions.build("callers", "-Wl,-z,lazy")
    seen = theatre.play(scenes.first_calls_together, times, needs=[built])
    assert seen.value == [2, 2, 2, 2]
    called = ("PySequence_Tuple", "PyList_GetSlice", "PyObject_Repr", "PyObject_GetIter")
    assert {symbol: seen.visits(symbol) for symbol in called} == dict.fromkeys(called, 4 * times)


@pytest.mark.parametrize(
    ("name", "use", "kinds"),
    [
        ("_csv", "use_csv", {"JUMP_SLOT"}),
        ("frozenlist._frozenlist", "use_frozenlist", {"JUMP_SLOT"}),
        ("numpy.random._generator", "use_numpy_random", {"JUMP_SLOT"}),
        ("rpds.rpds", "use_rpds", {"GLOB_DAT"}),
    ],
)
def test_modules_as_they_are_shipped(
    theatre: Theatre, name: str, use: str, kinds: set[str]
) -> None:
    """C, Cython and Rust. Only what is installed can be tried: none of it is a dependency."""
    pytest.importorskip(name.partition(".")[0], reason=f"{name} is not installed")
    seen = theatre.play(scenes.wheel, name, use)
    assert kinds <= set(seen.value["kinds"])
    assert seen.value["uncovered"] == []
    module = name.rpartition(".")[2]
    visits = {
        site.symbol: site.visits
        for site in seen.reading.sites
        if site.key.startswith(f"call:{module}:")
    }
    assert sum(visits.values()) >= 400
