"""`./dev`: run a command in the checkout's own environment, provisioning whatever is missing first.

Decides the verbs and what each runs. How an interpreter is found and an environment made is
`install`'s and `environment`'s business. A checkout keeps the interpreter that was chosen first
(`.venv/chosen-*.json`) as long as that is there: looking again would cost each run some processes,
and would swap the environment unasked.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from stressor.provision import cache, native
from stressor.provision.discover import Variant
from stressor.provision.environment import Checkout, Environment, Part, identity, provision
from stressor.provision.errors import EXIT_COULD_NOT_TEST, CouldNotTest
from stressor.provision.install import find_or_install
from stressor.provision.probe import Interpreter
from stressor.provision.progress import Progress

EXIT_NO_SUCH_COMMAND = 127
QUICK, POWER = "not network and not power", "not network and power and not slow"
"""Marks of the tests: what may run side by side, and what measures the tool's power."""

FUZZ_SECONDS = "120"
EXAMPLES = """\
examples:
  ./dev fuzz                          fuzz the bundled real targets for two minutes
  ./dev test                          run the tests
  ./dev test tests/unit -k gil -x     run some of them (arguments go to pytest)
  ./dev run stressor doctor           run anything in the environment
  ./dev run bash                      a shell in it
  ./dev lint --fix                    put into shape what can be
  ./dev --debug test                  the same on a --with-pydebug interpreter
  ./dev --python /opt/py/bin/python3.14t run python -VV

The first run finds a free-threaded CPython or builds one (about 4 minutes on two cores, once per
machine), and makes an environment in .venv. Remove .venv to choose the interpreter again.
STRESSOR_PYTHON is --python for good.
Exit codes: the command's own; 2 wrong usage; 3 no usable interpreter or environment.
"""


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing that ./dev does: with the needed part of the environment provisioned, `run` it."""

    says: str
    needs: Part
    run: Callable[[Environment, list[str]], int]


def execute(environment: Environment, command: Sequence[str]) -> int:
    """Become `command`. Returns only when there is no such command."""
    sys.stdout.flush()
    sys.stderr.flush()
    variables = environment.variables(os.environ)
    try:
        os.execvpe(command[0], list(command), variables)
    except OSError as error:
        print(f"./dev: cannot run {command[0]}: {error.strerror}", file=sys.stderr)
    return EXIT_NO_SUCH_COMMAND


def fuzz(environment: Environment, arguments: list[str]) -> int:
    """Run a campaign on the bundled real targets, which share the time; --time gives another."""
    command = ["stressor", "fuzz", "--bundled", "--time", FUZZ_SECONDS, *arguments]
    return execute(environment, command)


def test(environment: Environment, arguments: list[str]) -> int:
    """Run the tests, from the checkout's root wherever ./dev was called.

    All of them side by side on as many processors as there are, up to four, and then those that
    measure what is found, which need the processors for their own threads. A choice of them goes one
    after the other: it begins sooner and prints in order.
    """
    os.chdir(environment.checkout.root)
    pytest = [str(environment.python), "-m", "pytest"]
    if arguments:
        return execute(environment, [*pytest, *arguments])
    spread = ["-n", str(min(os.cpu_count() or 1, 4)), "--dist", "worksteal", "-m", QUICK]
    variables = environment.variables(os.environ)
    code = subprocess.run([*pytest, *spread], env=variables, check=False).returncode
    return code or execute(environment, [*pytest, "-m", POWER])


def run(environment: Environment, arguments: list[str]) -> int:
    """Run anything."""
    command = arguments[1:] if arguments[:1] == ["--"] else arguments
    if not command:
        print("./dev run: which command? For example: ./dev run stressor doctor", file=sys.stderr)
        return 2
    return execute(environment, command)


def lint(environment: Environment, arguments: list[str]) -> int:
    """Check, or with --fix put right, the style of Python and C."""
    if arguments not in ([], ["--fix"]):
        print("./dev lint: takes no argument but --fix", file=sys.stderr)
        return 2
    sources = [str(path) for path in sorted((environment.checkout.root / "native").rglob("*.[ch]"))]
    if arguments:
        commands = [
            ["ruff", "check", "--fix"],
            ["ruff", "format"],
            ["clang-format", "-i", *sources],
        ]
    else:
        commands = [
            ["ruff", "check"],
            ["ruff", "format", "--check"],
            ["clang-format", "--dry-run", "-Werror", *sources],
        ]
    return _run_all(environment, commands if sources else commands[:2])


def types(environment: Environment, arguments: list[str]) -> int:
    """Check the types."""
    os.chdir(environment.checkout.root)
    return execute(environment, [str(environment.python), "-m", "mypy", *arguments])


def wheel(environment: Environment, arguments: list[str]) -> int:
    """Build a wheel into dist/."""
    os.chdir(environment.checkout.root)
    # setuptools packs whatever lies in build/, files that are long gone from the source included.
    shutil.rmtree("build", ignore_errors=True)
    return execute(
        environment,
        [str(environment.python), "-m", "build", "--wheel", "--no-isolation", *arguments],
    )


def _run_all(environment: Environment, commands: Sequence[Sequence[str]]) -> int:
    worst = 0
    for command in commands:
        shown = shlex.join(command[:3])
        print(f"./dev: {shown}", file=sys.stderr, flush=True)
        program = environment.folder / "bin" / command[0]
        done = subprocess.run([program, *command[1:]], cwd=environment.checkout.root, check=False)
        worst = max(worst, done.returncode)
    return worst


VERBS = {
    "fuzz": Verb("fuzz the bundled real targets; ARGS go to `stressor fuzz`", Part.PROJECT, fuzz),
    "test": Verb("run the tests; ARGS go to pytest", Part.PROJECT, test),
    "run": Verb("run COMMAND in the environment", Part.PROJECT, run),
    "lint": Verb("ruff and clang-format; --fix changes what they can", Part.DEPENDENCIES, lint),
    "types": Verb("mypy, strict", Part.DEPENDENCIES, types),
    "native": Verb(
        "compile the C sources with warnings as errors", Part.DEPENDENCIES, native.compile_strictly
    ),
    "wheel": Verb("build a wheel into dist/", Part.DEPENDENCIES, wheel),
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of everything up to the verb; what follows belongs to the verb."""
    listed = "\n".join(f"  {name:8} {verb.says}" for name, verb in VERBS.items())
    made = argparse.ArgumentParser(
        prog="./dev",
        usage="./dev [--python PATH] [--debug] VERB [ARGS...]",
        description=f"Run something in stressor's environment, made on first use.\n\nverbs:\n{listed}",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--python", metavar="PATH", help="the free-threaded interpreter to use")
    made.add_argument(
        "--debug",
        action="store_true",
        help="use a --with-pydebug interpreter (built if there is none)",
    )
    made.add_argument("verb", metavar="VERB", choices=VERBS, help=argparse.SUPPRESS)
    made.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return made


def main(root: Path, arguments: Sequence[str]) -> int:
    """Do what `./dev ARGUMENTS` says in the checkout at `root`. Ctrl-C is the caller's to tell."""
    asked = parser().parse_args(arguments)
    verb = VERBS[asked.verb]
    progress = Progress()
    try:
        interpreter = choose(
            Checkout(root),
            asked.python,
            Variant.DEBUG if asked.debug else Variant.RELEASE,
            progress,
        )
        environment = provision(Environment(Checkout(root), interpreter), verb.needs, progress)
    except CouldNotTest as error:
        print(f"./dev: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:  # a full disk, a folder that is not ours
        print(f"./dev: cannot set up the environment: {error}", file=sys.stderr)
        return EXIT_COULD_NOT_TEST
    return verb.run(environment, asked.arguments)


def choose(
    checkout: Checkout,
    python: str | None,
    variant: Variant,
    progress: Progress,
    environ: Mapping[str, str] = os.environ,
) -> Interpreter:
    """Return the named interpreter, else the one this checkout uses, else the first to be had."""
    if python or environ.get("STRESSOR_PYTHON"):
        return find_or_install(python, variant, progress, environ)
    memory = checkout.venvs / f"chosen-{variant.value}.json"
    known = _remembered(memory)
    if known is not None:
        return known
    interpreter = find_or_install(None, variant, progress, environ)
    cache.make_folder(checkout.venvs)
    fields = {**asdict(interpreter), "path": str(interpreter.path)}
    cache.write_whole(
        memory, json.dumps({"interpreter": fields, "identity": identity(interpreter.path)})
    )
    return interpreter


def _remembered(memory: Path) -> Interpreter | None:
    try:
        saved = json.loads(memory.read_text(encoding="utf-8"))
        fields = saved["interpreter"]
        path = Path(fields["path"])
        if not saved["identity"] or saved["identity"] != identity(path):
            return None
        return Interpreter(
            **{**fields, "path": path, "version": tuple(fields["version"]), "lacks": ()}
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None  # absent, or written by another version of ./dev: choosing again costs little
