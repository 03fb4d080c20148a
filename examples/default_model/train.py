#!/usr/bin/env python3
# Trains the default model on conversations that are written while it learns.
#
# Matrices learn by Muon (momentum made orthogonal), embeddings, norms and routers by Adam.
# Worker processes of one thread each share the weights: every worker takes its rows of a batch,
# then updates its share of the parameters. They meet twice a step, which on a busy machine is
# several times faster than threads that meet at every matrix product.
# Give --steps for a repeatable run, or --seconds to end in time whatever else the machine does.
import argparse
import json
import math
import os
import time

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import torch
import torch.multiprocessing
import torch.nn.functional as F

import batches
import bpe
from model import Config, Model, count_parameters, document_mask

SHORT, LONG = (4, 256), (2, 512)        # rows x tokens of a worker; every fifth step is a long one
MTP_EVERY = 3                           # the MTP layer learns on every third step


def orthogonal(g, rounds=4):
    """Newton-Schulz towards the nearest matrix with orthonormal rows or columns, in batches."""
    tall = g.shape[-2] > g.shape[-1]
    x = g.transpose(-1, -2) if tall else g
    x = x / (x.flatten(-2).norm(dim=-1)[..., None, None] + 1e-7)
    for _ in range(rounds):
        a = x @ x.transpose(-1, -2)
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
    return x.transpose(-1, -2) if tall else x


