"""Installs into a prefix of its own, then builds and runs examples/hello against it: with find_package, with
pkg-config, and in Python.

    install_test.py BUILD_DIR SOURCE_DIR MODEL.gguf
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD, SOURCE, MODEL = map(pathlib.Path, sys.argv[1:4])
HELLO = SOURCE / "examples/hello"


def run(*command, **environment):
    """Standard output of a command that must succeed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          env={**os.environ, **environment})
    if done.returncode != 0:
        raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="coterie-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        # Moved after installing: nothing in an installed tree may know where it lay.
        run("cmake", "--install", BUILD, "--prefix", cls.directory / "first")
        cls.prefix = cls.directory / "second"
        (cls.directory / "first").rename(cls.prefix)
        cls.library = next(cls.prefix.glob("lib*/**/libcoterie.so"))

    def test_program_runs_from_the_prefix(self):
        info = json.loads(run(self.prefix / "bin/coterie", "info", "-m", MODEL, "--json"))
        self.assertEqual(info["file"], str(MODEL))

    def test_default_model_is_installed(self):
        models = list((self.prefix / "share/coterie/models").glob("*.gguf"))
        if not models:
            self.skipTest("this source tree has no default model")
        info = json.loads(run(self.prefix / "bin/coterie", "info", "--json", COTERIE_MODEL=""))
        self.assertTrue(pathlib.Path(info["file"]).samefile(models[0]))

    def test_find_package(self):
        build = self.directory / "find_package"
        run("cmake", "-S", HELLO, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={self.prefix}",
            "-DCMAKE_C_FLAGS=-Wall -Wextra -pedantic -Werror", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -pedantic -Werror")
        run("cmake", "--build", build)
        self.assertTrue(run(build / "hello_c", MODEL, "Hello").strip())
        self.assertTrue(run(build / "hello_cpp", MODEL, "Hello").strip())

    def test_find_package_refuses_another_version(self):
        project = self.directory / "too_new"
        project.mkdir()
        (project / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.20)\nproject(too_new C)\nfind_package(coterie 99.0)\n"
            "if(coterie_FOUND)\n  message(FATAL_ERROR found)\nendif()\n")
        run("cmake", "-S", project, "-B", project / "build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={self.prefix}")

    def test_pkg_config(self):
        path = next(self.prefix.glob("lib*/**/pkgconfig"))
        flags = run("pkg-config", "--cflags", "--libs", "coterie", PKG_CONFIG_PATH=str(path)).split()
        program = self.directory / "hello_pkg_config"
        run("cc", "-std=c11", HELLO / "hello.c", *flags, "-o", program)
        self.assertTrue(run(program, MODEL, "Hello", LD_LIBRARY_PATH=str(self.library.parent)).strip())

    def test_python_with_the_library_named(self):
        self.assertTrue(run(sys.executable, HELLO / "hello.py", MODEL, "Hello",
                            COTERIE_LIBRARY=str(self.library)).strip())

    def test_python_with_the_library_where_the_loader_finds_it(self):
        package = self.directory / "package"
        shutil.copytree(SOURCE / "bindings/python/coterie", package / "coterie")
        path = run(sys.executable, "-c", "import coterie; print(coterie.library_path)", PYTHONPATH=str(package),
                   LD_LIBRARY_PATH=str(self.library.parent), COTERIE_LIBRARY="")
        self.assertEqual(path.strip(), "libcoterie.so.0")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
