"""The model: immutable weights and tokenizer; and what a model file is."""

import ctypes
import dataclasses
import enum
import json
import os
from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from . import _abi
from ._engine import Engine
from ._errors import check
from ._generation import ToolCall
from ._handle import Handle
from ._library import lib

if TYPE_CHECKING:
    from ._session import Session

Path = Union[str, "os.PathLike[str]"]
# {"role": ..., "content": ...}, and where they apply "reasoning", "tool_calls" (a list of {"id", "name", "arguments"}, or
# {"id", "function": {"name", "arguments"}} as others have them), "name" and "tool_call_id".
Messages = Iterable[Mapping[str, Any]]
# A list of {"type": "function", "function": {"name", "description", "parameters"}}, or that as JSON text.
Tools = Union[str, Sequence[Mapping[str, Any]]]


class KvType(enum.IntEnum):
    F16 = 0
    F32 = 1
    Q8_0 = 2  # a little more than half the memory of F16; heads must be multiples of 32 wide


class ChatFormat(enum.IntEnum):
    AUTO = 0
    PLAIN = 1
    DEEPSEEK_V2 = 2
    DEEPSEEK_V3 = 3
    DEEPSEEK_R1 = 4
    R1_ZERO = 5


class Thinking(enum.IntEnum):
    AUTO = 0  # as the chat template does when it is not told
    ON = 1
    OFF = 2


@dataclasses.dataclass(frozen=True)
class TypeUsage:
    """One GGUF tensor type as it occurs in a file."""
    name: str
    n_tensors: int
    n_bytes: int


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """What a model is and will need; the fields of coterie_model_info."""
    architecture: str
    name: str
    n_files: int
    n_layer: int
    n_embd: int
    n_head: int
    n_vocab: int
    n_ctx_train: int
    n_expert: int
    n_expert_used: int
    n_expert_shared: int
    n_layer_dense: int
    n_tensors: int
    n_params: int
    file_bytes: int
    tensor_bytes: int
    embedding_bytes: int
    attention_bytes: int
    dense_ffn_bytes: int
    router_bytes: int
    shared_expert_bytes: int
    routed_expert_bytes: int
    output_bytes: int
    norm_bytes: int
    other_bytes: int
    touched_bytes_per_token: int
    kv_bytes_per_token: int
    types: Tuple[TypeUsage, ...]

    @classmethod
    def _from_c(cls, info: _abi.CModelInfo) -> "ModelInfo":
        def python(value: Any) -> Any:
            return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

        def fields(struct: ctypes.Structure, result: type) -> dict:
            return {field.name: python(getattr(struct, field.name)) for field in dataclasses.fields(result)}

        values = fields(info, cls)
        values["types"] = tuple(TypeUsage(**fields(usage, TypeUsage)) for usage in info.types[:info.n_types])
        return cls(**values)


def file_info(path: Path) -> ModelInfo:
    """What a file is and will need, from its head alone."""
    info = _abi.CModelInfo()
    error = _abi.CError()
    check(lib.coterie_file_info(os.fsencode(path), info, error), error)
    return ModelInfo._from_c(info)


def token_array(tokens: Sequence[int]) -> ctypes.Array:
    return (ctypes.c_int32 * len(tokens))(*tokens)


def _filled(element: type, fill: Callable[..., int]) -> ctypes.Array:
    """The result of an array-filling function: fill(data, capacity, count, error) is called to size it, then again."""
    count = ctypes.c_size_t()
    error = _abi.CError()
    check(fill(None, 0, count, error), error)
    out = (element * count.value)()
    if count.value > 0:
        check(fill(out, count.value, count, error), error)
    return out


def as_json(value: Any) -> Optional[bytes]:
    """As JSON, unless it is text already; None if there is nothing."""
    if not value:
        return None
    return (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).encode()


def _c_tool_call(call: Union[ToolCall, Mapping[str, Any]]) -> _abi.CToolCall:
    if isinstance(call, ToolCall):
        call = dataclasses.asdict(call)
    function = call.get("function", call)
    return _abi.CToolCall((call.get("id") or "").encode(), function["name"].encode(), as_json(function["arguments"]) or b"{}")


