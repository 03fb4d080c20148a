"""The ABI against its records: struct layouts and constants (layout.txt), exported symbols (symbols.txt), and what the
Python binding declares of both.

    abi_test.py LAYOUT_PROGRAM LIBRARY SOURCE_DIR
"""

import importlib.util
import pathlib
import platform
import subprocess
import sys
import unittest

LAYOUT_PROGRAM, LIBRARY, SOURCE = sys.argv[1:4]
HERE = pathlib.Path(__file__).parent


def lines(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def recorded(name):
    return (HERE / name).read_text().splitlines()


def python_declarations():
    """bindings/python/coterie/_abi.py alone: importing the package would load a library."""
    path = pathlib.Path(SOURCE) / "bindings/python/coterie/_abi.py"
    spec = importlib.util.spec_from_file_location("coterie_abi", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class AbiTest(unittest.TestCase):
    maxDiff = None

    @unittest.skipUnless(platform.machine() in ("x86_64", "aarch64"), "layout.txt is of 64-bit machines")
    def test_layout_is_as_recorded(self):
        self.assertEqual(lines([LAYOUT_PROGRAM]), recorded("layout.txt"))

    def test_exported_symbols_are_as_recorded(self):
        exported = [line.split() for line in lines(["nm", "-D", "--defined-only", LIBRARY])]
        self.assertEqual(sorted(name for _, _, name in exported), recorded("symbols.txt"))
        self.assertEqual({kind for _, kind, _ in exported}, {"T"})

    def test_soname_is_the_major_version(self):
        dynamic = "\n".join(lines(["readelf", "-d", LIBRARY]))
        self.assertIn(f"[libcoterie.so.{python_declarations().VERSION[0]}]", dynamic)

    def test_python_declares_every_function(self):
        self.assertEqual(sorted(python_declarations().FUNCTIONS), recorded("symbols.txt"))

    def test_python_structs_have_the_layout(self):
        import ctypes
        declared = []
        for name, struct in python_declarations().STRUCTS.items():
            declared.append(f"{name} {ctypes.sizeof(struct)}")
            for field, _ in struct._fields_:
                place = getattr(struct, field)
                declared.append(f"{name}.{field} {place.offset} {place.size}")
        self.assertEqual(sorted(declared), sorted(line for line in recorded("layout.txt") if "=" not in line))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
