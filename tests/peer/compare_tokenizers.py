#!/usr/bin/env python3
"""Compares tokenizers of real models with Hugging Face's on random texts: every id must be the same.

    compare_tokenizers.py --tokenize-file PROGRAM --work DIR [--count N] [--seed N] [--only NAME]

The vocabularies of tests/text/vocabularies.py, against npm's `tokenizers` (Hugging Face's Rust library) with the same
tokenizer.json. Texts are normalised first where that file asks for it, as GGUF files know no normalisation. Exit code 77
(skipped) when npm cannot install it.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import unicodedata

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "text"))

import npm  # noqa: E402
import vocabularies  # noqa: E402

PACKAGE = "tokenizers@0.23.2"

ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789½²Ⅷ٣४",
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "¡¿«»—…‘’“”€£©®°±×÷、。「」！？（）",
    " \n", " \t\n\r\v\f\u0085\u00a0\u1680\u180e\u2003\u2028\u2029\u202f\u205f\u3000\u200b\ufeff",
    "éüßñøåčžÄÖÜ", "a\u0301e\u0308\u20d7\u0e31", "абвгдеёжзЖЩЯ", "αβγδωΩΣ", "中文字東京国語一龥龦㐀", "ぁあんァタワー゛ゝ々",
    "한국어가힣ᄀ", "ابتثني", "अआकखगघि्", "กขฃสระำ", "😀🚀👩‍👧👍🏽🇩🇪❤️", "\x00\x01\x1f\x7f\x80\ufffd\ufffe\U0010ffff",
]
WORDS = ("I'm DON'T we've they'll it's the The of and DeepSeek ChatGPT int main() return -> :: // /* */ == != <= 3.14 "
         "1e-9 http://example.com/path?q=1 foo_bar fooBar __init__ {\"key\": [1, 2]} <div class='x'> \\n %s #include"
         ).split(" ")
# Of an older standard than either side's tables, so that both know every one.
ASSIGNED = [chr(c) for c in range(0x110000) if unicodedata.ucd_3_2_0.category(chr(c)) not in ("Cn", "Cs")]


ALMOST_SPECIAL = ["<|", "|>", "<｜", "｜>", "</", "<0x41>", "[PAD7]", "<s", "▁", "▁▁"]


def random_part(rng, special):
    kind = rng.random()
    if kind < 0.15:
        return rng.choice(WORDS) + rng.choice(["", " ", "  ", "\n"])
    if kind < 0.18:
        return rng.choice(special)
    if kind < 0.20:
        return rng.choice(ALMOST_SPECIAL)
    if kind < 0.27:
        return "".join(rng.choices(ASSIGNED, k=rng.randint(1, 4)))
    alphabet = rng.choice(ALPHABETS)
    if kind < 0.34:
        return rng.choice(alphabet) * rng.randint(2, 40)
    return "".join(rng.choices(alphabet, k=rng.randint(1, 6)))


def normal_form(tokenizer):
    """The Unicode normal form that the file asks for, or None."""
    kind = (tokenizer["normalizer"] or {}).get("type")
    return kind if kind in ("NFC", "NFKC") else None


def random_texts(tokenizer, count, seed):
    rng = random.Random(seed)
    special = [added["content"] for added in tokenizer["added_tokens"]]
    texts = ["".join(random_part(rng, special) for _ in range(rng.randint(1, 16))) for _ in range(count)]
    if any("▁" in text for text in special):  # GGUF writes these tokens (runs of spaces) with spaces instead
        texts = [text.replace("▁", "_") for text in texts]
    form = normal_form(tokenizer)
    return [unicodedata.normalize(form, text) for text in texts] if form else texts


def run(command, lines):
    result = subprocess.run(command, input=lines, capture_output=True, text=True, encoding="utf-8")
    if result.returncode != 0:
        sys.exit(f"{command[0]} failed: {result.stderr}")
    return result.stdout.split("\n")


def compare(name, program, work, count, seed):
    """Returns how many texts differ."""
    vocabulary, tokenizer_path = (os.path.join(work, f"{name}.{kind}") for kind in ("gguf", "json"))
    vocabularies.make(name, vocabulary, work)
    tokenizer, _ = vocabularies.read(name, work)
    with open(tokenizer_path, "w", encoding="utf-8") as file:
        json.dump(tokenizer, file)
    texts = random_texts(tokenizer, count, seed)
    return count_differences(name, texts, [program, vocabulary, "--special", "--jsonl"], work, [tokenizer_path])


def count_differences(name, texts, our_command, work, their_arguments):
    """Prints the first texts for which our program and Hugging Face's tokenizer differ; returns how many do."""
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    ours = run(our_command, lines)
    theirs = run(["node", os.path.join(HERE, "tokenizer_ids.mjs"), os.path.join(work, "node_modules"), *their_arguments],
                 lines)
    different = [i for i in range(len(texts)) if ours[i] != theirs[i]]
    for i in different[:10]:
        print(f"{json.dumps(texts[i])}\n  ours   {ours[i]}\n  theirs {theirs[i]}")
    print(f"{name:14} {len(texts)} texts, {len(different)} differ", flush=True)
    return len(different) + abs(len(ours) - len(theirs))


def main(description, all_names, compare):
    """compare(name, program, work, count, seed) for those of the names that --only asks for."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--tokenize-file", required=True, help="the program of tests/text")
    parser.add_argument("--work", required=True, help="directory for packages and vocabularies")
    parser.add_argument("--count", type=int, default=500, help="texts for each name")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="only what has this in its name")
    args = parser.parse_args()
    work = os.path.abspath(args.work)
    os.makedirs(work, exist_ok=True)
    if shutil.which("node") is None:
        npm.skip("node is not installed")
    npm.install(work, PACKAGE)
    print(f"seed {args.seed}")
    names = [name for name in all_names if args.only in name]
    n_different = sum(compare(name, args.tokenize_file, work, args.count, args.seed) for name in names)
    return 1 if n_different or not names else 0


if __name__ == "__main__":
    sys.exit(main(__doc__.splitlines()[0], vocabularies.SOURCES, compare))
