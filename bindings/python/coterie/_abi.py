"""The C ABI of coterie.h in ctypes: structs and function signatures, nothing else. tests/abi compares the layouts."""

import ctypes
from ctypes import POINTER, c_bool, c_char, c_char_p, c_float, c_int32, c_size_t, c_uint32, c_uint64, c_void_p

VERSION = (0, 1, 0)  # of coterie.h, which this file follows

MAX_TENSOR_TYPES = 64
ADD_SPECIAL = 1
PARSE_SPECIAL = 2

LogFn = ctypes.CFUNCTYPE(None, c_void_p, c_int32, c_char_p)


class CError(ctypes.Structure):
    _fields_ = [("status", c_int32), ("message", c_char * 252)]


class SizedStructure(ctypes.Structure):
    """A struct that begins with struct_size, which is set on creation."""

    def __init__(self, **fields):
        super().__init__(**fields)
        self.struct_size = ctypes.sizeof(self)


class EngineOptions(SizedStructure):
    _fields_ = [("struct_size", c_size_t), ("n_threads", c_uint32), ("log", LogFn), ("user", c_void_p)]


class CTypeUsage(ctypes.Structure):
    _fields_ = [("name", c_char * 16), ("n_tensors", c_uint64), ("n_bytes", c_uint64)]


class CModelInfo(SizedStructure):
    _fields_ = [
        ("struct_size", c_size_t), ("architecture", c_char * 64), ("name", c_char * 128), ("n_files", c_uint32),
        ("n_layer", c_uint32), ("n_embd", c_uint32), ("n_head", c_uint32), ("n_vocab", c_uint32),
        ("n_ctx_train", c_uint32), ("n_expert", c_uint32), ("n_expert_used", c_uint32), ("n_expert_shared", c_uint32),
        ("n_layer_dense", c_uint32), ("n_tensors", c_uint64), ("n_params", c_uint64), ("file_bytes", c_uint64),
        ("tensor_bytes", c_uint64), ("embedding_bytes", c_uint64), ("attention_bytes", c_uint64),
        ("dense_ffn_bytes", c_uint64), ("router_bytes", c_uint64), ("shared_expert_bytes", c_uint64),
        ("routed_expert_bytes", c_uint64), ("output_bytes", c_uint64), ("norm_bytes", c_uint64),
        ("other_bytes", c_uint64), ("touched_bytes_per_token", c_uint64), ("kv_bytes_per_token", c_uint64),
        ("n_types", c_uint32), ("types", CTypeUsage * MAX_TENSOR_TYPES),
    ]


class CToolCall(ctypes.Structure):
    _fields_ = [("id", c_char_p), ("name", c_char_p), ("arguments", c_char_p)]


class CMessage(SizedStructure):
    _fields_ = [
        ("struct_size", c_size_t), ("role", c_char_p), ("content", c_char_p), ("reasoning", c_char_p),
        ("tool_calls", POINTER(CToolCall)), ("n_tool_calls", c_size_t), ("name", c_char_p),
        ("tool_call_id", c_char_p),
    ]


class ChatOptions(SizedStructure):
    _fields_ = [("struct_size", c_size_t), ("format", c_int32), ("thinking", c_int32), ("tools", c_char_p),
                ("date", c_char_p), ("variables", c_char_p)]


class SessionOptions(SizedStructure):
    _fields_ = [("struct_size", c_size_t), ("n_ctx", c_uint32), ("n_chunk", c_uint32), ("kv_type", c_int32)]


class GenerationOptions(SizedStructure):
    _fields_ = [
        ("struct_size", c_size_t), ("max_tokens", c_uint32), ("output", c_int32), ("temperature", c_float),
        ("top_k", c_uint32), ("top_p", c_float), ("min_p", c_float), ("repeat_penalty", c_float),
        ("repeat_last_n", c_uint32), ("seed", c_uint64), ("tools", c_char_p),
    ]


