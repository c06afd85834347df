// Ends with 0 if the worker beside it has worked within the last seconds.
import { statSync } from "node:fs";

const found = statSync("/tmp/alive", { throwIfNoEntry: false });
process.exit(found && Date.now() - found.mtimeMs < 10_000 ? 0 : 1);
