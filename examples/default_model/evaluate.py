#!/usr/bin/env python3
# Marks the default model's answers with the writer's own knowledge.
#
# Four kinds of questions: "train" are fresh conversations of the trained kind, "wording" uses ways of
# asking that were held out, "combination" (villager, topic, thing) triples that were, "names" visitors'
# names that were. Answers are greedy. An answer is
#   on topic      if it holds every fact the question asks for, and no price that is wrong;
#   in persona    if it uses no other villager's manner of speech and claims no other name or trade;
#   grammatical   if its sentences start and end properly, nothing is said twice, and every three
#                 neighbouring words occur in text the writer writes (visitors' names and numbers aside).
import argparse
import collections
import json
import math
import re
import subprocess

import torch

import batches
import bpe
import dialogue
import generate
import world as w
from model import causal_mask

SPLITS = ("train", "wording", "combination", "names")
COMBINATION_TOPICS = ("price", "buy", "elsewhere", "place", "find", "who_is", "opinion", "sum")
PRICE = re.compile(r"\b((?:%s) (?:silver|coppers?))\b" % "|".join(sorted(w.NUMBERS, key=len, reverse=True)), re.I)
WORD = re.compile(r"[A-Za-z][A-Za-z'-]*|[.!?:;,@]|\d+")
LOWER_NUMBERS = set(w.NUMBERS)
OWN_NAMES = set(w.BY_NAME) | {"Willowbrook", "Highport", "Darkwood", "Sleepy", "Heron", "Thunder", "Clover"}
ADDRESS = re.compile(r", (?:%s)\b" % "|".join(v.address for v in w.VILLAGERS))


class Question:
    def __init__(self, system, speaker, mood, history, turn):
        self.system, self.speaker, self.mood, self.history, self.turn = system, speaker, mood, history, turn


def questions(split, n, seed):
    """Questions with the conversation before them (its answers as the writer wrote them)."""
    writer = dialogue.Writer(seed, split)
    found = []
    while len(found) < n:
        if split == "combination":
            system = writer.set_scene(writer.pick(w.VILLAGERS))
            turns = getattr(writer, writer.pick(COMBINATION_TOPICS))()
            if turns:
                found.append(Question(system, writer.speaker, writer.mood, [], turns[0]))
        elif split == "names":
            system = writer.set_scene()
            turns = writer.my_name() + writer.topic() + writer.recall()
            for k in (0, len(turns) - 1):
                found.append(Question(system, writer.speaker, writer.mood, turns[:k], turns[k]))
        else:
            c = writer.conversation(writer.pick((1, 2, 4, 8)))
            k = writer.rng.randrange(len(c.turns))
            found.append(Question(c.system, c.speaker, c.mood, c.turns[:k], c.turns[k]))
    return found[:n]


# -- checks -----------------------------------------------------------------------------------------

def on_topic(q, answer):
    low = answer.lower()
    if not all(any(m.lower() in low for m in options) for options in q.turn.must):
        return False
    allowed = {c.lower() for c in q.turn.costs} | {p.lower() for p in PRICE.findall(q.turn.answer)}
    return all(p.lower() in allowed for p in PRICE.findall(answer))


def in_persona(q, answer):
    for v in w.VILLAGERS:
        if v.name == q.speaker.name:
            continue
        if re.search(rf", {v.address}\b", answer) or v.cry in answer and v.cry not in q.turn.answer:
            return False
    claim = re.search(r"\bI am (?:the |our )?([A-Z][a-z]+)", answer)
    if claim and claim.group(1) != q.speaker.name:
        return False
    trade = re.search(r"\bI am (?:[A-Z]\w+,? )?(?:the|a|an) ([a-z ]+)", answer)
    return not trade or trade.group(1).startswith(q.speaker.trade)


def own_voice(q, answer):
    """Recognisably this villager: their address, their interjection, or something only they say."""
    s = q.speaker
    return bool(s.address and f", {s.address}" in answer or s.cry and s.cry in answer)


