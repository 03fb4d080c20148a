"""GGUF v3 container: a small writer and reader, little-endian only.

Written from the format description (ggml docs/gguf.md), for test files this project makes itself: the reader
trusts the file. Tensor bytes are opaque here; quants.py knows what they mean.
Shapes are NumPy order everywhere in tests/reference: [n_expert, out, in], the reverse of the file's dims.
"""

import mmap
import struct

import numpy as np

# Value types of metadata. Arrays are written from Python lists; the element type comes from the first element.
U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
SCALAR_FORMAT = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "?", U64: "Q", I64: "q",
                 F64: "d"}

# Tensor types: name -> (id, elements per block, bytes per block). facts: ggml.h, ggml-common.h
TENSOR_TYPES = {
    "F32": (0, 1, 4), "F16": (1, 1, 2), "Q4_0": (2, 32, 18), "Q4_1": (3, 32, 20), "Q5_0": (6, 32, 22),
    "Q5_1": (7, 32, 24), "Q8_0": (8, 32, 34), "Q2_K": (10, 256, 84), "Q3_K": (11, 256, 110), "Q4_K": (12, 256, 144),
    "Q5_K": (13, 256, 176), "Q6_K": (14, 256, 210),
    "IQ2_XXS": (16, 256, 66), "IQ2_XS": (17, 256, 74), "IQ3_XXS": (18, 256, 98), "IQ1_S": (19, 256, 50),
    "IQ4_NL": (20, 32, 18), "IQ3_S": (21, 256, 110), "IQ2_S": (22, 256, 82), "IQ4_XS": (23, 256, 136),
    "IQ1_M": (29, 256, 56), "BF16": (30, 1, 2), "TQ1_0": (34, 256, 54), "TQ2_0": (35, 256, 66), "MXFP4": (39, 32, 17),
    "NVFP4": (40, 64, 36), "Q1_0": (41, 128, 18), "Q2_0": (42, 64, 18),
}
FLOAT_TYPES = ("F32", "F16", "BF16")
TYPE_NAMES = {type_id: name for name, (type_id, _, _) in TENSOR_TYPES.items()}
DEFAULT_ALIGNMENT = 32


class Typed:
    """A metadata scalar with an explicit value type, where the default of _value_type is not the wanted one."""

    def __init__(self, value_type, value):
        self.value_type, self.value = value_type, value


def _value_type(value):
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, str):
        return STRING
    if isinstance(value, int):
        return U32 if value >= 0 else I32
    if isinstance(value, float):
        return F32
    raise TypeError(f"no metadata type for {value!r}")


def _pack_string(text):
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _pack_value(value_type, value):
    return _pack_string(value) if value_type == STRING else struct.pack("<" + SCALAR_FORMAT[value_type], value)


def _pack_pair(key, value):
    head = _pack_string(key)
    if isinstance(value, Typed):
        return head + struct.pack("<I", value.value_type) + _pack_value(value.value_type, value.value)
    if isinstance(value, list):
        element_type = _value_type(value[0])
        element_type = I32 if element_type == U32 else element_type  # token types are i32 by convention
        body = b"".join(_pack_value(element_type, v) for v in value)
        return head + struct.pack("<IIQ", ARRAY, element_type, len(value)) + body
    value_type = _value_type(value)
    return head + struct.pack("<I", value_type) + _pack_value(value_type, value)


def _padding(n_bytes):
    return b"\0" * (-n_bytes % DEFAULT_ALIGNMENT)


def write(path, metadata, tensors):
    """tensors: list of (name, type name, shape in NumPy order, bytes)."""
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    header += b"".join(_pack_pair(key, value) for key, value in metadata.items())
    offset = 0
    for name, type_name, shape, data in tensors:
        type_id, block, block_bytes = TENSOR_TYPES[type_name]
        n = int(np.prod(shape))
        if shape[-1] % block or len(data) != n // block * block_bytes:
            raise ValueError(f"{name}: {len(data)} bytes do not fit {type_name} {shape}")
        header += _pack_string(name) + struct.pack("<I", len(shape))
        header += struct.pack(f"<{len(shape)}Q", *reversed(shape)) + struct.pack("<IQ", type_id, offset)
        offset += len(data) + len(_padding(len(data)))
    with open(path, "wb") as file:
        file.write(header + _padding(len(header)))
        for _, _, _, data in tensors:
            file.write(data + _padding(len(data)))


