// Where money leaks: charges that a bill has twice. A bill is lines of `name,amount`.
import type { Work } from "./work.js";

export function leaksOf(bill: string, _work: Work): { lines: number; leaks: string[] } {
  const lines = bill.split("\n").map((line) => line.trim()).filter(Boolean);
  const seen = new Set<string>();
  const leaks = new Set(lines.filter((line) => seen.has(line) || !seen.add(line)));
  return { lines: lines.length, leaks: [...leaks] };
}