class Grammar:
    """Triples of neighbouring words that the writer writes; numbers and visitors' names are masked."""

    def __init__(self, n_conversations=15000, seed=4242):
        writer = dialogue.Writer(seed, "all")
        texts = [t.answer for _ in range(n_conversations) for t in writer.conversation(4).turns]
        starts = collections.Counter(s.split()[0].strip(".,!?:") for t in texts for s in re.split(r"(?<=[.!?:]) ", t))
        # Names made up for one conversation are rare at the start of a sentence, words are not.
        self.starts = {x for x, n in starts.items() if n > 20} - set(w.PLAYERS)
        self.triples = {t for text in texts for t in self.triples_of(text)}

    def triples_of(self, text):
        """Sentence by sentence. Ways of addressing a visitor count as names: any may stand where one does."""
        triples = []
        for sentence in re.split(r"(?<=[.!?:]) ", ADDRESS.sub(", @", text)):
            words = ["<"]
            for x in WORD.findall(sentence):
                if x.lower() in LOWER_NUMBERS or x.isdigit():
                    x = "#"
                elif x[0].isupper() and x not in OWN_NAMES and x not in (self.starts if words == ["<"] else "I"):
                    x = "@"
                words.append(x)
            words.append(">")
            triples += zip(words, words[1:], words[2:])
        return triples

    def check(self, answer):
        if not answer or not answer[0].isupper() or answer[-1] not in ".!?":
            return False
        sentences = [s for s in re.split(r"(?<=[.!?]) ", answer) if s]
        if any(not s[0].isupper() for s in sentences) or len(set(sentences)) < len(sentences):
            return False
        return all(t in self.triples for t in self.triples_of(answer))


# -- who answers ------------------------------------------------------------------------------------

class TorchBackend:
    def __init__(self, path, tokenizer):
        self.model, self.tokenizer = generate.load(path, tokenizer)

    def answers(self, found):
        prompts = [self.tokenizer.prompt(q.system, [(t.user, t.answer) for t in q.history], q.turn.user) for q in found]
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        result = [""] * len(prompts)
        for i in range(0, len(order), 32):
            some = order[i:i + 32]
            out, _ = generate.greedy(self.model, [prompts[k] for k in some], 80, {self.tokenizer.eos})
            for k, ids in zip(some, out):
                result[k] = self.tokenizer.decode(ids)
        return result


class ProgramBackend:
    """The built coterie program; asks only questions without earlier turns."""

    def __init__(self, program, path):
        self.program, self.path = program, path

    def answers(self, found):
        result = []
        for q in found:
            command = [self.program, "chat", "-m", self.path, "--temp", "0", "-p", q.turn.user]
            if q.system:
                command += ["--system", q.system]
            result.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
        return result


# -- numbers of the PyTorch model -------------------------------------------------------------------

@torch.no_grad()
def perplexity(model, tokenizer, split, n, seed):
    """On whole conversations: bits per byte and perplexity per token of the answers."""
    writer = dialogue.Writer(seed, split)
    nats = n_bytes = n_tokens = 0
    for _ in range(n):
        c = writer.conversation(writer.pick((2, 4, 8)))
        ids, spoken = batches.encode(tokenizer, c, model.c.n_ctx)
        logits = model.head(model.trunk(torch.tensor([ids[:-1]]), causal_mask(len(ids) - 1)))[0]
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none")
        said = torch.tensor(spoken[1:])
        nats += loss[said].sum().item()
        n_tokens += int(said.sum())
        n_bytes += len(tokenizer.decode([i for i, s in zip(ids, spoken) if s]).encode())
    return {"perplexity per token": round(math.exp(nats / n_tokens), 3),
            "perplexity per byte": round(math.exp(nats / n_bytes), 4),
            "bits per byte": round(nats / n_bytes / math.log(2), 4)}


