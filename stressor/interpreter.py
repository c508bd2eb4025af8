"""Find or make a free-threaded interpreter, and see to it that its GIL stays off.

The public home of what other parts may use; the work is done in `stressor.provision`. Needs nothing
but the standard library of any Python >= 3.11, no compiled part and no third-party package: `./dev`
imports it before anything is installed, and a fresh interpreter before anything has run.

    find()                       an interpreter that will do, or CouldNotTest saying what was tried
    install()                    make one: by uv if it may, else from the distribution's source package
    check(path)                  what the interpreter at `path` is
    require_free_threading()     CouldNotTest unless the GIL is off here and now
"""

from stressor.provision.discover import NoneFound, Variant, find
from stressor.provision.errors import EXIT_COULD_NOT_TEST, CouldNotTest
from stressor.provision.gil import (
    gil_enabled,
    gil_refusal,
    require_free_threading,
    suspects,
)
from stressor.provision.install import find_or_install, install
from stressor.provision.probe import Interpreter, check, current, refusal, shortcoming
from stressor.provision.progress import Progress

__all__ = [
    "EXIT_COULD_NOT_TEST",
    "CouldNotTest",
    "Interpreter",
    "NoneFound",
    "Progress",
    "Variant",
    "check",
    "current",
    "find",
    "find_or_install",
    "gil_enabled",
    "gil_refusal",
    "install",
    "refusal",
    "require_free_threading",
    "shortcoming",
    "suspects",
]
