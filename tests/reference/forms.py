"""The forms with latent attention that tiny_models.py writes: shapes, options, and what each form is there for."""

import dataclasses

YARN_V3 = {"type": "yarn", "factor": 40.0, "original_context_length": 4096, "yarn_log_multiplier": 0.1}
YARN_V2_LITE = {**YARN_V3, "yarn_log_multiplier": 0.0707}
YARN_K2 = {**YARN_V3, "factor": 32.0, "freq_base": 50000.0, "yarn_beta_fast": 1.0, "yarn_beta_slow": 1.0}
YARN_K2_5 = {**YARN_V3, "factor": 64.0, "freq_base": 50000.0, "yarn_beta_fast": 32.0, "yarn_beta_slow": 1.0}
YARN_PLAIN = {"type": "yarn", "factor": 8.0, "original_context_length": 32}


@dataclasses.dataclass
class Deepseek2:
    """Shape and options of a deepseek2 model. Defaults: a small V3."""
    arch = "deepseek2"
    n_embd: int = 64
    n_layer: int = 3
    n_dense: int = 1
    n_head: int = 4
    n_nope: int = 32
    n_rot: int = 16
    n_v: int = 32
    q_lora: int = 64  # 0: one attn_q
    kv_lora: int = 64
    n_ff: int = 128
    n_ff_exp: int = 64
    n_expert: int = 8
    n_used: int = 2
    n_shared: int = 1
    n_group: int = 0
    n_group_used: int = 0
    gating: int = 2  # 1 softmax, 2 sigmoid, 0 the key is missing
    norm: bool = True
    weights_scale: float = 2.5
    bias: str = "bias"  # suffix of exp_probs_b, "" for none
    legacy: bool = False  # attn_kv_b instead of attn_k_b and attn_v_b
    fused: bool = False  # ffn_gate_up_exps
    zero_shared: bool = False  # one shared expert that is all zeros: the way to say n_shared = 0 to llama.cpp
    rope: dict = dataclasses.field(default_factory=dict)
    temperature: float = 0.0
    temperature_length: int = 4
    eps: float = 1e-6
    tied: bool = False
    nextn: int = 0
    minimal: bool = False  # leave out every key that has a default
    scales: str = ""  # matrices have scales, in tensors of this name beside theirs: scale, weight.scale
    scaled: tuple = ()  # only matrices whose names contain one of these; empty: all


@dataclasses.dataclass
class Deepseek32(Deepseek2):
    """The same with an indexer. Defaults: a small V3.2."""
    arch = "deepseek32"
    top_k: int = 6
    n_index_head: int = 4
    index_dim: int = 64


# The matrices whose scales llama.cpp reads (llama-model.cpp).
CONVERTED = dict(scales="scale", scaled=("attn_q.", "attn_k.", "attn_v.", "attn_qkv.", "output.", "ffn_gate.", "ffn_up.",
                                         "ffn_down.", "ffn_gate_exps.", "ffn_up_exps.", "ffn_down_exps.", "_shexp."))
ALL_SCALED = dict(scales="weight.scale", peer=None, peer_note="llama.cpp reads scales of fewer matrices, by another name")

# V2: softmax, no bias, no renormalisation.
V2 = dict(gating=1, norm=False, weights_scale=1.5, bias="", n_shared=2)
# Every row a whole number of K blocks, except attn_k_b as in real files.
WIDE = dict(n_embd=256, n_ff=256, n_ff_exp=256, q_lora=256, kv_lora=256, n_nope=64, n_v=64, n_expert=4)


@dataclasses.dataclass
class Form:
    name: str
    config: object
    exercises: str
    types: str = "F32"
    n_prompt: int = 24
    n_shards: int = 1
    peer: object = "same"  # or a config that computes the same function, or None
    peer_note: str = ""


