#!/usr/bin/env python3
"""Reference forward pass in float64: logits of the models in architectures.py, read from a GGUF file.

Written from the papers and the format descriptions, never from this project's C++: every formula names its source.
Nothing is fast, all is float64. Linear layers use dequantised weights. The roundings that an engine makes
on purpose can be modelled, so that it can be compared much more tightly than exact values would allow:
  activations  "int8": those that meet quantised weights become int8 per block, as docs/arithmetic.md says.
               "ggml": as in ggml's CPU backend: the same with fp16 scales for 32-element blocks (Q8_0), the same for
               K types (Q8_K), and rounded to F16 or BF16 where the weights are (type_traits_cpu in ggml-cpu.c).
  kv_f16       what the cache stores (MLA: latent and rotated k_pe; GQA: rotated keys and values) is rounded to F16

  forward.py MODEL --ids 1,2,3 --out FILE    writes little-endian float32 [n_tokens, n_vocab]
"""

import argparse
import dataclasses
import math
import sys

import one_thread  # noqa: F401
import numpy as np

import gguf
import quants
from architectures import ARCHITECTURES
from feed_forward import moe, softmax, swiglu, top_k


@dataclasses.dataclass
class Numerics:
    activations: str = "exact"
    kv_f16: bool = False
    # The form of MLA, "absorbed", "expanded" or "call": that of the engine, which depends on the call (mla_expands). In
    # exact arithmetic all are the same function.
    form: str = "absorbed"


class Model:
    """Metadata, dequantised tensors and the cache of one model; all linear layers pass through here."""

    def __init__(self, path, numerics=Numerics()):
        self.file, self.numerics = gguf.Reader(path), numerics
        self.arch = self.file.metadata["general.architecture"]
        self.kind = ARCHITECTURES[self.arch]
        self._dequantised, self._cache = {}, {}
        self.n_past = 0  # positions evaluated so far
        self.call = None  # (first position, number of tokens) of the call that forward() is a part of; None: it is the call
        # What the last forward() found, for choosing prompts on which engines can be compared tightly:
        self.routes = []  # per decision of a router: (expert ids, margin)
        self.choices = []  # per decision of an indexer: (positions, margin)
        self.ties = {}  # kind of rounding -> smallest distance to a tie, relative to the root mean square of its vector

    def key(self, name, default=None):
        """Metadata of the architecture; of a value per layer the first, as all are the same. Without a default the key
        must be there."""
        value = self.file.metadata.get(f"{self.arch}.{name}", default)
        if isinstance(value, list):
            value = value[0]
        if value is None:
            raise KeyError(f"{self.arch}.{name}")
        return value

    def has(self, name):
        return name in self.file.tensors

    def get(self, name):
        """Tensor in float64, NumPy order: a weight is [out, in], a stack of experts [n_expert, out, in]."""
        if name not in self._dequantised:
            tensor = self.file.tensors[name]
            values = quants.dequantise(tensor.raw, tensor.type_name).astype(np.float64)
            self._dequantised[name] = values.reshape(tensor.shape) * self.scale(name, tensor.shape)
        return self._dequantised[name]

    def scale(self, name, shape):
        """What a weight is multiplied by: one number, or one for each expert (NVFP4's second level, llama.cpp #19769)."""
        for scale in (f"{name.removesuffix('.weight')}.scale", f"{name}.scale"):
            if self.has(scale):
                return self.get(scale).reshape(-1, *[1] * (len(shape) - 1))
        return 1

    def activations(self, name, x):
        """x as the product with tensor `name` sees it."""
        type_name, mode = self.file.tensors[name].type_name, self.numerics.activations
        if mode != "exact" and quants.is_quantised(type_name):
            block = quants.activation_block(type_name)
            y, ties = quants.quantise_activations(x, block, half_scale=mode == "ggml" and block == 32)
            self._note("int8", x, ties)
            return y
        if mode == "ggml" and type_name in ("F16", "BF16"):
            return quants.round_to(x, type_name)
        return x

    def linear(self, name, x):
        """x [..., in] -> [..., out], plus `name`.bias when the file has it."""
        y = self.activations(f"{name}.weight", x) @ self.get(f"{name}.weight").T
        return y + self.get(f"{name}.bias") if self.has(f"{name}.bias") else y

    def cached(self, name, x):
        """Appends x [n_tokens, ...] to the cache; returns what is cached under this name, from position 0."""
        if self.numerics.kv_f16:
            spacing = np.spacing(np.abs(x).astype(np.float16)).astype(np.float64)
            ties = quants.distance_to_tie(x, spacing)
            small = np.abs(x) < np.sqrt((x * x).mean(-1, keepdims=True)) / 8  # a step of these is too small to matter
            self._note("F16", x, np.where(small, np.inf, ties))
            x = quants.round_to(x, "F16")
        past = self._cache.get(name, x[:0])
        self._cache[name] = np.concatenate([past[:self.n_past], x])
        return self._cache[name]

    def _note(self, kind, x, ties):
        size = np.sqrt((x * x).mean(-1, keepdims=True))
        nearest = np.divide(ties, size, out=np.full_like(x, np.inf), where=size != 0).min()
        self.ties[kind] = min(self.ties.get(kind, np.inf), nearest)


