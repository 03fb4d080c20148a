"""Ownership of the library's handles."""

import threading
import weakref
from typing import Callable, Optional

from ._errors import InvalidArgument, Status

_lock = threading.RLock()  # a finalizer may run while it is held


class _Counted:
    """A raw handle with the number of its users: the object that wraps it, and the handles made from it.

    The library wants children destroyed before their parents, and the collector promises no order: so each child counts
    as a user of its parent.
    """

    def __init__(self, pointer: int, destroy: Callable[[int], None], parent: Optional["_Counted"]):
        self.pointer = pointer
        self._destroy = destroy
        self._parent = parent
        self._n_users = 1
        if parent is not None:
            with _lock:
                parent._n_users += 1

    def release(self) -> None:
        with _lock:
            self._n_users -= 1
            unused = self._n_users == 0
        if unused:
            self._destroy(self.pointer)
            if self._parent is not None:
                self._parent.release()


class Handle:
    """Base of the objects that own a handle of the library."""

    _counted: _Counted
    _finalizer: weakref.finalize

    def _own(self, pointer: Optional[int], destroy: Callable[[int], None], parent: Optional["Handle"] = None) -> None:
        assert pointer is not None
        self._counted = _Counted(pointer, destroy, parent._counted if parent is not None else None)
        self._finalizer = weakref.finalize(self, self._counted.release)

    @property
    def _pointer(self) -> int:
        if self.closed:
            raise InvalidArgument(Status.INVALID_ARGUMENT, f"{type(self).__name__} is closed")
        return self._counted.pointer

    @property
    def closed(self) -> bool:
        return not self._finalizer.alive

    def close(self) -> None:
        """Frees the handle now, or as soon as nothing made from it is left. May be called twice."""
        self._finalizer()

    def __enter__(self):
        return self

    def __exit__(self, *_exception) -> None:
        self.close()
