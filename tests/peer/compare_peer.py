#!/usr/bin/env python3
"""Compares next-token probabilities of llama.cpp, the engine and the float64 reference on every tiny model.

  compare_peer.py --models DIR --work DIR [--coterie PROGRAM] [--only TEXT] [--table FILE]

DIR of --models as written by tests/reference/tiny_models.py; llama.cpp comes as the npm package node-llama-cpp and is
installed below --work, never in the source tree. Exit code 77 (skipped) when it cannot be installed.

Three answers per model, so that a disagreement says who is wrong:
  ref~llama    the reference with ggml's activations against llama.cpp
  cot~llama    the engine against llama.cpp
  cot~ref      the engine against the reference with the engine's activations and F16 cache
Distances are total variations of the next-token distributions, mean over positions. The tolerance is what the rounding
of activations and cache explains. The reference computes it: E = distance between exact and engine-rounded reference,
G = distance between exact and ggml-rounded reference. Total variation obeys the triangle inequality, so two correct
engines are within E + G; SLACK allows for int8 codes that float32 errors flip, and FLOOR for float32 errors themselves.
Models of F32 weights have G = 0, so ref~llama is bounded by FLOOR alone, and E is the F16 cache: about 1e-4.
--table writes what was measured as Markdown: docs/agreement.md is made so.
"""

import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "reference"))

import one_thread  # noqa: E402, F401
import numpy as np  # noqa: E402

import forward  # noqa: E402
import tiny_models  # noqa: E402
from comparing import Distance, coterie_logits  # noqa: E402
from node_llama_cpp import Unavailable, install, installed_version  # noqa: E402

SKIPPED = 77
SLACK = 1.5
FLOOR = 1e-5


def llama_logits(package, work, models, entries):
    """Runs llama.cpp over all entries. Returns {name: logits or a message}, and its CPU library. Raises Unavailable."""
    results, backend, pending = {}, None, list(entries)
    while pending:
        jobs = [{"model": os.path.join(models, entry["peer"]), "ids": entry["prompt"],
                 "out": os.path.join(work, f"{entry['name']}.logits")} for entry in pending]
        by_out = {job["out"]: entry for job, entry in zip(jobs, pending)}
        jobs_file = os.path.join(work, "jobs.json")
        with open(jobs_file, "w", encoding="utf-8") as file:
            json.dump({"package": package, "jobs": jobs}, file)
        process = subprocess.run(["node", os.path.join(HERE, "llama_cpp_logits.mjs"), jobs_file], capture_output=True,
                                 text=True, timeout=600)
        for line in process.stdout.splitlines():
            report = json.loads(line) if line.startswith("{") else {}
            backend = report.get("backend", backend)
            if "out" in report:
                entry = by_out[report["out"]]
                results[entry["name"]] = report.get("error") or read_logits(report["out"], len(entry["prompt"]))
        if backend is None:
            raise Unavailable(f"llama.cpp does not start: {process.stderr.strip()[-300:]}")
        pending = [entry for entry in pending if entry["name"] not in results]
        if pending:  # llama.cpp ended the process; go on with the next model
            last = process.stderr.strip().splitlines()[-1:] or [""]
            results[pending.pop(0)["name"]] = f"llama.cpp ended with {process.returncode}: {last[0]}"
    return results, backend


def read_logits(path, n_tokens):
    return np.fromfile(path, "<f4").reshape(n_tokens, -1)