class CEvent(SizedStructure):
    _fields_ = [
        ("struct_size", c_size_t), ("type", c_int32), ("reason", c_int32), ("text", c_void_p), ("text_bytes", c_size_t),
        ("tokens", POINTER(c_int32)), ("n_tokens", c_size_t), ("n_done", c_size_t), ("n_total", c_size_t),
        ("tool_call", POINTER(CToolCall)),
    ]


# Structs by their names in coterie.h.
STRUCTS = {
    "coterie_error": CError,
    "coterie_engine_options": EngineOptions,
    "coterie_type_usage": CTypeUsage,
    "coterie_model_info": CModelInfo,
    "coterie_tool_call": CToolCall,
    "coterie_message": CMessage,
    "coterie_chat_options": ChatOptions,
    "coterie_session_options": SessionOptions,
    "coterie_generation_options": GenerationOptions,
    "coterie_event": CEvent,
}

EventFn = ctypes.CFUNCTYPE(c_bool, c_void_p, POINTER(CEvent))

_handle = c_void_p
_out = POINTER(c_void_p)
_tokens = POINTER(c_int32)
_count = POINTER(c_size_t)
_error = POINTER(CError)
_status = c_int32

# Every function of the library: name -> (result, arguments).
FUNCTIONS = {
    "coterie_version": (c_uint32, []),
    "coterie_status_name": (c_char_p, [c_int32]),
    "coterie_engine_create": (_status, [POINTER(EngineOptions), _out, _error]),
    "coterie_engine_destroy": (None, [_handle]),
    "coterie_engine_isa": (c_char_p, [_handle]),
    "coterie_engine_n_threads": (c_uint32, [_handle]),
    "coterie_model_load": (_status, [_handle, c_char_p, _out, _error]),
    "coterie_model_destroy": (None, [_handle]),
    "coterie_file_info": (_status, [c_char_p, POINTER(CModelInfo), _error]),
    "coterie_model_get_info": (_status, [_handle, POINTER(CModelInfo), _error]),
    "coterie_tokenize": (_status, [_handle, c_char_p, c_size_t, c_uint32, _tokens, c_size_t, _count, _error]),
    "coterie_detokenize": (_status, [_handle, _tokens, c_size_t, c_bool, POINTER(c_char), c_size_t, _count, _error]),
    "coterie_chat_prompt": (_status, [_handle, POINTER(ChatOptions), POINTER(CMessage), c_size_t, _tokens, c_size_t,
                                      _count, _error]),
    "coterie_chat_text": (_status, [_handle, POINTER(ChatOptions), POINTER(CMessage), c_size_t, POINTER(c_char), c_size_t,
                                    _count, _error]),
    "coterie_session_create": (_status, [_handle, POINTER(SessionOptions), _out, _error]),
    "coterie_session_destroy": (None, [_handle]),
    "coterie_session_sync": (_status, [_handle, _tokens, c_size_t, _error]),
    "coterie_session_eval": (_status, [_handle, _tokens, c_size_t, POINTER(c_float), _error]),
    "coterie_session_logits": (POINTER(c_float), [_handle]),
    "coterie_session_n_tokens": (c_size_t, [_handle]),
    "coterie_session_tokens": (_tokens, [_handle]),
    "coterie_session_n_ctx": (c_uint32, [_handle]),
    "coterie_session_cancel": (None, [_handle]),
    "coterie_generation_create": (_status, [_handle, _tokens, c_size_t, POINTER(GenerationOptions), _out, _error]),
    "coterie_generation_next": (_status, [_handle, POINTER(CEvent), _error]),
    "coterie_generation_cancel": (None, [_handle]),
    "coterie_generation_destroy": (None, [_handle]),
    "coterie_generate": (_status, [_handle, _tokens, c_size_t, POINTER(GenerationOptions), EventFn, c_void_p, _error]),
}
