import { Worker } from "bullmq";
import { connection, name } from "./connection";

const worker = new Worker(name, async (job) => job.data.number ** 2, { connection });

process.on("SIGTERM", () => worker.close().then(() => process.exit(0)));
