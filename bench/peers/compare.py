#!/usr/bin/env python3
"""Measures Coterie and llama.cpp on the same file, side by side, and writes a table, the samples and a plot.

  compare.py -m FILE [-p 128,512] [-n 32] [-d 0,4096] [-t 1,2] [-r 5] [--out DIR] [--name NAME]

Each engine is a process of its own (coterie_peer.py, llama_cpp_peer.mjs) that stays loaded and takes its turn: for
every test A B, B A, A B ..., so that whatever else the machine does meets both; medians are compared. Both get the same
random tokens, the same batch size for prompts, and evaluate generated tokens one by one with the logits of the last.
While tokens are generated, plain code that only reads memory takes its turn too: its best rate is the limit, its median
what the memory gave in these minutes. It takes 1 GiB for it, beside both engines.
What other processes took of the machine meanwhile is measured too, as engines bear neighbours differently well, and
the processor time of each engine, which neighbours hardly change: with one thread it compares the engines on a busy
machine. llama.cpp comes as the npm package node-llama-cpp (tests/peer/package.json) and is installed below --work.

Protocol, one JSON object a line: {"do": "load", "file", "threads", "n_ctx", "n_batch"} gives {"seconds", "variant",
"threads"}; {"do": "prefill", "tokens"}, from an empty context, and {"do": "decode", "tokens", "depth"}, after going
back to the first depth tokens, give {"seconds"}; {"do": "memory"} gives resident bytes {"total", "file"}; or {"error"}.
"""

import argparse
import datetime
import json
import os
import random
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "peer"))

import node_llama_cpp  # noqa: E402
import report  # noqa: E402

SEED = 20240507
TICKS = os.sysconf("SC_CLK_TCK")
FLAGS = ("avx2", "avx512f", "avx512_vnni", "amx_int8", "asimddp", "i8mm")  # what kernels of either engine are made for
PAUSE = 0.5  # seconds between turns: llama.cpp's threads go on waiting for work for a while


class Peer:
    """One engine's process."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **environment})

    def ask(self, do, **arguments):
        print(json.dumps({"do": do, **arguments}), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args[1]} ended with {self.process.wait()} at {do}")
        answer = json.loads(line)
        if "error" in answer:
            raise SystemExit(f"{self.process.args[1]}: {do}: {answer['error']}")
        return answer

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()  # from the third on; utime and stime are 14 and 15
        return (int(fields[11]) + int(fields[12])) / TICKS

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def start_peers(args, package):
    library = os.path.join(os.path.dirname(os.path.dirname(args.coterie)), "lib", "libcoterie.so")
    environment = {"PYTHONPATH": os.path.join(ROOT, "bindings", "python"), "COTERIE_LIBRARY": library,
                   "PYTHONDONTWRITEBYTECODE": "1"}
    return {"coterie": Peer([sys.executable, os.path.join(HERE, "coterie_peer.py")], environment),
            "llama.cpp": Peer(["node", os.path.join(HERE, "llama_cpp_peer.mjs"), package], {})}


def busy_seconds():
    """Of all cores since the machine started, with what a hypervisor took away."""
    with open("/proc/stat", encoding="utf-8") as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def measure(kind, n_tokens, depth, peers, n_rounds, what, read=None):
    """what(peer) in turns, each of which evaluates n_tokens; and read(), if given, before each round and behind the last."""
    samples = {name: [] for name in peers}
    others, cpu = {name: [] for name in peers}, {name: [] for name in peers}
    rates = []
    for i in range(n_rounds):
        if read:
            rates.append(read())
        names = list(peers) if i % 2 == 0 else list(peers)[::-1]
        for name in names:
            time.sleep(PAUSE)
            start, busy, own = time.monotonic(), busy_seconds(), peers[name].cpu_seconds()
            samples[name].append(n_tokens / what(peers[name])["seconds"])
            used = peers[name].cpu_seconds() - own
            cpu[name].append(max(used, 1 / TICKS))
            foreign = busy_seconds() - busy - used
            others[name].append(max(foreign, 0) / (time.monotonic() - start))
    if read:
        rates.append(read())
    medians = {name: statistics.median(speeds) for name, speeds in samples.items()}
    test = {"test": kind, "n_tokens": n_tokens, "depth": depth, "tokens_per_second": medians,
            "ratio": medians["coterie"] / medians["llama.cpp"],
            "ratio_of_fastest": max(samples["coterie"]) / max(samples["llama.cpp"]),
            "ratio_by_cpu_time": statistics.median(cpu["llama.cpp"]) / statistics.median(cpu["coterie"]),
            "samples": samples, "cpu_seconds": cpu, "cores_taken_by_others": others, "read_rates": rates}
    print(f"  {report.name_of(test)}: " + ", ".join(f"{name} {value:.2f}" for name, value in medians.items()) +
          f" tokens/s, ratio {test['ratio']:.2f}, of the fastest {test['ratio_of_fastest']:.2f}, "
          f"by processor time {test['ratio_by_cpu_time']:.2f}", flush=True)
    return test


def read_rate(args, threads):
    command = [args.coterie, "bench", "-m", args.model, "-p", "0", "-n", "0", "-t", str(threads), "--json"]
    run = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["runs"][0]
    return {"best": run["read_bytes_per_second"], "median": run["median_read_bytes_per_second"]}


def run(args, package, info, threads):
    """All tests with so many threads."""
    rng = random.Random(SEED)

    def tokens(n):
        return [rng.randrange(info["n_vocab"]) for _ in range(n)]

    peers = start_peers(args, package)
    warm_up = max(args.prompts + [32])
    n_ctx = max([warm_up] + [max(depth, 1) + args.decode for depth in args.depths])
    loaded = {name: peer.ask("load", file=args.model, threads=threads, n_ctx=n_ctx, n_batch=args.batch)
              for name, peer in peers.items()}
    print(f"{threads} threads: " + ", ".join(f"{name} {answer['variant']} with {answer['threads']} threads"
                                             for name, answer in loaded.items()), flush=True)
    for peer in peers.values():  # warm up: every page touched, as far as the prompt's experts go
        peer.ask("prefill", tokens=tokens(warm_up))
    tests = []
    for n in args.prompts:
        prompt = tokens(n)
        tests.append(measure("prefill", n, 0, peers, args.rounds,
                             lambda peer, prompt=prompt: peer.ask("prefill", tokens=prompt)))
    for depth in args.depths if args.decode else []:
        held, rest = tokens(max(depth, 1)), tokens(args.decode)
        for peer in peers.values():
            peer.ask("prefill", tokens=held)
        tests.append(measure("decode", args.decode, depth, peers, args.rounds,
                             lambda peer, n=len(held), rest=rest: peer.ask("decode", tokens=rest, depth=n),
                             read=lambda: read_rate(args, threads)))
    memory = {name: peer.ask("memory") for name, peer in peers.items()}
    for peer in peers.values():
        peer.close()
    best = max(rate["best"] for rate in sum((test["read_rates"] for test in tests), []) or [read_rate(args, threads)])
    for test in tests:
        if test["test"] == "decode":
            context = (test["depth"] + args.decode / 2) * info["kv_bytes_per_token"]
            bytes_per_token = info["touched_bytes_per_token"] + context
            usual = statistics.median(rate["median"] for rate in test["read_rates"])
            test["roofline_tokens_per_second"] = best / bytes_per_token
            test["usual_roofline_tokens_per_second"] = usual / bytes_per_token
    return {"threads": threads, "read_bytes_per_second": best, "loaded": loaded, "memory": memory, "tests": tests}


def cpu():
    """A core's name, and which of FLAGS it has."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in file)}
    found = fields.get("flags", fields.get("Features", "")).split()
    return fields.get("model name", "unknown CPU"), {flag: flag in found for flag in FLAGS}


