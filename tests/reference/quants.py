"""Block formats of GGUF in NumPy: quantise and dequantise, one function pair per type.

Written from the layouts in ggml-common.h and the reference (de)quantisers of ggml-quants.c, as described in prose;
shares no code with simd/. dequantise() is bit-exact with the reference (test_quants.py); the K quantisers are simple
ones of our own: valid blocks with a sensible error, not the searched scales of real files.
Arrays of bytes are [n_blocks, block_bytes]; arrays of values are float32 [n_blocks, block].
"""

import numpy as np

import grid_quants
from gguf import FLOAT_TYPES, TENSOR_TYPES


def _half(blocks, at):
    """The fp16 field at byte `at` of every block, as float32 [n_blocks, 1]."""
    return np.ascontiguousarray(blocks[:, at:at + 2]).view("<f2").astype(np.float32)


def _half_bytes(x):
    return x.astype("<f2").reshape(-1, 1).view(np.uint8)


def _divide(a, x):
    """a / x in float32, 0 where x is 0."""
    return np.divide(np.float32(a), x, out=np.zeros_like(x), where=x != 0)


def _reciprocal(x):
    return _divide(1, x)


def _signed_extreme(x):
    """The element of largest magnitude of each row, with its sign. [..., n] -> [..., 1]"""
    return np.take_along_axis(x, np.abs(x).argmax(-1)[..., None], -1)


# --- 32-element blocks. Low nibbles are elements 0-15, high nibbles 16-31. ---

def _nibbles(qs):
    return np.concatenate([qs & 15, qs >> 4], 1)


def _pack_nibbles(q):
    return q[:, :16] | q[:, 16:] << 4


def _fifth_bits(blocks, at):
    """Bit e of the u32 at `at` is the fifth bit of element e. Returns 0 or 16 per element."""
    return np.unpackbits(blocks[:, at:at + 4], axis=1, bitorder="little") << 4


def _pack_fifth_bits(q):
    return np.packbits(q >> 4, axis=1, bitorder="little")


def dequantise_q4_0(b):
    return (_nibbles(b[:, 2:]).astype(np.float32) - 8) * _half(b, 0)


def quantise_q4_0(x):
    d = _signed_extreme(x) / np.float32(-8)
    q = np.minimum(15, np.trunc(x * _reciprocal(d) + np.float32(8.5))).astype(np.uint8)
    return np.hstack([_half_bytes(d), _pack_nibbles(q)])


def dequantise_q4_1(b):
    return _nibbles(b[:, 4:]).astype(np.float32) * _half(b, 0) + _half(b, 2)


def quantise_q4_1(x):
    m = x.min(1, keepdims=True)
    d = (x.max(1, keepdims=True) - m) / np.float32(15)
    q = np.minimum(15, np.trunc((x - m) * _reciprocal(d) + np.float32(0.5))).astype(np.uint8)
    return np.hstack([_half_bytes(d), _half_bytes(m), _pack_nibbles(q)])


def dequantise_q5_0(b):
    return ((_nibbles(b[:, 6:]) | _fifth_bits(b, 2)).astype(np.float32) - 16) * _half(b, 0)


def quantise_q5_0(x):
    d = _signed_extreme(x) / np.float32(-16)
    q = np.minimum(31, np.trunc(x * _reciprocal(d) + np.float32(16.5))).astype(np.uint8)
    return np.hstack([_half_bytes(d), _pack_fifth_bits(q), _pack_nibbles(q & 15)])


def dequantise_q5_1(b):
    return (_nibbles(b[:, 8:]) | _fifth_bits(b, 4)).astype(np.float32) * _half(b, 0) + _half(b, 2)


def quantise_q5_1(x):
    m = x.min(1, keepdims=True)
    d = (x.max(1, keepdims=True) - m) / np.float32(31)
    q = np.minimum(31, np.trunc((x - m) * _reciprocal(d) + np.float32(0.5))).astype(np.uint8)
    return np.hstack([_half_bytes(d), _half_bytes(m), _pack_fifth_bits(q), _pack_nibbles(q & 15)])


def dequantise_q8_0(b):
    return b[:, 2:].view(np.int8).astype(np.float32) * _half(b, 0)


