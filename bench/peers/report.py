"""What compare.py found: JSON with every sample, a Markdown table, and a plot where Matplotlib is installed."""

import json
import os
import statistics

COLOURS = {"coterie": "#2a6f97", "llama.cpp": "#c8a45c"}


def name_of(test):
    return f"{test['test']} {test['n_tokens']}" + (f" at {test['depth']}" if test["test"] == "decode" else "")


def gigabytes(n_bytes):
    return f"{n_bytes / 1e9:.2f} GB"


def spread(samples):
    return f"{min(samples):.2f}–{max(samples):.2f}"


def markdown(result, plot):
    runs = result["runs"]
    variants = {name: answer["variant"] for name, answer in runs[0]["loaded"].items()}
    flags = ", ".join(flag if there else f"no {flag}" for flag, there in result["cpu_flags"].items())
    lines = [
        f"# {result['model'] or result['file']}", "",
        f"`{result['file']}`: {result['architecture']}, {result['n_layer']} layers, {gigabytes(result['file_bytes'])}, "
        f"{gigabytes(result['touched_bytes_per_token'])} of weights touched for a token, "
        f"{result['kv_bytes_per_token']} bytes of context memory a token.",
        f"{result['cpu']} ({flags}), {result['n_cpus']} cores. Coterie {result['commit']}: {variants['coterie']} kernels. "
        f"llama.cpp: node-llama-cpp {result['node-llama-cpp']}, {variants['llama.cpp']}. {result['date']}.", "",
        f"Tokens a second: medians of {result['rounds']} interleaved rounds, with the slowest and the fastest; prompts "
        f"in batches of {result['batch']}. The limit is what reading the touched weights and the context once a token "
        "allows at the best read rate of plain code in the same run; share: Coterie's of it, and of what plain code read "
        "in the same minutes, where both are medians. Others: cores that other processes kept busy meanwhile, median.", "",
        "| threads | test | Coterie | llama.cpp | ratio | of the fastest | by CPU time | limit | share | of the median | "
        "others |", "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        for test in run["tests"]:
            rates = [f"{test['tokens_per_second'][name]:.2f} ({spread(test['samples'][name])})" for name in COLOURS]
            limits = " |  | "
            if test["test"] == "decode":
                rate, limit = test["tokens_per_second"]["coterie"], test["roofline_tokens_per_second"]
                limits = f"{limit:.2f} | {rate / limit:.0%} | {rate / test['usual_roofline_tokens_per_second']:.0%}"
            others = statistics.median(sum(test["cores_taken_by_others"].values(), []))
            ratios = f"{test['ratio']:.2f} | {test['ratio_of_fastest']:.2f} | {test['ratio_by_cpu_time']:.2f}"
            lines.append(f"| {run['threads']} | {name_of(test)} | {rates[0]} | {rates[1]} | {ratios} | {limits} | "
                         f"{others:.1f} |")
    lines += ["", "| threads | memory read | engine | opened in | resident, of the file | resident, its own |",
              "|---|---|---|---|---|---|"]
    for run in runs:
        for name in COLOURS:
            memory = run["memory"][name]
            lines.append(f"| {run['threads']} | {run['read_bytes_per_second'] / 1e9:.1f} GB/s | {name} | "
                         f"{run['loaded'][name]['seconds']:.2f} s | {gigabytes(memory['file'])} | "
                         f"{gigabytes(memory['total'] - memory['file'])} |")
    if plot:
        lines += ["", f"![tokens a second]({os.path.basename(plot)})"]
    return "\n".join(lines) + "\n"


def draw(result, path):
    """Bars of tokens a second, each kind of test on a scale of its own. Returns path; None without Matplotlib."""
    try:
        import matplotlib
    except ImportError:
        print("no plot: Matplotlib is not installed (python3-matplotlib)")
        return None
    matplotlib.use("svg")
    from matplotlib import pyplot
    matplotlib.rcParams["svg.hashsalt"] = "coterie"  # the same numbers give the same file
    figure, panels = pyplot.subplots(1, 2, figsize=(10, 4))
    for panel, kind in zip(panels, ("prefill", "decode")):
        tests = [(run, test) for run in result["runs"] for test in run["tests"] if test["test"] == kind]
        for i, (run, test) in enumerate(tests):
            for shift, name in zip((-0.2, 0.2), COLOURS):
                rate = test["tokens_per_second"][name]
                samples = test["samples"][name]
                panel.bar(i + shift, rate, 0.38, color=COLOURS[name], label=name if i == 0 else None,
                          yerr=[[rate - min(samples)], [max(samples) - rate]], error_kw={"ecolor": "#555", "lw": 1})
            limit = test.get("roofline_tokens_per_second")
            if limit:
                panel.hlines(limit, i - 0.4, i + 0.4, colors="#444", linestyles="dashed",
                             label="memory's limit" if i == 0 else None)
        panel.set_title(kind)
        panel.set_ylabel("tokens/s")
        panel.set_xticks(range(len(tests)))
        labels = [f"{name_of(test).removeprefix(kind + ' ')}\n{run['threads']} threads" for run, test in tests]
        panel.set_xticklabels(labels)
        if tests:
            panel.set_ylim(top=1.25 * panel.get_ylim()[1])  # the legend stands above the bars
            panel.legend(frameon=False, loc="upper right", ncol=3)
        panel.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{result['model'] or result['file']}, {result['cpu']}")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    return path


def write(result, stem):
    os.makedirs(os.path.dirname(stem), exist_ok=True)
    with open(stem + ".json", "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    plot = draw(result, stem + ".svg")
    with open(stem + ".md", "w", encoding="utf-8") as file:
        file.write(markdown(result, plot))
    print(f"written: {stem}.md, .json" + (", .svg" if plot else ""))