SOURCES = ("CMakeLists.txt", "include", "lib", "simd", "examples/coterie")


def commit_of(folder):
    """Of the checkout around a folder, as it is now: a library that was not built since is older. -dirty: its sources differ."""
    def git(*arguments):
        return subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True).stdout.strip()
    try:
        sources = [f":(top){path}" for path in SOURCES]
        return git("describe", "--always") + ("-dirty" if git("status", "--porcelain", "--", *sources) else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def numbers(text):
    return [int(part) for part in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-m", "--model", required=True)
    parser.add_argument("-p", "--prompts", type=numbers, default=[128, 512])
    parser.add_argument("-n", "--decode", type=int, default=32)
    parser.add_argument("-d", "--depths", type=numbers, default=[0])
    parser.add_argument("-t", "--threads", type=numbers, default=[1, os.cpu_count()])
    parser.add_argument("-r", "--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=512, help="tokens of a prompt evaluated at once, by both")
    parser.add_argument("--coterie", default=os.path.join(ROOT, "build", "release", "bin", "coterie"))
    parser.add_argument("--work", default=os.path.join(ROOT, "build", "peers"), help="where llama.cpp is installed")
    parser.add_argument("--out", default=os.path.join(ROOT, "bench", "results"))
    parser.add_argument("--name", help="of the files written; default: the model's")
    args = parser.parse_args()
    args.model, args.coterie = os.path.abspath(args.model), os.path.abspath(args.coterie)
    args.prompts = [n for n in args.prompts if n > 0]
    try:
        package = node_llama_cpp.install(os.path.abspath(args.work))
    except node_llama_cpp.Unavailable as reason:
        raise SystemExit(str(reason)) from reason
    info = json.loads(subprocess.run([args.coterie, "info", "--json", "-m", args.model], check=True,
                                     capture_output=True, text=True).stdout)
    name_of_cpu, flags = cpu()
    result = {
        "date": datetime.date.today().isoformat(), "commit": commit_of(os.path.dirname(args.coterie)),
        "cpu": name_of_cpu, "cpu_flags": flags, "n_cpus": os.cpu_count(),
        "model": info["name"], "file": os.path.basename(args.model), "architecture": info["architecture"],
        "n_layer": info["n_layer"], "types": {usage["name"]: usage["n_bytes"] for usage in info["types"]},
        "file_bytes": info["file_bytes"], "touched_bytes_per_token": info["touched_bytes_per_token"],
        "kv_bytes_per_token": info["kv_bytes_per_token"], "batch": args.batch, "rounds": args.rounds, "seed": SEED,
        "node-llama-cpp": node_llama_cpp.installed_version(package),
        "runs": [],
    }
    name = args.name or os.path.splitext(os.path.basename(args.model))[0]
    for threads in args.threads:
        result["runs"].append(run(args, package, info, threads))
        report.write(result, os.path.join(args.out, name))  # after each, as runs are long


if __name__ == "__main__":
    main()