def deepseek2_forms():
    def form(name, exercises, types="F32", n_prompt=24, n_shards=1, peer="same", peer_note="", **options):
        if isinstance(peer, dict):
            peer = Deepseek2(**{**options, **peer})
        return Form(f"deepseek2-{name}", Deepseek2(**options), exercises, types, n_prompt, n_shards, peer, peer_note)

    grouped = dict(n_expert=16, n_group=4, n_group_used=2, n_used=4)
    yield form("v3", "q_lora, sigmoid router with bias, renormalised, scale 2.5, YaRN of V3", rope=YARN_V3)
    yield form("v3-legacy", "attn_kv_b with q_lora, YaRN of V3", rope=YARN_V3, legacy=True)
    yield form("v2-lite", "attn_q, softmax router, 2 shared experts, YaRN of V2-Lite", rope=YARN_V2_LITE, q_lora=0,
               **V2)
    yield form("v2-lite-legacy", "attn_kv_b with attn_q", rope=YARN_V2_LITE, q_lora=0, legacy=True, **V2)
    # Prompts of 128 tokens and more take the expanded form.
    yield form("no-yarn", "no rope scaling, other base, prompt of more than 256 tokens", n_prompt=280,
               rope={"freq_base": 50000.0})
    yield form("yarn-long", "YaRN at larger positions", rope=YARN_V3, n_prompt=100)
    yield form("yarn-no-multiplier", "YaRN without the log multiplier: cos, sin and scores scaled as llama.cpp does",
               rope=YARN_PLAIN)
    yield form("groups-sum", "groups ranked by the sum of their two best (noaux_tc)", **grouped)
    yield form("groups-max", "groups ranked by their best (V2 group_limited_greedy)", **{**V2, **grouped},
               peer=None, peer_note="llama.cpp ranks groups by the sum of two also without a bias")
    yield form("groups-no-bias", "groups of a sigmoid router without bias: ranked by their best (V3 Gate)", bias="",
               **grouped, peer=None, peer_note="llama.cpp ranks groups by the sum of two also without a bias")
    yield form("groups-one", "one group: no limit", n_group=1, n_group_used=1)
    yield form("shared-0", "no shared expert", n_shared=0, peer=dict(n_shared=1, zero_shared=True),
               peer_note="llama.cpp requires the tensors: one shared expert of zeros")
    yield form("shared-2", "two shared experts in one wide FFN", n_shared=2)
    yield form("dense-0", "no leading dense layer", n_dense=0, n_layer=2)
    yield form("dense-2", "two leading dense layers", n_dense=2)
    yield form("fused", "ffn_gate_up_exps", fused=True)
    yield form("tied", "no output.weight", tied=True)
    yield form("heads", "nope, rope and v widths all different, one head more", n_nope=32, n_rot=8, n_v=64, n_head=5)
    yield form("heads-legacy", "the same in attn_kv_b", n_nope=32, n_rot=8, n_v=64, n_head=5, legacy=True)
    yield form("bias-weight", "exp_probs_b with suffix .weight", bias="weight", peer=dict(bias="bias"),
               peer_note="llama.cpp reads the suffix .bias only")
    yield form("sigmoid-no-bias", "sigmoid router without exp_probs_b", bias="")
    yield form("temperature", "attention.temperature_scale", temperature=0.3)
    yield form("temperature-legacy", "attention.temperature_scale with attn_kv_b", temperature=0.3, legacy=True)
    yield form("minimal", "only required keys: softmax, no renormalisation, no scale, base 10000, no dense layer",
               minimal=True, n_dense=0, n_layer=2, **{**V2, "weights_scale": 0.0})
    yield form("nextn", "a next-token-prediction layer after the last one, to be ignored", nextn=1)
    yield form("split", "three shards", n_shards=3)
    for types in ("F16", "BF16", "Q8_0", "Q4_0", "Q5_0", "IQ4_NL", "MXFP4"):
        yield form(types.lower(), f"{types} weights", types)
    yield form("q8_0-legacy", "quantised attn_kv_b", "Q8_0", legacy=True)
    yield form("heads-legacy-long", "heads-legacy with a prompt of more than 256 tokens", n_nope=32, n_rot=8, n_v=64, n_head=5,
               legacy=True, n_prompt=270)
    yield form("q5_0-long", "quantised weights, long prompt, YaRN", "Q5_0", n_prompt=140, rope=YARN_V3)
    yield form("q4_1", "Q4_1 weights", "Q4_1")
    yield form("q5_1", "Q5_1 weights", "Q5_1")
    yield form("q4_k", "Q4_K weights, attn_k_b Q5_0", "Q4_K", n_layer=2, **WIDE)
    yield form("q5_k-narrow", "Q5_K weights, attn_k_b Q5_1", "Q5_K", n_layer=2, **WIDE)
    yield form("q2_k-narrow", "Q2_K weights, attn_k_b Q4_0", "Q2_K", n_layer=2, **WIDE)
    yield form("iq4_xs-narrow", "IQ4_XS weights, attn_k_b IQ4_NL", "IQ4_XS", n_layer=2, **WIDE)
    for types in ("Q2_K", "Q3_K", "Q5_K", "Q6_K", "IQ4_XS"):
        yield form(types.lower(), f"{types} weights, attn_k_b too", types, n_layer=2,
                   **{**WIDE, "n_nope": 256, "n_head": 2, "n_v": 128})
    for types in ("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"):
        yield form(types.lower(), f"{types} weights, attn_k_b too", types, n_layer=2,
                   **{**WIDE, "n_nope": 256, "n_head": 2, "n_v": 128})
    for types in ("TQ1_0", "TQ2_0"):
        yield form(types.lower(), f"{types} weights, attn_k_b Q4_0", types, n_layer=2, **WIDE)
    yield form("q1_0", "Q1_0 weights, attn_k_b too", "Q1_0", n_layer=2, **{**WIDE, "n_nope": 128})
    yield form("q2_0", "Q2_0 weights, attn_k_b too", "Q2_0", n_layer=2, **WIDE)
    yield form("nvfp4", "NVFP4 weights without scales", "NVFP4", n_nope=64)
    yield form("nvfp4-scaled", "NVFP4 weights, with scales where converters write them", "NVFP4", n_nope=64, **CONVERTED,
               peer=None, peer_note="llama.cpp leaves all scales but attn_output's out in this architecture")
    yield form("nvfp4-all-scaled", "NVFP4 weights, a scale for every matrix, the tied embedding too", "NVFP4", n_nope=64,
               tied=True, **ALL_SCALED)
    yield form("nvfp4-all-scaled-long", "the same untied, in the expanded form", "NVFP4", n_nope=64, n_prompt=140,
               **ALL_SCALED)
    yield form("q8_0-all-scaled-legacy", "scales for Q8_0, attn_kv_b too", "Q8_0", legacy=True, **ALL_SCALED)
    yield form("q8_0-all-scaled-legacy-long", "the same in the expanded form", "Q8_0", legacy=True, n_prompt=140,
               **ALL_SCALED)
    yield form("q4_k-legacy", "Q4_K attn_kv_b", "Q4_K", n_layer=2, legacy=True, **WIDE)
    yield form("q4_k-long", "Q4_K weights, attn_k_b Q5_0, long prompt", "Q4_K", n_layer=2, n_prompt=140, **WIDE)
    yield form("q4_k-legacy-long", "Q4_K attn_kv_b, long prompt", "Q4_K", n_layer=2, legacy=True, n_prompt=140, **WIDE)
    yield form("q4_k_m", "the mix of a Q4_K_M file; expert width 160 makes ffn_down_exps Q5_0 and Q8_0", "Q4_K_M",
               rope=YARN_V3, **{**WIDE, "n_ff_exp": 160, "n_expert": 8})
    yield form("q4_k_m-groups", "the same with attn_q, groups and fused gate and up", "Q4_K_M", q_lora=0, fused=True,
               **{**{k: v for k, v in WIDE.items() if k != "q_lora"}, **grouped, "n_ff_exp": 64})


