"""The one way in which provisioning and the interpreter checks say "this cannot be tested here".

What a message contains is decided where it is raised; who prints it and exits is `./dev` or the
command line, which knows it as one of `stressor.errors`.
"""

from stressor.errors import ExitCode, NotTestedError

EXIT_COULD_NOT_TEST = int(ExitCode.NOT_TESTED)


class CouldNotTest(NotTestedError):
    """The set-up is not fit to test anything; the text says why and what to do next."""
