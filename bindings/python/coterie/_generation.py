"""One answer being written."""

import ctypes
import dataclasses
import enum
from typing import TYPE_CHECKING, Iterator, Optional, Sequence, Tuple

from . import _abi
from ._errors import check
from ._handle import Handle
from ._library import lib

if TYPE_CHECKING:
    from ._session import Session


class Output(enum.IntEnum):
    TEXT = 0  # everything is answer text
    CHAT = 1  # reasoning, answer and, with tools, calls of them come as separate events


@dataclasses.dataclass(frozen=True)
class ToolCall:
    """One call of a tool."""
    name: str
    arguments: str  # a JSON object
    id: str = ""


class EventType(enum.IntEnum):
    PROMPT = 1
    TEXT = 2
    REASONING = 3
    END = 4
    TOOL_CALL = 5


class EndReason(enum.IntEnum):
    STOP = 1
    LENGTH = 2
    CANCELLED = 3
    ERROR = 4  # an earlier step raised it


@dataclasses.dataclass(frozen=True)
class Event:
    """One thing a generation reports."""
    type: EventType
    text: str = ""  # of TEXT and REASONING
    tokens: Tuple[int, ...] = ()  # generated since the previous event
    n_done: int = 0  # of PROMPT: prompt tokens evaluated so far ...
    n_total: int = 0  # ... of all
    reason: Optional[EndReason] = None  # of END
    tool_call: Optional[ToolCall] = None  # of TOOL_CALL


def _tool_call(call: _abi.CToolCall) -> ToolCall:
    return ToolCall(call.name.decode("utf-8", "replace"), call.arguments.decode("utf-8", "replace"),
                    call.id.decode("utf-8", "replace"))


class Generation(Handle):
    """One answer. Iterating over it gives the pieces of its text; events() gives everything there is to report.

    Leaving the loop ends it, whether at the end, by break or by an exception such as KeyboardInterrupt; the session
    stays usable. next() is for loops of your own.
    """

    def __init__(self, session: "Session", prompt: Sequence[int], options: _abi.GenerationOptions):
        self.session = session
        self.reason: Optional[EndReason] = None  # why it ended
        ids = (ctypes.c_int32 * len(prompt))(*prompt)
        out = ctypes.c_void_p()
        error = _abi.CError()
        check(lib.coterie_generation_create(session._pointer, ids, len(ids), options, out, error), error)
        self._own(out.value, lib.coterie_generation_destroy, session)

    def next(self) -> Event:
        """Works until there is something to report. After the END event it reports END again."""
        event = _abi.CEvent()
        error = _abi.CError()
        check(lib.coterie_generation_next(self._pointer, event, error), error)
        if event.type == EventType.END:
            self.reason = EndReason(event.reason)
        return Event(
            type=EventType(event.type),
            text=ctypes.string_at(event.text, event.text_bytes).decode("utf-8", "replace") if event.text_bytes else "",
            tokens=tuple(event.tokens[:event.n_tokens]) if event.n_tokens else (),
            n_done=event.n_done,
            n_total=event.n_total,
            reason=self.reason,
            tool_call=_tool_call(event.tool_call[0]) if event.tool_call else None,
        )

    def events(self) -> Iterator[Event]:
        """Everything up to and including the END event."""
        try:
            while self.reason is None:
                yield self.next()
        finally:
            self.close()

    def __iter__(self) -> Iterator[str]:
        for event in self.events():
            if event.type == EventType.TEXT and event.text:
                yield event.text

    def cancel(self) -> None:
        """The running or next step reports END with EndReason.CANCELLED, within 50 ms. (any thread)"""
        lib.coterie_generation_cancel(self._pointer)
