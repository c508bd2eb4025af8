"""A mirror is read from apt's lists; a build is whole or absent, whatever kills it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from stressor.interpreter import CouldNotTest, Interpreter, Progress, Variant
from stressor.provision import apt, build, cache, packages
from stressor.provision.progress import Log

ONE_LINE = """\
# deb http://commented.invalid/debian bookworm main
deb http://mirror.invalid/security bookworm-security main
deb [arch=amd64 signed-by=/usr/share/keyrings/third.gpg] http://third.invalid/apt stable extra
deb-src http://mirror.invalid/debian bookworm main
deb [ signed-by=/usr/share/keys.gpg arch=amd64 ] http://mirror.invalid/debian bookworm main non-free # x
"""
DEB822 = """\
# the security archive
Types: deb
URIs: http://mirror.invalid/security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://disabled.invalid/debian
Suites: bookworm
Components: main

Types: deb deb-src
# http://snapshot.invalid/debian
URIs: http://mirror.invalid/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 key
 -----END PGP PUBLIC KEY BLOCK-----
"""


def test_the_classic_style_gives_the_mirror_and_its_key() -> None:
    chosen = apt.choose_mirror(list(apt.parse_one_line(ONE_LINE)), "bookworm")
    assert chosen.uris == ("http://mirror.invalid/debian",)
    assert chosen.types == ("deb",)
    assert chosen.components == ("main", "non-free")
    assert ("signed-by", "/usr/share/keys.gpg") in chosen.options


def test_the_stanza_style_gives_the_mirror_and_its_key_whole(tmp_path: Path) -> None:
    chosen = apt.choose_mirror(list(apt.parse_deb822(DEB822)), "bookworm")
    assert chosen.uris == ("http://mirror.invalid/debian",)
    configuration = apt.write_configuration(tmp_path, chosen, "forky")
    entry = (tmp_path / "forky.sources").read_text()
    assert entry.startswith("Types: deb-src\nURIs: http://mirror.invalid/debian\nSuites: forky\n")
    assert "\nComponents: main\nSigned-By: \n -----BEGIN" in entry
    assert "\n .\n key\n" in entry
    assert f'Dir::State::lists "{tmp_path}/lists"' in configuration.read_text()


def test_a_release_name_will_do_where_the_codename_is_not_used() -> None:
    sources = list(
        apt.parse_one_line(
            "deb http://a.invalid/x nodistro main\ndeb http://b.invalid/d stable main"
        )
    )
    assert apt.choose_mirror(sources, "bookworm").uris == ("http://b.invalid/d",)
    with pytest.raises(CouldNotTest, match="no `deb` entry for suite 'bookworm'"):
        apt.choose_mirror(sources[:1], "bookworm")


def test_both_styles_are_read_from_where_apt_keeps_them(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(ONE_LINE)
    (tmp_path / "sources.list.d/debian.sources").write_text(DEB822)
    (tmp_path / "sources.list.d/old.sources.disabled").write_text(DEB822)
    assert len(apt.machine_sources(tmp_path)) == 4 + 2


def test_an_archive_must_have_the_signed_checksum(tmp_path: Path) -> None:
    archive = tmp_path / "python3.13_3.13.15.orig.tar.xz"
    archive.write_bytes(b"source")
    description = tmp_path / "python3.13_3.13.15-1.dsc"
    description.write_text(
        f"Checksums-Sha256:\n {sha256(b'source').hexdigest()} 6 {archive.name}\nFiles:\n"
    )
    assert apt.verified(description, archive).version == "3.13.15"
    archive.write_bytes(b"other")
    with pytest.raises(CouldNotTest, match="sha256"):
        apt.verified(description, archive)


def test_without_root_the_exact_command_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "missing", lambda names, environ: ["make", "zlib1g-dev"])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr("shutil.which", lambda name, path=None: f"/usr/bin/{name}")
    with pytest.raises(
        CouldNotTest, match="apt-get install -y --no-install-recommends make zlib1g-dev"
    ):
        packages.ensure(packages.FOR_PYTHON, a_log(tmp_path), {})


def a_log(folder: Path) -> Log:
    return Log(folder / "log", Progress(io.StringIO()))


def test_a_failing_command_shows_the_logs_end_and_where_it_is(tmp_path: Path) -> None:
    log = a_log(tmp_path)
    with pytest.raises(CouldNotTest) as caught:
        log.run(["sh", "-c", "seq 100; exit 7"], cwd=tmp_path, seconds=30)
    message = str(caught.value)
    assert "exit status 7" in message
    assert "| 100\n" in message
    assert "| 80\n" not in message
    assert str(log.path) in message
    with pytest.raises(CouldNotTest, match="no-such-command-at-all"):
        Log(tmp_path / "log", log.progress).run(
            ["no-such-command-at-all"], cwd=tmp_path, seconds=30
        )


def test_a_command_past_its_deadline_is_ended(tmp_path: Path) -> None:
    with pytest.raises(CouldNotTest, match="not done after 0 s"):
        a_log(tmp_path).run(["sleep", "60"], cwd=tmp_path, seconds=0.05)


def test_one_process_at_a_time_and_the_other_is_told_whom_it_waits_for(tmp_path: Path) -> None:
    told: list[str] = []
    with cache.exclusive(tmp_path / "lock", told.append):
        assert told == []
        # flock(2) is per open file, so that a second one in this process stands for another process
        other = cache.exclusive(tmp_path / "lock", told.append, seconds=0.0)
        with pytest.raises(CouldNotTest, match=f"process {os.getpid()} has held"), other:
            pytest.fail("entered a held lock")
    assert told == [str(os.getpid())]
    with cache.exclusive(tmp_path / "lock", told.append):
        assert len(told) == 1


# --- a build of a "Python" that configures, compiles and installs in a moment

CONFIGURE = """\
#!/bin/sh
for option; do
    case $option in --prefix=*) echo "P = ${option#--prefix=}" > where;; esac
