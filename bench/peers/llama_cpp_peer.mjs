// llama.cpp, measured: one process of compare.py, which describes the protocol.
//
//   node llama_cpp_peer.mjs DIRECTORY_OF_NODE_LLAMA_CPP
//
// Batches go to llama.cpp directly (node-llama-cpp's own queue would add its work to each token): prompts in batches of
// the given size, then single tokens, with logits of the last token only, as llama-bench does. Otherwise llama.cpp's
// defaults: mapped file, repacked weights, flash attention where it decides so.

import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";
import {pathToFileURL} from "node:url";

const {getLlama} = await import(pathToFileURL(path.join(process.argv[2], "dist", "index.js")));

let model, context, batch;

function loadedVariant() {
    const names = fs.readFileSync("/proc/self/maps", "utf8").match(/libggml-cpu[^/\s]*\.so/g);
    return names == null ? "unknown" : [...new Set(names)].join(" ");
}

async function load({file, threads, n_ctx: contextSize, n_batch: batchSize}) {
    const start = performance.now();
    const llama = await getLlama({gpu: false, build: "never", progressLogs: false, logLevel: "error",
                                  maxThreads: threads});
    model = await llama.loadModel({modelPath: file, gpuLayers: 0, useMmap: true, ignoreMemorySafetyChecks: true});
    const seconds = (performance.now() - start) / 1000;
    context = await model.createContext({contextSize, batchSize, threads, flashAttention: "auto",
                                         ignoreMemorySafetyChecks: true});
    batch = batchSize;
    return {seconds, variant: loadedVariant(), threads: context._ctx.getThreads(), system: llama.systemInfo};
}

async function evaluate(tokens, position) {
    for (let i = 0; i < tokens.length; i += batch) {
        const part = Uint32Array.from(tokens.slice(i, i + batch));
        const isLast = i + part.length === tokens.length;
        context._ctx.initBatch(part.length);
        context._ctx.addToBatch(0, position + i, part, isLast ? Uint32Array.of(part.length - 1) : new Uint32Array(0));
        await context._ctx.decodeBatch();
    }
}

async function prefill({tokens}) {
    context._ctx.disposeSequence(0);
    const start = performance.now();
    await evaluate(tokens, 0);
    return {seconds: (performance.now() - start) / 1000};
}

async function decode({tokens, depth}) {
    if (!context._ctx.removeTokenCellsFromSequence(0, depth, -1))
        throw new Error(`cannot go back to ${depth} tokens`);
    const start = performance.now();
    for (let i = 0; i < tokens.length; ++i)
        await evaluate([tokens[i]], depth + i);
    return {seconds: (performance.now() - start) / 1000};
}

function memory() {
    const bytes = (name) => 1024 * Number(fs.readFileSync("/proc/self/status", "utf8").match(`${name}:\\s*(\\d+)`)[1]);
    return {total: bytes("VmRSS"), file: bytes("RssFile")};
}

const kActions = {load, prefill, decode, memory};
for await (const line of readline.createInterface({input: process.stdin})) {
    const request = JSON.parse(line);
    let answer;
    try {
        answer = await kActions[request.do](request);
    } catch (error) {
        answer = {error: String(error?.message ?? error)};
    }
    console.log(JSON.stringify(answer));
}
process.exit(0);
