"""Tiny models with grouped-query attention: their shapes and options, keys and tensors, and the forms to write."""

import dataclasses

import numpy as np

from forms import ALL_SCALED, CONVERTED, YARN_PLAIN, Form

EPS = 1e-5


@dataclasses.dataclass
class Gqa:
    """Shape and options of a model. Defaults: a small dense Llama."""
    arch: str = "llama"
    n_embd: int = 64
    n_layer: int = 3
    n_head: int = 4
    n_head_kv: int = 2
    head_dim: int = 16
    value_dim: int = 0  # 0: head_dim
    n_rot: int = 0  # 0: head_dim
    n_ff: int = 160
    rope: dict = dataclasses.field(default_factory=dict)
    rope_freqs: bool = False
    biases: str = ""  # which of q, k, v, o (attention's output), f (dense feed-forward), l (logits) have one
    fused_qkv: bool = False
    qk_norm: str = ""  # heads, rows
    window: int = 0
    sinks: bool = False
    ffn_norm: str = "ffn_norm"
    # experts; n_dense layers before them
    n_expert: int = 0
    n_used: int = 2
    n_ff_exp: int = 0  # 0: n_ff, and no key
    n_dense: int = 0
    n_shared: int = 0  # shared experts of n_ff_exp each
    n_ff_shared: int = 0  # or one of this width
    no_widths: bool = False  # expert_feed_forward_length and its shared sister are left out
    shared_gate: bool = False
    experts: str = "stacked"  # fused, numbered
    expert_biases: bool = False
    selection_bias: object = None  # suffix of exp_probs_b; None: there is none
    gate_gain: float = 1.5
    scale: dict = dataclasses.field(default_factory=dict)  # Granite's multipliers
    keys: dict = dataclasses.field(default_factory=dict)  # more of them
    per_layer: tuple = ()  # keys written as arrays
    tied: bool = False
    nextn: int = 0
    minimal: bool = False  # leave out every key that has a default
    scales: str = ""  # as in forms.Deepseek2
    scaled: tuple = ()

    @property
    def values(self):
        return self.value_dim or self.head_dim

    @property
    def shared_width(self):
        return self.n_ff_shared or self.n_shared * self.n_ff_exp


def keys(c, n_vocab, context_length):
    """Without the prefix of the architecture, and without those of rope.scaling."""
    out = {"context_length": context_length, "embedding_length": c.n_embd, "block_count": c.n_layer + c.nextn,
           "feed_forward_length": c.n_ff, "attention.head_count": c.n_head, "attention.layer_norm_rms_epsilon": EPS}
    if not c.minimal:
        out |= {"attention.head_count_kv": c.n_head_kv, "attention.key_length": c.head_dim,
                "attention.value_length": c.values, "rope.dimension_count": c.n_rot or c.head_dim,
                "rope.freq_base": 10000.0, "vocab_size": n_vocab}
    if c.n_expert:
        out |= {"expert_count": c.n_expert, "expert_used_count": c.n_used}
    if c.n_ff_exp and not c.no_widths:
        out["expert_feed_forward_length"] = c.n_ff_exp
    if c.n_ff_shared and not c.no_widths:
        out["expert_shared_feed_forward_length"] = c.n_ff_shared
    if c.n_shared:
        out["expert_shared_count"] = c.n_shared
    if c.n_dense:
        out["leading_dense_block_count"] = c.n_dense
    if c.window:
        out["attention.sliding_window"] = c.window
    if c.nextn:
        out["nextn_predict_layers"] = c.nextn
    out |= c.scale | c.keys
    return out | {key: [out[key]] * (c.n_layer + c.nextn) for key in c.per_layer}


