"""The session: one timeline of tokens with its cache and logits."""

import array
import ctypes
from typing import Any, List, Mapping, Optional, Sequence, Union

from . import _abi
from ._errors import Status, check
from ._generation import Generation, Output
from ._handle import Handle
from ._library import lib
from ._model import ChatFormat, KvType, Messages, Model, Thinking, Tools, as_json, token_array


class Session(Handle):
    """One timeline: KV cache, position, logits.

    n_ctx    most tokens it can hold; 0 = the model's training context, at most 4096
    n_chunk  most tokens evaluated at once; 0 = 512
    kv_type  how keys and values are kept
    """

    def __init__(self, model: Model, n_ctx: int = 0, n_chunk: int = 0, kv_type: KvType = KvType.F16):
        self.model = model
        options = _abi.SessionOptions(n_ctx=n_ctx, n_chunk=n_chunk, kv_type=kv_type)
        out = ctypes.c_void_p()
        error = _abi.CError()
        check(lib.coterie_session_create(model._pointer, options, out, error), error)
        self._own(out.value, lib.coterie_session_destroy, model)
        self._n_vocab = model.info.n_vocab

    def generate(self, prompt: Union[str, Sequence[int]], *, output: Output = Output.TEXT, max_tokens: int = 0,
                 temperature: float = 0, top_k: int = 0, top_p: float = 0, min_p: float = 0, repeat_penalty: float = 0,
                 repeat_last_n: int = 0, seed: int = 0, tools: Optional[Tools] = None) -> Generation:
        """Begins an answer to a text or to ids. Iterate over it for its text, or over its events().

        max_tokens 0: until the model stops or the context is full. temperature 0: always the most likely token. 0 turns
        the other options off; repeat_last_n 0 is 64. The same seed gives the same text everywhere. Calls of tools are
        events; they need output=Output.CHAT.
        """
        tokens = self.model.tokenize(prompt) if isinstance(prompt, str) else prompt
        options = _abi.GenerationOptions(
            max_tokens=max_tokens, output=output, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p,
            repeat_penalty=repeat_penalty, repeat_last_n=repeat_last_n, seed=seed, tools=as_json(tools))
        return Generation(self, tokens, options)

    def chat(self, messages: Messages, *, format: ChatFormat = ChatFormat.AUTO, thinking: Thinking = Thinking.AUTO,
             tools: Optional[Tools] = None, date: Optional[str] = None, variables: Optional[Mapping[str, Any]] = None,
             **options: Any) -> Generation:
        """Begins the answer to a conversation, told apart from its reasoning.

        The named options are those of Model.chat_prompt(), the others those of generate().
        """
        prompt = self.model.chat_prompt(messages, format, thinking=thinking, tools=tools, date=date, variables=variables)
        return self.generate(prompt, output=Output.CHAT, tools=tools, **options)

    def sync(self, tokens: Sequence[int]) -> bool:
        """Makes the session hold exactly these tokens. False if cancelled: the same call again goes on."""
        ids = token_array(tokens)
        error = _abi.CError()
        return self._finished(lib.coterie_session_sync(self._pointer, ids, len(ids), error), error)

    def eval(self, tokens: Sequence[int]) -> bool:
        """Appends tokens. False if cancelled."""
        ids = token_array(tokens)
        error = _abi.CError()
        return self._finished(lib.coterie_session_eval(self._pointer, ids, len(ids), None, error), error)

    def eval_logits(self, tokens: Sequence[int]) -> List["array.array[float]"]:
        """Appends tokens and returns the logits after each: n_vocab floats per token. Empty if cancelled."""
        ids = token_array(tokens)
        rows = (ctypes.c_float * (len(ids) * self._n_vocab))()  # [n_tokens, n_vocab]
        error = _abi.CError()
        if not self._finished(lib.coterie_session_eval(self._pointer, ids, len(ids), rows, error), error):
            return []
        view = memoryview(rows).cast("B").cast("f")
        return [array.array("f", view[at:at + self._n_vocab]) for at in range(0, len(view), self._n_vocab)]

    @staticmethod
    def _finished(status: int, error: _abi.CError) -> bool:
        if status == Status.CANCELLED:
            return False
        check(status, error)
        return True

    @property
    def logits(self) -> "array.array[float]":
        """A copy of the n_vocab logits after the last token; empty before the first evaluation."""
        row = lib.coterie_session_logits(self._pointer)
        return array.array("f", row[:self._n_vocab] if row else [])

    @property
    def tokens(self) -> List[int]:
        """What the session holds."""
        return lib.coterie_session_tokens(self._pointer)[:lib.coterie_session_n_tokens(self._pointer)]

    @property
    def n_ctx(self) -> int:
        return lib.coterie_session_n_ctx(self._pointer)

    def cancel(self) -> None:
        """Stops the running evaluation within 50 ms, or the next one at its beginning. (any thread)"""
        lib.coterie_session_cancel(self._pointer)
