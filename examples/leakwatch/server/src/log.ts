// The log: JSON lines without secrets. Fields with telling names are masked by Pino; what else looks like a secret is
// masked in the finished line, wherever it came from: a message, an address, the text of an error.
import { mkdirSync } from "node:fs";
import type { LoggerService } from "@nestjs/common";
import pino from "pino";
import { settings } from "./settings.js";

const names = ["authorization", "cookie", "token", "secret", "password", "key"];
const paths = ["", "*.", "*.*."].flatMap((above) => names.map((name) => `${above}${name}`));

const masks: [RegExp, string][] = [
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/gi, "$1 [Redacted]"],
  [/([?&](?:X-Amz-[\w-]+|access_token|token|signature|hmac)=)[^&\s"'\\]+/gi, "$1[Redacted]"],
  [/\b(?:shp(?:at|ss|ca)_|sk-)[\w-]{8,}/g, "[Redacted]"],
];

export function mask(line: string): string {
  return masks.reduce((text, [pattern, instead]) => text.replace(pattern, instead), line);
}

function streams(): pino.StreamEntry[] {
  const found: pino.StreamEntry[] = [{ stream: process.stdout }];
  if (settings.logs) {
    mkdirSync(settings.logs, { recursive: true });
    // Both slots write to it, each line in one piece. It has the name of the day on which the process began.
    const day = new Date().toISOString().slice(0, 10);
    found.push({ stream: pino.destination({ dest: `${settings.logs}/${day}.jsonl`, append: true, sync: true }) });
  }
  return found;
}

export const log = pino(
  {
    base: { app: settings.app, release: settings.release, version: settings.version },
    redact: { paths, censor: "[Redacted]" },
    hooks: { streamWrite: mask },
  },
  pino.multistream(streams()),
);

/** What Nest says of itself, in the same form. */
export const nestLog: LoggerService = {
  log: (message, ...rest) => log.info({ context: rest.at(-1) }, String(message)),
  warn: (message, ...rest) => log.warn({ context: rest.at(-1) }, String(message)),
  error: (message, ...rest) => log.error({ context: rest.at(-1) }, String(message)),
};

for (const event of ["uncaughtException", "unhandledRejection"]) {
  process.on(event, (error: Error) => {
    log.fatal({ err: error }, event);
    process.exit(1);
  });
}
