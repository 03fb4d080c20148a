"""Unpacks the vocabularies with test cases of llama.cpp's source, which npm's node-llama-cpp carries as a git bundle.

    fetch_vocabularies.py OUT_DIR DOWNLOADS

Each becomes ggml-vocab-NAME.gguf with .inp (texts, separated by "\\n__ggml_vocab_test__\\n") and .out (ids, one line
for each text).
"""

import os
import shutil
import subprocess
import sys

import npm

PACKAGE = "node-llama-cpp@3.22.1"
NAMES = ("deepseek-llm", "deepseek-coder", "llama-spm", "phi-3", "llama-bpe", "qwen2", "qwen35", "gpt-2", "starcoder",
         "refact", "falcon", "mpt", "command-r")


def main(out, downloads):
    files = [f"ggml-vocab-{name}.gguf{suffix}" for name in NAMES for suffix in ("", ".inp", ".out")]
    if all(os.path.exists(os.path.join(out, file)) for file in files):
        return
    if shutil.which("git") is None:
        npm.skip("git is not installed")
    os.makedirs(out, exist_ok=True)
    with npm.pack(downloads, PACKAGE) as archive:
        bundle = archive.extractfile("package/llama/gitRelease.bundle").read()
    bundle_path, repository = os.path.join(downloads, "llama.bundle"), os.path.join(downloads, "llama.git")
    with open(bundle_path, "wb") as file:
        file.write(bundle)
    shutil.rmtree(repository, ignore_errors=True)
    subprocess.run(["git", "clone", "--quiet", "--bare", bundle_path, repository], check=True)
    for name in files:
        blob = subprocess.run(["git", "-C", repository, "show", f"HEAD:models/{name}"], check=True, capture_output=True)
        with open(os.path.join(out, name + ".part"), "wb") as file:
            file.write(blob.stdout)
        os.replace(os.path.join(out, name + ".part"), os.path.join(out, name))
    shutil.rmtree(repository)
    os.remove(bundle_path)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
