#!/usr/bin/env python3
"""Renders chat templates of real models over many conversations, here and with npm's @huggingface/jinja: the texts must
be equal, or both must refuse.

    compare_templates.py --renderer PROGRAM --work DIR [--templates DIR]

The templates are those of --templates, or else of llama.cpp's source, which npm's node-llama-cpp carries as a git
bundle.
Where Python's jinja2 is installed its results are compared too, all of them. Exit code 77 (skipped) without npm or
network.
"""

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "text"))

import npm  # noqa: E402

JINJA = "@huggingface/jinja@0.5.11"
LLAMA = "node-llama-cpp@3.22.1"
DATE = [2026, 3, 5]

WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather of a place — now.", "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Name: \"São Paulo\", 北京, …"},
            "unit": {"type": "string", "enum": ["C", "F"], "default": "C"},
            "days": {"type": "array", "items": {"type": "integer"}}},
        "required": ["city"]}}}
CLOCK = {"type": "function", "function": {
    "name": "clock", "description": "What time it is", "parameters": {"type": "object", "properties": {}}}}

SYSTEM = {"role": "system", "content": "You are Borin, a gruff dwarven blacksmith."}
HI = {"role": "user", "content": "Can you mend my sword?"}
AYE = {"role": "assistant", "content": "Aye. Ten gold."}
DEAL = {"role": "user", "content": "Deal."}
WORLD = {"role": "user", "content": " „Grüße“ – 这是 🦙 \t\"quoted\" <b>&amp;</b> \\n {{ not.a.tag }} {% if %} \n\n "}
THOUGHT_INSIDE = {"role": "assistant", "content": "<think>\nHm, a sword.\n</think>\n\nAye. Ten gold."}
THOUGHT_BESIDE = {"role": "assistant", "content": "Aye. Ten gold.", "reasoning_content": "Hm, a sword."}


def call(name, arguments, call_id):
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(calls, content="", **more):
    return {"role": "assistant", "content": content, **more, "tool_calls": calls}


ONE_CALL = [call("get_weather", {"city": "北京", "days": [1, 2]}, "call_1")]
TWO_CALLS = ONE_CALL + [call("clock", {}, "call_2")]
TEXT_CALL = [call("get_weather", "{\"city\": \"Oslo\"}", "call_1")]
SUNNY = {"role": "tool", "name": "get_weather", "tool_call_id": "call_1", "content": "{\"sky\": \"sunny ☀\"}"}
NOON = {"role": "tool", "name": "clock", "tool_call_id": "call_2", "content": "12:00"}

CONVERSATIONS = [
    [HI],
    [SYSTEM, HI],
    [SYSTEM, HI, AYE, DEAL],
    [HI, AYE],
    [SYSTEM, WORLD, {"role": "assistant", "content": WORLD["content"]}, WORLD],
    [HI, THOUGHT_INSIDE, DEAL],
    [SYSTEM, HI, THOUGHT_BESIDE, DEAL],
    [SYSTEM, HI, THOUGHT_BESIDE],
    [HI, THOUGHT_INSIDE],
    [{"role": "system", "content": ""}, {"role": "user", "content": ""}],
    [HI, {"role": "assistant", "content": ""}, DEAL],
    [SYSTEM],
    [AYE, DEAL],
    [SYSTEM, SYSTEM, HI],
    [HI, SYSTEM, DEAL],
    [{"role": "developer", "content": "Be brief."}, HI],
    [],
    [SYSTEM, HI, calling(ONE_CALL), SUNNY],
    [HI, calling(ONE_CALL, None), SUNNY],
    [HI, calling(ONE_CALL, "I look."), SUNNY, AYE, DEAL],
    [HI, calling(TWO_CALLS), SUNNY, NOON],
    [HI, calling(TWO_CALLS, None), SUNNY, NOON, AYE, DEAL],
    [HI, calling(ONE_CALL, reasoning_content="I need the weather."), SUNNY],
    [HI, calling(ONE_CALL, thinking="I need the weather."), SUNNY],
    [HI, calling(TEXT_CALL, None), SUNNY],
    [HI, calling(TEXT_CALL), SUNNY, AYE, DEAL, calling(ONE_CALL), SUNNY],
    [HI, calling(ONE_CALL)],
    [HI, SUNNY],
]
TOOLS = [None, [WEATHER], [WEATHER, CLOCK]]
THINKING = [{}, {"enable_thinking": True, "thinking": True}, {"enable_thinking": False, "thinking": False}]

# Templates of the models that run here or are next, and those whose tool calls are read.
NAMES = ("GLM-4.6", "Qwen-QwQ-32B", "Qwen-Qwen2.5-7B-Instruct", "Qwen-Qwen3-0.6B", "Qwen3.5-4B",
         "deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B",
         "deepseek-ai-DeepSeek-V3.1", "deepseek-ai-DeepSeek-V3.2", "deepseek-ai-DeepSeek-V4",
         "deepseek-ai-DeepSeek-V4-Flash-0731", "meta-llama-Llama-3.1-8B-Instruct", "moonshotai-Kimi-K2",
         "openai-gpt-oss-120b")


def calls_of(case):
    return [one["function"] for message in case["variables"]["messages"] for one in message.get("tool_calls", [])]


