#!/usr/bin/env python3
# Conversations packed into rows of tokens, written on the fly: no training text on disk.
import argparse

import torch

import bpe
import dialogue

# How much the loss counts a token: answers fully, everything else now and then.
ANSWER_WEIGHT, OTHER_WEIGHT, OTHER_SHARE = 1.0, 0.3, 0.2


def encode(tokenizer, conversation, n_max):
    """Token ids and which of them the villager says; ends with the last turn that fits."""
    ids = [tokenizer.bos] + tokenizer.encode(conversation.system)
    spoken = [False] * len(ids)
    for t in conversation.turns:
        question = [tokenizer.user] + tokenizer.encode(t.user) + [tokenizer.assistant]
        answer = tokenizer.encode(t.answer) + [tokenizer.eos]
        if len(ids) + len(question) + len(answer) > n_max:
            break
        ids += question + answer
        spoken += [False] * len(question) + [True] * len(answer)
    return ids, spoken


class Packer:
    """Rows of n_row tokens. A long row may hold one conversation that fills it."""

    def __init__(self, tokenizer, seed, split="train"):
        self.tokenizer = tokenizer
        self.writer = dialogue.Writer(seed, split)
        self.waiting = []

    def row(self, n_row, long):
        ids, spoken, document = [], [], []
        while n_row - len(ids) > 50:
            n_turns = 24 if long and not ids else self.writer.rng.choice((1, 2, 3, 4, 6, 9))
            c = self.writer.conversation(n_turns)
            new, says = encode(self.tokenizer, c, n_row - len(ids))
            if not any(says):
                break
            document += [len(document)] * len(new)
            ids += new
            spoken += says
        rest = n_row - len(ids)
        return (ids + [self.tokenizer.pad] * rest, spoken + [False] * rest, document + [-1] * rest)

    def batch(self, n_rows, n_row, long=False):
        """tokens, spoken, document: [n_rows, n_row] each; document -1 is padding."""
        rows = [self.row(n_row, long) for _ in range(n_rows)]
        return tuple(torch.tensor(x) for x in zip(*rows))


def loss_weights(tokens, spoken, document, ahead, generator):
    """Weights of predicting the token `ahead` places on, from each place."""
    n = tokens.shape[1] - ahead
    same = (document[:, ahead:] == document[:, :n]) & (document[:, :n] >= 0)
    answer = spoken[:, ahead:] & same
    other = same & ~answer & (torch.rand(same.shape, generator=generator) < OTHER_SHARE)
    return answer * ANSWER_WEIGHT + other * OTHER_WEIGHT


if __name__ == "__main__":
    p = argparse.ArgumentParser(description="Show one packed row.")
    p.add_argument("--tokenizer", default="tokenizer.json")
    args = p.parse_args()
    t = bpe.Tokenizer.load(args.tokenizer)
    tokens, spoken, document = Packer(t, 1).batch(1, 256)
    print("".join(t.tokens[i] for i in tokens[0]), "\nspoken:", int(spoken.sum()), "padding:", int((document < 0).sum()))
