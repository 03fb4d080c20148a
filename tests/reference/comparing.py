"""What the comparisons of this folder and tests/peer share: running the engine's program, and distances of logits."""

import os
import subprocess
import tempfile

import numpy as np


def coterie_logits(program, model, ids, *options, **environment):
    """Logits of `coterie logits` for a prompt, float32 [n_tokens, n_vocab]. Raises RuntimeError with its message."""
    with tempfile.TemporaryDirectory() as directory:
        out = os.path.join(directory, "logits")
        command = [program, "logits", "-m", model, "--ids", ",".join(map(str, ids)), "--out", out, *options]
        result = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300)
        if result.returncode != 0:
            said = f"{result.stderr.strip()} ({' '.join(options) or 'no options'})"
            raise RuntimeError(f"exit code {result.returncode}: {said}")
        return np.fromfile(out, "<f4").reshape(len(ids), -1)


def log_softmax(logits):
    shifted = np.float64(logits) - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


class Distance:
    """How far `logits` are from `reference`, one value per token."""

    def __init__(self, reference, logits):
        if reference.shape != logits.shape:
            raise RuntimeError(f"logits are {logits.shape}, not {reference.shape}")
        if not np.isfinite(logits).all():
            raise RuntimeError("logits are not finite")
        p, q = log_softmax(reference), log_softmax(logits)
        self.relative = np.abs(reference - logits).max(-1) / reference.std()  # largest error over the spread of logits
        self.kl = (np.exp(p) * (p - q)).sum(-1)
        self.variation = np.abs(np.exp(p) - np.exp(q)).sum(-1) / 2  # total variation: 0 equal, 1 disjoint
        self.top1 = (reference.argmax(-1) == logits.argmax(-1)).mean()
