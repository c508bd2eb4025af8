"""The GIL came back on during the trial: a module that was imported late does not declare itself."""

from stressor.model.evidence import Evidence
from stressor.model.outcome import Failure, FailureKind, Signature


def failures(evidence: Evidence) -> tuple[Failure, ...]:
    """At most one, named after the module that brought it back."""
    culprit = evidence.gil_culprit
    if culprit is None:
        return ()
    said = f"the import of {culprit}" if culprit else "an import that cannot be named"
    return (
        Failure(
            Signature(FailureKind.GIL, culprit or "unknown module"),
            summary=f"the GIL was enabled by {said}",
            details=(
                "The module is not marked as able to run without the GIL (Py_mod_gil, "
                "Py_MOD_GIL_NOT_USED). From then on no two threads ran at the same time."
            ),
        ),
    )
