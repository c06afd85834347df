// What the api asks of the worker. During a release an api of one version and a worker of another share the queue, in
// both directions: so fields are only ever added, each new one may be missing, and nobody minds one he does not know.
import { settings } from "./settings.js";

export interface Work {
  /** Where the upload is in the bucket. */
  file: string;
  /** The request that brought it. */
  request: string;
  /** The version of the api that enqueued it. */
  from: number;
  /** For tests of stops: how long the work takes, and whether the first try fails. */
  seconds?: number;
  fails?: boolean;
}

const MOST_SECONDS = 20;

/** What was asked for by an upload's address. */
export function workOf(file: string, request: string, asked: Record<string, string>): Work {
  return {
    file,
    request,
    from: settings.version,
    seconds: Math.min(Number(asked.seconds) || 0, MOST_SECONDS),
    fails: asked.fails === "1",
  };
}
