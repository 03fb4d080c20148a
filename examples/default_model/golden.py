#!/usr/bin/env python3
# Reference cases for other engines: the tokenizer's ids, and greedy continuations of the PyTorch model
# in float32 with the very weights of a GGUF file. Only prompts whose every choice has a clear lead are kept.
import argparse
import json

import torch

import evaluate
import generate

TEXTS = ("", " ", "Hello!", "Good day, dear! What does a honey cake cost?", "I'd like 3 horseshoes and 1234567 coppers.",
         "  two  spaces\n\nand lines\t", "Führer, naïve café, 你好, 日本語, 🙂", "ALL CAPITALS and CamelCase", "x = {y: [1, 2.5]};",
         "<think>a thought</think> done", "<｜User｜> is plain text here", "don't can't we'll", "Willowbrook's Sleepy Heron")
N_CONTINUED = 40


def prompts(tokenizer):
    for system, turns, question in (
            ("", [], "Hello!"), ("", [], "What do you sell?"),
            ("You are Marta, the baker of Willowbrook. You are cheerful today.", [], "How much is the honey cake?"),
            ("You are Pip, the stable boy of Willowbrook.", [], "Where is the chapel?")):
        yield tokenizer.prompt(system, turns, question)
    for q in evaluate.questions("train", 60, 31):
        yield tokenizer.prompt(q.system, [(t.user, t.answer) for t in q.history], q.turn.user)


def main():
    p = argparse.ArgumentParser(description="Write golden.json for a GGUF file.")
    p.add_argument("model", help="GGUF file")
    p.add_argument("--out", default="golden.json")
    p.add_argument("--cases", type=int, default=12)
    p.add_argument("--lead", type=float, default=0.3, help="least distance of the chosen logit to the second")
    args = p.parse_args()
    torch.set_num_threads(1)
    model, tokenizer = generate.load(args.model)
    cases = []
    for ids in prompts(tokenizer):
        (out,), (leads,) = generate.greedy(model, [ids], N_CONTINUED)
        # Past the end of the answer the model makes up a question, which is anybody's guess:
        # there the continuation stops, unless every choice is clear.
        end = out.index(tokenizer.eos) + 1 if tokenizer.eos in out else len(out)
        n = len(out) if min(leads) >= args.lead else end
        if min(leads[:n]) >= args.lead:
            cases.append({"prompt": ids, "continuation": out[:n], "least_lead": round(min(leads[:n]), 3),
                          "text": tokenizer.decode(out[:end])})
    # The longest prompts first, but always some short ones.
    cases.sort(key=lambda c: len(c["prompt"]))
    step = max(1, (len(cases) - 1) / max(1, args.cases - 1))
    chosen = [cases[round(i * step)] for i in range(min(args.cases, len(cases)))]
    data = {"tokenizer": [{"text": t, "ids": tokenizer.encode(t)} for t in TEXTS], "greedy": chosen}
    with open(args.out, "w", encoding="utf-8") as f:
        json.dump(data, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")
    print(f"{len(cases)} prompts with a clear lead, {len(chosen)} kept")


if __name__ == "__main__":
    main()
