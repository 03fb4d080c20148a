// Ids of texts by npm's tokenizers (Hugging Face's Rust library): node tokenizer_ids.mjs NODE_MODULES TOKENIZER.json [--pieces]
// Reads one JSON string a line from standard input, writes one line of ids each. No special tokens are added.
// --pieces: for a tokenizer whose tokens are single bytes, the byte offsets at which the pieces of its pre-tokenizer end.
import {createRequire} from "node:module";
import path from "node:path";
import readline from "node:readline";

const [nodeModules, tokenizerPath, mode] = process.argv.slice(2);
const {Tokenizer} = createRequire(path.join(nodeModules, "here.js"))("tokenizers");
const tokenizer = Tokenizer.fromFile(tokenizerPath);

for await (const line of readline.createInterface({input: process.stdin})) {
    const encoding = await tokenizer.encode(JSON.parse(line), null, {addSpecialTokens: false});
    const words = encoding.getWordIds();
    const ends = () => words.flatMap((word, i) => words[i + 1] === word ? [] : [i + 1]);
    process.stdout.write((mode === "--pieces" ? ends() : encoding.getIds()).join(" ") + "\n");
}
