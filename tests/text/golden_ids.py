"""Checks the ids that a real model's tokenizer gives to recorded texts.

    golden_ids.py NAME TOKENIZE_FILE VOCAB.gguf DOWNLOADS        NAME as in vocabularies.py

The ids of data/NAME_ids.json were made with npm's tokenizers 0.23.2 and confirmed with @huggingface/tokenizers 0.2.0; no
special tokens.
"""

import json
import os
import subprocess
import sys

import vocabularies

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")


def main(name, program, vocabulary, downloads):
    vocabularies.make(name, vocabulary, downloads)
    with open(os.path.join(DATA, f"{name.replace('-', '_')}_ids.json"), encoding="utf-8") as file:
        cases = json.load(file)
    lines = "".join(json.dumps(case["s"]) + "\n" for case in cases)
    output = subprocess.run([program, vocabulary, "--jsonl"], input=lines, capture_output=True, text=True, check=True)
    ids = [[int(word) for word in line.split()] for line in output.stdout.split("\n")[:-1]]
    wrong = [(case, got) for case, got in zip(cases, ids) if case["ids"] != got]
    for case, got in wrong[:10]:
        print(f"{json.dumps(case['s'])}\n  expected {case['ids']}\n  got      {got}")
    print(f"{len(cases)} texts, {len(wrong)} differ")
    return 1 if wrong or len(ids) != len(cases) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
