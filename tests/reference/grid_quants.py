"""IQ1, IQ2 and IQ3 in NumPy, for quants.py: weights are points of a grid, picked by an index for 8 or 4 of them.

Written from the layouts in ggml-common.h and the dequantisers of ggml-quants.c, as described in prose. A form is a pair of
functions: unpack(blocks) gives d [n, 1], half scales [n, groups], indices [n, points], and signs or, for IQ1,
directions [n, 256]; pack is its inverse. dequantise() is bit-exact with the reference; quantise() takes the nearest
points, for scales that are merely sensible. The numbers of the grids are read from simd/grid_points.inc, which tests/simd/grids_test.cpp
compares with ggml's.
"""

import functools
import os
import re

import numpy as np

_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "simd", "grid_points.inc")
_TWO, _EIGHTS = (8, 25, 43), (4, 12, 20, 28, 36, 44, 52, 62)
# type -> (grid, values of its coordinates, what d is divided by, bits of a half scale, weights of a scale)
TYPES = {"IQ2_XXS": ("IQ2_XXS", _TWO, 8, 4, 32), "IQ2_XS": ("IQ2_XS", _TWO, 8, 4, 16),
         "IQ2_S": ("IQ2_S", _TWO, 8, 4, 16),
         "IQ3_XXS": ("IQ3_XXS", _EIGHTS, 4, 4, 32), "IQ3_S": ("IQ3_S", tuple(range(1, 16, 2)), 1, 4, 32),
         "IQ1_S": ("IQ1", (-1, 0, 1), 1, 3, 32), "IQ1_M": ("IQ1", (-1, 0, 1), 1, 3, 16)}
_DELTA = np.float32(0.125)  # of IQ1


@functools.lru_cache(None)
def _grid(name, values):
    """float32 [n_points, 8 or 4]"""
    with open(_FILE, encoding="utf-8") as file:
        body = re.search(r"kPoints" + name + r"\[\d+\] = \{(.*?)\}", file.read(), re.DOTALL)[1]
    points = np.array([int(number, 16) for number in re.findall(r"0x[0-9a-f]+", body)])
    bits, n = (3, 4) if name.startswith("IQ3") else (2, 8)
    return np.array(values, np.float32)[points[:, None] >> bits * np.arange(n) & (1 << bits) - 1]


def _words(b, first, last, dtype):
    return np.ascontiguousarray(b[:, first:last]).view(dtype).astype(np.int64)


def _bytes(words, dtype):
    return np.ascontiguousarray(words.reshape(len(words), -1).astype(dtype)).view(np.uint8)


def _split(words, bits, n):
    """The n fields of each word, the lowest first. [..., m] -> [..., m * n]"""
    return (words[..., None] >> bits * np.arange(n) & (1 << bits) - 1).reshape(len(words), -1)


def _join(fields, bits, n):
    return (fields.reshape(len(fields), -1, n) << bits * np.arange(n)).sum(2)


def _from_bits(bytes_of_signs):
    return 1 - 2 * _split(bytes_of_signs, 1, 8)


