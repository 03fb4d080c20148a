#!/usr/bin/env python3
# Greedy answers of the PyTorch model: the yardstick for the C++ engine, and a way to talk to a checkpoint.
import argparse

import torch

import bpe
import export


@torch.no_grad()
def greedy(model, prompts, n_max, stop=()):
    """Continues token lists. Returns (token lists, by how much each chosen logit led the second)."""
    n_batch, n_prompt = len(prompts), max(map(len, prompts))
    # Filled up on the left with tokens nobody may look at: rope only sees distances, so nothing moves.
    shift = [n_prompt - len(p) for p in prompts]
    tokens = torch.tensor([[0] * s + p for s, p in zip(shift, prompts)])
    hidden_keys = torch.zeros(n_batch, 1, 1, n_prompt + n_max)
    for i, s in enumerate(shift):
        hidden_keys[i, ..., :s] = -1e30
    causal = torch.full((n_prompt, n_prompt), float("-inf")).triu(1)
    caches = [[] for _ in model.blocks]
    hidden = model.trunk(tokens, hidden_keys[..., :n_prompt] + causal, 0, caches)
    out, leads, done = [[] for _ in prompts], [[] for _ in prompts], [False] * n_batch
    for i in range(n_max):
        top = model.head(hidden[:, -1]).topk(2, -1)
        chosen = top.indices[:, 0]
        for b, token in enumerate(chosen.tolist()):
            if done[b]:
                continue
            done[b] = token in stop
            if not done[b]:
                out[b].append(token)
                leads[b].append((top.values[b, 0] - top.values[b, 1]).item())
        if all(done) or i + 1 == n_max:
            break
        at = n_prompt + i
        hidden = model.trunk(chosen.unsqueeze(1), hidden_keys[..., :at + 1], at, caches)
    return out, leads


def load(path, tokenizer_path="tokenizer.json"):
    if path.endswith(".gguf"):
        return export.load_gguf(path)
    return export.load_checkpoint(path), bpe.Tokenizer.load(tokenizer_path)


def main():
    p = argparse.ArgumentParser(description="Talk to the PyTorch model.")
    p.add_argument("model", help="checkpoint or GGUF file")
    p.add_argument("--system", default="")
    p.add_argument("questions", nargs="+", help="one turn each")
    args = p.parse_args()
    torch.set_num_threads(1)
    model, tokenizer = load(args.model)
    turns = []
    for question in args.questions:
        out, _ = greedy(model, [tokenizer.prompt(args.system, turns, question)], 80, {tokenizer.eos})
        turns.append((question, tokenizer.decode(out[0])))
        print(f"> {question}\n{turns[-1][1]}")


if __name__ == "__main__":
    main()
