"""Debian's package sources: which mirror this machine uses, and a source package fetched from it.

Reads both styles of apt's source lists (sources.list(5)) and writes a private apt configuration, so
that the machine's own lists, cache and sources stay untouched. Nothing about a mirror is known
here: its address and the key it is signed with are those that the machine already trusts.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stressor.provision.cache import make_folder
from stressor.provision.errors import CouldNotTest
from stressor.provision.progress import Log

SOURCE_PACKAGE = "python3.13"
SUITES = ("forky", "trixie")
"""Tried in this order; both carry the package, forky with the later bug-fix release."""

OWN_RELEASE_NAMES = ("stable", "oldstable", "oldoldstable", "testing", "unstable", "sid")
KEPT_OPTIONS = ("signed-by", "trusted", "check-valid-until")
FETCH_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of apt's lists; option names in lower case, whichever style it is in."""

    types: tuple[str, ...]
    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()


_ONE_LINE = re.compile(
    r"^(?P<type>deb|deb-src)\s+(?:\[(?P<options>[^]]*)\]\s+)?"
    r"(?P<uri>\S+)\s+(?P<suite>\S+)(?P<rest>.*)$"
)


def parse_one_line(text: str) -> Iterator[Source]:
    """Read the classic style: `deb [option=value] uri suite component...`."""
    for line in text.splitlines():
        entry = _ONE_LINE.match(line.partition("#")[0].strip())
        if entry is None:
            continue
        pairs = (option.partition("=") for option in (entry["options"] or "").split())
        yield Source(
            types=(entry["type"],),
            uris=(entry["uri"],),
            suites=(entry["suite"],),
            components=tuple(entry["rest"].split()),
            options=tuple((name.lower(), value) for name, _, value in pairs),
        )


def parse_deb822(text: str) -> Iterator[Source]:
    """Read the stanza style of `.sources` files; a disabled stanza is left out."""
    kept = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in re.split(r"\n(?:[ \t]*\n)+", "\n".join(kept)):
        fields = _fields(stanza)
        if "uris" not in fields or fields.pop("enabled", "yes").strip().lower() in {
            "no",
            "false",
            "0",
            "off",
        }:
            continue
        types, uris, suites, components = (
            tuple(fields.pop(name, "").split())
            for name in ("types", "uris", "suites", "components")
        )
        yield Source(types, uris, suites, components, tuple(fields.items()))


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line[:1] in {" ", "\t"} and name:
            fields[name] += "\n" + line  # kept as it is: an inline key's continuation lines matter
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def machine_sources(etc: Path = Path("/etc/apt")) -> list[Source]:
    """Return all entries that apt itself would read under `etc`."""
    found: list[Source] = []
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # absent, a folder, or not ours to read: apt says so when it is needed
        if path.suffix == ".list":
            found += parse_one_line(text)
        elif path.suffix == ".sources":
            found += parse_deb822(text)
    return found


def choose_mirror(sources: list[Source], codename: str) -> Source:
    """Return the entry with the distribution's own archive: the machine's release, component main.

    The security archive has its release's name with a suffix, and third parties use other suites or
    components.
    """
    usable = [source for source in sources if "deb" in source.types and "main" in source.components]
    for names in ({codename}, set(OWN_RELEASE_NAMES)):
        for source in usable:
            if names & set(source.suites):
                return source
    raise CouldNotTest(
        f"apt's sources have no `deb` entry for suite {codename or '(unknown release)'!r} with "
        "component main, so that there is no mirror to take the source of Python from."
    )


def own_codename(os_release: Path = Path("/etc/os-release")) -> str:
    """Return the name of the machine's release, or nothing where it has none."""
    try:
        found = re.search(
            r"^VERSION_CODENAME=\"?(\w+)", os_release.read_text(encoding="utf-8"), re.MULTILINE
        )
    except OSError:
        return ""
    return found[1] if found else ""


