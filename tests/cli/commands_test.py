"""The commands of the program without a terminal: exit codes, what goes to which stream, and that they agree.

    commands_test.py PROGRAM MODEL.gguf
"""

import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

PROGRAM, MODEL = sys.argv[1:3]


def coterie(*arguments, stdin=b"", **environment):
    return subprocess.run([PROGRAM, *map(str, arguments)], input=stdin, capture_output=True, timeout=120,
                          env={**os.environ, "COTERIE_MODEL": MODEL, **environment})


class CommandTest(unittest.TestCase):
    def output(self, *arguments, **options):
        """Standard output of a command that must succeed and say nothing else."""
        done = coterie(*arguments, **options)
        self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
        return done.stdout

    def check_fails(self, exit_code, said, *arguments, **options):
        done = coterie(*arguments, **options)
        self.assertEqual(done.returncode, exit_code, arguments)
        self.assertEqual(done.stdout, b"", arguments)
        self.assertIn(said, done.stderr.decode())


class Usage(CommandTest):
    def test_usage_errors_exit_2(self):
        for arguments in (["walk"], ["--what"], ["run"], ["run", "-p"], ["run", "--what", "-p", "x"],
                          ["run", "-p", "x", "-n", "many"], ["run", "-p", "x", "-n", "-2"],
                          ["run", "-p", "x", "--top-p", "2"], ["run", "-p", "x", "--temp", "-1"],
                          ["chat", "--reasoning", "loud"], ["detokenize"], ["detokenize", "x"], ["logits"],
                          ["logits", "--ids", "1"], ["logits", "--ids", "1,x", "--out", "f"], ["info", "extra"],
                          ["bench", "-p", "x"], ["bench", "-p", "-1"], ["bench", "-r", "0"]):
            done = coterie(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, b""), arguments)
            self.assertTrue(done.stderr, arguments)

    def test_alone_it_prints_help_and_exits_2(self):
        self.check_fails(2, "Usage: coterie")

    def test_help_and_version(self):
        self.assertIn(b"Usage: coterie", self.output("--help"))
        self.assertRegex(self.output("--version").decode(), r"^coterie \d+\.\d+\.\d+\n$")
        for command in ("run", "chat", "info", "tokenize", "detokenize", "logits", "bench"):
            self.assertIn(b"--model", self.output(command, "--help"))


class Models(CommandTest):
    def test_missing_file_exits_1(self):
        for arguments in (["run", "-p", "x"], ["chat", "-p", "x"], ["info"], ["tokenize", "x"], ["detokenize", "1"],
                          ["logits", "--ids", "1", "--out", os.devnull], ["bench"]):
            self.check_fails(1, "/no/such.gguf", *arguments, "-m", "/no/such.gguf")

    def test_a_file_that_is_no_model_exits_1(self):
        self.check_fails(1, os.path.basename(__file__), "run", "-m", __file__, "-p", "x")

    def test_m_goes_before_the_environment(self):
        self.output("info", "-m", MODEL, COTERIE_MODEL="/no/such.gguf")
        self.check_fails(1, "/no/such.gguf", "info", COTERIE_MODEL="/no/such.gguf")


class Run(CommandTest):
    def test_text_and_ids_agree(self):
        text = self.output("run", "-p", "Hello", "-n", "12").decode()
        ids = self.output("run", "-p", "Hello", "-n", "12", "--ids").decode()
        self.assertRegex(ids, r"^\d+( \d+)*\n$")
        # Text is whole characters, the bytes of tokens need not be.
        self.assertEqual(self.output("detokenize", *ids.split()).decode("utf-8", "replace"), text)

    def test_same_seed_same_text(self):
        hot = ["run", "-p", "Hello", "-n", "12", "--temp", "1.5", "--ids"]
        first = self.output(*hot, "-s", "1")
        self.assertEqual(self.output(*hot, "-s", "1", "-t", "1", "--chunk", "1"), first)
        self.assertNotEqual(self.output(*hot, "-s", "2"), first)

    def test_top_k_1_is_greedy(self):
        self.assertEqual(self.output("run", "-p", "Hello", "-n", "12", "--temp", "2", "--top-k", "1"),
                         self.output("run", "-p", "Hello", "-n", "12"))

    def test_minus_1_goes_on_to_the_end_of_the_context(self):
        n_prompt = len(json.loads(self.output("tokenize", "Hello")))
        for n in ("-1", "0"):
            ids = self.output("run", "-p", "Hello", "-n", n, "-c", "40", "--ids").split()
            self.assertIn(len(ids), (40 - n_prompt, 40 - n_prompt + 1))  # the last one need not be evaluated

    def test_prompt_longer_than_the_context_exits_1(self):
        done = coterie("run", "-p", "Hello " * 50, "-c", "16")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"16", done.stderr)

    def test_prompt_may_look_like_an_option(self):
        self.output("run", "-p", "-1 --help", "-n", "1")

    def test_stats_and_log_go_to_standard_error(self):
        quiet = coterie("run", "-p", "Hello", "-n", "4")
        loud = coterie("run", "-p", "Hello", "-n", "4", "--stats", "--log")
        self.assertEqual(loud.stdout, quiet.stdout)
        self.assertIn(b"tokens", loud.stderr)
        self.assertNotIn(b"\x1b", loud.stderr)

    def test_lost_output_exits_1(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, "run", "-m", MODEL, "-p", "Hello"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"standard output", done.stderr)


