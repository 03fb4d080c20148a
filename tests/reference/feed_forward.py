"""Feed-forward networks of the reference: dense ones, and mixtures of experts with their routers.

w: forward.Model. As forward.py: float64, written from papers and format descriptions only.
"""

import math

import numpy as np

from architectures import SELECTED_SOFTMAX, SIGMOID, SOFTMAX


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def silu(x):
    return x * sigmoid(x)


def swiglu_oai(gate, up):
    """The activation of gpt-oss (torch/model.py swiglu): alpha 1.702, limit 7."""
    gate, up = np.minimum(gate, 7), np.clip(up, -7, 7)
    return gate * sigmoid(1.702 * gate) * (up + 1)


def swiglu(w, prefix, suffix, x):
    """down(silu(gate x) * up x)"""
    hidden = silu(w.linear(f"{prefix}ffn_gate{suffix}", x)) * w.linear(f"{prefix}ffn_up{suffix}", x)
    return w.linear(f"{prefix}ffn_down{suffix}", hidden)


def top_k(scores, k):
    """Indices of the k largest of a vector, ties: lower index first; and the scores of the last and the next one."""
    order = np.argsort(-scores, kind="stable")
    return order[:k], scores[order[k - 1]], scores[order[k]] if k < len(scores) else -np.inf


def route(w, prefix, x):
    """One token x [n_embd] -> (expert ids, their weights, margin of the choice).

    Probabilities are a softmax or a sigmoid of the logits; gpt-oss chooses by the logits themselves, and the weights are
    the softmax of the chosen ones (torch/model.py MLPBlock).

    The routers of DeepSeek-V2 (softmax, no bias) and V3 (sigmoid, "noaux_tc"), as in DeepSeek-V3 model.py Gate: a bias
    takes part in the choice only; groups are ranked by their best expert, with a bias by the sum of their two best
    biased scores; experts of other groups cannot be chosen.
    """
    names = (f"{prefix}exp_probs_b{suffix}" for suffix in (".bias", ".weight", ""))
    biases = [name for name in names if w.has(name)]
    # Files of V2 (softmax) and some of GLM-4.7-Flash do not say; the latter have the bias that goes with a sigmoid.
    gating = w.key("expert_gating_func", 0) or (SIGMOID if biases else w.kind.gating)

    def lead(last, following):
        # In units of a sigmoid, whose slope is at most 1/4 of a logit; a ratio of softmax values is a logit.
        if gating == SOFTMAX:
            return math.log(last / following) / 4 if following > 0 else np.inf
        return (last - following) / (4 if gating == SELECTED_SOFTMAX else 1)

    logits = w.get(f"{prefix}ffn_gate_inp.weight") @ x
    if w.has(f"{prefix}ffn_gate_inp.bias"):
        logits = logits + w.get(f"{prefix}ffn_gate_inp.bias")
    probs = {SOFTMAX: softmax, SIGMOID: sigmoid, SELECTED_SOFTMAX: lambda x: x}[gating](logits)
    selection = probs
    for bias in biases:
        selection = probs + w.get(bias)
    n_group, group_margin = w.key("expert_group_count", 1), np.inf
    if n_group > 1:
        groups = selection.reshape(n_group, -1)
        best = np.sort(groups, 1)[:, ::-1]
        group_scores = best[:, 0] if selection is probs else best[:, :2].sum(1)
        chosen, *around = top_k(group_scores, w.key("expert_group_used_count"))
        group_margin = lead(*around)
        masked = np.full_like(groups, -np.inf)
        masked[chosen] = groups[chosen]
        selection = masked.reshape(-1)
    ids, *around = top_k(selection, w.key("expert_used_count"))
    weights = softmax(probs[ids]) if gating == SELECTED_SOFTMAX else probs[ids]
    if w.key("expert_weights_norm", w.kind.normalised):
        weights = weights / max(weights.sum(), 2.0 ** -14)
    return ids, weights * (w.key("expert_weights_scale", 0.0) or 1.0), min(lead(*around), group_margin)


def expert(w, prefix, e, x):
    """Expert e of the stacks, or in tensors of its own; gate and up may be fused: rows 0..n-1 are gate, the rest up."""
    def product(part, x):
        if w.has(f"{prefix}ffn_{part}.{e}.weight"):
            return w.linear(f"{prefix}ffn_{part}.{e}", x)
        name = f"{prefix}ffn_{part}_exps"
        y = w.get(f"{name}.weight")[e] @ w.activations(f"{name}.weight", x)
        return y + w.get(f"{name}.bias")[e] if w.has(f"{name}.bias") else y

    if w.has(f"{prefix}ffn_gate_up_exps.weight"):
        gate, up = np.split(product("gate_up", x), 2)
    else:
        gate, up = product("gate", x), product("up", x)
    return product("down", swiglu_oai(gate, up) if w.kind.swiglu_oai else silu(gate) * up)


def moe(w, prefix, x):
    out = np.zeros_like(x)
    for t in range(len(x)):
        ids, weights, margin = route(w, prefix, x[t])
        w.routes.append((tuple(sorted(ids)), margin))
        for e, weight in zip(ids, weights):
            out[t] += weight * expert(w, prefix, e, x[t])
    if w.has(f"{prefix}ffn_gate_shexp.weight"):
        shared = swiglu(w, prefix, "_shexp", x)
        if w.has(f"{prefix}ffn_gate_inp_shexp.weight"):  # Qwen2-MoE
            shared = shared * sigmoid(x @ w.get(f"{prefix}ffn_gate_inp_shexp.weight"))[:, None]
        out += shared
    return out
