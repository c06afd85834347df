// The queue between the api and the worker.
import { Redis } from "ioredis";
import { settings } from "./settings.js";

export const QUEUE = "uploads";

export interface Findings {
  lines: number;
  leaks: string[];
  /** The versions of the api and of the worker. */
  from: number;
  by: number;
}

export function connect(): Redis {
  // A worker's connection must wait for Redis without an end.
  return new Redis(settings.redis, { maxRetriesPerRequest: null });
}

/** A job is tried again after a failure, and by another worker after its own was killed. */
export const tries = { attempts: 5, backoff: { type: "fixed", delay: 500 } };

// Counts for people and tests: sets of ids, so that one done twice is counted once, and numbers of what happened.
export const counts = { enqueued: "lw:enqueued", done: "lw:done", happened: "lw:happened" };