def quantise_q8_0(x):
    d = np.abs(x).max(1, keepdims=True) / np.float32(127)
    return np.hstack([_half_bytes(d), np.rint(x * _reciprocal(d)).astype(np.int8).view(np.uint8)])


# Values of the codes of IQ4_NL and IQ4_XS (ggml-common.h, kvalues_iq4nl).
_IQ4 = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], np.float32)
_E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6], np.float32)


def _nearest(x, values):
    """Index of the value nearest to each x; of equal distances the first."""
    return np.abs(x[..., None] - values).argmin(-1).astype(np.uint8)


def dequantise_iq4_nl(b):
    return _IQ4[_nibbles(b[:, 2:])] * _half(b, 0)


def quantise_iq4_nl(x):
    d = _signed_extreme(x) / np.float32(-127)
    return np.hstack([_half_bytes(d), _pack_nibbles(_nearest(x * _reciprocal(d), _IQ4))])


def dequantise_mxfp4(b):
    return np.ldexp(_E2M1[_nibbles(b[:, 1:])], b[:, :1].astype(np.int32) - 127)


def quantise_mxfp4(x):
    """The scale is the power of two for which the largest lies in [4, 8), as the OCP's MX specification proposes."""
    exponent = np.frexp(np.abs(x).max(1, keepdims=True))[1] - 3
    exponent = exponent.clip(-127, 127)
    return np.hstack([(exponent + 127).astype(np.uint8), _pack_nibbles(_nearest(np.ldexp(x, -exponent), _E2M1))])


# --- blocks of several blocks of activations ---

# Scales of NVFP4: E4M3 without sign, bias 7. ggml ignores the top bit, but takes NaN without it for 0.
_E4M3 = np.array([m * 2.0 ** -9 if e == 0 else (8 + m) * 2.0 ** (e - 10) for e in range(16) for m in range(8)] * 2,
                 np.float32)
_E4M3[0x7F] = 0
E4M3_MAX = 448  # 7e


def dequantise_nvfp4(b):
    q = b[:, 4:].reshape(-1, 4, 8)  # 16 weights: low nibbles are the first eight
    codes = np.concatenate([q & 15, q >> 4], 2)
    return (_E4M3[b[:, :4]][..., None] * _E2M1[codes]).reshape(-1, 64)


def quantise_nvfp4(x):
    x = x.reshape(-1, 4, 16)
    scales = _nearest(np.abs(x).max(2) / np.float32(6), _E4M3[:0x7F])
    codes = _nearest(x * _reciprocal(_E4M3[scales])[..., None], _E2M1)
    return np.hstack([scales, (codes[..., :8] | codes[..., 8:] << 4).reshape(-1, 32)])


def dequantise_q1_0(b):
    return (2 * np.unpackbits(b[:, 2:], axis=1, bitorder="little").astype(np.float32) - 1) * _half(b, 0)


def quantise_q1_0(x):
    return np.hstack([_half_bytes(np.abs(x).mean(1, keepdims=True)), np.packbits(x >= 0, axis=1, bitorder="little")])


def dequantise_q2_0(b):
    q = b[:, 2:, None] >> (2 * np.arange(4, dtype=np.uint8)) & 3
    return (q.reshape(-1, 64).astype(np.float32) - 1) * _half(b, 0)


def quantise_q2_0(x):
    """Codes 0 to 3 stand for -d to 2 d: d has the sign of the extreme."""
    d = _signed_extreme(x) / np.float32(2)
    q = (np.rint(x * _reciprocal(d)).clip(-1, 2) + 1).astype(np.uint8).reshape(-1, 16, 4)
    return np.hstack([_half_bytes(d), np.bitwise_or.reduce(q << (2 * np.arange(4, dtype=np.uint8)), 2)])


# --- K-quants: super-blocks of 256 ---

def _quarters(qs):
    """64 bytes -> codes of two bits. Per half of 128 elements: quarter k is bits 2k of 32 bytes. [n_blocks, 2, 4, 32]"""
    return qs.reshape(-1, 2, 1, 32) >> (2 * np.arange(4, dtype=np.uint8))[:, None] & 3


def _pack_quarters(q):
    return np.bitwise_or.reduce(q.reshape(-1, 2, 4, 32) << (2 * np.arange(4, dtype=np.uint8))[:, None], 2).reshape(-1, 64)


