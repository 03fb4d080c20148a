// Logits of llama.cpp for every position of a prompt, for a list of models.
//
//   node llama_cpp_logits.mjs JOBS.json
//
// JOBS: {"package": directory of node-llama-cpp, "jobs": [{"model", "ids", "out"}]}
// Each out becomes little-endian float32 [n_ids, n_vocab]. One line of JSON per finished job on stdout: {"out"} or
// {"out", "error"}; before them {"backend"}: the CPU library that was loaded. A crash of llama.cpp ends the process;
// the caller sees which jobs are missing.

import fs from "node:fs";
import path from "node:path";
import {pathToFileURL} from "node:url";

const kMaxTokens = 512;

async function logitsOf(llama, {model: modelPath, ids}) {
    const model = await llama.loadModel({modelPath, gpuLayers: 0});
    // An F32 cache and no fused attention, so that what is compared is the model and not llama.cpp's own shortcuts.
    const context = await model.createContext({
        contextSize: kMaxTokens, batchSize: kMaxTokens, flashAttention: false,
        experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32"
    });
    // Temperature 0 keeps samplers away from the logits.
    const options = {generateNext: {logits: true, options: {temperature: 0}}};
    const results = await context.getSequence().controlledEvaluate(ids.map((id) => [id, options]));
    const nVocab = results[0].next.logits.size;
    const rows = new Float32Array(ids.length * nVocab);
    results.forEach((result, t) => {
        for (const [token, logit] of result.next.logits)
            rows[t * nVocab + token] = logit;
    });
    await context.dispose();
    await model.dispose();
    return rows;
}

function loadedBackend() {
    const names = fs.readFileSync("/proc/self/maps", "utf8").match(/libggml-cpu[^/\s]*\.so/g);
    return names == null ? "unknown" : [...new Set(names)].join(" ");
}

const {package: packageDirectory, jobs} = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const {getLlama} = await import(pathToFileURL(path.join(packageDirectory, "dist", "index.js")));
const llama = await getLlama({gpu: false, build: "never", progressLogs: false, logLevel: "error", maxThreads: 2});
console.log(JSON.stringify({backend: loadedBackend()}));

for (const job of jobs) {
    const report = {out: job.out};
    try {
        fs.writeFileSync(job.out, await logitsOf(llama, job));
    } catch (error) {
        report.error = String(error?.message ?? error);
    }
    console.log(JSON.stringify(report));
}
process.exit(0);
