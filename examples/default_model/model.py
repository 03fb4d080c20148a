#!/usr/bin/env python3
# The network: a small deepseek2 model of V3's design, with one MTP layer, in plain PyTorch.
#
# MLA with low-rank queries, a sigmoid router whose selection bias balances the experts,
# one shared expert, one leading dense layer, tied embeddings. Parameter names follow the
# GGUF tensor names, so that export is a renaming and not a puzzle.
import argparse
import dataclasses

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclasses.dataclass
class Config:
    n_vocab: int = 2048
    n_ctx: int = 512
    n_embd: int = 256
    n_layer: int = 4            # main layers; the MTP layer comes on top
    n_layer_dense: int = 1
    n_ff: int = 768             # dense layer
    n_head: int = 8
    q_lora: int = 256
    kv_lora: int = 256
    d_nope: int = 32
    d_rope: int = 32
    d_v: int = 32
    n_expert: int = 16
    n_expert_used: int = 2
    n_expert_shared: int = 1
    n_ff_expert: int = 128
    expert_scale: float = 1.0
    rope_base: float = 10000.0
    eps: float = 1e-6


def rms_norm(x, weight, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def rope(x, cos, sin):
    """Rotates adjacent pairs; cos and sin are [positions, d/2]."""
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)


def linear(n_in, n_out):
    return nn.Linear(n_in, n_out, bias=False)


def norm_weight(n):
    return nn.Parameter(torch.ones(n))


class Attention(nn.Module):
    """Multi-head latent attention, keys and values expanded from the latent."""

    def __init__(self, c):
        super().__init__()
        self.c = c
        d_qk = c.d_nope + c.d_rope
        self.attn_q_a = linear(c.n_embd, c.q_lora)
        self.attn_q_a_norm = norm_weight(c.q_lora)
        self.attn_q_b = linear(c.q_lora, c.n_head * d_qk)
        self.attn_kv_a_mqa = linear(c.n_embd, c.kv_lora + c.d_rope)
        self.attn_kv_a_norm = norm_weight(c.kv_lora)
        self.attn_kv_b = linear(c.kv_lora, c.n_head * (c.d_nope + c.d_v))
        self.attn_output = linear(c.n_head * c.d_v, c.n_embd)

    def forward(self, x, cos, sin, mask, cache=None):
        c = self.c
        n_batch, n_new, _ = x.shape
        q = self.attn_q_b(rms_norm(self.attn_q_a(x), self.attn_q_a_norm, c.eps))
        q = q.view(n_batch, n_new, c.n_head, -1).transpose(1, 2)
        latent, k_rope = self.attn_kv_a_mqa(x).split([c.kv_lora, c.d_rope], -1)
        latent = rms_norm(latent, self.attn_kv_a_norm, c.eps)
        k_rope = rope(k_rope, cos, sin)
        kv = self.attn_kv_b(latent).view(n_batch, n_new, c.n_head, -1).transpose(1, 2)
        k_nope, v = kv.split([c.d_nope, c.d_v], -1)
        k_rope = k_rope.unsqueeze(1).expand(n_batch, c.n_head, n_new, c.d_rope)
        k = torch.cat((k_nope, k_rope), -1)
        q_nope, q_rope = q.split([c.d_nope, c.d_rope], -1)
        q = torch.cat((q_nope, rope(q_rope, cos, sin)), -1) * (c.d_nope + c.d_rope) ** -0.5
        if cache is not None:
            if cache:
                k = torch.cat((cache[0], k), 2)
                v = torch.cat((cache[1], v), 2)
            cache[:] = [k, v]
        weights = F.softmax(q @ k.transpose(-1, -2) + mask, -1)
        return self.attn_output((weights @ v).transpose(1, 2).reshape(n_batch, n_new, -1))


class FeedForward(nn.Module):
    def __init__(self, n_embd, n_ff):
        super().__init__()
        self.gate = linear(n_embd, n_ff)
        self.up = linear(n_embd, n_ff)
        self.down = linear(n_ff, n_embd)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x))