def dequantise_q2_k(b):
    scale = _half(b, 80) * (b[:, :16] & 15).astype(np.float32)
    minimum = _half(b, 82) * (b[:, :16] >> 4).astype(np.float32)
    q = _quarters(b[:, 16:80]).reshape(-1, 16, 16).astype(np.float32)
    return (scale[..., None] * q - minimum[..., None]).reshape(-1, 256)


def quantise_q2_k(x):
    x = x.reshape(-1, 16, 16)
    low = np.minimum(x.min(2), 0)
    scale = (x.max(2).clip(min=0) - low) / np.float32(3)
    d = (scale.max(1, keepdims=True) / np.float32(15)).astype("<f2").astype(np.float32)
    dmin = (-low.min(1, keepdims=True) / np.float32(15)).astype("<f2").astype(np.float32)
    scales = np.rint(scale * _reciprocal(d)).clip(0, 15)
    mins = np.rint(-low * _reciprocal(dmin)).clip(0, 15)
    q = np.rint((x + (dmin * mins)[..., None]) * _reciprocal(d * scales)[..., None]).clip(0, 3).astype(np.uint8)
    return np.hstack([scales.astype(np.uint8) | mins.astype(np.uint8) << 4, _pack_quarters(q), _half_bytes(d),
                      _half_bytes(dmin)])


def dequantise_q3_k(b):
    # Bit e/32 of hmask[e%32] is the third bit of element e. Of the 16 scales, low bits are nibbles of the first eight
    # bytes, high bits bits 2(i/4) of the last four.
    third = (b[:, None, :32] >> np.arange(8, dtype=np.uint8)[:, None] & 1) << 2
    q = (_quarters(b[:, 32:96]).reshape(-1, 8, 32) | third).reshape(-1, 16, 16).astype(np.float32) - 4
    low = np.hstack([b[:, 96:104] & 15, b[:, 96:104] >> 4])
    high = (b[:, None, 104:108] >> (2 * np.arange(4, dtype=np.uint8))[:, None] & 3).reshape(-1, 16)
    scale = _half(b, 108) * ((low | high << 4).astype(np.float32) - 32)
    return (scale[..., None] * q).reshape(-1, 256)


def quantise_q3_k(x):
    x = x.reshape(-1, 16, 16)
    scale = _signed_extreme(x)[..., 0] / np.float32(-4)
    d = (_signed_extreme(scale) / np.float32(-32)).astype("<f2").astype(np.float32)
    scales = np.rint(scale * _reciprocal(d)).clip(-32, 31)
    q = (np.rint(x * _reciprocal(d * scales)[..., None]).clip(-4, 3) + 4).astype(np.uint8)
    hmask = np.bitwise_or.reduce((q >> 2).reshape(-1, 8, 32) << np.arange(8, dtype=np.uint8)[:, None], 1)
    s = (scales + 32).astype(np.uint8)
    high = np.bitwise_or.reduce((s >> 4).reshape(-1, 4, 4) << (2 * np.arange(4, dtype=np.uint8))[:, None], 1)
    return np.hstack([hmask, _pack_quarters(q & 3), s[:, :8] & 15 | (s[:, 8:] & 15) << 4, high, _half_bytes(d)])


def _unpack_scales_mins(s):
    """12 bytes -> 8 six-bit scales and 8 six-bit mins (Q4_K, Q5_K). Each [n_blocks, 8]."""
    low, high = s[:, 0:4], s[:, 4:8]
    scales = np.hstack([low & 63, (s[:, 8:12] & 15) | (low >> 6) << 4])
    mins = np.hstack([high & 63, (s[:, 8:12] >> 4) | (high >> 6) << 4])
    return scales, mins


def _pack_scales_mins(scales, mins):
    low = scales[:, :4] | (scales[:, 4:] >> 4) << 6
    high = mins[:, :4] | (mins[:, 4:] >> 4) << 6
    return np.hstack([low, high, (scales[:, 4:] & 15) | (mins[:, 4:] & 15) << 4])


