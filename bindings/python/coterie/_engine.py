"""The engine: threads and log sink."""

import ctypes
import enum
from typing import Callable, Optional

from . import _abi
from ._errors import check
from ._handle import Handle
from ._library import lib


class LogLevel(enum.IntEnum):
    DEBUG = 0
    INFO = 1
    WARNING = 2
    ERROR = 3


class Engine(Handle):
    """Threads (0 = every core this process may use) and a log sink, called as log(level, line)."""

    def __init__(self, n_threads: int = 0, log: Optional[Callable[[LogLevel, str], None]] = None):
        options = _abi.EngineOptions(n_threads=n_threads)
        if log is not None:
            options.log = _abi.LogFn(lambda _, level, line: log(LogLevel(level), line.decode("utf-8", "replace")))
        out = ctypes.c_void_p()
        error = _abi.CError()
        check(lib.coterie_engine_create(options, out, error), error)
        # The callback must live as long as the engine: what destroys the engine holds it.
        self._own(out.value, lambda pointer, _log=options.log: lib.coterie_engine_destroy(pointer))

    @property
    def isa(self) -> str:
        """The kernel set in use, such as "avx2"."""
        return lib.coterie_engine_isa(self._pointer).decode()

    @property
    def n_threads(self) -> int:
        return lib.coterie_engine_n_threads(self._pointer)
