"""Where a failure came from: what a stranger must know before trying to see it again.

Decides which packages are named: those that the target's own extension modules belong to.
"""

import platform
import sysconfig
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from stressor import __version__
from stressor.model.trial import Origin


def origin_of(interpreter: str, own_modules: Iterable[str]) -> Origin:
    """`own_modules` are paths of extension modules, as a host's hello has them."""
    return Origin(
        interpreter=interpreter,
        platform=platform.platform(),
        packages=versions_of(own_modules),
        stressor=__version__,
    )


def versions_of(modules: Iterable[str]) -> dict[str, str]:
    """Distribution name and version for each module that a distribution installed."""
    installed = metadata.packages_distributions()
    tops = {_top_level(Path(module)) for module in modules}
    names = {name for top in tops for name in installed.get(top, ())}
    return {name: metadata.version(name) for name in sorted(names, key=str.lower)}


def _top_level(module: Path) -> str:
    """The import name of what a file below site-packages belongs to; empty for any other file."""
    for folder in (sysconfig.get_path("platlib"), sysconfig.get_path("purelib")):
        if module.is_relative_to(folder):
            return module.relative_to(folder).parts[0].split(".")[0]
    return ""
