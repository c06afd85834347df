import { settings } from "./settings.js";

// What monitors, clients and the other teams rely on: fields may be added, never renamed.
export const health = () => ({
  status: "ok",
  service: "glimpse-api",
  version: settings.version,
  environment: settings.environment,
  uptime_seconds: Math.round(process.uptime()),
});
