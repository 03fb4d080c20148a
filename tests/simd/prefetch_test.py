"""prefetch_test.py OBJDUMP OBJECT...: every vector kernel of one vector of activations has prefetches in its machine code.

Compilers may leave out what changes no result: gcc 12 drops calls of a function that does nothing but prefetch.
"""

import re
import subprocess
import sys

FUNCTION = re.compile(r"^[0-9a-f]+ <.*\bgemv<[^>]*?(\w+)>\(")
LEAST_FORMATS = 25
LEAST_PREFETCHES = 2  # one stands before the loop


def formats_of(objdump, path):
    """Name of each format with a gemv: how many prefetches that has."""
    listing = subprocess.run([objdump, "-dC", "--no-show-raw-insn", path], check=True, capture_output=True, text=True).stdout
    counts, name = {}, None
    for line in listing.splitlines():
        if line.endswith(">:"):
            match = FUNCTION.match(line)
            name = match and match[1]
            if name:
                counts.setdefault(name, 0)
        elif name and re.search(r"\t(prefetch|prfm)", line):
            counts[name] += 1
    return counts


def main():
    objdump, objects = sys.argv[1], sys.argv[2:]
    checked = 0
    for path in objects:
        if not re.search(r"isa_(avx2|avx512vnni|neon|i8mm)\.cpp", path):
            continue
        counts = formats_of(objdump, path)
        assert len(counts) >= LEAST_FORMATS, f"{path}: gemv of {sorted(counts)} only"
        without = sorted(name for name, n in counts.items() if n < LEAST_PREFETCHES)
        assert not without, f"{path}: too few prefetches in gemv of {without}"
        checked += 1
    assert checked, "no object checked"
    print(f"{checked} objects checked")


if __name__ == "__main__":
    main()
