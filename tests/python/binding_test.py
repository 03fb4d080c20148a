"""The Python binding on a tiny model: COTERIE_TEST_MODEL names it, COTERIE_LIBRARY the library."""

import gc
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import unittest

import coterie

MODEL = os.environ["COTERIE_TEST_MODEL"]
PROMPT = [5, 6, 7, 8, 9]


class Library(unittest.TestCase):
    def test_version_and_path(self):
        self.assertEqual(coterie.library_path, os.environ["COTERIE_LIBRARY"])
        self.assertEqual(".".join(map(str, coterie.library_version[:2])), coterie.__version__.rpartition(".")[0])

    def import_with(self, code="", **environment):
        return subprocess.run([sys.executable, "-c", code + "import coterie"], capture_output=True, text=True,
                              env={**os.environ, **environment})

    def test_missing_library_is_an_import_error_that_says_where(self):
        done = self.import_with(COTERIE_LIBRARY="/no/such.so")
        self.assertIn("ImportError", done.stderr)
        self.assertIn("/no/such.so", done.stderr)

    def test_another_version_is_an_import_error(self):
        # The package of a later version meets this library.
        source = pathlib.Path(coterie.__file__).parent / "_abi.py"
        code = ("import importlib.util, sys, types;"
                "package = types.ModuleType('coterie'); package.__path__ = [%r]; sys.modules['coterie'] = package;"
                "import coterie._abi; coterie._abi.VERSION = (0, 99, 0); import coterie._library;" % str(source.parent))
        done = self.import_with(code)
        self.assertIn("ImportError", done.stderr)
        self.assertIn("needs 0.99", done.stderr)

    def test_no_numpy_and_nothing_else_is_imported(self):
        self.assertEqual(self.import_with("import sys; sys.modules['numpy'] = None;").returncode, 0)


class Errors(unittest.TestCase):
    def test_status_and_python_types(self):
        with self.assertRaises(OSError) as caught:
            coterie.Model("no such file")
        self.assertIsInstance(caught.exception, coterie.IoError)
        self.assertEqual(caught.exception.status, coterie.Status.IO)
        self.assertIn("no such file", str(caught.exception))
        with self.assertRaises(coterie.BadFile):
            coterie.file_info(sys.executable)
        with coterie.Model(MODEL) as model, model.session(n_ctx=8) as session:
            with self.assertRaises(ValueError):
                model.detokenize([-1])
            with self.assertRaises(ValueError):
                model.chat_prompt([{"role": "prophet", "content": "x"}])
            with self.assertRaises(coterie.ContextFull):
                session.sync([5] * 9)
            with self.assertRaises(TypeError):
                session.generate("x", temprature=1)
            self.assertTrue(session.sync(PROMPT))

    def test_closed_objects_say_so(self):
        model = coterie.Model(MODEL)
        model.close()
        model.close()
        self.assertTrue(model.closed)
        with self.assertRaisesRegex(coterie.Error, "Model is closed"):
            model.tokenize("x")


class Ownership(unittest.TestCase):
    def test_parents_may_be_closed_first(self):
        engine = coterie.Engine(n_threads=1)
        model = coterie.Model(MODEL, engine)
        session = model.session()
        generation = session.generate(PROMPT, max_tokens=3)
        engine.close()
        model.close()
        session.close()
        self.assertEqual(sum(len(event.tokens) for event in generation.events()), 3)

    def test_garbage_in_cycles_is_freed(self):
        for _ in range(3):
            model = coterie.Model(MODEL)
            session = model.session(n_ctx=16)
            model.cycle, session.cycle = session, model
            del model, session
            gc.collect()

    def test_leaving_a_loop_frees_the_session_for_the_next_answer(self):
        with coterie.Model(MODEL) as model, model.session() as session:
            for _ in session.generate(PROMPT):
                break
            try:
                for _ in session.generate(PROMPT):
                    raise KeyboardInterrupt
            except KeyboardInterrupt:
                self.assertTrue("".join(session.generate(PROMPT, max_tokens=8)))


