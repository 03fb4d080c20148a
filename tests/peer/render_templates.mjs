// Renders templates with Hugging Face's Jinja for compare_templates.py.
//   node render_templates.mjs CASES.json RESULTS.json     (formats: tests/chat/render_templates.cpp)
// It stands in a directory where @huggingface/jinja is installed.
import fs from "node:fs";
import { Template } from "@huggingface/jinja";

const RealDate = Date;
const results = JSON.parse(fs.readFileSync(process.argv[2], "utf8")).map(({ template, variables, date }) => {
  const [year, month, day] = date;
  globalThis.Date = class extends RealDate {
    constructor(...given) {
      if (given.length > 0) super(...given);
      else super(year, month - 1, day);
    }
  };
  try {
    return { text: new Template(template).render(variables) };
  } catch (error) {
    return { error: String(error.message ?? error) };
  } finally {
    globalThis.Date = RealDate;
  }
});
fs.writeFileSync(process.argv[3], JSON.stringify(results));