def _to_bits(signs):
    return _join((1 - signs) // 2, 1, 8)


def _with_parity(seven):
    return seven | (_split(seven.reshape(-1, 1), 1, 7).sum(1) % 2).reshape(seven.shape) << 7


def _half(b, at):
    return np.ascontiguousarray(b[:, at:at + 2]).view("<f2").astype(np.float32)


def _unpack_iq2_xxs(b):
    words = _words(b, 2, 66, "<u4")
    signs = _from_bits(_with_parity(_split(words[:, 1::2], 7, 4)))
    return _half(b, 0), words[:, 1::2] >> 28, _split(words[:, 0::2], 8, 4), signs


def _pack_iq2_xxs(d, scales, index, signs):
    words = np.stack([_join(index, 8, 4), _join(_to_bits(signs) & 127, 7, 4) | scales << 28], 2)
    return np.hstack([_bytes(d, "<f2"), _bytes(words, "<u4")])


def _unpack_iq2_xs(b):
    words = _words(b, 2, 66, "<u2")
    return _half(b, 0), _split(_words(b, 66, 74, "u1"), 4, 2), words & 511, _from_bits(_with_parity(words >> 9))


def _pack_iq2_xs(d, scales, index, signs):
    words = index | (_to_bits(signs) & 127) << 9
    return np.hstack([_bytes(d, "<f2"), _bytes(words, "<u2"), _bytes(_join(scales, 4, 2), "u1")])


def _unpack_iq2_s(b):
    index = _words(b, 2, 34, "u1") | _split(_words(b, 66, 74, "u1"), 2, 4) << 8
    return _half(b, 0), _split(_words(b, 74, 82, "u1"), 4, 2), index, _from_bits(_words(b, 34, 66, "u1"))


def _pack_iq2_s(d, scales, index, signs):
    parts = (index & 255, _to_bits(signs), _join(index >> 8, 2, 4), _join(scales, 4, 2))
    return np.hstack([_bytes(d, "<f2"), *(_bytes(part, "u1") for part in parts)])


def _unpack_iq3_xxs(b):
    words = _words(b, 66, 98, "<u4")
    return _half(b, 0), words >> 28, _words(b, 2, 66, "u1"), _from_bits(_with_parity(_split(words, 7, 4)))


def _pack_iq3_xxs(d, scales, index, signs):
    words = _join(_to_bits(signs) & 127, 7, 4) | scales << 28
    return np.hstack([_bytes(d, "<f2"), _bytes(index, "u1"), _bytes(words, "<u4")])


def _unpack_iq3_s(b):
    index = _words(b, 2, 66, "u1") | _split(_words(b, 66, 74, "u1"), 1, 8) << 8
    return _half(b, 0), _split(_words(b, 106, 110, "u1"), 4, 2), index, _from_bits(_words(b, 74, 106, "u1"))


def _pack_iq3_s(d, scales, index, signs):
    parts = (index & 255, _join(index >> 8, 1, 8), _to_bits(signs), _join(scales, 4, 2))
    return np.hstack([_bytes(d, "<f2"), *(_bytes(part, "u1") for part in parts)])


def _unpack_iq1_s(b):
    words = _words(b, 34, 50, "<u2")
    index = _words(b, 2, 34, "u1") | _split(words, 3, 4) << 8
    return _half(b, 0), words >> 12 & 7, index, np.repeat(1 - 2 * (words >> 15), 32, 1)


def _pack_iq1_s(d, scales, index, directions):
    words = _join(index >> 8, 3, 4) | scales << 12 | (1 - directions[:, ::32]) // 2 << 15
    return np.hstack([_bytes(d, "<f2"), _bytes(index & 255, "u1"), _bytes(words, "<u2")])


def _unpack_iq1_m(b):
    nibbles, words = _split(_words(b, 32, 48, "u1"), 4, 2), _words(b, 48, 56, "<u2")
    index = _words(b, 0, 32, "u1") | (nibbles & 7) << 8
    d = _half(_bytes(_join(words >> 12, 4, 4), "<u2"), 0)
    return d, _split(words & 0xFFF, 3, 4), index, np.repeat(1 - 2 * (nibbles >> 3), 8, 1)


def _pack_iq1_m(d, scales, index, directions):
    nibbles = index >> 8 | (1 - directions[:, ::8]) // 2 << 3
    words = _join(scales, 3, 4) | _split(_words(_bytes(d, "<f2"), 0, 2, "<u2"), 4, 4) << 12
    return np.hstack([_bytes(index & 255, "u1"), _bytes(_join(nibbles, 4, 2), "u1"), _bytes(words, "<u2")])


_PACKING = {"IQ2_XXS": (_unpack_iq2_xxs, _pack_iq2_xxs), "IQ2_XS": (_unpack_iq2_xs, _pack_iq2_xs),
            "IQ2_S": (_unpack_iq2_s, _pack_iq2_s), "IQ3_XXS": (_unpack_iq3_xxs, _pack_iq3_xxs),
            "IQ3_S": (_unpack_iq3_s, _pack_iq3_s), "IQ1_S": (_unpack_iq1_s, _pack_iq1_s),
            "IQ1_M": (_unpack_iq1_m, _pack_iq1_m)}


def _factors(type_name, d, scales):
    """What the numbers of the grid are multiplied by, float32 [n, 256]."""
    _, _, divisor, _, group = TYPES[type_name]
    return np.repeat(d / np.float32(divisor) * (2 * scales + 1).astype(np.float32), group, 1)


def dequantise(b, type_name):
    d, scales, index, signs = _PACKING[type_name][0](b)
    points = _grid(*TYPES[type_name][:2])[index].reshape(len(b), 256)
    factors, signs = _factors(type_name, d, scales), signs.astype(np.float32)
    return factors * (points + _DELTA * signs) if type_name.startswith("IQ1") else factors * points * signs


def _nearest(points, x):
    """For each row of x the index of the nearest point."""
    nearest = np.empty(len(x), np.int64)
    for at in range(0, len(x), 8192):
        nearest[at:at + 8192] = ((points ** 2).sum(1) - 2 * x[at:at + 8192] @ points.T).argmin(1)
    return nearest


def quantise(x, type_name):
    grid_name, values, divisor, bits, group = TYPES[type_name]
    points = _grid(grid_name, values)
    # The largest of a group is the largest of the grid, but for ternary grids, which lie about the standard deviation.
    groups = x.reshape(len(x), -1, group)
    largest = groups.std(2) * np.float32(1.5) if grid_name == "IQ1" else np.abs(groups).max(2) / values[-1]
    d = (largest.max(1, keepdims=True) * np.float32(divisor / (2 ** (bits + 1) - 1))).astype("<f2").astype(np.float32)
    ratio = np.divide(largest * divisor, d, out=np.zeros_like(largest), where=d != 0)
    scales = np.rint((ratio - 1) / 2).clip(0, 2 ** bits - 1).astype(np.int64)
    factors = _factors(type_name, d, scales)
    scaled = np.divide(x, factors, out=np.zeros_like(x), where=factors != 0)
    if grid_name == "IQ1":  # one direction for 32, as IQ1_S has it: that of their mean
        signs = np.repeat(np.where(x.reshape(len(x), -1, 32).mean(2) < 0, -1, 1), 32, 1)
        wanted = scaled - _DELTA * signs
    else:
        signs = np.where(x < 0, -1, 1)
        if type_name in ("IQ2_XXS", "IQ2_XS", "IQ3_XXS"):  # the smallest of eight takes the other sign for the parity
            eights = signs.reshape(-1, 8)
            odd, = np.nonzero(eights.prod(1) < 0)
            eights[odd, np.abs(scaled).reshape(-1, 8)[odd].argmin(1)] *= -1
        wanted = scaled * signs
    index = _nearest(points, wanted.reshape(-1, points.shape[1])).reshape(len(x), -1)
    return _PACKING[type_name][1](d, scales, index, signs)
