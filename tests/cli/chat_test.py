"""`coterie chat` at a terminal, driven through a pseudo-terminal: prompt, editing, Ctrl-C, Ctrl-D, history.

    chat_test.py PROGRAM MODEL.gguf
"""

import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM, MODEL = sys.argv[1:3]
PATIENCE = 60  # seconds until something that must come is given up
# A prompt that takes the tiny model long to read.
LONG_PROMPT = ["-c", "160000", "--system", "Once upon a time " * 5000]
CTRL_A, CTRL_C, CTRL_D, UP = "\x01", "\x03", "\x04", "\x1b[A"


class Terminal:
    """A program on a pseudo-terminal. stdout may be a pipe instead, which is then read at the end."""

    def __init__(self, *arguments, state_directory, stdout=None):
        master, slave = pty.openpty()
        self.master = master
        self.seen = ""  # everything the terminal has shown
        self.process = subprocess.Popen(
            [PROGRAM, *arguments], stdin=slave, stdout=slave if stdout is None else stdout, stderr=slave,
            start_new_session=True, preexec_fn=take_terminal,
            env={**os.environ, "COTERIE_MODEL": MODEL, "TERM": "xterm", "XDG_STATE_HOME": state_directory})
        os.close(slave)

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern):
        """Waits until the pattern appears after what earlier calls have matched; returns the match."""
        deadline = time.monotonic() + PATIENCE
        while True:
            match = re.search(pattern, self.seen)
            if match:
                self.seen = self.seen[match.end():]
                return match
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"{pattern!r} did not come; instead: {self.seen!r}")

    def _read(self, seconds):
        ready, _, _ = select.select([self.master], [], [], max(0, seconds))
        try:
            data = os.read(self.master, 65536) if ready else b""
        except OSError:  # the other side is gone
            data = b""
        self.seen += data.decode("utf-8", "replace")
        return bool(data)

    def check_exits(self, code=0):
        while self._read(PATIENCE):
            pass
        if self.process.wait(PATIENCE) != code:
            raise AssertionError(f"exit {self.process.returncode}, expected {code}: {self.seen}")

    def leave(self):
        self.type(CTRL_D)
        self.check_exits()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)


def take_terminal():
    """Makes standard input the controlling terminal, so that Ctrl-C reaches the program."""
    import fcntl
    import termios
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class ChatTest(unittest.TestCase):
    def setUp(self):
        self.state_directory = tempfile.mkdtemp(prefix="coterie-chat-")
        self.addCleanup(shutil.rmtree, self.state_directory)

    def chat(self, *arguments, **options):
        terminal = Terminal("chat", "--temp", "0", *arguments, state_directory=self.state_directory, **options)
        self.addCleanup(terminal.close)
        return terminal

    def test_answers_and_leaves_with_ctrl_d(self):
        terminal = self.chat("-n", "4")
        terminal.expect("/help")
        terminal.expect("> ")
        terminal.type("Hello\n")
        terminal.expect("Hello\r\n")
        terminal.expect("> ")
        terminal.leave()

    def test_ctrl_c_stops_the_answer_only(self):
        terminal = self.chat(*LONG_PROMPT)
        terminal.expect("> ")
        terminal.type("Hello\n")
        terminal.expect("reading the prompt")
        terminal.type(CTRL_C)
        terminal.expect(r"\(stopped\)")
        terminal.expect("> ")
        terminal.type("/quit\n")
        terminal.check_exits()

    def test_ctrl_c_at_the_prompt_throws_the_line_away(self):
        terminal = self.chat("-n", "4")
        terminal.expect("> ")
        terminal.type("/qui")
        terminal.expect("/qui")
        terminal.type(CTRL_C)
        terminal.expect(r"\^C")
        terminal.expect("> ")
        terminal.type("/help\n")
        terminal.expect("/reset")
        terminal.expect("> ")
        terminal.leave()

    def test_lines_are_edited_and_remembered(self):
        first = self.chat("-n", "1")
        first.expect("> ")
        first.type("help" + CTRL_A + "/\n")
        first.expect("/reset")
        first.expect("> ")
        first.leave()
        history = pathlib.Path(self.state_directory, "coterie/history")
        self.assertEqual(history.stat().st_mode & 0o077, 0)
        again = self.chat("-n", "1")
        again.expect("> ")
        again.type(UP + "\n")
        again.expect("/reset")

    def test_commands(self):
        terminal = self.chat("-n", "1", "--system", "Be brief.")
        for line, said in [("/system", "Be brief"), ("/system Be long.", "Be long"), ("/reset", "forgotten"),
                           ("/reasoning", "without reasoning"), ("/reasoning fold", "> "), ("/fly", "no such command")]:
            terminal.type(line + "\n")
            terminal.expect(re.escape(line))
            terminal.expect(said)

    def test_an_error_does_not_end_the_conversation(self):
        terminal = self.chat("-n", "1", "-c", "24")
        terminal.expect("> ")
        terminal.type("Hello " * 40 + "\n")
        terminal.expect("coterie: .*-c")
        terminal.expect("> ")
        terminal.type("Hi\n")
        terminal.expect("Hi\r\n")
        terminal.expect("> ")
        terminal.leave()

    def test_only_the_answer_is_on_standard_output(self):
        with tempfile.TemporaryFile() as stdout:
            terminal = self.chat("-p", "Hello", "-n", "8", stdout=stdout)
            terminal.check_exits()
            stdout.seek(0)
            on_terminal = stdout.read()
        plain = subprocess.run([PROGRAM, "chat", "--temp", "0", "-m", MODEL, "-p", "Hello", "-n", "8"],
                               capture_output=True, check=True)
        self.assertEqual(on_terminal, plain.stdout)
        self.assertNotIn(b"\x1b", plain.stdout + plain.stderr)
        self.assertIn("reading the prompt", terminal.seen)

    def test_ctrl_c_ends_a_single_turn_as_an_interrupt_does(self):
        terminal = self.chat("-p", "Hello", *LONG_PROMPT)
        terminal.expect("reading the prompt")
        terminal.type(CTRL_C)
        terminal.check_exits(-signal.SIGINT)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
