#!/usr/bin/env python3
"""Writes tiny random-weight GGUF models, one per form an engine must read, and manifest.json that lists them.

  tiny_models.py DIR      leaves DIR alone when its manifest is newer than these scripts

The weights mean nothing, but behave: logits have a standard deviation of 2 to 3. The prompts are chosen so that engines
can be compared tightly: no router decision is close to a tie (where rounding flips an expert, errors have no useful
bound), and the first n_clear tokens meet no value near the middle of two int8 codes, or of two F16 codes in the cache
(where one flips, it flips others in later layers, and the error grows to that of the quantisation itself).
Same SEED, same files. Form and prompt of each model are in the manifest:
  name, file (first shard of a split model), arch, types (the recipe), types_used (by any tensor), prompt (token ids),
  n_clear, exercises,
  peer: the file for llama.cpp, where it needs the same function written in another way; null when it has no such
  function, with the reason in peer_note.
"""

import argparse
import json
import os
import sys
import time
import zlib

import one_thread  # noqa: F401
import numpy as np

import forms
import forward
import gguf
import gqa_forms
import quants

SEED = 20240507
N_VOCAB = 320
MIN_MARGIN = 0.02  # of router probabilities
MIN_CHOICE_MARGIN = 0.01  # of an indexer's scores, relative to their root mean square
# In a clear token, no value that is rounded on purpose (to int8, to F16 in the cache) lies closer to the middle of two
# codes than this, relative to the root mean square of its vector: several times the rounding error of float32 sums.
MIN_DISTANCE = {"int8": 1.5e-6, "F16": 3e-7}
N_CLEAR = 8  # so many leading tokens are clear

# What a tensor becomes when its rows are not whole blocks (llama-quant.cpp, tensor_type_fallback).
FALLBACK = {"Q2_K": "Q4_0", "Q3_K": "Q4_0", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0", "IQ4_XS": "IQ4_NL",
            "TQ1_0": "Q4_0", "TQ2_0": "Q4_0", "NVFP4": "Q8_0"}


# --- vocabulary ---

def byte_texts():
    """GPT-2's printable stand-in for every byte: itself, or the next free code point from 256."""
    texts, free = [], 256
    for byte in range(256):
        if 33 <= byte <= 126 or 161 <= byte <= 172 or byte >= 174:
            texts.append(chr(byte))
        else:
            texts.append(chr(free))
            free += 1
    return texts


def vocabulary(arch):
    """256 bytes, some merges, special tokens, and unused tokens up to N_VOCAB. Token types: 1 normal, 3 control,
    4 user-defined, 5 unused."""
    merges = ["t h", "h e", "i n", "e r", "a n", "r e", "o n", "Ġ t", "Ġ a", "Ġ s", "o u", "Ġt he", "in g", "an d",
              "Ġ w", "e n", "Ġa nd", "o r", "Ġ th", "l l"]
    special = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>", "<｜User｜>", "<｜Assistant｜>"]
    tokens = byte_texts() + [merge.replace(" ", "") for merge in merges]
    bos = len(tokens)
    types = [1] * bos + [3] * len(special) + [4, 4]
    tokens += special + ["<think>", "</think>"]
    unused = N_VOCAB - len(tokens)
    tokens += [f"[PAD{i}]" for i in range(unused)]
    assert len(set(tokens)) == N_VOCAB
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "deepseek-v3" if arch.startswith("deepseek") else "gpt-2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": types + [5] * unused,
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.bos_token_id": bos,
        "tokenizer.ggml.eos_token_id": bos + 1,
        "tokenizer.ggml.padding_token_id": bos + 2,
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_eos_token": False,
    }


# --- metadata and tensors ---

def general_keys(form, arch, types):
    keys = {"general.architecture": arch, "general.type": "model", "general.name": form.name}
    return {**keys, "general.quantization_version": 2} if quants.is_quantised(types) or types == "Q4_K_M" else keys


