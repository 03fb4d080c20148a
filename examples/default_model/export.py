#!/usr/bin/env python3
# Checkpoint -> GGUF file of architecture deepseek2, and back into a PyTorch model.
import argparse
import os

import numpy as np
import torch

import bpe
import gguf_file as gguf
from model import Config, Model

NAME = "Willowbrook"
TYPES = {"F32": (gguf.F32, 0), "F16": (gguf.F16, 1), "Q8_0": (gguf.Q8_0, 7)}    # tensor type, file type

# V3's format: system texts first, then the turns; nothing is trimmed.
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for m in messages %}{% if m['role'] == 'system' %}{{ m['content'] }}{% endif %}{% endfor %}"
    "{% for m in messages %}"
    "{% if m['role'] == 'user' %}{{ '<｜User｜>' + m['content'] }}"
    "{% elif m['role'] == 'assistant' %}{{ '<｜Assistant｜>' + m['content'] + '<｜end▁of▁sentence｜>' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}")


def keys(c, tokenizer, file_type, with_mtp):
    a = "deepseek2."
    k = {
        "general.architecture": "deepseek2", "general.type": "model", "general.name": NAME,
        "general.author": "Coterie", "general.license": "MIT", "general.size_label": "16x0.2M",
        "general.description": "Villagers of Willowbrook: a small model of DeepSeek-V3's design for tests and first steps.",
        "general.quantization_version": 2, "general.file_type": file_type,
        a + "block_count": c.n_layer + with_mtp, a + "context_length": c.n_ctx, a + "embedding_length": c.n_embd,
        a + "feed_forward_length": c.n_ff, a + "attention.head_count": c.n_head, a + "attention.head_count_kv": 1,
        a + "rope.freq_base": c.rope_base, a + "rope.scaling.type": "none", a + "rope.dimension_count": c.d_rope,
        a + "attention.layer_norm_rms_epsilon": c.eps,
        a + "attention.q_lora_rank": c.q_lora, a + "attention.kv_lora_rank": c.kv_lora,
        a + "attention.key_length": c.kv_lora + c.d_rope, a + "attention.value_length": c.kv_lora,
        a + "attention.key_length_mla": c.d_nope + c.d_rope, a + "attention.value_length_mla": c.d_v,
        a + "leading_dense_block_count": c.n_layer_dense, a + "vocab_size": c.n_vocab,
        a + "expert_count": c.n_expert, a + "expert_used_count": c.n_expert_used,
        a + "expert_shared_count": c.n_expert_shared, a + "expert_feed_forward_length": c.n_ff_expert,
        a + "expert_group_count": 1, a + "expert_group_used_count": 1,
        a + "expert_weights_scale": c.expert_scale, a + "expert_weights_norm": True, a + "expert_gating_func": 2,
    }
    if with_mtp:
        k[a + "nextn_predict_layers"] = 1
    t = "tokenizer.ggml."
    k.update({
        t + "model": "gpt2", t + "pre": "deepseek-v3", t + "tokens": tokenizer.tokens,
        t + "token_type": tokenizer.types, t + "merges": tokenizer.merges,
        t + "bos_token_id": tokenizer.bos, t + "eos_token_id": tokenizer.eos, t + "padding_token_id": tokenizer.pad,
        t + "add_bos_token": True, t + "add_eos_token": False, "tokenizer.chat_template": CHAT_TEMPLATE})
    return k


# (GGUF name, module path) of the tensors that need no rearrangement; norms stay F32.
ATTENTION = ("attn_q_a", "attn_q_b", "attn_kv_a_mqa", "attn_output")
ATTENTION_NORMS = ("attn_q_a_norm", "attn_kv_a_norm")