def attention_tensors(t, c, p):
    t.norm(f"{p}attn_norm", c.n_embd)
    sizes = {"q": c.n_head * c.head_dim, "k": c.n_head_kv * c.head_dim, "v": c.n_head_kv * c.values}
    for part, n in sizes.items():
        t.matrix(f"{p}attn_{part}", n, c.n_embd, gain=1.5 if part == "q" else 1.0)
        if part in c.biases:
            t.vector(f"{p}attn_{part}.bias", n, 0.5)
    if c.fused_qkv:
        for kind in ("weight", "bias"):
            parts = [t.arrays.pop(f"{p}attn_{part}.{kind}", None) for part in sizes]
            if parts[0] is not None:
                t.arrays[f"{p}attn_qkv.{kind}"] = np.concatenate(parts)
    t.matrix(f"{p}attn_output", c.n_embd, c.n_head * c.values)
    if "o" in c.biases:
        t.vector(f"{p}attn_output.bias", c.n_embd, 0.5)
    if c.qk_norm:
        t.norm(f"{p}attn_q_norm", c.head_dim if c.qk_norm == "heads" else sizes["q"])
        t.norm(f"{p}attn_k_norm", c.head_dim if c.qk_norm == "heads" else sizes["k"])
    if c.sinks:
        t.vector(f"{p}attn_sinks.weight", c.n_head, 1.5)


def expert_tensors(t, c, p):
    n_ff = c.n_ff_exp or c.n_ff
    t.matrix(f"{p}ffn_gate_inp", c.n_expert, c.n_embd, gain=2.0)
    if c.selection_bias is not None:
        t.vector(f"{p}exp_probs_b{c.selection_bias}", c.n_expert, 0.2)
    t.matrix(f"{p}ffn_gate_exps", c.n_expert, n_ff, c.n_embd, gain=c.gate_gain)
    t.matrix(f"{p}ffn_up_exps", c.n_expert, n_ff, c.n_embd, gain=c.gate_gain / 1.5)
    t.matrix(f"{p}ffn_down_exps", c.n_expert, c.n_embd, n_ff)
    if c.experts == "fused":
        gate, up = (t.arrays.pop(f"{p}ffn_{part}_exps.weight") for part in ("gate", "up"))
        t.arrays[f"{p}ffn_gate_up_exps.weight"] = np.concatenate([gate, up], 1)
    if c.experts == "numbered":
        stacks = {part: t.arrays.pop(f"{p}ffn_{part}_exps.weight") for part in ("gate", "up", "down")}
        for e in range(c.n_expert):  # converters wrote one expert after another
            t.arrays |= {f"{p}ffn_{part}.{e}.weight": stack[e] for part, stack in stacks.items()}
    if c.expert_biases:
        t.arrays[f"{p}ffn_gate_inp.bias"] = np.float32(t.rng.normal(size=c.n_expert))
        for part, n in (("gate", n_ff), ("up", n_ff), ("down", c.n_embd)):
            t.arrays[f"{p}ffn_{part}_exps.bias"] = np.float32(0.5 * t.rng.normal(size=(c.n_expert, n)))
    if c.shared_width:
        t.ffn(p, "_shexp", c.n_embd, c.shared_width)
    if c.shared_gate:
        t.vector(f"{p}ffn_gate_inp_shexp.weight", c.n_embd, 2 / np.sqrt(c.n_embd))


