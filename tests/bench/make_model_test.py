"""Model files of random weights: read back by the reference's own reader and, where the type is served, by the program.

    make_model_test.py MAKE_MODEL [PROGRAM]
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "reference"))

import one_thread  # noqa: E402, F401
import numpy as np  # noqa: E402

import gguf  # noqa: E402
import quants  # noqa: E402

MAKE_MODEL = sys.argv[1]
PROGRAM = sys.argv[2] if len(sys.argv) > 2 else None


def served_types():
    """Every type and mixture that the usage names."""
    usage = subprocess.run([MAKE_MODEL], capture_output=True, text=True, timeout=60).stderr
    return [name.lower() for name in re.search(r"^TYPE: (.*)$", usage, re.MULTILINE)[1].split(", ")]


class MakeModel(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def make(self, types, *options, shape="tiny"):
        path = os.path.join(self.folder.name, f"{types}{''.join(options)}.gguf")
        subprocess.run([MAKE_MODEL, shape, types, path, *options], check=True, capture_output=True, timeout=120)
        return path

    def test_weights_have_mean_0_and_the_deviation_that_keeps_the_variance(self):
        names = served_types()
        self.assertLess({"q4_k_m", "f32", "q2_k", "iq1_m", "mxfp4"}, set(names))
        for types in names:
            tensors = gguf.Reader(self.make(types)).tensors
            if types not in ("q4_k_m", "q5_k_m"):
                self.assertIn(types.upper(), {tensor.type_name for tensor in tensors.values()})
            for name, tensor in tensors.items():
                if len(tensor.shape) < 2 or not name.endswith(".weight"):
                    continue
                weights = np.float64(quants.dequantise(tensor.raw, tensor.type_name))
                if name.replace("weight", "scale") in tensors:
                    scales = tensors[name.replace("weight", "scale")]
                    weights *= np.repeat(scales.raw.view("<f4"), weights.size // tensor.shape[0])
                n_in = 256 if "attn_k_b" in name else tensor.shape[-1]
                expected = 1 if name == "token_embd.weight" else n_in ** -0.5
                with self.subTest(types=types, name=name, type=tensor.type_name):
                    self.assertTrue(np.isfinite(weights).all())
                    self.assertAlmostEqual(np.sqrt(np.mean(weights ** 2)) / expected, 1, delta=0.05)
                    self.assertAlmostEqual(np.mean(weights) / expected, 0, delta=0.1)

    def test_the_mixture_falls_back_where_rows_are_not_whole_blocks(self):
        tensors = gguf.Reader(self.make("q4_k_m")).tensors
        types = {name: tensor.type_name for name, tensor in tensors.items()}
        self.assertEqual(types["token_embd.weight"], "Q4_K")
        self.assertEqual(types["output.weight"], "Q6_K")
        self.assertEqual(types["blk.0.ffn_down.weight"], "Q4_K")
        self.assertEqual(types["blk.1.ffn_down_exps.weight"], "Q5_0")  # 160 columns
        self.assertEqual(types["blk.2.ffn_down_exps.weight"], "Q8_0")  # the last eighth: Q6_K, had it fitted
        self.assertEqual(types["blk.1.attn_k_b.weight"], "Q5_0")
        self.assertEqual(types["blk.1.ffn_gate_inp.weight"], "F32")

    def test_experts_of_nvfp4_have_scales(self):
        tensors = gguf.Reader(self.make("nvfp4")).tensors
        self.assertEqual(tensors["blk.1.ffn_gate_exps.weight"].type_name, "NVFP4")
        self.assertEqual(tensors["blk.1.ffn_gate_exps.scale"].shape, (16,))
        self.assertNotIn("blk.1.ffn_down_exps.scale", tensors)  # 160 columns: not of NVFP4
        self.assertEqual(tensors["output.weight"].type_name, "Q8_0")

    def test_same_arguments_same_file(self):
        with open(self.make("q4_k_m"), "rb") as a, open(self.make("q4_k_m", "--layers", "3"), "rb") as b:
            self.assertEqual(a.read(), b.read())

    def test_bad_arguments_exit_2(self):
        for arguments in ([], ["tiny", "q4_k_m"], ["large", "q4_k_m", "x"], ["tiny", "q9", "x"], ["tiny", "i8", "x"],
                          ["tiny", "q8_0", "x", "--layers", "0"], ["tiny", "q8_0", "x", "--depth", "1"]):
            done = subprocess.run([MAKE_MODEL, *arguments], capture_output=True, timeout=60)
            self.assertEqual((done.returncode, done.stdout), (2, b""), arguments)
        done = subprocess.run([MAKE_MODEL, "tiny", "q8_0", "/no/such/folder/x.gguf"], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 1)

    def test_the_engine_runs_it_and_tells_tokens_apart(self):
        if PROGRAM is None:
            self.skipTest("built without the program")
        for types in ("q4_k_m", "nvfp4"):
            with self.subTest(types=types):
                self.check_logits(self.make(types))

    def check_logits(self, path):
        out = os.path.join(self.folder.name, "logits")
        done = subprocess.run([PROGRAM, "info", "--json", "-m", path], check=True, capture_output=True)
        info = json.loads(done.stdout)
        self.assertEqual((info["n_layer"], info["n_expert"]), (3, 16))
        ids = list(range(300, 332))
        subprocess.run([PROGRAM, "logits", "-m", path, "--ids", ",".join(map(str, ids)), "--out", out], check=True,
                       capture_output=True, timeout=120)
        logits = np.fromfile(out, "<f4").reshape(len(ids), -1)
        self.assertTrue(np.isfinite(logits).all())
        self.assertTrue(0.3 < logits.std() < 3, logits.std())
        alike = np.corrcoef(logits)[~np.eye(len(ids), dtype=bool)]
        self.assertLess(np.abs(alike).mean(), 0.5)  # one direction has not swallowed the others


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