def _dequantise_scale_min(b, q):
    """q: codes [n_blocks, 8, 32]. y = (d*sc)*q - (dmin*m), each product rounded to float32 like the reference."""
    scales, mins = _unpack_scales_mins(b[:, 4:16])
    scale = (_half(b, 0) * scales.astype(np.float32))[..., None]
    minimum = (_half(b, 2) * mins.astype(np.float32))[..., None]
    return (scale * q.astype(np.float32) - minimum).reshape(-1, 256)


def _quantise_scale_min(x, max_code):
    """Returns the 16 header bytes and codes [n_blocks, 8, 32] for y = d*sc*q - dmin*m."""
    x = x.reshape(-1, 8, 32)
    low = np.minimum(x.min(2), 0)
    scale = (x.max(2).clip(min=0) - low) / np.float32(max_code)
    d = (scale.max(1, keepdims=True) / np.float32(63)).astype("<f2").astype(np.float32)
    dmin = (-low.min(1, keepdims=True) / np.float32(63)).astype("<f2").astype(np.float32)
    scales = np.rint(scale * _reciprocal(d)).clip(0, 63)
    mins = np.rint(-low * _reciprocal(dmin)).clip(0, 63)
    q = np.rint((x + (dmin * mins)[..., None]) * _reciprocal(d * scales)[..., None]).clip(0, max_code)
    packed = _pack_scales_mins(scales.astype(np.uint8), mins.astype(np.uint8))
    return np.hstack([_half_bytes(d), _half_bytes(dmin), packed]), q.astype(np.uint8)


def _nibble_pairs(qs):
    """128 bytes -> 8 sub-blocks of 32: sub-blocks 2k and 2k+1 are the low and high nibbles of bytes 32k..32k+31."""
    qs = qs.reshape(-1, 4, 1, 32)
    return np.concatenate([qs & 15, qs >> 4], 2).reshape(-1, 8, 32)


def _pack_nibble_pairs(q):
    q = q.reshape(-1, 4, 2, 32)
    return (q[:, :, 0] | q[:, :, 1] << 4).reshape(-1, 128)


def dequantise_q4_k(b):
    return _dequantise_scale_min(b, _nibble_pairs(b[:, 16:]))


def quantise_q4_k(x):
    header, q = _quantise_scale_min(x, 15)
    return np.hstack([header, _pack_nibble_pairs(q)])


def dequantise_q5_k(b):
    sub_block = np.arange(8, dtype=np.uint8)[None, :, None]
    fifth = (b[:, None, 16:48] >> sub_block & 1) << 4  # bit j of qh[l] belongs to element l of sub-block j
    return _dequantise_scale_min(b, _nibble_pairs(b[:, 48:]) | fifth)


def quantise_q5_k(x):
    header, q = _quantise_scale_min(x, 31)
    fifth = np.packbits(q >> 4, axis=1, bitorder="little").reshape(-1, 32)
    return np.hstack([header, fifth, _pack_nibble_pairs(q & 15)])


def dequantise_q6_k(b):
    # Per half of 128 elements: quarter k has low bits in ql[32*(k&1) + l] (high nibble for k >= 2), high bits in
    # bits 2k of qh[l]. The scale index is element/16; d is the last field.
    ql, high = b[:, 0:128].reshape(-1, 2, 1, 2, 32), _quarters(b[:, 128:192])
    low = np.concatenate([ql & 15, ql >> 4], 2).reshape(-1, 2, 4, 32)
    q = (low | high << 4).astype(np.float32).reshape(-1, 16, 16) - 32
    scale = _half(b, 208) * b[:, 192:208].view(np.int8).astype(np.float32)
    return (scale[..., None] * q).reshape(-1, 256)


def quantise_q6_k(x):
    x = x.reshape(-1, 16, 16)
    scale = _signed_extreme(x)[..., 0] / np.float32(-32)
    d = (_signed_extreme(scale) / np.float32(-128)).astype("<f2").astype(np.float32)
    scales = np.rint(scale * _reciprocal(d)).clip(-128, 127)
    q = np.rint(x * _reciprocal(d * scales)[..., None]).clip(-32, 31) + 32
    q = q.astype(np.uint8).reshape(-1, 2, 4, 32)
    ql = (q[:, :, :2] & 15 | (q[:, :, 2:] & 15) << 4).reshape(-1, 128)
    return np.hstack([ql, _pack_quarters(q >> 4), scales.astype(np.int8).view(np.uint8), _half_bytes(d)])


