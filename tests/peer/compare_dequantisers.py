#!/usr/bin/env python3
"""Compares the values of random blocks of every type with those of ggml's dequantisers, bit for bit.

  compare_dequantisers.py --dequantize-rows PROGRAM --work DIR [--count N]

ggml comes as libggml-base of the npm package node-llama-cpp, which is installed below --work, never in the source tree.
Exit code 77 (skipped) when it cannot be installed.
"""

import argparse
import ctypes
import glob
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "reference"))

import one_thread  # noqa: E402, F401
import numpy as np  # noqa: E402

from node_llama_cpp import Unavailable, install  # noqa: E402

SKIPPED = 77
SEED = 7
# type -> (elements and bytes of a block)
BLOCKS = {"Q4_0": (32, 18), "Q4_1": (32, 20), "Q5_0": (32, 22), "Q5_1": (32, 24), "Q8_0": (32, 34), "IQ4_NL": (32, 18),
          "MXFP4": (32, 17), "Q2_K": (256, 84), "Q3_K": (256, 110), "Q4_K": (256, 144), "Q5_K": (256, 176),
          "Q6_K": (256, 210), "IQ4_XS": (256, 136), "IQ2_XXS": (256, 66), "IQ2_XS": (256, 74), "IQ2_S": (256, 82),
          "IQ3_XXS": (256, 98), "IQ3_S": (256, 110), "IQ1_S": (256, 50), "IQ1_M": (256, 56), "TQ1_0": (256, 54),
          "TQ2_0": (256, 66), "NVFP4": (64, 36), "Q1_0": (128, 18), "Q2_0": (64, 18)}


def load_ggml(work):
    install(work)
    found = glob.glob(os.path.join(work, "node_modules", "@node-llama-cpp", "*", "bins", "*", "libggml-base.so"))
    if not found:
        raise Unavailable("the package has no libggml-base.so")
    return ctypes.CDLL(found[0])


def ggml_values(ggml, type_name, blocks, n):
    function = getattr(ggml, "dequantize_row_" + type_name.lower().replace("_k", "_K"))
    function.restype, function.argtypes = None, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    values = np.empty(n, np.float32)
    function(blocks.ctypes.data, values.ctypes.data, n)
    return values


def n_different(a, b):
    """How many differ; NaNs are alike, as their signs and payloads are the machine's choice."""
    return int(((a.view(np.uint32) != b.view(np.uint32)) & ~(np.isnan(a) & np.isnan(b))).sum())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dequantize-rows", required=True, help="the program of tests/simd")
    parser.add_argument("--work", required=True, help="directory for the package")
    parser.add_argument("--count", type=int, default=4000, help="blocks of each type")
    args = parser.parse_args()
    try:
        ggml = load_ggml(os.path.abspath(args.work))
    except Unavailable as reason:
        print(f"skipped: {reason}")
        return SKIPPED
    print(f"seed {SEED}, {args.count} blocks of each type")
    rng, failed = np.random.default_rng(SEED), []
    for type_name, (n_elements, n_bytes) in BLOCKS.items():
        blocks = rng.integers(0, 256, (args.count, n_bytes), dtype=np.uint8)
        expected = ggml_values(ggml, type_name, blocks, args.count * n_elements)
        run = subprocess.run([args.dequantize_rows, type_name], input=blocks.tobytes(), capture_output=True, check=True)
        found = np.frombuffer(run.stdout, np.float32)
        n = n_different(expected, found) if len(found) == len(expected) else len(expected)
        print(f"{type_name:8} {n} of {len(expected)} values differ")
        failed += [type_name] * (n > 0)
    print("FAILED: " + " ".join(failed) if failed else "all equal")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