def block_tensors(c, sd, path, out, kind):
    """One layer. `sd` maps parameter names to arrays, `path` is the layer's place in it."""
    t = [(out + "attn_norm.weight", sd[path + "attn_norm"], gguf.F32)]
    t += [(out + n + ".weight", sd[f"{path}attn.{n}.weight"], kind) for n in ATTENTION]
    t += [(out + n + ".weight", sd[f"{path}attn.{n}"], gguf.F32) for n in ATTENTION_NORMS]
    kv = sd[path + "attn.attn_kv_b.weight"].reshape(c.n_head, c.d_nope + c.d_v, c.kv_lora)
    t += [(out + "attn_k_b.weight", kv[:, :c.d_nope].transpose(0, 2, 1), kind),
          (out + "attn_v_b.weight", kv[:, c.d_nope:], kind),
          (out + "ffn_norm.weight", sd[path + "ffn_norm"], gguf.F32)]
    f = path + "ffn."
    if f + "router.weight" not in sd:
        return t + [(f"{out}ffn_{n}.weight", sd[f"{f}{n}.weight"], kind) for n in ("gate", "up", "down")]
    gate_up = sd[f + "gate_up"].transpose(0, 2, 1)
    t += [(out + "ffn_gate_inp.weight", sd[f + "router.weight"], gguf.F32),
          (out + "exp_probs_b.bias", sd[f + "router_bias"], gguf.F32),
          (out + "ffn_gate_exps.weight", gate_up[:, :c.n_ff_expert], kind),
          (out + "ffn_up_exps.weight", gate_up[:, c.n_ff_expert:], kind),
          (out + "ffn_down_exps.weight", sd[f + "down"].transpose(0, 2, 1), kind)]
    return t + [(f"{out}ffn_{n}_shexp.weight", sd[f"{f}shared.{n}.weight"], kind) for n in ("gate", "up", "down")]


def tensors(c, sd, kind, with_mtp):
    t = [("token_embd.weight", sd["token_embd.weight"], kind), ("output_norm.weight", sd["output_norm"], gguf.F32)]
    for i in range(c.n_layer):
        t += block_tensors(c, sd, f"blocks.{i}.", f"blk.{i}.", kind)
    if with_mtp:
        out = f"blk.{c.n_layer}."
        t += block_tensors(c, sd, "mtp.block.", out, kind)
        t += [(out + "nextn.eh_proj.weight", sd["mtp.eh_proj.weight"], kind)]
        t += [(f"{out}nextn.{n}.weight", sd["mtp." + n], gguf.F32) for n in ("enorm", "hnorm", "shared_head_norm")]
    return t


def load_checkpoint(path):
    saved = torch.load(path, map_location="cpu")
    model = Model(Config(**saved["config"]))
    model.load_state_dict(saved["model"])
    return model.eval()


def load_gguf(path):
    """(model, tokenizer) with the file's weights in float32. A file without MTP keeps that layer's first weights."""
    r = gguf.Reader(path)
    get = lambda k: r.keys["deepseek2." + k]
    n_mtp = r.keys.get("deepseek2.nextn_predict_layers", 0)
    d_rope = get("rope.dimension_count")
    c = Config(
        n_vocab=get("vocab_size"), n_ctx=get("context_length"), n_embd=get("embedding_length"),
        n_layer=get("block_count") - n_mtp, n_layer_dense=get("leading_dense_block_count"),
        n_ff=get("feed_forward_length"), n_head=get("attention.head_count"), q_lora=get("attention.q_lora_rank"),
        kv_lora=get("attention.kv_lora_rank"), d_nope=get("attention.key_length_mla") - d_rope, d_rope=d_rope,
        d_v=get("attention.value_length_mla"), n_expert=get("expert_count"), n_expert_used=get("expert_used_count"),
        n_expert_shared=get("expert_shared_count"), n_ff_expert=get("expert_feed_forward_length"),
        expert_scale=get("expert_weights_scale"), rope_base=get("rope.freq_base"),
        eps=get("attention.layer_norm_rms_epsilon"))
    model = Model(c)
    # The writer above, run on the model's own parameters, says where each tensor belongs.
    parameters = {n: p.detach().numpy() for n, p in model.state_dict().items()}
    for name, place, _ in tensors(c, parameters, gguf.F32, bool(n_mtp)):
        np.copyto(place, r.tensor(name))
    data = {k: r.keys["tokenizer.ggml." + n] for k, n in (("tokens", "tokens"), ("types", "token_type"), ("merges", "merges"))}
    return model.eval(), bpe.Tokenizer(data)


def main():
    p = argparse.ArgumentParser(description="Write a checkpoint as a GGUF file.")
    p.add_argument("--checkpoint", required=True)
    p.add_argument("--tokenizer", default="tokenizer.json")
    p.add_argument("--out", required=True)
    p.add_argument("--type", default="Q8_0", choices=TYPES)
    p.add_argument("--no-mtp", action="store_true", help="leave the MTP layer out, for engines that do not know it")
    args = p.parse_args()
    model = load_checkpoint(args.checkpoint)
    tokenizer = bpe.Tokenizer.load(args.tokenizer)
    sd = {n: x.numpy() for n, x in model.state_dict().items()}
    kind, file_type = TYPES[args.type]
    gguf.write(args.out, keys(model.c, tokenizer, file_type, not args.no_mtp), tensors(model.c, sd, kind, not args.no_mtp))
    print(f"{args.out}: {os.path.getsize(args.out):,} bytes")


if __name__ == "__main__":
    main()
