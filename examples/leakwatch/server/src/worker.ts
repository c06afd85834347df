// Reads what was uploaded. At SIGTERM it takes no more work, finishes what it has begun, and ends.
import { writeFile } from "node:fs/promises";
import { setInterval as every, setTimeout as pause } from "node:timers/promises";
import { Worker, type Job } from "bullmq";
import { leaksOf } from "./bill.js";
import { get, put } from "./files.js";
import { log } from "./log.js";
import { connect, counts, QUEUE, type Findings } from "./queue.js";
import { settings } from "./settings.js";
import type { Work } from "./work.js";

const redis = connect();

async function read(job: Job<Work, Findings>): Promise<Findings> {
  const { file, request, from, seconds, fails } = job.data;
  const about = { request_id: request, correlation_id: job.id };
  log.info({ ...about, from }, "begun");
  const bill = await get(file);
  if (seconds) await pause(seconds * 1000);
  if (fails && job.attemptsMade === 0) throw new Error("failed, as the test asked");
  const findings: Findings = { ...leaksOf(bill, job.data), from, by: settings.version };
  await put(`findings/${job.id}.json`, JSON.stringify(findings));
  log.info({ ...about, leaks: findings.leaks.length }, "done");
  return findings;
}

// A job of a worker that was killed is another's after these times.
const worker = new Worker<Work, Findings>(QUEUE, read, {
  connection: redis.duplicate(),
  concurrency: settings.concurrency,
  lockDuration: 10_000,
  stalledInterval: 5_000,
  maxStalledCount: 3,
});

worker.on("completed", async (job) => {
  const retried = job.attemptsMade > 1 ? 1 : 0;
  const steps = redis.multi().sadd(counts.done, job.id ?? "").hincrby(counts.happened, "runs", 1);
  await steps.hincrby(counts.happened, "retried", retried).exec();
});
worker.on("stalled", async (id) => {
  await redis.hincrby(counts.happened, "stalled", 1);
  log.warn({ correlation_id: id }, "its worker was killed");
});
worker.on("failed", (job, error) => log.warn({ correlation_id: job?.id, err: error }, "failed"));
worker.on("error", (error) => log.error({ err: error }, "the queue"));

process.once("SIGTERM", async () => {
  log.info("stopping");
  await worker.close();
  await redis.quit();
  log.info("stopped");
  process.exit(0);
});

await worker.waitUntilReady();
log.info("working");
// For alive.ts. Redis is asked as well: a worker that cannot reach it does nothing.
for await (const _ of every(1000)) {
  await redis.ping();
  await writeFile("/tmp/alive", "");
}