class Chat(CommandTest):
    def test_one_turn(self):
        done = coterie("chat", "-p", "Hello", "-n", "12", "--temp", "0")
        self.assertEqual(done.returncode, 0)
        self.assertTrue(done.stdout.endswith(b"\n"))
        self.assertNotIn(b"\x1b", done.stdout + done.stderr)

    def test_one_turn_is_repeatable(self):
        first = coterie("chat", "-p", "Hello", "-n", "12").stdout
        self.assertEqual(coterie("chat", "-p", "Hello", "-n", "12").stdout, first)
        self.assertNotEqual(coterie("chat", "-p", "Hello", "-n", "12", "--temp", "1.5", "-s", "9").stdout, first)

    def test_system_message_matters(self):
        options = ["-p", "Hello", "-n", "12", "--temp", "0"]
        self.assertNotEqual(coterie("chat", *options, "--system", "Answer like a bird").stdout,
                            coterie("chat", *options).stdout)

    def test_format(self):
        options = ["-p", "Hello", "-n", "12", "--temp", "0", "--format"]
        self.assertEqual(coterie("chat", *options, "auto").stdout, coterie("chat", *options, "v3").stdout)
        self.assertNotEqual(coterie("chat", *options, "r1-zero").stdout, coterie("chat", *options, "plain").stdout)
        self.assertEqual(coterie("chat", *options, "morse").returncode, 2)

    def test_chat_options_that_need_a_chat_template(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as tools:
            tools.write('[{"type": "function", "function": {"name": "clock"}}]')
            tools.flush()
            self.check_fails(1, "template", "chat", "-p", "Hello", "--tools", tools.name)
        self.check_fails(1, "no such file", "chat", "-p", "Hello", "--tools", "no such file")
        self.check_fails(1, "template", "chat", "-p", "Hello", "--no-think")
        self.check_fails(1, "template", "chat", "-p", "Hello", "--think")
        self.assertEqual(coterie("chat", "-p", "Hello", "--think", "--no-think").returncode, 2)

    def test_chat_shows_the_prompt(self):
        done = coterie("chat", "-p", "Hello", "-n", "4", "--system", "Be brief", "--show-prompt", "--date", "2024-02-29")
        self.assertIn(b"Be brief", done.stderr)
        self.assertIn(b"Hello", done.stderr)

    def test_lines_of_a_pipe_are_messages(self):
        done = coterie("chat", "-n", "4", "--temp", "0", stdin=b"Hello\n\n/reset\nHello\n")
        self.assertEqual(done.returncode, 0)
        half = len(done.stdout) // 2
        self.assertEqual(done.stdout[:half], done.stdout[half:])

    def test_old_turns_make_room(self):
        done = coterie("chat", "-n", "4", "-c", "64", stdin=b"Tell me what you know of it\n" * 6)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"forgot the oldest", done.stderr)

    def test_a_message_that_never_fits_exits_1(self):
        self.check_fails(1, "-c", "chat", "-c", "16", "-p", "Hello " * 50)


class Info(CommandTest):
    def test_json(self):
        info = json.loads(self.output("info", "--json"))
        self.assertEqual(info["architecture"], "deepseek2")
        self.assertEqual(info["file_bytes"], os.path.getsize(MODEL))
        parts = ["embedding_bytes", "attention_bytes", "dense_ffn_bytes", "router_bytes", "shared_expert_bytes",
                 "routed_expert_bytes", "output_bytes", "norm_bytes", "other_bytes"]
        self.assertEqual(sum(info[part] for part in parts), info["tensor_bytes"])
        self.assertEqual(sum(usage["n_bytes"] for usage in info["types"]), info["tensor_bytes"])
        self.assertEqual(sum(usage["n_tensors"] for usage in info["types"]), info["n_tensors"])
        for key in info:
            self.assertRegex(key, "^[a-z0-9_]+$")

    def test_table(self):
        table = self.output("info").decode()
        for word in ("deepseek2", "routed experts", "touched per token", "context memory", "Q8_0", "100.0 %"):
            self.assertIn(word, table)


