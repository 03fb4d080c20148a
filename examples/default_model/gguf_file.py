#!/usr/bin/env python3
# GGUF version 3, as much of it as this model needs: write F32, F16 and Q8_0 tensors, read them back.
import argparse
import mmap
import struct

import numpy as np

F32, F16, Q8_0 = 0, 1, 8
ALIGNMENT = 32
BLOCK = 32                       # values in a Q8_0 block: an F16 scale, then 32 signed bytes
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9


def string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def value(v):
    if isinstance(v, bool):
        return struct.pack("<IB", BOOL, v)
    if isinstance(v, int):
        return struct.pack("<II", UINT32, v)
    if isinstance(v, float):
        return struct.pack("<If", FLOAT32, v)
    if isinstance(v, str):
        return struct.pack("<I", STRING) + string(v)
    if all(isinstance(x, str) for x in v):
        return struct.pack("<IIQ", ARRAY, STRING, len(v)) + b"".join(map(string, v))
    return struct.pack("<IIQ", ARRAY, INT32, len(v)) + np.asarray(v, "<i4").tobytes()


def to_q8_0(a):
    """Each block's largest magnitude becomes 127; halves are rounded away from zero."""
    blocks = np.ascontiguousarray(a, np.float32).reshape(-1, BLOCK)
    scale = np.abs(blocks).max(1, keepdims=True) / np.float32(127)
    inverse = np.divide(np.float32(1), scale, out=np.zeros_like(scale), where=scale > 0)
    x = blocks * inverse
    codes = np.trunc(x + np.copysign(np.float32(0.5), x)).astype(np.int8)
    return np.concatenate((scale.astype("<f2").view(np.int8), codes), 1).tobytes()


def from_q8_0(data, shape):
    rows = np.frombuffer(data, np.int8).reshape(-1, 2 + BLOCK)
    scale = np.ascontiguousarray(rows[:, :2]).view("<f2").astype(np.float32)
    return (rows[:, 2:].astype(np.float32) * scale).reshape(shape)


def encode(a, kind):
    if kind == Q8_0:
        return to_q8_0(a)
    return np.ascontiguousarray(a, {F32: "<f4", F16: "<f2"}[kind]).tobytes()


def padding(n):
    return b"\0" * (-n % ALIGNMENT)


def write(path, keys, tensors):
    """tensors: (name, array, kind). Shapes are turned round: GGUF names the fastest axis first."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    for k, v in keys.items():
        head += string(k) + value(v)
    body, offset = [], 0
    for name, a, kind in tensors:
        data = encode(a, kind)
        head += string(name) + struct.pack("<I", a.ndim)
        head += b"".join(struct.pack("<Q", n) for n in a.shape[::-1]) + struct.pack("<IQ", kind, offset)
        body.append(data + padding(len(data)))
        offset += len(body[-1])
    with open(path, "wb") as f:
        f.write(head + padding(len(head)))
        f.writelines(body)


class Reader:
    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        self.at = 4
        assert self.data[:4] == b"GGUF"
        version, n_tensors, n_keys = self.take("IQQ")
        assert version == 3
        self.keys = {}
        for _ in range(n_keys):
            name = self.string()
            self.keys[name] = self.value(self.take("I")[0])
        self.infos = {}
        for _ in range(n_tensors):
            name, n_dims = self.string(), self.take("I")[0]
            shape = self.take("Q" * n_dims)[::-1]
            self.infos[name] = (shape, *self.take("IQ"))
        self.start = self.at + len(padding(self.at))

    def take(self, form):
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def string(self):
        n = self.take("Q")[0]
        self.at += n
        return self.data[self.at - n:self.at].decode()

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            element, n = self.take("IQ")
            return [self.value(element) for _ in range(n)]
        return self.take({UINT32: "I", INT32: "i", FLOAT32: "f", BOOL: "?"}[kind])[0]

    def tensor(self, name):
        shape, kind, offset = self.infos[name]
        n = int(np.prod(shape))
        size = {F32: 4 * n, F16: 2 * n, Q8_0: n // BLOCK * (BLOCK + 2)}[kind]
        data = self.data[self.start + offset:self.start + offset + size]
        if kind == Q8_0:
            return from_q8_0(data, shape)
        return np.frombuffer(data, {F32: "<f4", F16: "<f2"}[kind]).astype(np.float32).reshape(shape)


if __name__ == "__main__":
    p = argparse.ArgumentParser(description="List the keys and tensors of a GGUF file.")
    p.add_argument("file")
    r = Reader(p.parse_args().file)
    for k, v in r.keys.items():
        print(f"{k} = {f'[{len(v)} entries]' if isinstance(v, list) else v!r}")
    for name, (shape, kind, offset) in r.infos.items():
        print(f"{name} {list(shape[::-1])} {({F32: 'F32', F16: 'F16', Q8_0: 'Q8_0'})[kind]}")