@torch.no_grad()
def mtp_acceptance(model, tokenizer, found, answers):
    """How often the MTP layer foresees the main model's next greedy token within an answer."""
    hits = total = 0
    for q, answer in zip(found, answers):
        prompt = tokenizer.prompt(q.system, [(t.user, t.answer) for t in q.history], q.turn.user)
        ids = prompt + tokenizer.encode(answer) + [tokenizer.eos]
        tokens = torch.tensor([ids])
        hidden = model.trunk(tokens, causal_mask(len(ids)))
        greedy = model.head(hidden)[0].argmax(-1)
        guess = model.head(model.mtp_hidden(hidden[:, :-1], tokens[:, 1:], causal_mask(len(ids) - 1)))[0].argmax(-1)
        # Row t of the guess and row t+1 of the main model both speak of token t+2.
        places = range(len(prompt) - 1, len(ids) - 2)
        hits += sum(int(guess[t] == greedy[t + 1]) for t in places)
        total += len(places)
    return hits / max(1, total)


def evaluate(backend, split, n, seed, grammar, examples):
    found = questions(split, n, seed)
    if isinstance(backend, ProgramBackend):
        found = [q for q in found if not q.history]
    answers = backend.answers(found)
    marks, by_topic, wrong = collections.Counter(), collections.defaultdict(list), []
    for q, a in zip(found, answers):
        known = bool(q.speaker.address)
        topic, persona, good = on_topic(q, a), in_persona(q, a), grammar.check(a)
        marks.update({"on topic": topic, "in persona": persona, "grammatical": good, "all three": topic and persona and good,
                      "villagers": known, "own voice": known and own_voice(q, a)})
        by_topic[q.turn.topic].append(topic)
        if not (topic and persona and good):
            flags = "".join(f for f, ok in zip("TPG", (topic, persona, good)) if not ok)
            wrong.append(f"  [{flags}] {q.turn.topic} | {q.system} | > {q.turn.user} | {a} | expected: {q.turn.answer}")
    line = {k: round(marks[k] / len(found), 4) for k in ("on topic", "in persona", "grammatical", "all three")}
    line["own voice (known villagers)"] = round(marks["own voice"] / max(1, marks["villagers"]), 4)
    line["questions"] = len(found)
    for text in wrong[:examples]:
        print(text)
    return line, {t: (sum(x), len(x)) for t, x in sorted(by_topic.items())}, found, answers


def main():
    p = argparse.ArgumentParser(description="Measure the default model.")
    p.add_argument("model", help="checkpoint or GGUF file")
    p.add_argument("--tokenizer", default="tokenizer.json", help="for a checkpoint")
    p.add_argument("--backend", choices=("torch", "coterie"), default="torch")
    p.add_argument("--program", default="build/release/bin/coterie", help="for the coterie backend")
    p.add_argument("--splits", nargs="+", default=SPLITS, choices=SPLITS)
    p.add_argument("--questions", type=int, default=300, help="for each kind")
    p.add_argument("--conversations", type=int, default=60, help="for perplexity")
    p.add_argument("--seed", type=int, default=77)
    p.add_argument("--examples", type=int, default=5, help="wrong answers to show for each kind")
    p.add_argument("--topics", action="store_true", help="also show on-topic counts by topic")
    p.add_argument("--json", help="write the numbers to this file")
    args = p.parse_args()
    torch.set_num_threads(1)
    grammar = Grammar()
    backend = TorchBackend(args.model, args.tokenizer) if args.backend == "torch" else ProgramBackend(args.program, args.model)
    report = {}
    for split in args.splits:
        line, topics, found, answers = evaluate(backend, split, args.questions, args.seed, grammar, args.examples)
        if args.backend == "torch":
            if split in ("train", "wording"):
                line.update(perplexity(backend.model, backend.tokenizer, split, args.conversations, args.seed))
            line["mtp acceptance"] = round(mtp_acceptance(backend.model, backend.tokenizer, found[:100], answers[:100]), 4)
        report[split] = line
        print(split, json.dumps(line), flush=True)
        if args.topics:
            print("    on topic:", ", ".join(f"{t} {a}/{b}" for t, (a, b) in topics.items()))
    if args.json:
        with open(args.json, "w") as f:
            json.dump(report, f, indent=1)


if __name__ == "__main__":
    main()