def rope_keys(arch, rope):
    keys = {f"{arch}.rope.scaling.{key}": value for key, value in rope.items() if key != "freq_base"}
    if "freq_base" in rope:
        keys[f"{arch}.rope.freq_base"] = rope["freq_base"]
    return keys


def context_length(rope):
    return int(rope.get("original_context_length", 4096) * rope.get("factor", 1))


def deepseek2_keys(c, arch="deepseek2"):
    key_length = c.n_nope + c.n_rot
    keys = {
        "context_length": context_length(c.rope), "embedding_length": c.n_embd, "block_count": c.n_layer + c.nextn,
        "feed_forward_length": c.n_ff, "attention.head_count": c.n_head,
        "attention.layer_norm_rms_epsilon": c.eps, "rope.dimension_count": c.n_rot,
        # llama.cpp insists on the key at most layer counts; 0 stands for "no such rank"
        "attention.q_lora_rank": c.q_lora, "attention.kv_lora_rank": c.kv_lora,
        "expert_count": c.n_expert, "expert_used_count": c.n_used, "expert_shared_count": c.n_shared,
        "expert_feed_forward_length": c.n_ff_exp,
    }
    if c.legacy:
        keys |= {"attention.head_count_kv": c.n_head, "attention.key_length": key_length,
                 "attention.value_length": c.n_v}
    else:
        keys |= {"attention.head_count_kv": 1, "attention.key_length": c.kv_lora + c.n_rot,
                 "attention.value_length": c.kv_lora, "attention.key_length_mla": key_length,
                 "attention.value_length_mla": c.n_v}
    if not c.minimal:
        keys |= {"leading_dense_block_count": c.n_dense, "expert_weights_norm": c.norm,
                 "expert_weights_scale": c.weights_scale, "rope.freq_base": 10000.0, "vocab_size": N_VOCAB}
        if c.gating:
            keys["expert_gating_func"] = c.gating
    if c.n_group:
        keys |= {"expert_group_count": c.n_group, "expert_group_used_count": c.n_group_used}
    if c.temperature:
        keys |= {"attention.temperature_scale": c.temperature, "attention.temperature_length": c.temperature_length}
    if c.nextn:
        keys["nextn_predict_layers"] = c.nextn
    return {f"{arch}.{key}": value for key, value in keys.items()} | rope_keys(arch, c.rope)


def deepseek32_keys(c):
    index = {"head_count": c.n_index_head, "key_length": c.index_dim, "top_k": c.top_k}
    return deepseek2_keys(c, "deepseek32") | {f"deepseek32.attention.indexer.{key}": n for key, n in index.items()}


def gqa_keys(c):
    keys = gqa_forms.keys(c, N_VOCAB, context_length(c.rope))
    return {f"{c.arch}.{key}": value for key, value in keys.items()} | rope_keys(c.arch, c.rope)


class Tensors:
    """Collects random tensors: name -> float32 array in NumPy order."""

    def __init__(self, rng):
        self.rng, self.arrays = rng, {}

    def matrix(self, name, *shape, gain=1.0):
        """Keeps the variance of its input, times gain^2."""
        self.arrays[f"{name}.weight"] = np.float32(self.rng.normal(size=shape) * gain / np.sqrt(shape[-1]))

    def norm(self, name, n):
        self.arrays[f"{name}.weight"] = np.float32(1 + 0.2 * self.rng.normal(size=n))

    def vector(self, name, n, scale):
        self.arrays[name] = np.float32(scale * self.rng.normal(size=n))

    def ffn(self, prefix, suffix, n_embd, n_ff):
        self.matrix(f"{prefix}ffn_gate{suffix}", n_ff, n_embd, gain=1.5)
        self.matrix(f"{prefix}ffn_up{suffix}", n_ff, n_embd)
        self.matrix(f"{prefix}ffn_down{suffix}", n_embd, n_ff)

    def ends(self, c):
        # Tied embeddings serve as output too: the same spread of logits then asks for small embeddings, which is no
        # harm, as every use of the residual stream is normed.
        self.matrix("token_embd", N_VOCAB, c.n_embd, gain=2.5 if c.tied else np.sqrt(c.n_embd))
        self.norm("output_norm", c.n_embd)
        if not c.tied:
            self.matrix("output", N_VOCAB, c.n_embd, gain=2.5)


