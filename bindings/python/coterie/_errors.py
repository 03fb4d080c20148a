"""Failures of the library as exceptions."""

import enum
from typing import Dict, Optional, Type

from . import _abi
from ._library import lib


class Status(enum.IntEnum):
    OK = 0
    CANCELLED = 1
    INVALID_ARGUMENT = 10
    OUT_OF_MEMORY = 11
    INTERNAL = 12
    IO = 20
    BAD_FILE = 21
    UNSUPPORTED = 22
    CONTEXT_FULL = 30

    @classmethod
    def _missing_(cls, value):
        """A status that a newer library has added."""
        member = int.__new__(cls, value)
        member._name_ = f"STATUS_{value}"
        member._value_ = value
        return member


class Error(Exception):
    """A call into the library failed. `status`, a Status, says how; the object it was made on stays usable."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = Status(status)


class InvalidArgument(Error, ValueError):
    pass


class OutOfMemory(Error, MemoryError):
    pass


class InternalError(Error):
    pass


class IoError(Error, OSError):
    pass


class BadFile(Error):
    pass


class Unsupported(Error):
    pass


class ContextFull(Error):
    pass


_CLASSES: Dict[int, Type[Error]] = {
    Status.INVALID_ARGUMENT: InvalidArgument,
    Status.OUT_OF_MEMORY: OutOfMemory,
    Status.INTERNAL: InternalError,
    Status.IO: IoError,
    Status.BAD_FILE: BadFile,
    Status.UNSUPPORTED: Unsupported,
    Status.CONTEXT_FULL: ContextFull,
}


def check(status: int, error: Optional[_abi.CError] = None) -> None:
    """Raises what a failed call left in error."""
    if status == Status.OK:
        return
    message = error.message.decode("utf-8", "replace") if error is not None else ""
    raise _CLASSES.get(status, Error)(status, message or lib.coterie_status_name(status).decode())
