"""quants.py against golden vectors of the reference dequantisers (ggml-quants.c), and round trips of the quantisers."""

import sys
import zlib

import numpy as np

import quants
from gguf import TENSOR_TYPES

SEED = 1

# type -> (offset of d, offset of m or dmin or None, elements 0, 1, n/2-1, n/2, n-1, CRC-32 of the float32 outputs).
# Block bytes are (37*i + 11) mod 256, then d = 0x2E66 and m or dmin = 0x2A3D.
GOLDEN = {
    "Q4_0": (0, None, (-0.299927, 0.199951, -0.799805, -0.299927, 0), 0x2949b547),
    "Q4_1": (0, 2, (1.54837, 0.448639, 1.04849, 0.948517, 1.24844), 0xe5a89dfe),
    "Q5_0": (0, None, (0.89978, -0.199951, -1.19971, 1.39966, 0.0999756), 0x8dac3c9a),
    "Q5_1": (0, 2, (1.94827, 2.44815, 3.048, 1.94827, 0.548615), 0xdde1dcff),
    "Q8_0": (0, None, (8.49792, 12.197, -12.7969, -9.09778, -4.79883), 0x6d773c71),
    "Q2_K": (80, 82, (3.29919, 0, 4.19897, 0.753571, 0.453644), 0x9e6e4d4b),
    "Q3_K": (108, None, (8.09802, -10.7974, 7.19824, 0.199951, 4.19897), 0x96a33182),
    "Q4_K": (0, 2, (31.6061, -2.48557, 8.14056, 42.3047, 4.89261), 0xca1e4072),
    "Q5_K": (0, 2, (81.194, -2.48557, -0.257385, 104.689, 10.8911), 0x4d146849),
    "Q6_K": (208, None, (-143.065, 169.559, 149.963, -35.0914, -5.99854), 0x2df5e1c5),
    "IQ4_NL": (0, None, (-3.49915, 2.49939, -12.6969, -3.49915, 0.0999756), 0x6718317f),
    "IQ4_XS": (0, None, (6.49841, -0.0999756, 19.5952, -58.4857, -1.59961), 0xac2d624c),
    "IQ2_XXS": (0, None, (-5.91106, 5.91106, 2.69934, -9.68513, -8.06053), 0x4264f1ad),
    "IQ2_XS": (0, None, (-1.09973, 3.43666, -0.0999756, -1.89954, -1.89954), 0x62575257),
    "IQ2_S": (0, None, (-14.509, 8.43544, 0.499878, -0.937271, 7.81059), 0x42dbf021),
    "IQ3_XXS": (0, None, (-1.29968, 0.89978, -27.4933, -5.49866, -1.49963), 0x19914384),
    "IQ3_S": (0, None, (-8.09802, 24.2941, -8.49792, -10.4974, 22.4945), 0x32483bc1),
    "IQ1_S": (0, None, (-0.262436, 0.0374908, -0.187454, -0.787308, -0.437393), 0xe3f01194),
    "IQ1_M": (None, None, (-0.0218697, 0.153088, -0.309299, 0.0468636, -0.0468636), 0xa17b4172),
    "TQ1_0": (52, None, (-0.0999756, -0.0999756, -0.0999756, 0, -0.0999756), 0x3e2722f3),
    "TQ2_0": (64, None, (0.199951, -0.0999756, 0.0999756, 0.199951, -0.0999756), 0xee0abaad),
    "MXFP4": (None, None, (0, 12, -6, 6, 12), 0x0b0fcecf),
    "NVFP4": (None, None, (-0.117188, 0.0390625, -1, -72, 160), 0xb7aced37),
    "Q1_0": (0, None, (0.0999756, -0.0999756, -0.0999756, 0.0999756, 0.0999756), 0xa726b5fa),
    "Q2_0": (0, None, (0, 0, 0, 0, 0.0999756), 0x478b4ba9),
}

# Largest error of a round trip, in units of the step between two codes of a block whose values span [-1, 1]:
# half a step, and more where the stored scale itself is rounded or one end of the range has no code.
STEP = {"F16": 2 ** -10, "BF16": 2 ** -7, "Q4_0": 1 / 8, "Q4_1": 2 / 15, "Q5_0": 1 / 16, "Q5_1": 2 / 31,
        "Q8_0": 1 / 127, "Q2_K": 2 / 3, "Q3_K": 1 / 4, "Q4_K": 2 / 15, "Q5_K": 2 / 31, "Q6_K": 1 / 32,
        "IQ4_NL": 24 / 127, "IQ4_XS": 24 / 127, "TQ1_0": 3 / 4, "TQ2_0": 3 / 4, "MXFP4": 1 / 4, "NVFP4": 1 / 6, "Q1_0": 1,
        "Q2_0": 1 / 2}


def check_golden(type_name):
    d_at, m_at, values, crc = GOLDEN[type_name]
    n, n_bytes = TENSOR_TYPES[type_name][1:]
    block = ((37 * np.arange(n_bytes) + 11) % 256).astype(np.uint8)
    if d_at is not None:
        block[d_at:d_at + 2] = 0x66, 0x2E
    elif type_name == "MXFP4":
        block[0] = 118 + block[0] % 16
    elif type_name == "NVFP4":
        block[:4] &= 0x7E
    else:  # IQ1_M: 0x2666 in the top nibbles of the last four words
        block[49:56:2] = block[49:56:2] & 15 | np.array([6, 6, 6, 2], np.uint8) << 4
    if m_at is not None:
        block[m_at:m_at + 2] = 0x3D, 0x2A
    y = quants.dequantise(block, type_name)
    assert zlib.crc32(y.astype("<f4").tobytes()) == crc, f"{type_name}: CRC differs"
    assert np.allclose(y[[0, 1, n // 2 - 1, n // 2, n - 1]], values, rtol=1e-5), f"{type_name}: {y}"


def check_round_trip(type_name, rng):
    x = np.float32(rng.uniform(-1, 1, (64, 512)))
    x[3], x[4, 256:] = 0, np.abs(x[4, 256:])  # a zero row, and a block without negative values
    y = quants.dequantise(np.frombuffer(quants.quantise(x, type_name), np.uint8), type_name).reshape(x.shape)
    assert not y[3].any(), f"{type_name}: zeros do not stay zero"
    error = np.abs(y - x).max() / STEP.get(type_name, 1)
    assert error <= (0 if type_name == "F32" else 1.15), f"{type_name}: error of {error:.3f} steps"
    return error


def check_activations(rng):
    x = rng.normal(size=(5, 512))
    x[1] = 0
    for block in (32, 256):
        y, ties = quants.quantise_activations(x, block)
        largest = np.abs(x).reshape(5, -1, block).max(-1).repeat(block, -1)
        assert (np.abs(y - x) <= largest / 127 * 0.5001).all() and not y[1].any()
        assert np.allclose((np.abs(y - x) + ties)[2:], largest[2:] / 254, atol=1e-6), "distances to ties"


def main():
    rng = np.random.default_rng(SEED)
    print(f"seed {SEED}")
    for type_name in GOLDEN:
        check_golden(type_name)
        print(f"{type_name}: golden vector equal")
    for type_name in TENSOR_TYPES:
        print(f"{type_name}: round trip within {check_round_trip(type_name, rng):.3f} steps")
    check_activations(rng)
    print("int8 activations: within half a step")
    return 0


if __name__ == "__main__":
    sys.exit(main())
