"""Fails when a file includes from a layer above its own, or does what a guest in another program must not do.

    layers_test.py SOURCE_FOLDER

First plants one breach of every kind in a small tree of its own, to see that each is caught.
"""

import pathlib
import re
import sys
import tempfile

# Top to bottom. A file may include from its own layer and from those below it.
LAYERS = ["lib/c_api.cpp", "lib/engine/", "lib/chat/", "lib/sampling/", "lib/models/", "lib/nn/", "lib/kv/",
          "lib/text/", "lib/gguf/", "lib/base/", "simd/"]
PUBLIC = "include/coterie/"
OUTSIDE = ("examples/", "bindings/")  # users of the library: they see PUBLIC and their own files
INCLUDE_ROOTS = ["lib/", "simd/", "include/"]
SUFFIXES = {".h", ".hpp", ".c", ".cc", ".cpp", ".inc", ".inl"}

# Libraries of others, and the only place that may know each.
THIRD_PARTY = [
    (re.compile(r"(oneapi/)?tbb/"), "lib/base/parallel.cpp"),
    (re.compile(r"pcre2|utf8proc"), "lib/text/"),
]

# What code of the library must not do, looked for outside comments and strings.
CALL = r"(?<![\w.>])(?:std::|::)?"
FORBIDDEN = [
    (re.compile(r"std::(w|basic_)?regex\b|#\s*include\s*<regex>"), "std::regex"),
    (re.compile(CALL + r"(abort|terminate|exit|_exit|_Exit|quick_exit)\s*\("), "ending the process"),
    (re.compile(CALL + r"(v?printf|w?printf|puts|putchar|perror)\s*\(|\bstd(out|err)\b|std::w?(cout|cerr|clog)\b"
                r"|#\s*include\s*<iostream>"), "printing"),
    (re.compile(r"\bassert\s*\(|#\s*include\s*<(cassert|assert\.h)>"), "assert"),
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
COMMENT = r"//[^\n]*|/\*.*?\*/"
STRING = r'R"([^()\s\\]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])*\''
COMMENT_OR_STRING = re.compile(f"(?P<comment>{COMMENT})|{STRING}", re.DOTALL)


def blank(text, strings_too):
    """text with spaces in place of its comments (and strings); every line stays where it is."""
    def replace(match):
        if match["comment"] is None and not strings_too:
            return match[0]
        return re.sub(r"[^\n]", " ", match[0])
    return COMMENT_OR_STRING.sub(replace, text)


def layer_of(path):
    """The number of the layer that a path belongs to, 0 on top; None if it is in none."""
    for number, layer in enumerate(LAYERS):
        if path.startswith(layer) if layer.endswith("/") else path == layer:
            return number
    return None


def resolve(root, path, name):
    """The file that an include line of path means, relative to root; None if it is not one of ours."""
    folders = [pathlib.PurePosixPath(path).parent.as_posix() + "/"] + INCLUDE_ROOTS
    for folder in folders:
        candidate = (root / folder / name).resolve()
        if candidate.is_file() and candidate.is_relative_to(root):
            return candidate.relative_to(root).as_posix()
    return None


def check_include(root, path, bracket, name):
    """What is wrong with one include line; None if nothing is."""
    for library, home in THIRD_PARTY:
        if library.match(name) and not path.startswith(OUTSIDE) and not path.startswith(home):
            return f"includes {name}, which only {home} may"
    target = resolve(root, path, name)
    if target is None:
        return f'includes "{name}", which is not there' if bracket == '"' and not path.startswith(OUTSIDE) else None
    if path.startswith(OUTSIDE):
        own = path.split("/")[0] + "/"
        return None if target.startswith((PUBLIC, own)) else f"includes {target}, but may see {PUBLIC} only"
    if path.startswith("include/"):
        return None if target.startswith(PUBLIC) else f"includes {target}: public headers stand alone"
    if target.startswith(PUBLIC):
        return None if path == LAYERS[0] else f"includes {target}, which only {LAYERS[0]} may"
    if layer_of(target) is None:
        return f"includes {target}, which is in no layer"
    return f"includes {target}, which lies above it" if layer_of(target) < layer_of(path) else None


def check_file(root, path):
    """Every breach in one file, as "path:line: what"."""
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    in_library = path.startswith(("lib/", "simd/"))
    if in_library and layer_of(path) is None:
        return [f"{path}:1: is in no layer: add its folder to LAYERS"]
    found = []
    for match in INCLUDE.finditer(blank(text, strings_too=False)):
        what = check_include(root, path, match[1], match[2])
        if what is not None:
            found.append((match.start(1), what))
    if in_library:
        code = blank(text, strings_too=True)
        for pattern, what in FORBIDDEN:
            found += [(match.start(), f"{what}: {match[0].strip()}") for match in pattern.finditer(code)]
    return [f"{path}:{text.count(chr(10), 0, position) + 1}: {what}" for position, what in sorted(found)]


def check_tree(root):
    """Every breach below root; the number of files looked at."""
    root = pathlib.Path(root).resolve()
    found, n_files = [], 0
    for top in ("lib", "simd", "include", "examples", "bindings"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix in SUFFIXES and file.is_file():
                found += check_file(root, file.relative_to(root).as_posix())
                n_files += 1
    return found, n_files


# A tree without a breach: everything here is allowed.
SOUND = {
    "include/coterie/coterie.h": "#include <stdint.h>\n",
    "include/coterie/coterie.hpp": '#include "coterie/coterie.h"\n#include "coterie.h"\n#include <string>\n',
    "lib/c_api.cpp": '#include "coterie/coterie.h"\n#include "engine/engine.h"\n',
    "lib/engine/engine.h": '#include "gguf/gguf.h"\n#include "kernels.h"\n',
    "lib/text/unicode.cpp": "#include <utf8proc.h>\n#include <pcre2.h>\n",
    "lib/gguf/gguf.h": '#include "base/status.h"\n#include "gguf/names.h"\n',
    "lib/gguf/names.h": '// #include "engine/engine.h"\n/* #include "engine/engine.h"\n*/ // std::cout << abort();\n',
    "lib/base/status.h": """static_assert(1'000 > 0); void f(const char*) __attribute__((format(printf, 1, 2)));
int g() { f("exit(1) std::cout"); return snprintf(0, 0, "x"); }  // assert(false)
void on_exit(); void h(Loop* a, Loop b) { a->exit(1); b.exit(1); on_exit(); }
""",
    "lib/base/parallel.cpp": "#include <oneapi/tbb/task_arena.h>\n#include <tbb/info.h>\n",
    "simd/kernels.h": '#include "formats.h"\n',
    "simd/formats.h": "",
    "examples/x/main.cpp": '#include <coterie/coterie.hpp>\n#include "own.h"\n#include "made.h"\n#include <iostream>\n',
    "examples/x/own.h": "",
    "bindings/y/y.c": '#include "coterie/coterie.h"\nint main(void) { printf("fine"); }\n',
}

# Path, line, and a part of what must be said about it.
BREACHES = [
    ("lib/gguf/gguf.h", '#include "engine/engine.h"', "above"),
    ("lib/gguf/gguf.h", '#include "../engine/engine.h"', "above"),
    ("lib/gguf/gguf.h", '  #  include   <engine/engine.h>', "above"),
    ("lib/base/status.h", '#include "gguf/names.h"', "above"),
    ("simd/kernels.h", '#include "base/status.h"', "above"),
    ("lib/engine/engine.h", '#include "coterie/coterie.h"', "only lib/c_api.cpp"),
    ("lib/engine/engine.h", '#include "engine/nowhere.h"', "not there"),
    ("lib/engine/engine.h", '#include "../../examples/x/own.h"', "in no layer"),
    ("lib/utils/utils.h", "", "add its folder"),
    ("include/coterie/coterie.h", '#include "base/status.h"', "stand alone"),
    ("examples/x/main.cpp", '#include "base/status.h"', "may see include/coterie/ only"),
    ("examples/x/main.cpp", '#include "../../simd/formats.h"', "may see include/coterie/ only"),
    ("bindings/y/y.c", '#include <engine/engine.h>', "may see include/coterie/ only"),
    ("lib/engine/engine.h", "#include <oneapi/tbb/task_arena.h>", "only lib/base/parallel.cpp"),
    ("lib/base/status.h", "#include <tbb/info.h>", "only lib/base/parallel.cpp"),
    ("lib/gguf/names.h", "#include <pcre2.h>", "only lib/text/"),
    ("simd/formats.h", "#include <utf8proc.h>", "only lib/text/"),
    ("lib/text/unicode.cpp", "std::regex r;", "std::regex"),
    ("lib/text/unicode.cpp", "#include <regex>", "std::regex"),
    ("lib/base/status.h", "void f() { std::abort(); }", "ending the process"),
    ("lib/base/status.h", "void f() { exit(1); }", "ending the process"),
    ("simd/kernels.h", "void f() { printf(0); }", "printing"),
    ("simd/kernels.h", 'void f() { std::fprintf(stderr, "x"); }', "printing"),
    ("lib/base/status.h", 'const char* s = "//"; void f() { std::cout << s; }', "printing"),
    ("lib/base/status.h", "#include <iostream>", "printing"),
    ("lib/base/status.h", "void f(int x) { assert(x); }", "assert"),
    ("lib/base/status.h", "#include <cassert>", "assert"),
]


def self_check():
    """Fails unless SOUND passes and each of BREACHES, planted alone, is found at its line and nowhere else."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)

        def write(path, text):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")

        for path, text in SOUND.items():
            write(path, text)
        found, n_files = check_tree(root)
        assert not found and n_files == len(SOUND), found
        for path, line, what in BREACHES:
            before = SOUND.get(path, "")
            write(path, before + line + "\n")
            found, _ = check_tree(root)
            where = f"{path}:{before.count(chr(10)) + 1}: "
            assert len(found) == 1 and found[0].startswith(where) and what in found[0], (path, line, found)
            if path in SOUND:
                write(path, before)
            else:
                (root / path).unlink()


def main():
    self_check()
    found, n_files = check_tree(sys.argv[1])
    print(*found, sep="\n")
    print(f"{len(BREACHES)} planted breaches were caught; {n_files} files hold {len(found)}")
    return 1 if found or n_files == 0 else 0


sys.exit(main())
