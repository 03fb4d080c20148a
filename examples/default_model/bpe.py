#!/usr/bin/env python3
# A byte-level BPE tokenizer with DeepSeek-V3's splitting rule and chat tokens: trainer and coder.
#
# The trained tokenizer is a JSON file of tokens, their types and the merges, in the forms GGUF stores.
import argparse
import collections
import json

import regex

BOS, EOS, PAD = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>"
USER, ASSISTANT = "<｜User｜>", "<｜Assistant｜>"
THINK, THINK_END = "<think>", "</think>"
NORMAL, CONTROL, USER_DEFINED = 1, 3, 4
SPECIAL_FIRST = {BOS: CONTROL, EOS: CONTROL, PAD: CONTROL}
SPECIAL_LAST = {THINK: USER_DEFINED, THINK_END: USER_DEFINED, USER: CONTROL, ASSISTANT: CONTROL}

# Three stages: each splits the pieces that the one before left.
STAGES = [regex.compile(r) for r in (
    r"\p{N}{1,3}",
    r"[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+",
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""")]


def byte_map():
    """Every byte's printable stand-in, in the order of the bytes."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table, spare = {}, 256
    for b in range(256):
        if b in plain:
            table[b] = chr(b)
        else:
            table[b] = chr(spare)
            spare += 1
    return table


BYTES = byte_map()
UNBYTES = {c: b for b, c in BYTES.items()}


def pre_split(text):
    pieces = [text]
    for stage in STAGES:
        split = []
        for piece in pieces:
            end = 0
            for m in stage.finditer(piece):
                if m.start() > end:
                    split.append(piece[end:m.start()])
                split.append(m.group())
                end = m.end()
            if end < len(piece):
                split.append(piece[end:])
        pieces = split
    return pieces


def mapped(piece):
    return "".join(BYTES[b] for b in piece.encode())


def join_pair(symbols, pair):
    joined, i = [], 0
    while i < len(symbols):
        if i + 1 < len(symbols) and (symbols[i], symbols[i + 1]) == pair:
            joined.append(symbols[i] + symbols[i + 1])
            i += 2
        else:
            joined.append(symbols[i])
            i += 1
    return joined


def train(texts, n_vocab):
    """The most frequent pair becomes a token, again and again. Ties: the smaller pair of texts."""
    counts = collections.Counter(mapped(piece) for text in texts for piece in pre_split(text))
    words = [(list(word), n) for word, n in sorted(counts.items())]
    pairs, where = collections.Counter(), collections.defaultdict(set)
    for i, (symbols, n) in enumerate(words):
        for pair in zip(symbols, symbols[1:]):
            pairs[pair] += n
            where[pair].add(i)
    tokens = [*SPECIAL_FIRST, *BYTES.values()]
    merges = []
    while len(tokens) + len(SPECIAL_LAST) < n_vocab:
        best = max(pairs, key=lambda p: (pairs[p], p))
        if pairs[best] < 2:
            raise SystemExit(f"only {len(tokens)} tokens in this text: ask for a smaller vocabulary")
        merges.append(" ".join(best))
        if best[0] + best[1] not in tokens:
            tokens.append(best[0] + best[1])
        for i in list(where[best]):
            symbols, n = words[i]
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] -= n
                where[pair].discard(i)
            symbols = join_pair(symbols, best)
            words[i] = (symbols, n)
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += n
                where[pair].add(i)
        pairs += collections.Counter()      # drops what fell to zero
    tokens += SPECIAL_LAST
    types = [{**SPECIAL_FIRST, **SPECIAL_LAST}.get(t, NORMAL) for t in tokens]
    return {"tokens": tokens, "types": types, "merges": merges}


class Tokenizer:
    def __init__(self, data):
        self.tokens, self.types, self.merges = data["tokens"], data["types"], data["merges"]
        self.ids = {t: i for i, t in enumerate(self.tokens)}
        self.ranks = {tuple(m.split(" ")): i for i, m in enumerate(self.merges)}
        self.cache = {}
        self.bos, self.eos, self.pad = self.ids[BOS], self.ids[EOS], self.ids[PAD]
        self.user, self.assistant = self.ids[USER], self.ids[ASSISTANT]

    @classmethod
    def load(cls, path):
        with open(path, encoding="utf-8") as f:
            return cls(json.load(f))

    def encode_piece(self, piece):
        if piece not in self.cache:
            symbols = list(mapped(piece))
            while len(symbols) > 1:
                pair = min(zip(symbols, symbols[1:]), key=lambda p: self.ranks.get(p, 1 << 30))
                if pair not in self.ranks:
                    break
                symbols = join_pair(symbols, pair)
            self.cache[piece] = [self.ids[s] for s in symbols]
        return self.cache[piece]

    def encode(self, text):
        """Plain text: only the user-defined tokens (<think>, </think>) are looked for in it."""
        ids = []
        for part in regex.split("(</?think>)", text):
            if part in (THINK, THINK_END):
                ids.append(self.ids[part])
            else:
                for piece in pre_split(part):
                    ids += self.encode_piece(piece)
        return ids

    def decode(self, ids):
        out = b""
        for i in ids:
            if self.types[i] == NORMAL:
                out += bytes(UNBYTES[c] for c in self.tokens[i])
            elif self.types[i] == USER_DEFINED:
                out += self.tokens[i].encode()
        return out.decode("utf-8", "replace")

    def prompt(self, system, turns, question):
        """BOS{system}<｜User｜>{u}<｜Assistant｜>{a}EOS...<｜User｜>{question}<｜Assistant｜>"""
        ids = [self.bos] + self.encode(system)
        for user, answer in turns:
            ids += [self.user] + self.encode(user) + [self.assistant] + self.encode(answer) + [self.eos]
        return ids + [self.user] + self.encode(question) + [self.assistant]


def main():
    p = argparse.ArgumentParser(description="Train the tokenizer on generated conversations.")
    p.add_argument("--out", required=True)
    p.add_argument("--vocab", type=int, default=2048)
    p.add_argument("--conversations", type=int, default=6000)
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    import dialogue
    import world
    writer = dialogue.Writer(args.seed)
    texts = []
    for _ in range(args.conversations):
        c = writer.conversation(5)
        texts += [c.system] + [x for t in c.turns for x in (t.user, t.answer)]
    # Names as such, so that even rare ones are short.
    texts += [f"I am {name}." for name in world.PLAYERS for _ in range(20)]
    data = train(texts, args.vocab)
    with open(args.out, "w", encoding="utf-8") as f:
        json.dump(data, f, ensure_ascii=False, indent=0)
    t = Tokenizer(data)
    n = sum(len(t.encode(x)) for x in texts)
    size = sum(len(x.encode()) for x in texts)
    print(f"{len(t.tokens)} tokens, {len(t.merges)} merges, {size / n:.2f} bytes per token")


if __name__ == "__main__":
    main()
