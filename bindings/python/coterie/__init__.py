"""Coterie in Python: quantised Mixture-of-Experts language models on the CPU.

    import coterie

    with coterie.Model("model.gguf") as model:
        for text in model.chat([{"role": "user", "content": "Why is the sky blue?"}]):
            print(text, end="", flush=True)

Pure ctypes over the C ABI of coterie.h: no compiler, no NumPy. The shared library is looked for in COTERIE_LIBRARY
(a file), beside this package, in the build tree, and where the system looks; its version is checked.

Ownership  Every object is a context manager and also frees itself when it is collected. What it was made from stays
           alive as long as it needs it, in whatever order they are closed.
Threads    Engine and Model may be used by many threads, a Session by one at a time; cancel() by any. Calls release the
           interpreter's lock.
Errors     coterie.Error with the status of the library, or OSError, MemoryError and ValueError which it also derives
           from where that is what happened.
Ctrl-C     KeyboardInterrupt is raised when the running call returns: between two events of a generation.
"""

from ._abi import VERSION
from ._engine import Engine, LogLevel
from ._errors import (BadFile, ContextFull, Error, InternalError, InvalidArgument, IoError, OutOfMemory, Status,
                      Unsupported)
from ._generation import EndReason, Event, EventType, Generation, Output, ToolCall
from ._library import library_path, library_version
from ._model import ChatFormat, KvType, Model, ModelInfo, Thinking, TypeUsage, file_info
from ._session import Session

__version__ = ".".join(map(str, VERSION))

__all__ = [
    "BadFile", "ChatFormat", "ContextFull", "EndReason", "Engine", "Error", "Event", "EventType", "Generation",
    "InternalError", "InvalidArgument", "IoError", "KvType", "LogLevel", "Model", "ModelInfo", "OutOfMemory", "Output",
    "Session", "Status", "Thinking", "ToolCall", "TypeUsage", "Unsupported", "file_info", "library_path", "library_version",
]