def split_path(prefix, index, count):
    """Name of shard `index` (0-based): the file name counts from 1."""
    return f"{prefix}-{index + 1:05d}-of-{count:05d}.gguf"


def write_split(prefix, metadata, tensors, count):
    """Writes `count` shards; the metadata is in the first only. Returns the paths, the first one opens the model."""
    paths = []
    for index in range(count):
        part = tensors[index * len(tensors) // count:(index + 1) * len(tensors) // count]
        split = {"split.no": Typed(U16, index), "split.count": Typed(U16, count),
                 "split.tensors.count": Typed(I32, len(tensors))}
        paths.append(split_path(prefix, index, count))
        write(paths[-1], {**(metadata if index == 0 else {}), **split}, part)
    return paths


class _Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, fmt):
        value, = struct.unpack_from("<" + fmt, self.data, self.at)
        self.at += struct.calcsize("<" + fmt)
        return value

    def string(self):
        n = self.take("Q")
        self.at += n
        return self.data[self.at - n:self.at].decode("utf-8", "surrogateescape")

    def value(self, value_type):
        if value_type == STRING:
            return self.string()
        if value_type == ARRAY:
            element_type, n = self.take("I"), self.take("Q")
            return [self.value(element_type) for _ in range(n)]
        return self.take(SCALAR_FORMAT[value_type])


class Tensor:
    """One tensor: type name, shape in NumPy order, and its raw bytes in the mapping."""

    def __init__(self, name, type_name, shape, raw):
        self.name, self.type_name, self.shape, self.raw = name, type_name, shape, raw


class Reader:
    """metadata: dict; tensors: dict name -> Tensor. A first shard opens its siblings too."""

    def __init__(self, path):
        self.metadata, self.tensors = {}, {}
        self._read(path)
        count = self.metadata.get("split.count", 0)
        if count > 1:
            suffix = split_path("", 0, count)
            if not path.endswith(suffix):
                raise ValueError(f"{path}: open the first shard of a split model")
            for index in range(1, count):
                self._read(split_path(path[:-len(suffix)], index, count))
            if len(self.tensors) != self.metadata["split.tensors.count"]:
                raise ValueError(f"{path}: shards hold {len(self.tensors)} tensors")

    def _read(self, path):
        with open(path, "rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        cursor = _Cursor(data)
        if cursor.take("4s") != b"GGUF" or cursor.take("I") not in (2, 3):
            raise ValueError(f"{path}: not a little-endian GGUF v2 or v3 file")
        n_tensors, n_pairs = cursor.take("Q"), cursor.take("Q")
        metadata = {}
        for _ in range(n_pairs):
            key = cursor.string()
            metadata[key] = cursor.value(cursor.take("I"))
        infos = []
        for _ in range(n_tensors):
            name, n_dims = cursor.string(), cursor.take("I")
            shape = tuple(cursor.take("Q") for _ in range(n_dims))[::-1]
            infos.append((name, shape, cursor.take("I"), cursor.take("Q")))
        alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
        start = cursor.at + -cursor.at % alignment
        for name, shape, type_id, offset in infos:
            type_name = TYPE_NAMES[type_id]
            _, block, block_bytes = TENSOR_TYPES[type_name]
            n_bytes = int(np.prod(shape)) // block * block_bytes
            raw = np.frombuffer(data, np.uint8, n_bytes, start + offset) if n_bytes else np.zeros(0, np.uint8)
            self.tensors[name] = Tensor(name, type_name, shape, raw)
        for key, value in metadata.items():
            self.metadata.setdefault(key, value)