def compare(entry, models, peer, program):
    """Returns a line of measurements, cells of a table, and a list of complaints."""
    path, ids = os.path.join(models, entry["file"]), entry["prompt"]
    exact = forward.logits(path, ids)
    like_engine = forward.logits(path, ids, forward.Numerics("int8", kv_f16=True, form="call"))
    # llama.cpp uses the absorbed form of MLA for new files and the expanded one for legacy files (deepseek2.cpp).
    legacy = forward.Model(path).has("blk.0.attn_kv_b.weight")
    like_ggml = forward.logits(path, ids, forward.Numerics("ggml", form="expanded" if legacy else "absorbed"))
    engine_error = Distance(exact, like_engine).variation.mean()
    ggml_error = Distance(exact, like_ggml).variation.mean()
    columns, cells, complaints = [], {}, []

    def check(name, reference, logits, explained):
        distance, limit = Distance(reference, logits).variation.mean(), SLACK * explained + FLOOR
        columns.append(f"{name} {distance:.1e} (limit {limit:.1e})")
        cells[name] = f"{distance:.1e}"
        if distance > limit:
            complaints.append(name)

    if peer is None:
        columns.append("llama.cpp has no such function")
    else:
        check("ref~llama", like_ggml, peer, ggml_error)
    engine = coterie_logits(program, path, ids) if program else None
    if engine is not None:
        clear = Distance(like_engine, engine).relative[:entry["n_clear"]].max()
        cells["clear"] = f"{clear:.1e}"
        check("cot~ref", like_engine, engine, engine_error)
        if peer is not None:
            check("cot~llama", peer, engine, engine_error + ggml_error)
            columns.append(f"KL {Distance(peer, engine).kl.mean():.1e}")
    return "  ".join(columns), cells, complaints


def table_row(entry, cells):
    refused = "not supported" if "clear" not in cells else ""
    columns = [f"`{entry['name']}`", entry["exercises"], refused or cells["clear"], refused or cells["cot~ref"],
               entry["peer_note"] if entry["peer"] is None else refused or cells["cot~llama"]]
    return "| " + " | ".join(columns) + " |\n"


TABLE_HEAD = """# Agreement of every form

Written by `tests/peer/compare_peer.py --table`, from the tiny models of `tests/reference` (seed {seed}), with llama.cpp of
node-llama-cpp {version}. The columns:

- *reference*: largest error of a logit at the first {n_clear} tokens, over the standard deviation of logits, against
  `tests/reference/forward.py` in double precision with the engine's roundings (int8 activations, F16 cache)
- *all tokens*: mean total variation of next-token distributions against the same
- *llama.cpp*: the same against llama.cpp with an F32 cache, which rounds elsewhere: what remains is the two roundings

| form | what it exercises | reference | all tokens | llama.cpp |
|---|---|---|---|---|
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", required=True, help="directory of tiny models")
    parser.add_argument("--work", required=True, help="directory for llama.cpp and its results")
    parser.add_argument("--coterie", help="the engine's program; without it only reference and llama.cpp are compared")
    parser.add_argument("--only", default="", help="only models whose name contains this")
    parser.add_argument("--table", help="write the measurements to this file as Markdown; needs --coterie")
    args = parser.parse_args()
    manifest, work = tiny_models.load_manifest(args.models), os.path.abspath(args.work)
    models = os.path.abspath(args.models)
    entries = [entry for entry in manifest["models"] if args.only in entry["name"]]
    expressible = [entry for entry in entries if entry["peer"]]
    try:
        package = install(work)
        peers, backend = llama_logits(package, work, models, expressible)
    except Unavailable as reason:
        print(f"skipped: {reason}")
        return SKIPPED
    print(f"seed {manifest['seed']}; llama.cpp of node-llama-cpp {installed_version(package)}, {backend}, F32 cache")
    n_failed, rows = 0, []
    for entry in entries:
        peer = peers.get(entry["name"])
        try:
            if isinstance(peer, str):
                raise RuntimeError(peer)
            line, cells, complaints = compare(entry, models, peer, args.coterie)
            rows.append(table_row(entry, cells) if args.table else "")
        except RuntimeError as error:
            line, complaints = "", [str(error)]
        n_failed += bool(complaints)
        notes = f"  [{entry['peer_note']}]" if entry["peer_note"] else ""
        verdict = f"FAILED: {', '.join(complaints)}" if complaints else "ok"
        print(f"{entry['name']:28} {line}  {verdict}{notes}", flush=True)
    print(f"{len(expressible)} of {len(entries)} forms can be said to llama.cpp; {n_failed} failed")
    if args.table and not n_failed:
        with open(args.table, "w", encoding="utf-8") as file:
            file.write(TABLE_HEAD.format(seed=manifest["seed"], version=installed_version(package),
                                         n_clear=tiny_models.N_CLEAR) + "".join(rows))
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