# Where @huggingface/jinja departs from Jinja2, which is what the models were trained with.
DEPARTURES = {
    "prints None as nothing":
        lambda case: case["name"].startswith("GLM") and any(
            m["content"] is None for m in case["variables"]["messages"]),
    "lstrip('\\n') strips spaces too":
        lambda case: case["name"].startswith("Qwen-QwQ") and any(
            m["role"] == "assistant" and m["content"].startswith(" ") for m in case["variables"]["messages"]),
    "an attribute of undefined is undefined, no error": lambda case: not case["variables"]["messages"],
    "a string plus a mapping is a string, no error":
        lambda case: case["name"].startswith("deepseek-ai-DeepSeek-R1-Distill-Llama") and any(
            isinstance(one["arguments"], dict) for one in calls_of(case)),
    "has no filter from_json":
        lambda case: any(isinstance(one["arguments"], str) for one in calls_of(case)) and
        case["name"].startswith(("deepseek-ai-DeepSeek-V3.2", "deepseek-ai-DeepSeek-V4")),
    "undefined has no length":
        lambda case: case["name"].startswith("deepseek-ai-DeepSeek-V3.2") and
        case["variables"]["messages"][-1]["role"] == "tool" and not calls_of(case),
}


def make_cases(templates):
    for name, source in sorted(templates.items()):
        for messages, tools, thinking, adds in itertools.product(CONVERSATIONS, TOOLS, THINKING, [True, False]):
            variables = {"messages": messages, "add_generation_prompt": adds, "bos_token": "<s>",
                         "eos_token": "</s>", **thinking}
            if tools is not None:
                variables["tools"] = tools
            yield {"name": name, "template": source, "variables": variables, "date": DATE}


def fetch_templates(work):
    """The templates of llama.cpp's source, name -> text."""
    out = os.path.join(work, "templates")
    if not os.path.isdir(out):
        if shutil.which("git") is None:
            npm.skip("git is not installed")
        with npm.pack(work, LLAMA) as archive:
            bundle = archive.extractfile("package/llama/gitRelease.bundle").read()
        bundle_path, repository = os.path.join(work, "llama.bundle"), os.path.join(work, "llama.git")
        with open(bundle_path, "wb") as file:
            file.write(bundle)
        shutil.rmtree(repository, ignore_errors=True)
        subprocess.run(["git", "clone", "--quiet", "--bare", bundle_path, repository], check=True)
        subprocess.run(["git", "clone", "--quiet", "--no-checkout", repository, out + ".part"], check=True)
        checkout = ["git", "-C", out + ".part", "checkout", "--quiet", "HEAD", "--", "models/templates"]
        subprocess.run(checkout, check=True)
        os.replace(out + ".part", out)
        shutil.rmtree(repository)
        os.remove(bundle_path)
    return read_templates(os.path.join(out, "models", "templates"))


def read_templates(directory):
    templates = {}
    for name in NAMES:
        path = os.path.join(directory, name + ".jinja")
        if os.path.exists(path):
            with open(path, encoding="utf-8", newline="") as file:
                templates[name] = file.read()
    return templates


def run(command, cases, work, name):
    cases_path, results_path = os.path.join(work, "cases.json"), os.path.join(work, f"{name}.json")
    with open(cases_path, "w", encoding="utf-8") as file:
        json.dump(cases, file)
    subprocess.run([*command, cases_path, results_path], check=True, cwd=work)
    with open(results_path, encoding="utf-8") as file:
        return json.load(file)


def python_results(cases):
    """What jinja2 makes of them in the environment that transformers gives to chat templates; None without jinja2."""
    try:
        import datetime
        import jinja2.ext
        import jinja2.sandbox
    except ImportError:
        return None

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols])
    environment.filters.update(tojson=tojson, from_json=json.loads, fromjson=json.loads)
    environment.globals.update(raise_exception=raise_exception,
                               strftime_now=lambda form: datetime.datetime(*DATE).strftime(form))
    compiled, results = {}, []
    for case in cases:
        try:
            if case["template"] not in compiled:
                compiled[case["template"]] = environment.from_string(case["template"])
            results.append({"text": compiled[case["template"]].render(**case["variables"])})
        except Exception as error:  # whatever a template makes Python raise
            results.append({"error": repr(error)})
    return results


def show(case):
    variables = {key: value for key, value in case["variables"].items() if key != "tools"}
    n_tools = len(case["variables"].get("tools", []))
    return f"{case['name']} with {n_tools} tools, {json.dumps(variables, ensure_ascii=False)}"


def compare(cases, ours, theirs, peer, departures):
    """Prints the first differences; returns their number, without those that departures explain."""
    n_different = n_departures = 0
    for case, a, b in zip(cases, ours, theirs):
        if a.get("text") == b.get("text"):
            continue
        if any(explains(case) for explains in departures.values()):
            n_departures += 1
            continue
        n_different += 1
        if n_different <= 5:
            print(f"{show(case)}\n  ours: {a}\n  {peer}: {b}")
    n_text = sum("text" in result for result in theirs)
    print(f"{peer}: {len(cases)} cases, {n_text} texts, {n_different} different, {n_departures} known departures",
          flush=True)
    return n_different


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--renderer", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--templates")
    arguments = parser.parse_args()
    if shutil.which("node") is None:
        npm.skip("node is not installed")
    os.makedirs(arguments.work, exist_ok=True)
    npm.install(arguments.work, JINJA)
    given = arguments.templates and os.path.isdir(arguments.templates)
    templates = read_templates(arguments.templates) if given else fetch_templates(arguments.work)
    if not templates:
        npm.skip("no templates")
    cases = list(make_cases(templates))
    ours = run([os.path.abspath(arguments.renderer)], cases, arguments.work, "ours")
    shutil.copy(os.path.join(HERE, "render_templates.mjs"), arguments.work)
    theirs = run(["node", "render_templates.mjs"], cases, arguments.work, "theirs")
    failed = compare(cases, ours, theirs, "@huggingface/jinja", DEPARTURES)
    python = python_results(cases)
    if python is not None:
        failed += compare(cases, ours, python, "jinja2", {})
    print(f"{len(templates)} templates")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
