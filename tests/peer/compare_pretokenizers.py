#!/usr/bin/env python3
"""Compares pre-tokenizers with the regular expressions as models publish them, run by another engine.

    compare_pretokenizers.py --tokenize-file PROGRAM --work DIR [--count N] [--seed N] [--only NAME]

Ours are written for PCRE2 and for linear time; these are the originals (tokenizer.json of the models, tokenization_kimi.py),
run by Oniguruma in npm's `tokenizers`. Random texts must be cut at the same bytes. Exit code 77 (skipped) without npm.
"""

import json
import os
import random
import sys

import compare_tokenizers

FOLDED = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
ENDS = r"\s*[\r\n]+|\s+(?!\S)|\s+"
CASED = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}%s]*[\p{Ll}\p{Lm}\p{Lo}\p{M}%s]+%s|" \
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}%s]+[\p{Ll}\p{Lm}\p{Lo}\p{M}%s]*%s|"


def cased(without="", suffix=""):
    return CASED % (without, without, suffix, without, without, suffix)


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CJK = r"[一-龥ࠀ-一가-퟿]+"
PUBLISHED = {
    "deepseek-coder": [r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", CJK, r"\p{N}"],
    "deepseek-v3": [r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
                    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"""
                    r""" ?[\p{P}\p{S}]+[\r\n]*|""" + ENDS],
    "qwen2": [FOLDED + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + ENDS],
    "qwen35": [FOLDED + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|" + ENDS],
    "llama-bpe": [FOLDED + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + ENDS],
    "gpt-4o": [cased("", FOLDED + "?") + r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + ENDS],
    "kimi-k2": [r"[\p{Han}]+|" + cased(r"&&[^\p{Han}]", FOLDED + "?") + r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + ENDS],
    "tekken": [cased() + r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + ENDS],
    "gpt-2": [GPT2],
    "starcoder": [r"\p{N}", GPT2],
    "seed-coder": [FOLDED + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|" + ENDS],
    "bailingmoe": [r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"],
}


def byte_level(stages):
    """A tokenizer.json whose tokens are bytes and whose words are the pieces of the stages."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    shifted = {byte: 256 + i for i, byte in enumerate(byte for byte in range(256) if byte not in printable)}
    vocab = {chr(shifted.get(byte, byte)): byte for byte in range(256)}
    splits = [{"type": "Split", "pattern": {"Regex": stage}, "behavior": "Isolated", "invert": False} for stage in stages]
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [*splits, {
            "type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}]},
        "post_processor": None, "decoder": None,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": vocab, "merges": []},
    }


def compare(name, program, work, count, seed):
    """Returns how many texts differ."""
    path = os.path.join(work, f"pieces-{name}.json")
    tokenizer = byte_level(PUBLISHED[name])
    with open(path, "w", encoding="utf-8") as file:
        json.dump(tokenizer, file)
    rng = random.Random(seed)
    texts = ["".join(compare_tokenizers.random_part(rng, ["々", "〇", "<x>"]) for _ in range(rng.randint(1, 16)))
             for _ in range(count)]
    return compare_tokenizers.count_differences(name, texts, [program, "--pieces", name, "--jsonl"], work, [path, "--pieces"])


if __name__ == "__main__":
    sys.exit(compare_tokenizers.main(__doc__.splitlines()[0], PUBLISHED, compare))