def deepseek2_layer(t, c, i):
    p, key_length = f"blk.{i}.", c.n_nope + c.n_rot
    t.norm(f"{p}attn_norm", c.n_embd)
    if c.q_lora:
        t.matrix(f"{p}attn_q_a", c.q_lora, c.n_embd)
        t.norm(f"{p}attn_q_a_norm", c.q_lora)
        t.matrix(f"{p}attn_q_b", c.n_head * key_length, c.q_lora, gain=1.5)
    else:
        t.matrix(f"{p}attn_q", c.n_head * key_length, c.n_embd, gain=1.5)
    t.matrix(f"{p}attn_kv_a_mqa", c.kv_lora + c.n_rot, c.n_embd)
    t.norm(f"{p}attn_kv_a_norm", c.kv_lora)
    t.matrix(f"{p}attn_kv_b", c.n_head * (c.n_nope + c.n_v), c.kv_lora)
    if not c.legacy:
        kv_b = t.arrays.pop(f"{p}attn_kv_b.weight").reshape(c.n_head, c.n_nope + c.n_v, c.kv_lora)
        t.arrays[f"{p}attn_k_b.weight"] = kv_b[:, :c.n_nope].transpose(0, 2, 1)
        t.arrays[f"{p}attn_v_b.weight"] = kv_b[:, c.n_nope:]
    t.matrix(f"{p}attn_output", c.n_embd, c.n_head * c.n_v)
    t.norm(f"{p}ffn_norm", c.n_embd)
    if i < c.n_dense:
        t.ffn(p, "", c.n_embd, c.n_ff)
        return
    t.matrix(f"{p}ffn_gate_inp", c.n_expert, c.n_embd, gain=2.0)
    if c.bias:
        t.vector(f"{p}exp_probs_b.{c.bias}", c.n_expert, 0.2)
    gate_up = 2 * c.n_ff_exp
    t.matrix(f"{p}ffn_gate_up_exps", c.n_expert, gate_up, c.n_embd, gain=1.5)
    if not c.fused:
        both = t.arrays.pop(f"{p}ffn_gate_up_exps.weight")
        t.arrays[f"{p}ffn_gate_exps.weight"] = both[:, :c.n_ff_exp]
        t.arrays[f"{p}ffn_up_exps.weight"] = both[:, c.n_ff_exp:]
    t.matrix(f"{p}ffn_down_exps", c.n_expert, c.n_embd, c.n_ff_exp)
    if c.zero_shared:
        zeros = np.zeros((c.n_ff_exp, c.n_embd), np.float32)
        for part in ("gate", "up", "down"):
            t.arrays[f"{p}ffn_{part}_shexp.weight"] = zeros.T if part == "down" else zeros
    elif c.n_shared:
        t.ffn(p, "_shexp", c.n_embd, c.n_ff_exp * c.n_shared)


def deepseek2_tensors(t, c):
    t.ends(c)
    for i in range(c.n_layer + c.nextn):
        deepseek2_layer(t, c, i)
        if i >= c.n_layer:
            t.matrix(f"blk.{i}.nextn.eh_proj", c.n_embd, 2 * c.n_embd)
            for name in ("enorm", "hnorm", "shared_head_norm"):
                t.norm(f"blk.{i}.nextn.{name}", c.n_embd)