class Muon:
    def __init__(self, params, momentum=0.95, weight_decay=0.05):
        self.params, self.momentum, self.weight_decay = params, momentum, weight_decay
        self.state = [torch.zeros_like(p) for p in params]

    @torch.no_grad()
    def step(self, lr):
        for p, m in zip(self.params, self.state):
            if p.grad is None:
                continue
            m.mul_(self.momentum).add_(p.grad)
            g = p.grad + self.momentum * m
            if p.dim() == 3 and p.shape[-1] == p.shape[-2]:     # gate and up side by side
                update = torch.cat([orthogonal(h) for h in g.chunk(2, -1)], -1)
                size = max(p.shape[-2], p.shape[-1] // 2)
            else:
                update, size = orthogonal(g), max(p.shape[-2:])
            p.mul_(1 - lr * self.weight_decay).add_(update, alpha=-lr * 0.2 * math.sqrt(size))
            p.grad = None


def share_of(model, rank, n_workers):
    """The matrices and other parameters that this worker updates, about equally much work for each."""
    shares = [([], []) for _ in range(n_workers)]
    load = [[0] * n_workers, [0] * n_workers]
    for name, p in sorted(model.named_parameters(), key=lambda np: (-np[1].numel(), np[0])):
        rest = int(p.dim() < 2 or "router" in name or "token_embd" in name)
        i = load[rest].index(min(load[rest]))
        load[rest][i] += p.numel() * p.shape[-1]
        shares[i][rest].append(p)
    return shares[rank]


def weighted_loss(model, hidden, targets, weights):
    """Cross entropy over the places that count."""
    places = weights > 0
    logits = model.head(hidden[places])
    loss = F.cross_entropy(logits, targets[places], reduction="none")
    return (loss * weights[places]).sum() / weights[places].sum()


def losses(model, batch, generator, with_mtp):
    tokens, spoken, document = batch
    mask = document_mask(document[:, :-1])
    hidden = model.trunk(tokens[:, :-1], mask)
    main = weighted_loss(model, hidden, tokens[:, 1:], batches.loss_weights(tokens, spoken, document, 1, generator))
    if not with_mtp:
        return main, None
    # The row of token t+1 sees the rows of earlier tokens of its dialogue.
    further = model.mtp_hidden(hidden[:, :-1], tokens[:, 1:-1], document_mask(document[:, 1:-1]))
    return main, weighted_loss(model, further, tokens[:, 2:], batches.loss_weights(tokens, spoken, document, 2, generator))


@torch.no_grad()
def validate(model, tokenizer, split):
    """Loss on answers of fresh conversations: (main, MTP)."""
    model.eval()
    packer = batches.Packer(tokenizer, 99, split)
    generator = torch.Generator().manual_seed(0)
    both = [losses(model, packer.batch(*SHORT), generator, True) for _ in range(2)]
    model.train()
    return [sum(x.item() for x in xs) / len(xs) for xs in zip(*both)]


def learning_rate(progress, step):
    """Up in 30 steps, level for a quarter, then down to zero."""
    return min(1, (step + 1) / 30) * min(1, (1 - progress) / 0.75)


class Team:
    """What the workers share: weights, one set of gradients each, losses and the meeting point."""

    def __init__(self, model, n_workers):
        self.model = model.share_memory()
        self.n_workers = n_workers
        self.grads = [{n: torch.zeros_like(p).share_memory_() for n, p in model.named_parameters()}
                      for _ in range(n_workers)]
        self.loads = torch.zeros(n_workers, len(model.moe_layers()), model.c.n_expert).share_memory_()
        self.losses = torch.zeros(n_workers, 2).share_memory_()
        self.progress = torch.zeros(1, dtype=torch.float64).share_memory_()
        self.barrier = torch.multiprocessing.get_context("fork").Barrier(n_workers)


def work(rank, team, tokenizer, args):
    torch.set_num_threads(1)
    if args.own_session:
        os.setsid()
    model = team.model
    names = {id(p): n for n, p in model.named_parameters()}
    matrices, rest = share_of(model, rank, team.n_workers)
    muon = Muon(matrices)
    adam = torch.optim.AdamW(rest, betas=(0.9, 0.98), weight_decay=0.0)
    packer = batches.Packer(tokenizer, args.seed * 1000 + rank)
    generator = torch.Generator().manual_seed(args.seed * 1000 + rank)
    # Loads are per worker: the module's own buffer is shared, so it must not collect them.
    for i, moe in enumerate(model.moe_layers()):
        moe.load = team.loads[rank, i]

    start = last_save = time.time()
    step = n_tokens = 0
    shown = []
    while True:
        if rank == 0:
            done = step / args.steps if args.steps else (time.time() - start) / args.seconds
            team.progress[0] = args.start_progress + (1 - args.start_progress) * done
        team.barrier.wait()
        progress = team.progress.item()
        if progress >= 1:
            break
        rate = learning_rate(progress, step)
        packer.writer.copying = args.copying_from <= progress < args.copying_to
        long = step % 5 == 4
        with_mtp = step % MTP_EVERY == 0
        batch = packer.batch(*(LONG if long else SHORT), long)
        main_loss, mtp_loss = losses(model, batch, generator, with_mtp)
        loss = main_loss
        if with_mtp:
            loss = loss + (0.3 if progress < 0.6 else 0.1) * mtp_loss
        loss.backward()
        for n, p in model.named_parameters():
            if p.grad is not None:
                team.grads[rank][n].copy_(p.grad)
        team.losses[rank, 0] = main_loss.item()
        team.losses[rank, 1] = mtp_loss.item() if with_mtp else 0
        team.barrier.wait()
        for p in matrices + rest:
            if p.grad is not None:
                p.grad = sum(g[names[id(p)]] for g in team.grads) / team.n_workers
        for group in adam.param_groups:
            group["lr"] = args.lr_rest * rate
        adam.step()
        muon.step(args.lr_matrix * rate)
        model.zero_grad(set_to_none=True)
        if rank == 0:
            update_biases(model, team.loads, 3e-3 * rate)
        step += 1
        n_tokens += batch[0].numel() * team.n_workers
        if rank == 0:
            loss, mtp = team.losses.mean(0).tolist()
            shown.append(loss)
            if step % 20 == 1:
                seconds = time.time() - start
                print(f"step {step} t {seconds:.0f}s tokens {n_tokens / 1e6:.2f}M ({n_tokens / seconds:.0f}/s) "
                      f"lr {rate:.2f} loss {sum(shown) / len(shown):.4f}" + (f" mtp {mtp:.3f}" if with_mtp else ""), flush=True)
                shown = []
        team.barrier.wait()
        if rank == 0 and time.time() - last_save > args.save_every:
            save(args.out, model, step, n_tokens)
            report(model, tokenizer, step)
            last_save = time.time()
    if rank == 0:
        save(args.out, model, step, n_tokens)
        report(model, tokenizer, step)


def update_biases(model, loads, speed):
    """V3's balancing without an auxiliary loss: overloaded experts become less likely."""
    for i, moe in enumerate(model.moe_layers()):
        load = loads[:, i].sum(0)
        if load.sum() > 0:
            moe.router_bias += speed * torch.sign(load.mean() - load)
    loads.zero_()


def main():
    p = argparse.ArgumentParser(description="Train the default model.")
    p.add_argument("--tokenizer", default="tokenizer.json")
    p.add_argument("--out", required=True, help="checkpoint file, rewritten every --save-every seconds")
    p.add_argument("--steps", type=int, help="length of training in steps")
    p.add_argument("--seconds", type=float, help="length of training in seconds, instead of --steps")
    p.add_argument("--resume", help="start from the weights of this checkpoint (momentum starts anew)")
    p.add_argument("--start-progress", type=float, default=0, help="where in the schedule of the learning rate to start")
    p.add_argument("--copying-from", type=float, default=0.1, help="progress from which many turns are about copying")
    p.add_argument("--copying-to", type=float, default=0.7)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--lr-matrix", type=float, default=5e-3)
    p.add_argument("--lr-rest", type=float, default=3e-3)
    p.add_argument("--workers", type=int, default=2)
    p.add_argument("--own-session", action="store_true",
                   help="a session for each worker: Linux then shares the processor out per worker")
    p.add_argument("--save-every", type=float, default=300)
    args = p.parse_args()
    if (args.steps is None) == (args.seconds is None):
        p.error("give either --steps or --seconds")

    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    tokenizer = bpe.Tokenizer.load(args.tokenizer)
    model = Model(Config(n_vocab=len(tokenizer.tokens)))
    if args.resume:
        model.load_state_dict(torch.load(args.resume)["model"])
    print(count_parameters(model), flush=True)
    team = Team(model, args.workers)
    torch.multiprocessing.start_processes(work, (team, tokenizer, args), args.workers, start_method="fork")


def report(model, tokenizer, step):
    line = {split: [round(x, 4) for x in validate(model, tokenizer, split)] for split in ("train", "wording")}
    print(f"step {step} held out (main, mtp): {json.dumps(line)}", flush=True)


def save(path, model, step, n_tokens):
    torch.save({"config": vars(model.c), "model": model.state_dict(), "step": step, "tokens": n_tokens}, path)


if __name__ == "__main__":
    main()
