// What the api and the worker are told by their environment. Whoever lacks one of them does not start.
import version from "./version.json" with { type: "json" };

function needed(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

export const settings = {
  version: version.version,
  app: process.env.RELEASE_APP ?? "leakwatch",
  release: process.env.RELEASE_ID ?? "none",
  redis: needed("REDIS_URL"),
  // 32 bytes, for what shops entrust to us.
  key: Buffer.from(needed("LW_ENCRYPTION_KEY_32B"), "base64"),
  files: {
    endpoint: needed("R2_ENDPOINT"),
    bucket: needed("R2_BUCKET"),
    id: needed("R2_ACCESS_KEY_ID"),
    secret: needed("R2_SECRET_ACCESS_KEY"),
  },
  // A folder that outlives the container: what is logged is kept there too, for scan.ts.
  logs: process.env.LW_LOG_DIRECTORY ?? "",
  concurrency: 2,
};

if (settings.key.length !== 32) throw new Error("LW_ENCRYPTION_KEY_32B is not 32 bytes in base64");
