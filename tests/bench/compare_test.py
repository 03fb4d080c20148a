"""bench/peers/compare.py on a small model: both engines are measured and what is written agrees with itself.

    compare_test.py MAKE_MODEL PROGRAM DIRECTORY_OF_LLAMA_CPP
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "peer"))
sys.path.insert(0, os.path.join(ROOT, "bench", "peers"))

import compare  # noqa: E402
import node_llama_cpp  # noqa: E402

SKIPPED = 77


def main():
    make_model, program, work = sys.argv[1:4]
    assert compare.commit_of("/") == "unknown"
    try:
        node_llama_cpp.install(work)
    except node_llama_cpp.Unavailable as reason:
        print(f"skipped: {reason}")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "tiny.gguf")
        subprocess.run([make_model, "tiny", "q8_0", model], check=True)
        subprocess.run([sys.executable, compare.__file__, "-m", model, "-p", "16", "-n", "4", "-d", "0,8", "-t", "1", "-r", "3",
                        "--coterie", program, "--work", work, "--out", folder], check=True)
        with open(os.path.join(folder, "tiny.json"), encoding="utf-8") as file:
            result = json.load(file)
        with open(os.path.join(folder, "tiny.md"), encoding="utf-8") as file:
            table = file.read()
    run, = result["runs"]
    assert [(test["test"], test["n_tokens"], test["depth"]) for test in run["tests"]] == [
        ("prefill", 16, 0), ("decode", 4, 0), ("decode", 4, 8)], run["tests"]
    for test in run["tests"]:
        assert f"| {test['ratio']:.2f} | {test['ratio_of_fastest']:.2f} |" in table, table
        for name in ("coterie", "llama.cpp"):
            assert len(test["samples"][name]) == 3, test
            assert test["tokens_per_second"][name] == statistics.median(test["samples"][name]) > 0, test
            assert run["loaded"][name]["threads"] == 1, run["loaded"]
    assert result["commit"] == compare.commit_of(os.path.dirname(program)), result["commit"]
    assert result["cpu_flags"] == compare.cpu()[1] and set(result["cpu_flags"]) == set(compare.FLAGS), result["cpu_flags"]
    for words in ("| 1 | decode 4 at 8 |", "libggml-cpu", "node-llama-cpp", f"Coterie {result['commit']}: "):
        assert words in table, table
    return 0


if __name__ == "__main__":
    sys.exit(main())
