"""Which extension modules count as the target's own."""

import sys
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

from stressor.targets import modules as subject
from stressor.targets.modules import own_modules

SUFFIX = EXTENSION_SUFFIXES[0]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with two extension modules, and a neighbour that it uses."""
    monkeypatch.setattr(subject, "MAPS", tmp_path / "no maps")
    for name in ("pkg", "pkg.sub", "pkg._core", "pkg.sub._fast", "pkgother._core", "_pkg"):
        extension = name.rpartition(".")[2].startswith("_")
        origin = tmp_path / (name.replace(".", "/") + (SUFFIX if extension else "/__init__.py"))
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None, origin=str(origin))
        if not extension:
            module.__path__ = [str(origin.parent)]
        monkeypatch.setitem(sys.modules, name, module)
    return tmp_path


def shown(paths: tuple[str, ...], site: Path) -> list[str]:
    return [str(Path(path).relative_to(site)).removesuffix(SUFFIX) for path in paths]


def test_all_of_a_package_that_the_namespace_refers_to(site: Path) -> None:
    namespace = {"anything": sys.modules["pkg.sub"]}
    assert shown(own_modules((), namespace), site) == ["pkg/_core", "pkg/sub/_fast"]


@pytest.mark.parametrize("how", ["class", "function", "instance"])
def test_things_refer_to_where_they_say_they_are_from(site: Path, how: str) -> None:
    kind = type("Kind", (), {"__module__": "pkg.sub"})

    def function() -> None: ...

    function.__module__ = "pkg"
    things: dict[str, object] = {"class": kind, "function": function, "instance": kind()}
    assert shown(own_modules((), {"thing": things[how]}), site) == ["pkg/_core", "pkg/sub/_fast"]


def test_what_the_import_loaded_counts(site: Path) -> None:
    assert shown(own_modules({"pkgother._core", "pkg"}, {}), site) == ["pkgother/_core"]


def test_standard_library_counts_only_when_referred_to() -> None:
    import _csv  # noqa: PLC0415
    import csv  # noqa: PLC0415

    assert own_modules({"_csv", "csv"}, {}) == ()
    assert own_modules((), {"csv": csv}) == (_csv.__spec__.origin,)
    assert own_modules((), {"reader": csv.reader}) == (_csv.__spec__.origin,)


def test_stressor_and_hypothesis_never_count(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stressor._shim", "hypothesis._core"):
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None, origin=f"/x/{name}{SUFFIX}")
        monkeypatch.setitem(sys.modules, name, module)
        assert own_modules({name}, {"module": module}) == ()


def test_rude_globals_are_survived(site: Path) -> None:
    class Rude:
        def __getattribute__(self, name: str) -> object:
            raise RuntimeError(name)

    Rude.__module__ = "pkg"
    assert shown(own_modules((), {"rude": Rude()}), site) == ["pkg/_core", "pkg/sub/_fast"]


def test_names_of_the_module_itself_do_not_count(site: Path) -> None:
    assert own_modules((), {"__spec__": sys.modules["pkg"], "__loader__": sys.modules["pkg"]}) == ()


def test_shared_objects_mapped_from_the_package_count(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = site / "maps"
    monkeypatch.setattr(subject, "MAPS", maps)
    maps.write_text(
        f"1-2 r-xp 0 00:00 1   {site}/pkg/sub/_fast{SUFFIX}\n"
        f"2-3 r--p 0 00:00 1   {site}/pkg/libdata.so\n"
        f"3-4 r-xp 0 00:00 1   {site}/pkg/with space/libmore.so.3\n"
        f"4-5 r-xp 0 00:00 1   {site}/pkgother/libother.so\n"
        "5-6 rw-p 0 00:00 0 \n"
    )
    namespace = {"pkg": sys.modules["pkg"]}
    assert shown(own_modules((), namespace), site) == [
        "pkg/_core",
        "pkg/sub/_fast",
        "pkg/with space/libmore.so.3",
    ]
