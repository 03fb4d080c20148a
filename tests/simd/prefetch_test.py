"""prefetch_test.py OBJDUMP OBJECT...: every vector kernel that reads rows has prefetches in its machine code.

Compilers may leave out what changes no result: gcc 12 drops calls of a function that does nothing but prefetch.
"""

import re
import subprocess
import sys

FUNCTION = re.compile(r"^[0-9a-f]+ <.*?\b(gemv|gemm|gemv_float|gemm_float|weighted_sum|add_run|add_columns)<(?:[\w ()]*::)*(\w+)[,>]")
PART_OF = {"add_run": "weighted_sum", "add_columns": "weighted_sum"}
LEAST_PREFETCHES = {"gemv": 2, "gemm": 1, "gemv_float": 1, "gemm_float": 5, "weighted_sum": 1}
# Of gemv one stands before the loop; gemm_float takes in the four of gemv_float for a single vector.
LEAST_FORMATS = {"gemv": 25, "gemm": 25, "gemv_float": 3, "gemm_float": 3, "weighted_sum": 3}


def prefetches_of(objdump, path):
    """{(kernel, type of its rows): how many prefetches it has}, parts of it that are functions of their own included."""
    listing = subprocess.run([objdump, "-dC", "--no-show-raw-insn", path], check=True, capture_output=True, text=True).stdout
    counts, kernel = {}, None
    for line in listing.splitlines():
        if line.endswith(">:"):
            match = FUNCTION.match(line)
            kernel = match and (PART_OF.get(match[1], match[1]), match[2])
            if kernel:
                counts.setdefault(kernel, 0)
        elif kernel and re.search(r"\t(prefetch|prfm)", line):
            counts[kernel] += 1
    return counts


def main():
    objdump, objects = sys.argv[1], sys.argv[2:]
    checked = 0
    for path in objects:
        if not re.search(r"isa_(avx2|avx512vnni|neon|i8mm)\.cpp", path):
            continue
        counts = prefetches_of(objdump, path)
        for name, least in LEAST_FORMATS.items():
            formats = sorted(t for kernel, t in counts if kernel == name)
            assert len(formats) >= least, f"{path}: {name} of {formats} only"
        without = sorted(k for k, n in counts.items() if n < LEAST_PREFETCHES[k[0]])
        assert not without, f"{path}: too few prefetches in {without}"
        checked += 1
    assert checked, "no object checked"
    print(f"{checked} objects checked")


if __name__ == "__main__":
    main()
