"""The model that ships with the repository, through the program: its recorded token ids and greedy answers.

    default_model_test.py PROGRAM FOLDER        FOLDER holds the .gguf file and golden.json (examples/default_model)

golden.json was recorded with PyTorch in float32 on the weights of the file; its cases leave a lead to the chosen token
that the engine's int8 activations do not overturn.
"""

import array
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
MODEL = next(FOLDER.glob("*-Q8_0.gguf"))
GOLDEN = json.loads((FOLDER / "golden.json").read_text())


def coterie(*arguments, **options):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, timeout=300, **options)
    if done.returncode != 0:
        raise AssertionError(f"coterie {arguments}: exit {done.returncode}: {done.stderr.decode()}")
    return done.stdout


class DefaultModel(unittest.TestCase):
    def test_token_ids(self):
        for case in GOLDEN["tokenizer"]:
            with self.subTest(case["text"]):
                text = case["text"].encode()
                self.assertEqual(json.loads(coterie("tokenize", "-m", MODEL, "--no-special", input=text)), case["ids"])

    def test_greedy_answers(self):
        n_vocab = json.loads(coterie("info", "-m", MODEL, "--json"))["n_vocab"]
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "logits")
            for case in GOLDEN["greedy"]:
                with self.subTest(case["text"]):
                    ids = case["prompt"] + case["continuation"]
                    coterie("logits", "-m", MODEL, "--ids", ",".join(map(str, ids)), "--out", out)
                    logits = array.array("f", pathlib.Path(out).read_bytes())
                    rows = [logits[i * n_vocab:(i + 1) * n_vocab] for i in range(len(case["prompt"]) - 1, len(ids) - 1)]
                    self.assertEqual([max(range(n_vocab), key=row.__getitem__) for row in rows], case["continuation"])

    def test_it_is_the_default_and_knows_its_village(self):
        answer = coterie("chat", "-p", "How much is a honey cake?", "--temp", "0",
                         "--system", "You are Marta, the baker of Willowbrook.").decode()
        self.assertIn("four coppers", answer)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
