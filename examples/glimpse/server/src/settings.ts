// What the api is told by its environment. Without one of them it does not start.
import version from "./version.json" with { type: "json" };

function needed(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

export const settings = {
  version: version.version,
  environment: process.env.RELEASE_ENVIRONMENT ?? "development",
  release: process.env.RELEASE_ID ?? "none",
  // Whose pages may read the answers: the list of the environment, separated by commas.
  origins: needed("CORS_ORIGINS").split(","),
  secret: Buffer.from(needed("SESSION_SECRET"), "base64"),
  // Of the one user that there is.
  password: needed("PROBE_PASSWORD"),
};
