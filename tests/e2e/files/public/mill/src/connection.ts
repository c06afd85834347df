import { readFileSync } from "node:fs";

export const { name, version } = JSON.parse(readFileSync("config/queue.json", "utf8"));
export const connection = { url: process.env.REDIS_URL, maxRetriesPerRequest: null };