def member_forms():
    """The members of deepseek2 in small: what each has of its own, in both generations of files."""
    members = {
        "kimi-k2": (dict(rope=YARN_K2, weights_scale=2.827, n_group=1, n_group_used=1),
                    "YaRN with beta 1/1, base 50000, one group, scale 2.827"),
        "kimi-k2.5": (dict(rope=YARN_K2_5, weights_scale=2.827, n_group=1, n_group_used=1),
                      "YaRN of factor 64 with beta 32/1, base 50000"),
        "moonlight": (dict(q_lora=0, rope={"freq_base": 50000.0}, n_shared=2, weights_scale=2.446),
                      "attn_q, sigmoid router with bias, no YaRN, 2 shared experts"),
        "gigachat3": (dict(q_lora=0, n_nope=32, n_rot=16, n_v=48, n_used=4, weights_scale=1.0, nextn=1),
                      "attn_q, values as wide as keys, a prediction layer"),
        "glm-4.7-flash": (dict(q_lora=96, n_nope=48, n_rot=16, n_v=64, n_head=5, n_used=4, weights_scale=1.8, eps=1e-5,
                               gating=0, fused=True, nextn=1, rope={"freq_base": 1e6}),
                          "odd head sizes, eps 1e-5, fused gate and up, no gating function named: sigmoid, as it has a bias"),
        "mistral-large-3": (dict(rope={**YARN_V3, "original_context_length": 8}, gating=1, bias="", weights_scale=1.0,
                                 n_group=1, n_group_used=1, temperature=0.1, temperature_length=8),
                            "softmax router, renormalised; temperature from the original context on"),
    }
    for name, (options, exercises) in members.items():
        for suffix, legacy in (("", False), ("-legacy", True)):
            config = Deepseek2(**options, legacy=legacy)
            peer, note = "same", ""
            if not options.get("gating", 2):
                peer, note = dataclasses.replace(config, gating=2), "llama.cpp knows the model by its vocabulary instead"
            if name == "kimi-k2":
                peer, note = None, "llama.cpp does not read yarn_beta_fast and takes 32"
            yield Form(f"deepseek2-{name}{suffix}", config, exercises, n_prompt=40, peer=peer, peer_note=note)


def deepseek32_forms():
    def form(name, exercises, types="F32", n_prompt=40, peer="same", peer_note="", **options):
        return Form(f"deepseek32-{name}", Deepseek32(**options), exercises, types, n_prompt, 1, peer, peer_note)

    yield form("v3.2", "positions chosen by the indexer from the seventh token on, YaRN of V3", rope=YARN_V3)
    yield form("dense", "fewer tokens than are chosen: attention to all", top_k=64)
    yield form("last-chosen", "a choice that leaves out one position at first", top_k=39, nextn=1)
    yield form("one", "one head, one position chosen, rotation of all its channels", n_index_head=1, index_dim=16, top_k=1,
               peer=None, peer_note="llama.cpp rotates the indexer's keys by Hadamard matrices of 64 and more")
    yield form("blocks", "more chosen positions than a block of keys has; both forms of MLA in one call", top_k=270, n_prompt=290, n_layer=1, n_dense=1)
    yield form("q8_0", "quantised weights, indexer too", "Q8_0", top_k=8, n_prompt=24)
    yield form("q4_k_m", "the mix of a Q4_K_M file", "Q4_K_M", top_k=8, n_prompt=24, n_layer=2, **WIDE)


def all_forms():
    return [*deepseek2_forms(), *member_forms(), *deepseek32_forms()]