def dequantise_iq4_xs(b):
    # 8 sub-blocks of 32, each packed like IQ4_NL. Scales: low nibbles, then high ones; two more bits each in scales_h.
    high = np.ascontiguousarray(b[:, 2:4]).view("<u2") >> (2 * np.arange(8, dtype=np.uint16)) & 3
    low = np.stack([b[:, 4:8] & 15, b[:, 4:8] >> 4], 2).reshape(-1, 8)
    scale = _half(b, 0) * ((low | high << 4).astype(np.float32) - 32)
    return (scale[..., None] * _IQ4[_nibbles(b[:, 8:].reshape(-1, 16))].reshape(-1, 8, 32)).reshape(-1, 256)


def quantise_iq4_xs(x):
    x = x.reshape(-1, 8, 32)
    scale = _signed_extreme(x)[..., 0] / np.float32(-127)
    d = (_signed_extreme(scale) / np.float32(-32)).astype("<f2").astype(np.float32)
    scales = np.rint(scale * _reciprocal(d)).clip(-32, 31)
    codes = _nearest(x * _reciprocal(d * scales)[..., None], _IQ4)
    s = (scales + 32).astype(np.uint8)
    high = np.bitwise_or.reduce((s >> 4).astype("<u2") << (2 * np.arange(8, dtype=np.uint16)), 1, keepdims=True)
    return np.hstack([_half_bytes(d), high.astype("<u2").view(np.uint8), s[:, ::2] & 15 | (s[:, 1::2] & 15) << 4,
                      _pack_nibbles(codes.reshape(-1, 32)).reshape(-1, 128)])


# --- ternary: codes 0, 1, 2 stand for -d, 0, d ---

def _quantise_ternary(x):
    """Returns the bytes of d and codes [n_blocks, 256]. For normally distributed x, 1.5 mean|x| is about the best d."""
    d = np.abs(x).mean(1, keepdims=True) * np.float32(1.5)
    return _half_bytes(d), (np.rint(x * _reciprocal(d)).clip(-1, 1) + 1).astype(np.uint8)


def dequantise_tq2_0(b):
    return (_quarters(b[:, :64]).reshape(-1, 256).astype(np.float32) - 1) * _half(b, 64)


def quantise_tq2_0(x):
    d, q = _quantise_ternary(x)
    return np.hstack([_pack_quarters(q), d])


# Runs of bytes of TQ1_0: first byte, number of bytes, digits in each. Elements go digit by digit through a run.
_TERNARY_RUNS = ((0, 32, 5), (32, 16, 5), (48, 4, 4))


def dequantise_tq1_0(b):
    digits = []
    for first, n_bytes, n_digits in _TERNARY_RUNS:
        run = b[:, None, first:first + n_bytes].astype(np.uint32)
        shifted = run * 3 ** np.arange(n_digits, dtype=np.uint32)[:, None] & 255
        digits.append((shifted * 3 >> 8).reshape(len(b), -1))
    return (np.hstack(digits).astype(np.float32) - 1) * _half(b, 52)


