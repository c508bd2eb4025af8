"""`stressor interpreter find|install`: a free-threaded Python, without a checkout."""

import click

from stressor.cli.choices import JSON
from stressor.cli.output import print_json
from stressor.interpreter import Interpreter, Progress, Variant, find, install

_PYTHON = click.option(
    "--python", metavar="PATH", help="Consider this one only. [default: STRESSOR_PYTHON, then PATH]"
)
_DEBUG = click.option("--debug", is_flag=True, help="A --with-pydebug build.")


@click.group(epilog="\b\nExamples:\n  stressor interpreter find\n  stressor interpreter install")
def interpreter() -> None:
    """Find or install a free-threaded Python."""


@interpreter.command(
    "find",
    epilog="\b\nExamples:\n  stressor interpreter find\n  stressor interpreter find --debug --json",
)
@_PYTHON
@_DEBUG
@JSON
def find_command(python: str | None, debug: bool, as_json: bool) -> None:
    """Print the interpreter that would be used; exit 3 when there is none.

    Looks at --python or STRESSOR_PYTHON, then at PATH, pyenv's, uv's, and those built earlier.
    """
    _show(find(python, _variant(debug)), as_json)


@interpreter.command(
    "install",
    epilog="\b\nExamples:\n  stressor interpreter install\n  stressor interpreter install --debug",
)
@_DEBUG
@JSON
def install_command(debug: bool, as_json: bool) -> None:
    """Get one: from uv where it may download, else built from the distribution's source package.

    Building takes about four minutes on two cores, once per machine; the result and the log are kept
    in the user's cache directory.
    """
    _show(install(_variant(debug), Progress()), as_json)


def _variant(debug: bool) -> Variant:
    return Variant.DEBUG if debug else Variant.RELEASE


def _show(found: Interpreter, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "path": str(found.path),
                "version": ".".join(map(str, found.version)),
                "free_threaded": found.free_threaded,
                "debug": found.debug,
                "source": found.source,
            }
        )
    else:
        click.echo(str(found))
