#!/usr/bin/env python3
"""forward.py against itself, against published constants, and against recorded texts of trained models.

  test_forward.py DIR      DIR as written by tiny_models.py

The recorded texts need weights that are not in the repository: the folder in COTERIE_SHARED, or ../shared beside the
repository; without it that part is left out with a line that says so.
"""

import argparse
import math
import os
import sys
import types

import one_thread  # noqa: F401
import numpy as np

import forward
import tiny_models

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def check_same(what, a, b):
    difference = np.abs(a - b).max() / np.abs(a).max()
    assert difference < 1e-10, f"{what}: differ by {difference:.1e}"


def check_model(directory, entry):
    """The forms of MLA, token by token or at once, and the rewritten file for llama.cpp are all one function."""
    path, ids = os.path.join(directory, entry["file"]), entry["prompt"][:24]
    logits = forward.logits(path, ids)
    model = forward.Model(path)
    if model.kind.latent:
        check_same(f"{entry['name']} expanded", logits, forward.logits(path, ids, forward.Numerics(form="expanded")))
    check_same(f"{entry['name']} stepwise", logits, np.concatenate([forward.forward(model, [i]) for i in ids]))
    if entry["peer"] not in (None, entry["file"]):
        check_same(f"{entry['name']} peer", logits, forward.logits(os.path.join(directory, entry["peer"]), ids))


def check_yarn():
    """Angles of DeepSeek-V3 at position 1: what the model's own code gives (DeepSeek-V3 inference/model.py)."""
    keys = {"rope.freq_base": 10000.0, "rope.scaling.type": "yarn", "rope.scaling.factor": 40.0,
            "rope.scaling.original_context_length": 4096, "rope.scaling.yarn_log_multiplier": 0.1}
    stub = types.SimpleNamespace(arch="deepseek2", n_past=1, has=lambda name: False,
                                 key=lambda name, default=None: keys.get(name, default))
    rope = forward.rope_tables(stub, 64, 1)
    angles = np.arctan2(rope.sin[0], rope.cos[0])
    expected = {0: 1, 10: 0.0562341325, 11: 0.0390069266, 16: 0.0055, 22: 1.77827941e-4, 23: 3.33380358e-5,
                31: 3.33380358e-6}
    for pair, angle in expected.items():
        assert math.isclose(angles[pair], angle, rel_tol=1e-8), f"YaRN pair {pair}: {angles[pair]}"
    assert rope.magnitude == 1
    scale = (1 + 0.1 * rope.log_factor) ** 2 / math.sqrt(192)
    assert math.isclose(scale, 0.1352338, rel_tol=1e-6), f"YaRN score scale {scale}"


# --- recorded texts ---

def spm_encode(model, text):
    """SentencePiece: single characters, then always the best-scored pair that is a token (leftmost of equals)."""
    tokens, scores = (model.file.metadata[f"tokenizer.ggml.{part}"] for part in ("tokens", "scores"))
    index = {token: i for i, token in enumerate(tokens)}
    pieces = list("▁" + text.replace(" ", "▁"))
    while True:
        pairs = [(-scores[index[a + b]], i) for i, (a, b) in enumerate(zip(pieces, pieces[1:])) if a + b in index]
        if not pairs:
            return [index[piece] for piece in pieces]
        _, i = min(pairs)
        pieces[i:i + 2] = [pieces[i] + pieces[i + 1]]


def spm_decode(model, ids):
    tokens = (model.file.metadata["tokenizer.ggml.tokens"][i] for i in ids)
    raw = b"".join(bytes([int(token[3:5], 16)]) if token.startswith("<0x") else token.replace("▁", " ").encode()
                   for token in tokens)
    return raw.decode()


def greedy(model, ids, n):
    out, row = list(ids), forward.forward(model, ids)[-1]
    for _ in range(n):
        out.append(int(row.argmax()))
        row = forward.forward(model, out[-1:])[-1]
    return out


def check_recorded(weights):
    model = forward.Model(os.path.join(weights, "npc-moe-8M-F16.gguf"))
    ids = spm_encode(model, "KING:")
    with open(os.path.join(weights, "npc-moe-8M_greedy60_prompt_KING.txt"), encoding="utf-8") as file:
        recorded = file.read()
    text = spm_decode(model, greedy(model, ids, 60))
    assert text.strip() == recorded.strip(), f"npc-moe-8M: {text!r}"
    model = forward.Model(os.path.join(weights, "stories260K-F32.gguf"))
    with open(os.path.join(weights, "stories260K_greedy256.txt"), encoding="utf-8") as file:
        recorded = file.read()
    text = spm_decode(model, greedy(model, [1], 256)[1:])
    assert text.strip() == recorded.strip(), f"stories260K: {text!r}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", help="of tiny models")
    directory = parser.parse_args().directory
    manifest = tiny_models.load_manifest(directory)
    check_yarn()
    print(f"seed {manifest['seed']}; YaRN constants equal")
    for entry in manifest["models"]:
        check_model(directory, entry)
    print(f"{len(manifest['models'])} models: every formulation gives the same logits")
    shared = os.environ.get("COTERIE_SHARED", os.path.join(os.path.dirname(REPOSITORY), "shared"))
    weights = os.path.join(shared, "weights")
    if not os.path.isdir(weights):
        print("recorded texts: left out, no weights here")
        return 0
    check_recorded(weights)
    print("recorded texts of npc-moe-8M and stories260K: equal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