def _c_message(message: Mapping[str, Any]) -> _abi.CMessage:
    def text(name: str) -> Optional[bytes]:
        return message[name].encode() if message.get(name) else None

    calls = [_c_tool_call(call) for call in message.get("tool_calls") or []]
    return _abi.CMessage(
        role=message["role"].encode(), content=text("content") or b"", reasoning=text("reasoning"),
        tool_calls=(_abi.CToolCall * len(calls))(*calls) if calls else None, n_tool_calls=len(calls),
        name=text("name"), tool_call_id=text("tool_call_id"))


class Model(Handle):
    """A GGUF file, mapped into memory. Without an engine it has one of its own, with every core it may use."""

    def __init__(self, path: Path, engine: Optional[Engine] = None):
        if engine is None:
            with Engine() as own_engine:  # lives on while this model needs it
                self._load(path, own_engine)
        else:
            self._load(path, engine)

    def _load(self, path: Path, engine: Engine) -> None:
        out = ctypes.c_void_p()
        error = _abi.CError()
        check(lib.coterie_model_load(engine._pointer, os.fsencode(path), out, error), error)
        self._own(out.value, lib.coterie_model_destroy, engine)

    @property
    def info(self) -> ModelInfo:
        info = _abi.CModelInfo()
        error = _abi.CError()
        check(lib.coterie_model_get_info(self._pointer, info, error), error)
        return ModelInfo._from_c(info)

    def tokenize(self, text: Union[str, bytes], *, add_special: bool = True, parse_special: bool = False) -> List[int]:
        """Text to ids. parse_special makes text such as <|User|> a control token: never for text from a user."""
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        flags = (_abi.ADD_SPECIAL if add_special else 0) | (_abi.PARSE_SPECIAL if parse_special else 0)
        return list(_filled(ctypes.c_int32, lambda *out: lib.coterie_tokenize(
            self._pointer, data, len(data), flags, *out)))

    def detokenize_bytes(self, tokens: Sequence[int], *, render_special: bool = False) -> bytes:
        """Ids to bytes, which may end inside a character."""
        ids = token_array(tokens)
        return bytes(_filled(ctypes.c_char, lambda *out: lib.coterie_detokenize(
            self._pointer, ids, len(ids), render_special, *out)))

    def detokenize(self, tokens: Sequence[int], *, render_special: bool = False) -> str:
        """Ids to text; what is no whole character becomes U+FFFD."""
        return self.detokenize_bytes(tokens, render_special=render_special).decode("utf-8", "replace")

    def chat_prompt(self, messages: Messages, format: ChatFormat = ChatFormat.AUTO, *,
                    thinking: Thinking = Thinking.AUTO, tools: Optional[Tools] = None, date: Optional[str] = None,
                    variables: Optional[Mapping[str, Any]] = None) -> List[int]:
        """The ids of the prompt for the next answer to messages.

        date is YYYY-MM-DD, by default today's; variables are further ones for the file's chat template.
        """
        return list(_filled(ctypes.c_int32, self._chat(lib.coterie_chat_prompt, messages, format, thinking, tools, date,
                                                       variables)))

    def chat_text(self, messages: Messages, format: ChatFormat = ChatFormat.AUTO, *,
                  thinking: Thinking = Thinking.AUTO, tools: Optional[Tools] = None, date: Optional[str] = None,
                  variables: Optional[Mapping[str, Any]] = None) -> str:
        """The same prompt as text, for people to read."""
        return bytes(_filled(ctypes.c_char, self._chat(lib.coterie_chat_text, messages, format, thinking, tools, date,
                                                       variables))).decode("utf-8", "replace")

    def _chat(self, function: Callable[..., int], messages: Messages, format: ChatFormat, thinking: Thinking,
              tools: Optional[Tools], date: Optional[str], variables: Optional[Mapping[str, Any]]) -> Callable[..., int]:
        converted = [_c_message(message) for message in messages]
        array = (_abi.CMessage * len(converted))(*converted)
        options = _abi.ChatOptions(format=format, thinking=thinking, tools=as_json(tools),
                                   date=date.encode() if date else None, variables=as_json(variables))
        return lambda *out: function(self._pointer, options, array, len(array), *out)

    def session(self, n_ctx: int = 0, n_chunk: int = 0, kv_type: KvType = KvType.F16) -> "Session":
        from ._session import Session  # which needs this module
        return Session(self, n_ctx, n_chunk, kv_type)

    def chat(self, messages: Messages, *, n_ctx: int = 0, **options: Any) -> Iterator[str]:
        """The text of one answer, on a session of its own. Options as for Session.chat."""
        with self.session(n_ctx) as session, session.chat(messages, **options) as generation:
            yield from generation