class MixtureOfExperts(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.router = linear(c.n_embd, c.n_expert)
        # Only the choice of experts sees this bias, never their weights, and no gradient
        # reaches it: training moves it against the load after each batch.
        self.register_buffer("router_bias", torch.zeros(c.n_expert))
        self.load = torch.zeros(c.n_expert)
        self.gate_up = nn.Parameter(torch.empty(c.n_expert, c.n_embd, 2 * c.n_ff_expert))
        self.down = nn.Parameter(torch.empty(c.n_expert, c.n_ff_expert, c.n_embd))
        self.shared = FeedForward(c.n_embd, c.n_ff_expert * c.n_expert_shared)

    def forward(self, x):
        c = self.c
        flat = x.reshape(-1, c.n_embd)
        score = torch.sigmoid(self.router(flat))
        chosen = (score.detach() + self.router_bias).topk(c.n_expert_used, -1).indices
        weight = score.gather(1, chosen)
        weight = weight / weight.sum(-1, keepdim=True) * c.expert_scale
        order = chosen.reshape(-1).argsort(stable=True)
        count = torch.bincount(chosen.reshape(-1), minlength=c.n_expert)
        if self.training:
            self.load += count.float()
        token = order // c.n_expert_used
        parts = flat[token].split(count.tolist())
        results = []
        for rows, gate_up, down in zip(parts, self.gate_up.unbind(0), self.down.unbind(0)):
            gate, up = (rows @ gate_up).chunk(2, -1)
            results.append((F.silu(gate) * up) @ down)
        routed = torch.cat(results) * weight.reshape(-1)[order].unsqueeze(1)
        out = torch.zeros_like(flat).index_add_(0, token, routed) + self.shared(flat)
        return out.view(x.shape)


class Block(nn.Module):
    def __init__(self, c, dense):
        super().__init__()
        self.c = c
        self.attn_norm = norm_weight(c.n_embd)
        self.attn = Attention(c)
        self.ffn_norm = norm_weight(c.n_embd)
        self.ffn = FeedForward(c.n_embd, c.n_ff) if dense else MixtureOfExperts(c)

    def forward(self, x, cos, sin, mask, cache=None):
        x = x + self.attn(rms_norm(x, self.attn_norm, self.c.eps), cos, sin, mask, cache)
        return x + self.ffn(rms_norm(x, self.ffn_norm, self.c.eps))


class MtpLayer(nn.Module):
    """Predicts token t+2 from the trunk's hidden state at t and the embedding of token t+1."""

    def __init__(self, c):
        super().__init__()
        self.c = c
        self.enorm = norm_weight(c.n_embd)
        self.hnorm = norm_weight(c.n_embd)
        self.eh_proj = linear(2 * c.n_embd, c.n_embd)
        self.block = Block(c, dense=False)
        self.shared_head_norm = norm_weight(c.n_embd)

    def forward(self, hidden, next_embedding, cos, sin, mask):
        both = torch.cat((rms_norm(next_embedding, self.enorm, self.c.eps),
                          rms_norm(hidden, self.hnorm, self.c.eps)), -1)
        x = self.block(self.eh_proj(both), cos, sin, mask)
        return rms_norm(x, self.shared_head_norm, self.c.eps)


class Model(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.token_embd = nn.Embedding(c.n_vocab, c.n_embd)
        self.blocks = nn.ModuleList(Block(c, i < c.n_layer_dense) for i in range(c.n_layer))
        self.output_norm = norm_weight(c.n_embd)
        self.mtp = MtpLayer(c)
        pairs = torch.arange(0, c.d_rope, 2).float()
        angles = torch.outer(torch.arange(2 * c.n_ctx).float(), c.rope_base ** (-pairs / c.d_rope))
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        for name, p in self.named_parameters():
            if p.dim() > 1:
                nn.init.normal_(p, 0, 0.02)
                if name.endswith(("attn_output.weight", "down.weight", ".down")):
                    p.data *= (2 * c.n_layer) ** -0.5

    def rope_at(self, start, n):
        return self.cos[start:start + n], self.sin[start:start + n]

    def trunk(self, tokens, mask, start=0, caches=None):
        """Hidden states after output_norm. `mask` is added to the scores: [*, new, all]."""
        x = self.token_embd(tokens)
        cos, sin = self.rope_at(start, tokens.shape[1])
        for i, block in enumerate(self.blocks):
            x = block(x, cos, sin, mask, caches[i] if caches is not None else None)
        return rms_norm(x, self.output_norm, self.c.eps)

    def head(self, hidden):
        return hidden @ self.token_embd.weight.t()

    def mtp_hidden(self, hidden, next_tokens, mask):
        """Row t holds what the MTP layer thinks of token t+2 (positions run from 1)."""
        cos, sin = self.rope_at(1, next_tokens.shape[1])
        return self.mtp(hidden, self.token_embd(next_tokens), cos, sin, mask)

    def moe_layers(self):
        return [m for m in self.modules() if isinstance(m, MixtureOfExperts)]


def causal_mask(n):
    return torch.full((n, n), float("-inf")).triu(1)


def document_mask(document):
    """[batch, 1, n, n] for packed rows: a token sees the earlier tokens of its own dialogue."""
    same = document.unsqueeze(2) == document.unsqueeze(1)
    n = document.shape[1]
    allowed = same & torch.ones(n, n, dtype=torch.bool).tril()
    return torch.zeros(allowed.shape).masked_fill_(~allowed, float("-inf")).unsqueeze(1)


def count_parameters(model):
    total = sum(p.numel() for p in model.parameters())
    mtp = sum(p.numel() for p in model.mtp.parameters())
    c = model.c
    idle = (c.n_expert - c.n_expert_used) * 3 * c.n_embd * c.n_ff_expert
    return {"total": total, "mtp": mtp,
            "active per token, without mtp": total - mtp - (c.n_layer - c.n_layer_dense) * idle}


if __name__ == "__main__":
    argparse.ArgumentParser(description="Print the parameter counts of the default model.").parse_args()
    for name, n in count_parameters(Model(Config())).items():
        print(f"{name}: {n:,}")
