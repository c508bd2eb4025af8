"""Whose code a native module is: the file name decides.

The C library and the compiler's run-time libraries tell nothing about a failure, the shim is our own,
the interpreter's functions tell something when no extension is involved, and every other shared
object belongs to the target, libraries that a wheel brings along included.
"""

import re
from enum import Enum

from stressor.model.evidence import Frame


class Owner(Enum):
    """Whose code a frame runs."""

    STRESSOR = "stressor"
    SYSTEM = "system"
    INTERPRETER = "interpreter"
    TARGET = "target"
    NOBODY = "nobody"  # an address outside of all modules: a wild jump, or generated code


_INTERPRETER = re.compile(r"(?:lib)?python[0-9]*(?:\.[0-9]+)*[a-z]{0,2}(?:\.so[.0-9]*)?\Z")
_SYSTEM = re.compile(
    r"(?:ld|ld64|libc|libm|libmvec|libpthread|libdl|librt|libutil|libgcc_s|libstdc\+\+|libc\+\+"
    r"|libc\+\+abi|libunwind|lib[aut]san|linux-vdso|linux-gate|ld-musl|libSegFault)"
    r"(?:[-.][-\w.]*)?\Z"
)
# auditwheel puts a hash of the contents into the names of the libraries that it copies into a wheel.
_WHEEL_HASH = re.compile(r"-[0-9a-f]{8,}(?=\.|\Z)")


def owner_of(frame: Frame) -> Owner:
    """Tell whose code the frame runs."""
    name = (frame.path or frame.module).rsplit("/", 1)[-1]
    if not name or name.startswith(("?", "[", "//")):
        return Owner.NOBODY
    if name.split(".", 1)[0] == "_shim":
        return Owner.STRESSOR
    if _INTERPRETER.match(name):
        return Owner.INTERPRETER
    return Owner.SYSTEM if _SYSTEM.match(name) else Owner.TARGET


def module_name(frame: Frame) -> str:
    """Short name of a frame's module, as in site keys: up to the first dot, without a wheel's hash."""
    name = (frame.path or frame.module).rsplit("/", 1)[-1]
    if owner_of(frame) is Owner.INTERPRETER:
        return "python"
    return _WHEEL_HASH.sub("", name).split(".", 1)[0]
