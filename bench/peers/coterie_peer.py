"""Coterie, measured: one process of compare.py, which describes the protocol. Needs the Python binding in its path."""

import json
import re
import sys
import time

import coterie


class Peer:
    def load(self, file, threads, n_ctx, n_batch):
        start = time.perf_counter()
        engine = coterie.Engine(n_threads=threads)
        self.model = coterie.Model(file, engine)
        seconds = time.perf_counter() - start
        self.session = self.model.session(n_ctx=n_ctx, n_chunk=n_batch)
        return {"seconds": seconds, "variant": engine.isa, "threads": engine.n_threads}

    def prefill(self, tokens):
        held = self.session.tokens
        if held and held[0] == tokens[0]:  # the session would keep what it shares with the prompt
            self.session.sync([(tokens[0] + 1) % self.model.info.n_vocab])
        start = time.perf_counter()
        self.session.sync(tokens)
        return {"seconds": time.perf_counter() - start}

    def decode(self, tokens, depth):
        self.session.sync(self.session.tokens[:depth])
        start = time.perf_counter()
        for token in tokens:
            self.session.eval([token])
        return {"seconds": time.perf_counter() - start}

    def memory(self):
        with open("/proc/self/status", encoding="ascii") as file:
            status = dict(re.findall(r"(\w+):\s*(\d+) kB", file.read()))
        return {"total": 1024 * int(status["VmRSS"]), "file": 1024 * int(status["RssFile"])}


def main():
    peer = Peer()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(peer, request.pop("do"))(**request)
        except coterie.Error as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