def write_configuration(folder: Path, mirror: Source, suite: str) -> Path:
    """Write a private apt configuration with one entry, for the sources in `suite`; return its path."""
    lists = make_folder(folder / "lists" / "partial").parent
    options = "".join(
        f"{name.title()}: {value}\n" for name, value in mirror.options if name in KEPT_OPTIONS
    )
    entry = folder / f"{suite}.sources"
    entry.write_text(
        f"Types: deb-src\nURIs: {' '.join(mirror.uris)}\nSuites: {suite}\n"
        f"Components: main\n{options}",
        encoding="utf-8",
    )
    configuration = folder / "apt.conf"
    configuration.write_text(
        f'Dir::State::lists "{lists}";\nDir::Etc::sourcelist "{entry}";\n'
        'Dir::Etc::sourceparts "-";\n'
        'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\nAcquire::Retries "3";\n',
        encoding="utf-8",
    )
    return configuration


@dataclass(frozen=True, slots=True)
class Fetched:
    """A source archive whose checksum matched the signed description."""

    archive: Path
    version: str


def fetch_source(
    folder: Path, log: Log, environ: Mapping[str, str], etc: Path = Path("/etc/apt")
) -> Fetched:
    """Download Python's source package into `folder` from the machine's own mirror."""
    if shutil.which("apt-get", path=environ.get("PATH")) is None:
        raise CouldNotTest("there is no apt-get here, so that no source of Python can be fetched.")
    mirror = choose_mirror(machine_sources(etc), own_codename())
    refusals: list[str] = []
    for suite in SUITES:
        try:
            return _fetch_from(suite, mirror, make_folder(folder / suite), log, environ)
        except CouldNotTest as error:
            refusals.append(f"{suite}: {error}")
            log.progress.say(f"no source package from {suite}, see the log {log.path}")
    raise CouldNotTest(
        f"the source package {SOURCE_PACKAGE} could not be fetched.\n" + "\n".join(refusals)
    )


def _fetch_from(
    suite: str, mirror: Source, folder: Path, log: Log, environ: Mapping[str, str]
) -> Fetched:
    own = {
        **environ,
        "APT_CONFIG": str(write_configuration(folder, mirror, suite)),
        "DEBIAN_FRONTEND": "noninteractive",
    }
    log.run(["apt-get", "update"], cwd=folder, seconds=FETCH_SECONDS, environ=own)
    get = ["apt-get", "source", "--download-only", SOURCE_PACKAGE]
    log.run(get, cwd=folder, seconds=FETCH_SECONDS, environ=own)
    descriptions, archives = list(folder.glob("*.dsc")), list(folder.glob("*.orig.tar.xz"))
    if len(descriptions) != 1 or len(archives) != 1:
        raise CouldNotTest(
            f"apt-get source left {sorted(path.name for path in folder.iterdir())}, not one archive"
        )
    return verified(descriptions[0], archives[0])


def verified(description: Path, archive: Path) -> Fetched:
    """Compare `archive` with the checksum in its `.dsc`, which apt verified by the signed index."""
    text = description.read_text(encoding="utf-8", errors="replace")
    section = re.search(r"^Checksums-Sha256:\n((?: .+\n?)+)", text, re.MULTILINE)
    wanted = (
        {line.split()[2]: line.split()[0] for line in section[1].splitlines()} if section else {}
    )
    with archive.open("rb") as stream:
        actual = hashlib.file_digest(stream, "sha256").hexdigest()
    if wanted.get(archive.name) != actual:
        raise CouldNotTest(
            f"{archive.name} does not have the sha256 that {description.name} gives; not unpacked."
        )
    version = re.fullmatch(r".*_(\d+\.\d+\.\d+)\.orig\.tar\.xz", archive.name)
    if version is None:
        raise CouldNotTest(f"{archive.name}: the version cannot be read from the name")
    return Fetched(archive, version[1])