def deepseek32_tensors(t, c):
    deepseek2_tensors(t, c)
    for i in range(c.n_layer + c.nextn):
        p = f"blk.{i}.indexer."
        t.matrix(f"{p}attn_q_b", c.n_index_head * c.index_dim, c.q_lora, gain=1.5)
        t.matrix(f"{p}attn_k", c.index_dim, c.n_embd)
        t.matrix(f"{p}proj", c.n_index_head, c.n_embd)
        t.norm(f"{p}k_norm", c.index_dim)
        t.vector(f"{p}k_norm.bias", c.index_dim, 0.2)


def gqa_tensors(t, c):
    gqa_forms.tensors(t, c, N_VOCAB)


def tensor_type(name, array, types, n_layer):
    """Norms, biases and the router stay F32 (llama-quant.cpp, tensor_allows_quantization); Q4_K_M and
    MXFP4_MOE are its recipes."""
    if array.ndim == 1 or "ffn_gate_inp" in name or name.endswith(".bias"):
        return "F32"
    wanted = types
    if types == "Q4_K_M":
        wanted = "Q6_K" if name == "output.weight" else "Q4_K"
        if "ffn_down" in name:
            i = int(name.split(".")[1])
            more = i < n_layer // 8 or i >= 7 * n_layer // 8 or (i - n_layer // 8) % 3 == 2
            wanted = "Q6_K" if more else "Q4_K"
    elif types == "MXFP4_MOE":
        wanted = "MXFP4" if array.ndim == 3 else "Q8_0"
    while array.shape[-1] % quants.block_size(wanted):
        wanted = FALLBACK[wanted]
    return wanted


def weight_scale(c, name, array, type_name):
    """The scale of a matrix [1], or of its experts [n_expert]; None if it has none. As ModelOpt chooses those of NVFP4:
    the scales of blocks then go up to their greatest."""
    wanted = not c.scaled or any(part in name for part in c.scaled)
    if not (c.scales and wanted) or array.ndim == 1 or "ffn_gate_inp" in name:
        return None
    experts = tuple(range(1, array.ndim)) if "_exps." in name else None
    return np.abs(array).max(experts).reshape(-1) / np.float32(6 * quants.E4M3_MAX if type_name == "NVFP4" else 1)


# --- files ---

def write_model(path, form, config):
    """Returns the path that opens the model."""
    arch = config.arch
    latent = {"deepseek2": (deepseek2_keys, deepseek2_tensors), "deepseek32": (deepseek32_keys, deepseek32_tensors)}
    make_keys, make_tensors = latent.get(arch, (gqa_keys, gqa_tensors))
    tensors = Tensors(np.random.default_rng([SEED, zlib.crc32(form.name.encode())]))
    make_tensors(tensors, config)
    written = []
    for name, array in tensors.arrays.items():
        type_name = tensor_type(name, array, form.types, config.n_layer)
        scale = weight_scale(config, name, array, type_name)
        if scale is not None:
            array = array / scale.reshape(-1, *[1] * (array.ndim - 1))
        written.append((name, type_name, array.shape, quants.quantise(array, type_name)))
        for suffix, values in ((config.scales, scale), ("input_scale", scale)) if scale is not None else ():
            written.append((f"{name.removesuffix('weight')}{suffix}", "F32", scale.shape, quants.quantise(values, "F32")))
    metadata = general_keys(form, arch, form.types) | make_keys(config) | vocabulary(arch)
    if form.n_shards > 1:
        return gguf.write_split(path.removesuffix(".gguf"), metadata, written, form.n_shards)[0]
    gguf.write(path, metadata, written)
    return path


