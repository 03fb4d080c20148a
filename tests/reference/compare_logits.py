#!/usr/bin/env python3
"""Compares `coterie logits` with the float64 reference on every tiny model, and with itself.

  compare_logits.py --coterie PROGRAM --models DIR [--only TEXT]     DIR as written by tiny_models.py

Against the reference, which models the engine's int8 activations and F16 cache (see forward.py):
  leading clear tokens   largest error below CLEAR_LIMIT of the logits' standard deviation. What remains is float32
                         rounding, 1e-6, and with float weights now and then one F16 step in the cache, up to 1e-4.
                         A single flipped int8 code would make 1e-3 and more, a wrong formula more than that.
  all tokens             float weights: below FLOAT_LIMIT, as more values of the cache fall on the other side of a
                         tie. Quantised weights: flipped codes flip others in later layers, so that only the middle
                         of the KL divergences is bounded, by what int8 activations cost anyway.
Against itself: the same bits with chunks of 1, 3 and 64 tokens, on 1 and 2 threads, and with the scalar kernels.
"""

import argparse
import os
import sys

import one_thread  # noqa: F401
import numpy as np

import forward
import gguf
import tiny_models
from comparing import Distance, coterie_logits

CLEAR_LIMIT = {"float": 5e-4, "quantised": 1e-4}
FLOAT_LIMIT = 5e-3
MEDIAN_KL_LIMIT = 0.02

VARIANTS = [((option, value), {}) for option, values in (("--chunk", ("1", "3", "64")), ("-t", ("1", "2")))
            for value in values] + [((), {"COTERIE_ISA": "scalar"})]


def check_reference(entry, reference, logits):
    """Returns a line of measurements and a list of complaints."""
    distance, n_clear = Distance(reference, logits), entry["n_clear"]
    kind = "float" if entry["types"] in gguf.FLOAT_TYPES else "quantised"
    clear, median_kl = distance.relative[:n_clear].max(), np.median(distance.kl)
    complaints = []
    if clear > CLEAR_LIMIT[kind]:
        complaints.append(f"clear tokens differ by {clear:.1e} > {CLEAR_LIMIT[kind]}")
    if kind == "float":
        if distance.relative.max() > FLOAT_LIMIT:
            complaints.append(f"tokens differ by {distance.relative.max():.1e} > {FLOAT_LIMIT}")
    elif median_kl > MEDIAN_KL_LIMIT:
        complaints.append(f"median KL {median_kl:.1e} > {MEDIAN_KL_LIMIT}")
    line = (f"clear {clear:.1e}  all {distance.relative.max():.1e}  "
            f"KL median {median_kl:.1e} max {distance.kl.max():.1e}  top-1 {distance.top1:.3f}")
    return line, complaints


def check_itself(program, model, ids, logits):
    """Complaints about calls whose logits are not bit for bit the same."""
    complaints = []
    for options, environment in VARIANTS:
        other = coterie_logits(program, model, ids, *options, **environment)
        if other.tobytes() != logits.tobytes():
            differing = np.flatnonzero((other.view(np.uint32) != logits.view(np.uint32)).any(-1))
            name = " ".join([*options, *(f"{key}={value}" for key, value in environment.items())])
            complaints.append(f"{name}: other bits at {len(differing)} tokens, first {differing[0]}")
    return complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--coterie", required=True, help="the program")
    parser.add_argument("--models", required=True, help="directory of tiny models")
    parser.add_argument("--only", default="", help="only models whose name contains this")
    args = parser.parse_args()
    manifest = tiny_models.load_manifest(args.models)
    entries = [entry for entry in manifest["models"] if args.only in entry["name"]]
    print(f"seed {manifest['seed']}, {len(entries)} models")
    n_failed = 0
    for entry in entries:
        model, ids = os.path.join(args.models, entry["file"]), entry["prompt"]
        reference = forward.logits(model, ids, forward.Numerics("int8", kv_f16=True, form="call"))
        try:
            logits = coterie_logits(args.coterie, model, ids)
            line, complaints = check_reference(entry, reference, logits)
            complaints += check_itself(args.coterie, model, ids, logits)
        except RuntimeError as error:
            line, complaints = "", [str(error)]
        n_failed += bool(complaints)
        print(f"{entry['name']:28} {line}  {'FAILED: ' + '; '.join(complaints) if complaints else 'ok'}", flush=True)
    print(f"{len(entries) - n_failed} of {len(entries)} agree, {n_failed} failed")
    return 1 if n_failed or not entries else 0


if __name__ == "__main__":
    sys.exit(main())