def quantise_tq1_0(x):
    d, q = _quantise_ternary(x)
    packed, at = [], 0
    for _, n_bytes, n_digits in _TERNARY_RUNS:
        run = q[:, at:at + n_bytes * n_digits].reshape(-1, n_digits, n_bytes).astype(np.uint32)
        number = (run * 3 ** np.arange(4, 4 - n_digits, -1, dtype=np.uint32)[:, None]).sum(1)
        packed.append(((number * 256 + 242) // 243).astype(np.uint8))  # as a fraction of 256, rounded up
        at += n_bytes * n_digits
    return np.hstack([*packed, d])


# --- whole tensors ---

_QUANTISE = {"Q4_0": quantise_q4_0, "Q4_1": quantise_q4_1, "Q5_0": quantise_q5_0, "Q5_1": quantise_q5_1,
             "Q8_0": quantise_q8_0, "Q2_K": quantise_q2_k, "Q3_K": quantise_q3_k, "Q4_K": quantise_q4_k,
             "Q5_K": quantise_q5_k, "Q6_K": quantise_q6_k, "IQ4_NL": quantise_iq4_nl, "IQ4_XS": quantise_iq4_xs,
             "TQ1_0": quantise_tq1_0, "TQ2_0": quantise_tq2_0, "MXFP4": quantise_mxfp4, "NVFP4": quantise_nvfp4,
             "Q1_0": quantise_q1_0, "Q2_0": quantise_q2_0}
_DEQUANTISE = {"Q4_0": dequantise_q4_0, "Q4_1": dequantise_q4_1, "Q5_0": dequantise_q5_0, "Q5_1": dequantise_q5_1,
               "Q8_0": dequantise_q8_0, "Q2_K": dequantise_q2_k, "Q3_K": dequantise_q3_k, "Q4_K": dequantise_q4_k,
               "Q5_K": dequantise_q5_k, "Q6_K": dequantise_q6_k, "IQ4_NL": dequantise_iq4_nl,
               "IQ4_XS": dequantise_iq4_xs, "TQ1_0": dequantise_tq1_0, "TQ2_0": dequantise_tq2_0,
               "MXFP4": dequantise_mxfp4, "NVFP4": dequantise_nvfp4, "Q1_0": dequantise_q1_0, "Q2_0": dequantise_q2_0}


def is_quantised(type_name):
    return type_name not in FLOAT_TYPES


def block_size(type_name):
    return TENSOR_TYPES[type_name][1]


def activation_block(type_name):
    """Length of the int8 blocks of activations that meet a quantised type."""
    return 256 if block_size(type_name) == 256 else 32


def quantise(x, type_name):
    """float array [..., n] -> bytes of the tensor."""
    x = np.ascontiguousarray(x, np.float32)
    if type_name == "F32":
        return x.astype("<f4").tobytes()
    if type_name == "F16":
        return x.astype("<f2").tobytes()
    if type_name == "BF16":  # upper half of the float32, rounded to nearest even; no NaN comes here
        bits = x.view(np.uint32)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("<u2").tobytes()
    blocks = x.reshape(-1, block_size(type_name))
    if type_name in grid_quants.TYPES:
        return grid_quants.quantise(blocks, type_name).tobytes()
    return _QUANTISE[type_name](blocks).tobytes()


def dequantise(raw, type_name):
    """bytes of a tensor (uint8 array) -> flat float32 array."""
    if type_name == "F32":
        return raw.view("<f4")
    if type_name == "F16":
        return raw.view("<f2").astype(np.float32)
    if type_name == "BF16":
        return (raw.view("<u2").astype(np.uint32) << 16).view(np.float32)
    blocks = raw.reshape(-1, TENSOR_TYPES[type_name][2])
    if type_name in grid_quants.TYPES:
        return grid_quants.dequantise(blocks, type_name).reshape(-1)
    return _DEQUANTISE[type_name](blocks).reshape(-1)


def distance_to_tie(x, quantum):
    """How far each x is from the middle between two neighbouring multiples of quantum (0 has none: infinity)."""
    scaled = np.divide(x, quantum, out=np.zeros_like(x), where=quantum != 0)
    return np.where(quantum != 0, np.abs(scaled - np.floor(scaled) - 0.5) * quantum, np.inf)


def quantise_activations(x, block, half_scale=False):
    """int8 activations per block of `block` elements: the values they stand for in float64, and distances to ties.

    docs/arithmetic.md, rule 1: d = max|x| / 127, q = round_to_nearest_even(x * (127 / max|x|)), d in float32; a block
    with max|x| < 2^-100 is zero. half_scale: d is then stored as fp16, as in ggml's Q8_0.
    """
    x32 = np.asarray(x, np.float32).reshape(*x.shape[:-1], -1, block)
    largest = np.abs(x32).max(-1, keepdims=True)
    largest[largest < 2.0 ** -100] = 0
    d = largest / np.float32(127)
    ties = distance_to_tie(x.reshape(x32.shape), np.broadcast_to(d.astype(np.float64), x32.shape))
    if half_scale:
        d = d.astype(np.float16)
    y = np.rint(x32 * _divide(127, largest)).astype(np.float64) * d.astype(np.float64)
    return y.reshape(x.shape), ties.reshape(x.shape)


def round_to(x, type_name):
    """x rounded to F16 or BF16 and back, float64."""
    raw = np.frombuffer(quantise(x, type_name), np.uint8)
    return dequantise(raw, type_name).astype(np.float64).reshape(x.shape)
