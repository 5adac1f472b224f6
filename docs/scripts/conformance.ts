import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { scenarios } from "@revkv/conformance";
import { pageOf, standingsOfPage } from "./conformance-page.ts";
import type { Report } from "./standings.ts";
import { merged, standingsOf } from "./standings.ts";

const usage = `npm run conformance:page -- [--check] <report>

Writes docs/conformance.md anew, from a report of the tests, whole or in part:
  npm test -- -t "W7/" --reporter=default --reporter=json --outputFile.json=<report>
What the report does not tell stays as it is. With --check nothing is written: the report is of all tests, and the page
has to say what it says.
`;

const page = new URL("../conformance.md", import.meta.url);
const ids = scenarios.map(({ id }) => id);

const { values, positionals } = parseArgs({ options: { check: { type: "boolean" } }, allowPositionals: true });
const [file] = positionals;
if (file === undefined) {
  process.stderr.write(usage);
  process.exitCode = 2;
} else {
  const now = standingsOf(JSON.parse(readFileSync(file, "utf8")) as Report);
  const written = readFileSync(page, "utf8");
  const before = standingsOfPage(written);
  if (values.check !== true) {
    writeFileSync(page, pageOf(merged(before, now, ids)));
  } else if (now.server !== before.server) {
    process.stdout.write(`docs/conformance.md is of nats-server ${before.server}, not ${now.server}: not compared.\n`);
  } else if (pageOf(merged({ scenarios: new Map(), gaps: [], server: "" }, now, ids)) !== written) {
    process.stderr.write(`docs/conformance.md does not say what the tests say: npm run conformance:page -- ${file}\n`);
    process.exitCode = 1;
  }
}
