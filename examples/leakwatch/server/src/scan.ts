// Reads logs and ends with 1 if there is a secret in them: a value of this environment, or what looks like one.
//     node dist/scan.js               the day's files of LW_LOG_DIRECTORY
//     docker logs ... | node dist/scan.js -
// It never shows what it found, only where and of what kind.
import { createReadStream, readdirSync, rmSync, statSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

const LOGS = process.env.LW_LOG_DIRECTORY ?? "";
const SECRET_NAMES = /SECRET|KEY|TOKEN|PASSWORD|DSN|DATABASE_URL/;
const DAYS_KEPT = 7;
// The names of what is masked may stand there, its value may not.
const patterns: [string, RegExp][] = [
  ["an Authorization header", /\b(?:Bearer|Basic)\s+(?!\[Redacted\])[\w.~+/=-]{6,}/i],
  ["an Authorization header", /"authorization"\s*:\s*"(?!\[Redacted\]")/i],
  ["a presigned address", /[?&]X-Amz-(?:Signature|Credential|Security-Token)=(?!\[Redacted\])/i],
  ["a token in an address", /[?&](?:access_token|token|signature|hmac)=(?!\[Redacted\])/i],
  ["a token", /\b(?:shp(?:at|ss|ca)_|sk-|eyJ[\w-]+\.eyJ)[\w-]{8,}/],
];
const values = Object.entries(process.env).filter(
  (pair): pair is [string, string] => SECRET_NAMES.test(pair[0]) && (pair[1] ?? "").length >= 8,
);

async function scan(where: string, input: Readable): Promise<{ lines: number; found: string[] }> {
  const found: string[] = [];
  let lines = 0;
  for await (const line of createInterface({ input })) {
    lines += 1;
    const kinds = [
      ...patterns.filter(([, pattern]) => pattern.test(line)).map(([kind]) => kind),
      ...values.filter(([, value]) => line.includes(value)).map(([name]) => `the value of ${name}`),
    ];
    found.push(...kinds.map((kind) => `${where}, line ${lines}: ${kind}`));
  }
  return { lines, found };
}

function files(): [string, Readable][] {
  const all = readdirSync(LOGS).filter((name) => name.endsWith(".jsonl"));
  const changed = (name: string) => (Date.now() - statSync(`${LOGS}/${name}`).mtimeMs) / 86_400_000;
  for (const name of all.filter((name) => changed(name) > DAYS_KEPT)) rmSync(`${LOGS}/${name}`);
  const recent = all.filter((name) => changed(name) <= 1);
  return recent.map((name) => [name, createReadStream(`${LOGS}/${name}`)]);
}

const inputs: [string, Readable][] = process.argv[2] === "-" ? [["the log", process.stdin]] : files();
const results = await Promise.all(inputs.map(([where, input]) => scan(where, input)));
const found = results.flatMap((result) => result.found);
const lines = results.reduce((sum, result) => sum + result.lines, 0);
for (const line of found) console.error(`LEAK: ${line}`);
console.log(`${lines} lines read, ${found.length} leaks found`);
process.exit(found.length || !lines ? 1 : 0);