done
"""
MAKEFILE = f"""\
include where
all:
\t{{all}}
install:
\tmkdir -p $(DESTDIR)$(P)/bin
\tprintf '#!/bin/sh\\nexec {sys.executable} "$$@"\\n' > $(DESTDIR)$(P)/bin/python3
\t{{install}}
\tchmod 755 $(DESTDIR)$(P)/bin/python3
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where interpreters are built, with the fake source for the only one to be had."""
    (tmp_path / "source").mkdir()
    configure = tmp_path / "source/configure"
    configure.write_text(CONFIGURE)
    configure.chmod(0o755)
    monkeypatch.setattr(build, "ensure", lambda names, log, environ: None)
    monkeypatch.setattr(build, "fetch_source", lambda folder, log, environ: fake_source(tmp_path))
    return tmp_path / "cache/stressor/interpreters"


def fake_source(folder: Path) -> apt.Fetched:
    archive = folder / "python3.13_3.13.99.orig.tar.xz"
    pack = ["tar", "--create", "--xz", f"--file={archive}", f"--directory={folder}", "source"]
    subprocess.run(pack, check=True, timeout=60)
    return apt.Fetched(archive, "3.13.99")


def make_with(home: Path, *, all_does: str = "true", install_does: str = "true") -> None:
    makefile = MAKEFILE.format(all=all_does, install=install_does)
    (home.parents[2] / "source/Makefile").write_text(makefile)


def built(home: Path) -> Interpreter:
    environ = {**os.environ, "XDG_CACHE_HOME": str(home.parents[1])}
    return build.build(Variant.RELEASE, Progress(io.StringIO()), environ)


def folders(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir() if path.name != ".lock")


def test_a_build_ends_in_its_place_and_is_made_once(home: Path) -> None:
    make_with(home)
    assert built(home).source == "built from source"
    assert folders(home) == ["3.13.99-release"]
    make_with(home, all_does="false")
    built(home)


@pytest.mark.parametrize("step", ["all_does", "install_does"])
def test_a_build_that_fails_leaves_nothing_but_its_log(home: Path, step: str) -> None:
    make_with(home, **{step: "echo no space left; exit 1"})
    with pytest.raises(CouldNotTest, match="no space left") as caught:
        built(home)
    assert folders(home) == []
    assert str(home.parent / "logs") in str(caught.value)


def test_a_build_that_does_not_run_is_not_adopted(home: Path) -> None:
    make_with(home, install_does="printf '#!/bin/sh\\nexit 9\\n' > $(DESTDIR)$(P)/bin/python3")
    with pytest.raises(CouldNotTest, match=r"built, but will not do: .* status 9"):
        built(home)
    assert folders(home) == []


def test_an_interpreter_that_stopped_working_is_built_anew(home: Path) -> None:
    make_with(home)
    built(home)
    python = home / "3.13.99-release/bin/python3"
    python.write_text("#!/bin/sh\nexit 1\n")
    built(home)
    assert "exec" in python.read_text()


def test_after_a_killed_build_the_next_one_starts_clean(home: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "started")
    make_with(home, all_does=f"echo now > {tmp_path}/started; sleep 5")
    fake_source(tmp_path)
    program = (
        "from pathlib import Path\nfrom stressor.provision import apt, build\n"
        "build.ensure = lambda *arguments: None\n"
        f"archive = Path({str(tmp_path)!r}, 'python3.13_3.13.99.orig.tar.xz')\n"
        "build.fetch_source = lambda *arguments: apt.Fetched(archive, '3.13.99')\n"
        "build.build()\n"
    )
    environ = {**os.environ, "XDG_CACHE_HOME": str(home.parents[1])}
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environ, stderr=subprocess.DEVNULL
    ) as victim:
        assert (tmp_path / "started").read_text() == "now\n"  # blocks until the build is half-way
        victim.send_signal(signal.SIGKILL)
    assert [name[:6] for name in folders(home)] == [".work-"]
    make_with(home)
    built(home)
    assert folders(home) == ["3.13.99-release"]