class Tokens(CommandTest):
    TEXTS = ["Hello", "", "Grüße, 世界! 👋🏽", "tabs\tand\nlines\r\n", "<|im_start|>", "a" * 5000, "é" * 300]

    def test_round_trip(self):
        for text in self.TEXTS:
            for options in ([], ["--no-special"]):
                ids = json.loads(self.output("tokenize", *options, stdin=text.encode()))
                if ids:
                    self.assertEqual(self.output("detokenize", *ids).decode(), text)

    def test_argument_and_standard_input_agree(self):
        self.assertEqual(self.output("tokenize", "Grüße"), self.output("tokenize", stdin="Grüße".encode()))

    def test_standard_input_is_taken_byte_for_byte(self):
        ids = json.loads(self.output("tokenize", "--no-special", stdin=b"one\0two\n"))
        self.assertEqual(self.output("detokenize", *ids), b"one\0two\n")
        self.output("tokenize", stdin=b"\xff\xfe broken")

    def test_ids_may_be_separated_by_commas(self):
        self.assertEqual(self.output("detokenize", "40,41,42"), self.output("detokenize", "40", "41", "42"))

    def test_unknown_id_exits_1(self):
        self.check_fails(1, "99999999", "detokenize", "99999999")


class Logits(CommandTest):
    def logits(self, *options):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "logits")
            self.output("logits", "--out", path, *options)
            return path.read_bytes()

    def test_file_is_n_tokens_by_n_vocab_floats(self):
        n_vocab = json.loads(self.output("info", "--json"))["n_vocab"]
        data = self.logits("--ids", "5,6,7,8,9")
        self.assertEqual(len(data), 5 * n_vocab * 4)
        rows = struct.unpack(f"<{5 * n_vocab}f", data)
        self.assertTrue(all(value == value and abs(value) < 1e6 for value in rows))

    def test_greedy_choice_is_the_largest_logit(self):
        prompt = json.loads(self.output("tokenize", "Hello"))
        data = self.logits("--ids", ",".join(map(str, prompt)))
        row = struct.unpack(f"<{len(data) // 4}f", data)[-(len(data) // 4 // len(prompt)):]
        best = self.output("run", "-p", "Hello", "-n", "1", "--ids").split()
        self.assertEqual(best, [str(row.index(max(row))).encode()])

    def test_chunk_and_threads_change_no_bit(self):
        ids = ["--ids", "5,6,7,8,9,10,11,12"]
        reference = self.logits(*ids)
        for options in (["--chunk", "1"], ["--chunk", "3", "-t", "1"], ["-t", "2"]):
            self.assertEqual(self.logits(*ids, *options), reference, options)

    def test_failures_exit_1(self):
        self.check_fails(1, "/no/dir", "logits", "--ids", "1", "--out", "/no/dir/logits")
        self.check_fails(1, "99999999", "logits", "--ids", "1,99999999", "--out", os.devnull)


class Bench(CommandTest):
    OPTIONS = ["bench", "-p", "4,9", "-n", "3", "-d", "0,5", "-t", "1,2", "-r", "2"]

    def test_json(self):
        report = json.loads(self.output(*self.OPTIONS, "--json"))
        self.assertEqual(report["file"], MODEL)
        self.assertEqual(len(report["runs"]), 2)
        for run in report["runs"]:
            self.assertEqual([test["n_tokens"] for test in run["prefill"]], [4, 9])
            self.assertEqual([(test["depth"], test["n_tokens"]) for test in run["decode"]], [(0, 3), (5, 3)])
            for test in run["prefill"] + run["decode"]:
                self.assertEqual(len(test["samples"]), 2)
                self.assertAlmostEqual(test["tokens_per_second"], sum(test["samples"]) / 2)
            for test in run["decode"]:  # the share is of what reading weights and context allows
                context = (test["depth"] + 1.5) * report["kv_bytes_per_token"]
                bound = run["read_bytes_per_second"] / (report["touched_bytes_per_token"] + context)
                self.assertAlmostEqual(test["share_of_roofline"] * bound / test["tokens_per_second"], 1)
            self.assertEqual(run["resident_file_bytes"] + run["resident_own_bytes"], run["resident_bytes"])
        self.assertGreater(report["runs"][0]["median_read_bytes_per_second"], 1e8)
        self.assertGreaterEqual(report["runs"][0]["read_bytes_per_second"],
                                report["runs"][0]["median_read_bytes_per_second"])

    def test_share_counts_the_context_as_it_is_kept(self):
        def kv_bytes(*options):
            return json.loads(self.output("bench", "-p", "0", "-n", "0", "--json", *options))["kv_bytes_per_token"]
        self.assertEqual(kv_bytes("--kv", "f32"), 2 * kv_bytes())

    def test_table(self):
        table = self.output(*self.OPTIONS).decode()
        for words in ("1 thread:", "9 tokens", "tokens/s", "first token after", "at best", "usually", "what the memory allows", "resident"):
            self.assertIn(words, table)

    def test_parts_can_be_left_out(self):
        run = json.loads(self.output("bench", "-p", "0", "-n", "0", "--json"))["runs"][0]
        self.assertEqual((run["prefill"], run["decode"]), ([], []))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