# --- operations ---

def layer_norm(x, w, b, eps):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred * centred).mean(-1, keepdims=True) + eps) * w + b


def rms_norm(x, w, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * w


@dataclasses.dataclass
class Rope:
    cos: np.ndarray  # [n_tokens, n_rot / 2], already multiplied by the YaRN magnitude
    sin: np.ndarray
    magnitude: float  # what cos and sin were multiplied by
    log_factor: float  # ln of the YaRN factor, 0 without YaRN


def positions(w, n_tokens):
    return w.n_past + np.arange(n_tokens)


def rope_tables(w, n_rot, n_tokens):
    """Angles of the next n_tokens positions. YaRN as in ggml (ggml.c, ops.cpp), at every position whatever its size."""
    base, n_pairs = w.key("rope.freq_base", 10000.0), n_rot // 2
    scaling = w.key("rope.scaling.type", "linear")
    factor = w.key("rope.scaling.factor", w.key("rope.scale_linear", 0.0)) or 1.0
    inverse = base ** (-2.0 * np.arange(n_pairs) / n_rot)
    magnitude, log_factor = 1.0, 0.0
    if w.has("rope_freqs.weight"):  # Llama 3.1: one divisor per pair
        inverse = inverse / w.get("rope_freqs.weight")
    if scaling == "linear":
        inverse = inverse / factor
    elif scaling == "yarn":
        original = w.key("rope.scaling.original_context_length", w.key("context_length"))

        def correction(n_turns):
            return n_rot * math.log(original / (2 * math.pi * n_turns)) / (2 * math.log(base))

        low = max(0, math.floor(correction(w.key("rope.scaling.yarn_beta_fast", 32.0))))
        high = min(n_rot - 1, math.ceil(correction(w.key("rope.scaling.yarn_beta_slow", 1.0))))
        ramp = ((np.arange(n_pairs) - low) / max(0.001, high - low)).clip(0, 1)
        inverse = inverse * (ramp / factor + (1 - ramp))
        log_factor = math.log(factor)
        magnitude = w.key("rope.scaling.attn_factor", 1.0)
        # deepseek2 with the log multiplier moves the magnitude into the scale of the scores (deepseek2.cpp).
        if not (w.arch in ("deepseek2", "deepseek32") and w.key("rope.scaling.yarn_log_multiplier", 0.0)):
            magnitude *= 1 + 0.1 * log_factor
    elif scaling != "none":
        raise ValueError(f"rope.scaling.type {scaling}")
    angle = positions(w, n_tokens)[:, None] * inverse
    return Rope(np.cos(angle) * magnitude, np.sin(angle) * magnitude, magnitude, log_factor)


def rotate(x, rope):
    """Rotates adjacent pairs (2i, 2i+1). x [n_tokens, ..., n_rot]"""
    shape = (x.shape[0],) + (1,) * (x.ndim - 2) + (-1,)
    cos, sin = rope.cos.reshape(shape), rope.sin.reshape(shape)
    a, b = x[..., 0::2], x[..., 1::2]
    return np.stack([a * cos - b * sin, a * sin + b * cos], -1).reshape(x.shape)


def rotate_halves(x, rope):
    """Rotates the pairs (i, i + n_rot / 2)."""
    a, b = np.split(x, 2, -1)
    y = rotate(np.stack([a, b], -1).reshape(x.shape), rope)
    return np.concatenate([y[..., 0::2], y[..., 1::2]], -1)


def attend(q, k, v, scale, allowed=None, sinks=None):
    """Causal attention of the last positions. q [t, head, n], k [s, head, n], v [s, head, m] -> [t, head, m]

    allowed [t, s]: the positions that take part, all without it. sinks [head]: scores that take part without a value.
    """
    q, k, v = (x.transpose(1, 0, 2) for x in (q, k, v))  # [head, t or s, n]
    scores = q @ k.transpose(0, 2, 1) * scale
    scores[:, np.triu(np.ones(scores.shape[1:], bool), 1 + scores.shape[2] - scores.shape[1])] = -np.inf
    if allowed is not None:
        scores[:, ~allowed] = -np.inf
    if sinks is not None:  # one more key, whose value is zero
        scores = np.concatenate([scores, np.broadcast_to(sinks[:, None, None], (*scores.shape[:2], 1))], -1)
        v = np.concatenate([v, np.zeros_like(v[:, :1])], 1)
    return (softmax(scores) @ v).transpose(1, 0, 2)


# --- attention ---

def indexer(w, prefix, x, latent, rope):
    """Which positions each token attends to, [n_tokens, n_positions]: the lightning indexer of DeepSeek-V3.2.

    DeepSeek-V3.2 inference/model.py Indexer, with half-split pairs as corrected in November 2025. x: normed hidden states,
    latent: compressed queries. Constant factors of the scores and the Hadamard rotation of queries and keys change no
    choice and are left out. Of equal scores the lower position counts.
    """
    n_head, dim = w.key("attention.indexer.head_count"), w.key("attention.indexer.key_length")
    n_rot, top, n_tokens = w.key("rope.dimension_count"), w.key("attention.indexer.top_k"), len(x)
    q = w.linear(f"{prefix}indexer.attn_q_b", latent).reshape(n_tokens, n_head, dim)
    k = layer_norm(w.linear(f"{prefix}indexer.attn_k", x), w.get(f"{prefix}indexer.k_norm.weight"),
                   w.get(f"{prefix}indexer.k_norm.bias"), 1e-6)
    q, k = (np.concatenate([rotate_halves(part[..., :n_rot], rope), part[..., n_rot:]], -1) for part in (q, k))
    k = w.cached(f"{prefix}indexer.k", k)
    dots = np.maximum(np.einsum("thd,sd->ths", q, k), 0)
    scores = np.einsum("th,ths->ts", w.linear(f"{prefix}indexer.proj", x), dots)
    allowed = np.zeros((n_tokens, len(k)), bool)
    for t, position in enumerate(positions(w, n_tokens)):
        seen = scores[t, :position + 1]
        chosen, last, following = top_k(seen, min(top, len(seen)))
        allowed[t, chosen] = True
        size = np.sqrt((seen * seen).mean())
        w.choices.append((tuple(sorted(chosen)), (last - following) / size if last > following else 0.0))
    return allowed


def mla_expands(w, n_past, n_new):
    """Whether a call of n_new tokens behind n_past others takes the expanded form (docs/arithmetic.md, rule 6)."""
    r, n_value = w.key("attention.kv_lora_rank"), w.key("attention.value_length_mla", 0) or w.key("attention.value_length")
    key_length = w.key("attention.key_length_mla", 0) or w.key("attention.key_length")
    sizes = key_length - w.key("rope.dimension_count") + n_value
    return n_new >= 128 and n_new * (2 * n_past + n_new + 1) * max(0, 2 * r - sizes) > 2 * n_past * r * sizes


def n_expanded(w, n_tokens):
    """How many of the next n_tokens, the first ones, take the expanded form. Chosen positions meet the absorbed one."""
    if w.numerics.form != "call":
        return n_tokens if w.numerics.form == "expanded" else 0
    chosen_from = w.key("attention.indexer.top_k", math.inf) if w.arch == "deepseek32" else math.inf

    def n_dense(begin, n):
        return int(max(0, min(n, chosen_from - begin)))

    begin, n = w.call or (w.n_past, n_tokens)
    return n_dense(w.n_past, n_tokens) if mla_expands(w, begin, n_dense(begin, n)) else 0


def mla(w, prefix, x, eps):
    """Multi-head latent attention (DeepSeek-V2 paper §2.1; DeepSeek-V3 model.py MLA). x [n_tokens, n_embd]

    New files hold attn_k_b [head, r, n] (transposed per head) and attn_v_b [head, v, r]; legacy files hold attn_kv_b,
    per head n key rows and v value rows of r. n = nope, p = rope, r = kv_lora_rank.
    """
    n_head, n_rot, r = w.key("attention.head_count"), w.key("rope.dimension_count"), w.key("attention.kv_lora_rank")
    key_length = w.key("attention.key_length_mla", 0) or w.key("attention.key_length")
    n_nope, n_tokens = key_length - n_rot, len(x)
    rope = rope_tables(w, n_rot, n_tokens)

    allowed = None
    if w.has(f"{prefix}attn_q.weight"):
        q = w.linear(f"{prefix}attn_q", x)
    else:
        latent = rms_norm(w.linear(f"{prefix}attn_q_a", x), w.get(f"{prefix}attn_q_a_norm.weight"), eps)
        q = w.linear(f"{prefix}attn_q_b", latent)
        if w.arch == "deepseek32":
            allowed = indexer(w, prefix, x, latent, rope)
    q = q.reshape(n_tokens, n_head, key_length)
    q_nope, q_pe = q[..., :n_nope], rotate(q[..., n_nope:], rope)
    temperature = w.key("attention.temperature_scale", 0.0)
    if temperature:  # Llama-4 style: longer contexts get sharper scores
        step = np.floor(positions(w, n_tokens) / w.key("attention.temperature_length"))
        gain = (1 + temperature * np.log(step + 1))[:, None, None]
        q_nope, q_pe = q_nope * gain, q_pe * gain

    kv = w.linear(f"{prefix}attn_kv_a_mqa", x)
    # of all positions so far: c [n_past + n_tokens, r], k_pe [n_past + n_tokens, p]
    c = w.cached(f"{prefix}c", rms_norm(kv[:, :r], w.get(f"{prefix}attn_kv_a_norm.weight"), eps))
    k_pe = w.cached(f"{prefix}k_pe", rotate(kv[:, r:], rope))
    k_pe = np.broadcast_to(k_pe[:, None], (len(c), n_head, n_rot))  # shared by all heads

    # YaRN: scale = (magnitude * (1 + 0.1 M ln f))^2 / sqrt(n + p); the file stores 0.1 * M (deepseek2.cpp, HF mscale).
    multiplier = w.key("rope.scaling.yarn_log_multiplier", 0.0) / 0.1
    scale = (rope.magnitude * (1 + 0.1 * multiplier * rope.log_factor)) ** 2 / math.sqrt(key_length)

    split = w.has(f"{prefix}attn_k_b.weight")
    if split:
        k_name, v_name = f"{prefix}attn_k_b.weight", f"{prefix}attn_v_b.weight"
        w_uk, w_uv = w.get(k_name).transpose(0, 2, 1), w.get(v_name)  # [head, n, r], [head, v, r]
    else:
        k_name = v_name = f"{prefix}attn_kv_b.weight"
        kv_b = w.get(k_name).reshape(n_head, -1, r)
        w_uk, w_uv = kv_b[:, :n_nope], kv_b[:, n_nope:]

    # Where the rows of the stored tensor are not the rows of the product (attn_k_b in the expanded form, attn_kv_b in
    # the absorbed one), the key product takes dequantised weights and float activations.
    def absorbed():
        q_c = np.einsum("hnr,thn->thr", w_uk, w.activations(k_name, q_nope) if split else q_nope)
        keys = np.broadcast_to(c[:, None], (len(c), n_head, r))
        context = attend(np.concatenate([q_c, q_pe], -1), np.concatenate([keys, k_pe], -1), keys, scale, allowed)
        return np.einsum("hvr,thr->thv", w_uv, w.activations(v_name, context))

    def expanded():
        k_nope = np.einsum("hnr,tr->thn", w_uk, c if split else w.activations(k_name, c))
        v = np.einsum("hvr,tr->thv", w_uv, w.activations(v_name, c))
        return attend(np.concatenate([q_nope, q_pe], -1), np.concatenate([k_nope, k_pe], -1), v, scale, allowed)

    n = n_expanded(w, n_tokens)
    parts = []
    if n > 0:
        parts.append(expanded()[:n])
    if n < n_tokens:
        parts.append(absorbed()[n:])
    return w.linear(f"{prefix}attn_output", np.concatenate(parts).reshape(n_tokens, -1))


def gqa(w, prefix, i, x, eps):
    """Grouped-query attention of layer i: query head h reads kv head h / (n_head / n_head_kv)."""
    n_head, n_tokens = w.key("attention.head_count"), len(x)
    n_head_kv = w.key("attention.head_count_kv", n_head)
    head_dim = w.key("attention.key_length", w.key("embedding_length") // n_head)
    value_dim = w.key("attention.value_length", w.key("embedding_length") // n_head)
    n_rot = w.key("rope.dimension_count", head_dim)
    rope = rope_tables(w, n_rot, n_tokens)
    if w.has(f"{prefix}attn_qkv.weight"):
        sizes = np.array([n_head * head_dim, n_head_kv * head_dim, n_head_kv * value_dim])
        parts = np.split(w.linear(f"{prefix}attn_qkv", x), sizes.cumsum()[:-1], -1)
    else:
        parts = [w.linear(f"{prefix}attn_{part}", x) for part in "qkv"]

    def place(part, name):
        """Norm and rotation of queries or keys [n_tokens, heads * head_dim] -> [n_tokens, heads, head_dim]."""
        norm = f"{prefix}attn_{name}_norm.weight"
        if w.kind.qk_norm == "rows":
            part = rms_norm(part, w.get(norm), eps)
        part = part.reshape(n_tokens, -1, head_dim)
        if w.kind.qk_norm == "heads" and (w.arch != "glm4moe" or w.has(norm)):  # GLM-4.5-Air has none
            part = rms_norm(part, w.get(norm), eps)
        turned = (rotate_halves if w.kind.half_split else rotate)(part[..., :n_rot], rope)
        return np.concatenate([turned, part[..., n_rot:]], -1)

    q, k, v = place(parts[0], "q"), place(parts[1], "k"), parts[2].reshape(n_tokens, -1, value_dim)
    k, v = w.cached(f"{prefix}k", k), w.cached(f"{prefix}v", v)
    k, v = (np.repeat(part, n_head // n_head_kv, 1) for part in (k, v))
    allowed = None
    if w.kind.even_window and i % 2 == 0:  # a token sees itself and the window - 1 tokens before it
        distance = positions(w, n_tokens)[:, None] - np.arange(len(k))
        allowed = distance < w.key("attention.sliding_window")
    sinks = w.get(f"{prefix}attn_sinks.weight") if w.has(f"{prefix}attn_sinks.weight") else None
    scale = w.key("attention.scale", 0.0) or 1 / math.sqrt(head_dim)
    out = attend(q, k, v, scale, allowed, sinks)
    return w.linear(f"{prefix}attn_output", out.reshape(n_tokens, -1))


# --- models ---

def forward(w, ids):
    """Evaluates ids after the positions already cached; to take tokens back, lower w.n_past.

    Returns logits [n_tokens, n_vocab]. Layers of next-token prediction at the end of the file are not part of it.
    """
    w.routes, w.choices, w.ties = [], [], {}
    eps = w.key("attention.layer_norm_rms_epsilon")
    residual = w.key("residual_scale", 0.0) or 1.0  # this and the other multipliers: Granite
    h = w.get("token_embd.weight")[np.asarray(ids)] * (w.key("embedding_scale", 0.0) or 1.0)
    for i in range(w.key("block_count") - w.key("nextn_predict_layers", 0)):
        prefix = f"blk.{i}."
        x = rms_norm(h, w.get(f"{prefix}attn_norm.weight"), eps)
        h = h + residual * (mla(w, prefix, x, eps) if w.kind.latent else gqa(w, prefix, i, x, eps))
        x = rms_norm(h, w.get(f"{prefix}{w.kind.ffn_norm}.weight"), eps)
        h = h + residual * (moe(w, prefix, x) if w.has(f"{prefix}ffn_gate_inp.weight") else swiglu(w, prefix, "", x))
    w.n_past += len(ids)
    h = rms_norm(h, w.get("output_norm.weight"), eps)
    logits = w.linear("output" if w.has("output.weight") else "token_embd", h)
    if w.has("output.bias") and not w.has("output.weight"):
        logits = logits + w.get("output.bias")
    return logits / (w.key("logit_scale", 0.0) or 1.0)


def logits(path, ids, numerics=Numerics()):
    return forward(Model(path, numerics), ids)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--ids", required=True, help="token ids, comma-separated")
    parser.add_argument("--out", required=True, help="file for little-endian float32 [n_tokens, n_vocab]")
    parser.add_argument("--act-int8", dest="activations", action="store_const", const="int8", default="exact",
                        help="model the engine's int8 activations")
    parser.add_argument("--act-ggml", dest="activations", action="store_const", const="ggml",
                        help="model ggml's activations")
    parser.add_argument("--kv-f16", action="store_true", help="model the F16 cache")
    parser.add_argument("--form", choices=("absorbed", "expanded", "call"), default="absorbed", help="of MLA")
    args = parser.parse_args()
    ids = [int(part) for part in args.ids.split(",")]
    numerics = Numerics(args.activations, args.kv_f16, args.form)
    logits(args.model, ids, numerics).astype("<f4").tofile(args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