def tensors(t, c, n_vocab):
    t.ends(c)
    if "output.weight" in t.arrays:
        t.arrays["output.weight"] *= np.float32(c.scale.get("logit_scale", 1))
    if "l" in c.biases:
        t.vector("output.bias", n_vocab, 1.0)
    if c.rope_freqs:
        t.arrays["rope_freqs.weight"] = np.float32(np.linspace(1, 8, (c.n_rot or c.head_dim) // 2))
    for i in range(c.n_layer + c.nextn):
        p = f"blk.{i}."
        attention_tensors(t, c, p)
        t.norm(f"{p}{c.ffn_norm}", c.n_embd)
        if c.n_expert and i >= c.n_dense:
            expert_tensors(t, c, p)
        else:
            t.ffn(p, "", c.n_embd, c.n_ff)
            for part, n in (("gate", c.n_ff), ("up", c.n_ff), ("down", c.n_embd)) if "f" in c.biases else ():
                t.vector(f"{p}ffn_{part}.bias", n, 0.5)
        if i >= c.n_layer:
            t.matrix(f"{p}nextn.eh_proj", c.n_embd, 2 * c.n_embd)
            for name in ("enorm", "hnorm", "shared_head_norm"):
                t.norm(f"{p}nextn.{name}", c.n_embd)


# --- forms ---

def maker(arch, **defaults):
    """Returns form(name, exercises, ...) for an architecture with these options where a form does not say otherwise."""
    def form(name, exercises, types="F32", n_prompt=24, n_shards=1, peer="same", peer_note="", **options):
        options = {"arch": arch, **defaults, **options}
        if isinstance(peer, dict):
            peer = Gqa(**{**options, **peer})
        return Form(f"{arch}-{name}", Gqa(**options), exercises, types, n_prompt, n_shards, peer, peer_note)
    return form


STACKED = dict(peer=dict(experts="stacked"), peer_note="llama.cpp reads stacked experts only")
# Rows of whole K blocks.
WIDE = dict(n_embd=256, n_layer=2, n_ff=256, head_dim=64)


def llama_forms():
    form = maker("llama")
    yield form("mha", "as many kv heads as heads", n_head_kv=4)
    yield form("gqa", "two heads to a kv head, prompt of more than 256 tokens", n_prompt=280)
    yield form("mqa", "five heads, one kv head", n_head=5, n_head_kv=1, head_dim=32)
    yield form("partial-rotary", "a quarter of the channels rotated", head_dim=32, n_rot=8, peer=None,
               peer_note="llama.cpp rotates whole heads in this architecture")
    yield form("rope-freqs", "rope_freqs.weight of Llama 3.1", rope_freqs=True, n_prompt=100,
               rope={"freq_base": 500000.0})
    yield form("linear", "linear rope scaling", rope={"type": "linear", "factor": 4.0, "freq_base": 100000.0})
    yield form("yarn", "generic YaRN: cos and sin scaled", rope=YARN_PLAIN, n_prompt=100)
    yield form("yarn-attn-factor", "YaRN with attn_factor", rope={**YARN_PLAIN, "attn_factor": 0.9})
    yield form("tied", "no output.weight", tied=True)
    yield form("bias", "biases on q, k, v and output", biases="qkvo")
    yield form("bias-ffn", "biases in the feed-forward network", biases="f")
    yield form("qkv", "attn_qkv", fused_qkv=True)
    yield form("head-dim", "head_dim is not n_embd / n_head", head_dim=32)
    yield form("value-dim", "values are wider than keys", head_dim=16, value_dim=24, peer=None,
               peer_note="llama.cpp takes both to be the same in this architecture")
    yield form("per-layer", "sizes as arrays of a value per layer", n_head_kv=2,
               per_layer=("feed_forward_length", "attention.head_count", "attention.head_count_kv"))
    yield form("minimal", "only required keys", n_head_kv=4, minimal=True)
    yield form("q8_0", "Q8_0 weights", "Q8_0")
    yield form("f16", "F16 weights", "F16")
    yield form("q4_k_m", "the mix of a Q4_K_M file", "Q4_K_M", n_prompt=100, **{**WIDE, "n_layer": 3, "n_ff": 512})
    yield form("nvfp4-scaled", "scales, before biases, and one of attn_qkv", "NVFP4", n_ff=128, fused_qkv=True,
               biases="qkvo", **CONVERTED)
    yield form("q8_0-scaled", "scales of Q8_0, before biases of the feed-forward network too", "Q8_0", biases="qkvof",
               **CONVERTED, peer=None, peer_note="llama.cpp multiplies biases of the feed-forward network by the scale")
    mixtral = maker("llama", n_expert=8, n_used=2)
    yield mixtral("mixtral", "experts, renormalised", rope={"freq_base": 1e6})
    yield mixtral("mixtral-numbered", "a tensor for every expert, as before April 2024", experts="numbered", **STACKED)
    yield mixtral("mixtral-fused", "ffn_gate_up_exps", experts="fused", **STACKED)
    yield mixtral("mixtral-numbered-q8_0", "a quantised tensor for every expert", "Q8_0", experts="numbered", **STACKED)
    yield mixtral("mixtral-numbered-nvfp4", "a tensor and a scale for every expert", "NVFP4", n_ff=128, experts="numbered",
                  **CONVERTED, **STACKED)
    yield mixtral("mixtral-q4_k_m", "the mix of a Q4_K_M file", "Q4_K_M", **{**WIDE, "n_expert": 4})


def deepseek_forms():
    form = maker("deepseek", n_head_kv=4, n_expert=8, n_used=3, n_ff_exp=48, n_dense=1, n_shared=2,
                 keys={"expert_weights_scale": 1.0})
    yield form("moe", "a dense layer, then shared and routed experts, weights not renormalised")
    yield form("scale", "expert_weights_scale, three shared experts", n_shared=3, keys={"expert_weights_scale": 1.7})
    yield form("dense-0", "no leading dense layer, grouped kv heads", n_dense=0, n_layer=2, n_head_kv=2)
    yield form("tied", "no output.weight", tied=True)
    yield form("fused", "ffn_gate_up_exps", experts="fused", **STACKED)
    yield form("q8_0", "Q8_0 weights", "Q8_0", n_ff_exp=64)


def qwen2_forms():
    form = maker("qwen2", biases="qkv", rope={"freq_base": 1e6})
    yield form("bias", "biases on q, k and v", n_prompt=100)
    yield form("tied", "no output.weight", tied=True)
    yield form("qkv", "attn_qkv with its bias", fused_qkv=True)
    yield form("output-bias", "output.bias", biases="qkvl")
    yield form("yarn", "YaRN as in the long-context files", rope={**YARN_PLAIN, "freq_base": 1e6}, n_prompt=64)
    yield form("minimal", "only required keys", n_head_kv=4, minimal=True, rope={})
    yield form("q4_k_m", "the mix of a Q4_K_M file", "Q4_K_M", **WIDE)
    moe = maker("qwen2moe", biases="qkv", rope={"freq_base": 1e6}, n_expert=8, n_used=4, n_ff=192, n_ff_exp=48,
                n_ff_shared=96, shared_gate=True)
    yield moe("moe", "a shared expert behind a gate, weights not renormalised")
    yield moe("no-widths", "widths of the experts follow from feed_forward_length", no_widths=True, n_ff_shared=192)
    yield moe("fused", "ffn_gate_up_exps", experts="fused", **STACKED)
    yield moe("q8_0", "Q8_0 weights", "Q8_0", n_ff_exp=64, n_ff=256)


def qwen3_forms():
    form = maker("qwen3", qk_norm="heads", head_dim=32, rope={"freq_base": 1e6})
    yield form("norms", "queries and keys normed head by head, heads wider than n_embd / n_head", n_prompt=100)
    yield form("tied", "no output.weight, one kv head", tied=True, n_head_kv=1)
    yield form("yarn", "YaRN as in the long-context files", rope={**YARN_PLAIN, "freq_base": 1e6}, n_prompt=64)
    yield form("q4_k_m", "the mix of a Q4_K_M file", "Q4_K_M", **WIDE)
    moe = maker("qwen3moe", qk_norm="heads", head_dim=32, rope={"freq_base": 1e6}, n_expert=16, n_used=4, n_ff_exp=48)
    yield moe("moe", "experts, renormalised", n_prompt=100)
    yield moe("not-normalised", "expert_weights_norm false", keys={"expert_weights_norm": False}, peer=None,
              peer_note="llama.cpp does not read the key in this architecture")
    yield moe("fused", "ffn_gate_up_exps", experts="fused", **STACKED)
    yield moe("q8_0", "Q8_0 weights", "Q8_0", n_ff_exp=64)
    yield moe("nvfp4-scaled", "NVFP4 weights, with scales where converters write them", "NVFP4", n_ff_exp=64, **CONVERTED)
    yield moe("nvfp4-all-scaled-fused", "a scale for each expert's ffn_gate_up_exps", "NVFP4", n_ff_exp=64,
              experts="fused", **ALL_SCALED)
    yield moe("q4_k_m", "the mix of a Q4_K_M file", "Q4_K_M", n_used=2, n_ff_exp=256, **{**WIDE, "n_expert": 4})


def gpt_oss_forms():
    form = maker("gpt-oss", head_dim=32, biases="qkvo", sinks=True, window=6, ffn_norm="post_attention_norm", n_expert=8,
                 n_used=3, n_ff_exp=64, expert_biases=True, gate_gain=5.0, n_layer=4, rope={"freq_base": 150000.0})
    yield form("window", "windows in even layers, sinks, biases, clamped activation", n_prompt=64)
    yield form("long", "window and prompt of more than a block of keys; YaRN of gpt-oss", n_prompt=300, window=270,
               n_layer=2, rope={"freq_base": 150000.0, "type": "yarn", "factor": 32.0, "original_context_length": 4096})
    yield form("window-1", "each token sees itself alone, and its sink", window=1, n_layer=3)
    yield form("qkv", "attn_qkv", fused_qkv=True)
    yield form("q8_0", "Q8_0 weights", "Q8_0")
    yield form("q4_k_m", "the mix of a Q4_K_M file", "Q4_K_M", n_used=2, n_ff_exp=256, **{**WIDE, "n_expert": 4})
    yield form("mxfp4_moe", "MXFP4 experts, Q8_0 weights beside them", "MXFP4_MOE")


def minimax_m2_forms():
    form = maker("minimax-m2", qk_norm="rows", head_dim=32, n_rot=16, n_expert=16, n_used=4, n_ff=48, n_ff_exp=48,
                 selection_bias=".bias", rope={"freq_base": 5e6}, keys={"expert_gating_func": 2})
    yield form("moe", "queries and keys normed as a whole, half of the channels rotated, sigmoid router", n_prompt=100)
    yield form("bare-bias", "exp_probs_b without a suffix", selection_bias="", peer=dict(selection_bias=".bias"),
               peer_note="llama.cpp reads the suffix .bias only")
    yield form("unnamed-gating", "no expert_gating_func: a sigmoid", keys={}, peer=dict(keys={"expert_gating_func": 2}),
               peer_note="llama.cpp asks for the key")
    yield form("q8_0", "Q8_0 weights", "Q8_0", n_ff=64, n_ff_exp=64)


def glm4moe_forms():
    router = {"expert_gating_func": 2, "expert_weights_norm": True, "expert_weights_scale": 1.0}
    form = maker("glm4moe", biases="qkv", head_dim=32, n_rot=16, ffn_norm="post_attention_norm", n_expert=8, n_used=3,
                 n_ff_exp=48, n_shared=1, n_dense=1, selection_bias=".bias", rope={"freq_base": 1e6}, keys=router)
    yield form("air", "half of the channels rotated, biases, a prediction layer", nextn=1, n_prompt=100)
    yield form("large", "queries and keys normed head by head, scale 2.5, two dense layers, a prediction layer",
               qk_norm="heads", n_dense=2, n_layer=4, nextn=1, keys={**router, "expert_weights_scale": 2.5})
    yield form("no-nextn", "no prediction layer, three heads to a kv head", n_head=6)
    yield form("unnamed-router", "no key of the router: a sigmoid, renormalised", keys={}, peer=dict(keys=router),
               peer_note="llama.cpp asks for expert_weights_norm")
    yield form("q8_0", "Q8_0 weights", "Q8_0", n_ff_exp=64, nextn=1)


def granitemoe_forms():
    form = maker("granitemoe", n_expert=10, n_used=4, n_ff=64, tied=True,
                 scale={"embedding_scale": 1.5, "attention.scale": 0.15, "residual_scale": 0.4, "logit_scale": 1.4})
    yield form("moe", "four multipliers, tied embeddings", n_prompt=100)
    yield form("shared", "a shared expert, untied", n_ff_shared=96, tied=False)
    yield form("zeros", "multipliers of 0 are none", scale={"embedding_scale": 0.0, "attention.scale": 0.0,
                                                          "residual_scale": 0.0, "logit_scale": 1.0})
    yield form("q8_0", "Q8_0 weights", "Q8_0")


def olmoe_forms():
    form = maker("olmoe", n_head_kv=4, qk_norm="rows", n_expert=16, n_used=5, n_ff=48)
    yield form("moe", "queries and keys normed as a whole, experts, weights not renormalised", n_prompt=100)
    yield form("gqa", "two heads to a kv head, heads wider than n_embd / n_head", n_head_kv=2, head_dim=32, peer=None,
               peer_note="llama.cpp takes as many kv heads as heads")
    yield form("normalised", "expert_weights_norm", keys={"expert_weights_norm": True}, peer=None,
               peer_note="llama.cpp does not read the key in this architecture")
    yield form("fused", "ffn_gate_up_exps", experts="fused", **STACKED)
    yield form("q8_0", "Q8_0 weights", "Q8_0", n_ff=64)


def all_forms():
    return [*llama_forms(), *deepseek_forms(), *qwen2_forms(), *qwen3_forms(), *gpt_oss_forms(), *minimax_m2_forms(),
            *glm4moe_forms(), *granitemoe_forms(), *olmoe_forms()]