def choose_prompt(path, form):
    """Random ids, token by token, each drawn again until it is clear. Returns a dict for the manifest."""
    rng = np.random.default_rng([SEED, zlib.crc32(form.name.encode()), 1])
    exact, engine = forward.Model(path), forward.Model(path, forward.Numerics("int8", kv_f16=True, form="call"))
    engine.call = (0, form.n_prompt)
    # llama.cpp rounds elsewhere, but should route alike too
    ggml = forward.Model(path, forward.Numerics("ggml"))
    sparse = isinstance(form.config, forms.Deepseek32)
    rounded = [] if form.types in gguf.FLOAT_TYPES and not sparse else [engine, ggml]
    ids, logits, margin, n_tries = [], [], np.inf, 0

    def is_clear(token):
        if len(ids) < N_CLEAR:
            forward.forward(engine, [token])
            if any(distance < MIN_DISTANCE[kind] for kind, distance in engine.ties.items()):
                return False
        logits.append(forward.forward(exact, [token]))
        if any(margin < MIN_MARGIN for _, margin in exact.routes):
            return False
        if any(margin < MIN_CHOICE_MARGIN for _, margin in exact.choices):
            return False
        decisions = exact.routes + exact.choices
        for model in rounded if decisions else []:
            model.n_past = len(ids)
            forward.forward(model, [token])
            if any(a != b for (a, _), (b, _) in zip(model.routes + model.choices, decisions)):
                return False
        return True

    while len(ids) < form.n_prompt:
        if n_tries > 500 * form.n_prompt:
            raise RuntimeError(f"{form.name}: no clear prompt found")
        token, n_tries = int(rng.integers(0, N_VOCAB)), n_tries + 1
        if is_clear(token):
            ids.append(token)
            margin = min([margin, *(m for _, m in exact.routes)])
        for model in (exact, engine, *rounded):
            model.n_past = len(ids)
    return {"prompt": ids, "n_clear": min(N_CLEAR, len(ids)), "logits_std": round(float(np.std(logits)), 3),
            "router_margin": None if np.isinf(margin) else round(margin, 4), "n_tries": n_tries}


def make(directory, form):
    """Writes one form. Returns its manifest entry."""
    path = write_model(os.path.join(directory, f"{form.name}.gguf"), form, form.config)
    types_used = sorted({tensor.type_name for tensor in gguf.Reader(path).tensors.values()})
    peer = form.peer and os.path.basename(path)
    if form.peer not in ("same", None):
        peer = f"{form.name}-peer.gguf"
        write_model(os.path.join(directory, peer), form, form.peer)
    return {"name": form.name, "file": os.path.basename(path), "arch": form.config.arch,
            "types": form.types, "types_used": types_used, "exercises": form.exercises, **choose_prompt(path, form),
            "peer": peer, "peer_note": form.peer_note}


def all_forms():
    return [*forms.all_forms(), *gqa_forms.all_forms()]


def make_all(directory):
    os.makedirs(directory, exist_ok=True)
    manifest = {"seed": SEED, "n_vocab": N_VOCAB, "models": [make(directory, form) for form in all_forms()]}
    with open(os.path.join(directory, "manifest.json"), "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1)
    return manifest


def load_manifest(directory):
    with open(os.path.join(directory, "manifest.json"), encoding="utf-8") as file:
        return json.load(file)


def is_current(directory):
    here, manifest = os.path.dirname(os.path.abspath(__file__)), os.path.join(directory, "manifest.json")
    names = ("tiny_models", "forms", "gqa_forms", "forward", "feed_forward", "architectures", "quants", "grid_quants", "gguf")
    sources = (os.path.join(here, f"{name}.py") for name in names)
    return os.path.exists(manifest) and os.path.getmtime(manifest) > max(map(os.path.getmtime, sources))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    directory = parser.parse_args().directory
    if is_current(directory):
        print(f"seed {SEED}: models in {directory} are current")
        return 0
    start = time.time()
    manifest = make_all(directory)
    for entry in manifest["models"]:
        margin = f"router margin {entry['router_margin']:.4f}" if entry["router_margin"] else "no router"
        print(f"{entry['name']:28} logits std {entry['logits_std']:.2f}  {margin:20}  "
              f"{entry['n_tries']} tries for {len(entry['prompt'])} tokens")
    print(f"seed {SEED}: {len(manifest['models'])} models in {time.time() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