class Text(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = coterie.Model(MODEL)
        cls.addClassCleanup(cls.model.close)

    def test_round_trip(self):
        for text in ("Hello", "", "Grüße, 世界! 👋🏽", "a\0b"):
            self.assertEqual(self.model.detokenize(self.model.tokenize(text)), text)
        self.assertEqual(self.model.detokenize_bytes(self.model.tokenize(b"\xc3\xa9", add_special=False)), b"\xc3\xa9")

    def test_info(self):
        info = self.model.info
        self.assertEqual(info, coterie.file_info(pathlib.Path(MODEL)))
        self.assertEqual(info.file_bytes, os.path.getsize(MODEL))
        self.assertEqual(sum(usage.n_bytes for usage in info.types), info.tensor_bytes)

    def test_chat_prompt(self):
        messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
        prompt = self.model.chat_prompt(messages)
        self.assertIn("Hello", self.model.detokenize(prompt))
        self.assertEqual(self.model.chat_text(messages), self.model.detokenize(prompt, render_special=True))
        with self.assertRaises(coterie.Unsupported):  # the tiny model has no chat template
            self.model.chat_prompt(messages, tools=[{"type": "function", "function": {"name": "f"}}])
        with self.assertRaises(coterie.Unsupported):
            self.model.chat_prompt(messages, thinking=coterie.Thinking.OFF)
        call = coterie.ToolCall("f", "{}")
        for calls in ([call], [{"id": "1", "function": {"name": "f", "arguments": {"x": 1}}}]):
            with self.assertRaises(coterie.Unsupported):
                self.model.chat_prompt([{"role": "assistant", "content": None, "tool_calls": calls}])


class Sessions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.log = []
        cls.engine = coterie.Engine(n_threads=2, log=lambda level, line: cls.log.append((level, line)))
        cls.model = coterie.Model(MODEL, cls.engine)
        cls.addClassCleanup(cls.engine.close)
        cls.addClassCleanup(cls.model.close)

    def test_engine(self):
        self.assertEqual(self.engine.n_threads, 2)
        self.assertTrue(self.engine.isa)
        self.assertTrue(self.log)
        self.assertIsInstance(self.log[0][0], coterie.LogLevel)

    def test_logits(self):
        with self.model.session(n_ctx=32, n_chunk=2) as session:
            self.assertEqual(len(session.logits), 0)
            rows = session.eval_logits(PROMPT)
            self.assertEqual([len(row) for row in rows], [self.model.info.n_vocab] * len(PROMPT))
            self.assertEqual(session.logits, rows[-1])
            self.assertEqual(session.tokens, PROMPT)
            self.assertEqual(session.n_ctx, 32)
            self.assertTrue(session.sync(PROMPT[:3]))
            self.assertEqual(session.logits, rows[2])

    def test_generation(self):
        with self.model.session() as session:
            generation = session.generate(PROMPT, max_tokens=6)
            events = list(generation.events())
            self.assertEqual(events[-1].type, coterie.EventType.END)
            self.assertEqual(generation.reason, coterie.EndReason.LENGTH)
            self.assertEqual(events[0].n_total, len(PROMPT))
            tokens = [token for event in events for token in event.tokens]
            self.assertEqual(len(tokens), 6)
            text = "".join(event.text for event in events)
            self.assertEqual("".join(session.generate(PROMPT, max_tokens=6)), text)

    def test_sampling_options_reach_the_sampler(self):
        with self.model.session() as session:
            def tokens(**options):
                events = session.generate(PROMPT, max_tokens=8, **options).events()
                return [token for event in events for token in event.tokens]
            self.assertEqual(tokens(temperature=2, top_k=1), tokens())
            self.assertEqual(tokens(temperature=2, seed=3), tokens(temperature=2, seed=3))
            self.assertNotEqual(tokens(temperature=2, seed=3), tokens(temperature=2, seed=4))

    def test_chat(self):
        messages = [{"role": "user", "content": "Hello"}]
        with self.model.session() as session:
            self.assertEqual("".join(session.chat(messages, max_tokens=8)),
                             "".join(self.model.chat(messages, max_tokens=8)))

    def test_cancel(self):
        with self.model.session() as session:
            generation = session.generate(PROMPT)
            threading.Timer(0.1, generation.cancel).start()
            for _ in generation.events():
                pass
            self.assertIn(generation.reason, (coterie.EndReason.CANCELLED, coterie.EndReason.LENGTH))
            session.cancel()
            self.assertFalse(session.sync(PROMPT[:2]))
            self.assertTrue(session.sync(PROMPT[:2]))

    def test_keyboard_interrupt_ends_the_answer_and_keeps_the_session(self):
        with self.model.session() as session:
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
            with self.assertRaises(KeyboardInterrupt):
                while True:
                    for _ in session.generate(PROMPT, max_tokens=50):
                        pass
                    time.sleep(0.001)
            self.assertTrue(session.sync(PROMPT))

    def test_threads_have_their_own_sessions(self):
        with self.model.session() as session:
            alone = "".join(session.generate(PROMPT, max_tokens=16))
        results = []

        def work():
            with self.model.session() as own:
                results.append("".join(own.generate(PROMPT, max_tokens=16)))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [alone] * 4)


if __name__ == "__main__":
    unittest.main()
