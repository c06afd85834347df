// The pages. Where the api is they learn from /settings.js, which is made from the environment when it is asked for: so one
// image is good for all environments.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { downloads } from "./downloads.js";

const page = readFileSync(new URL("./index.html", import.meta.url));
const needed = (name) => process.env[name] ?? (() => { throw new Error(`${name} is not set`); })();
const settings = { apiUrl: needed("API_URL"), socketUrl: needed("SOCKET_URL") };

const answers = {
  "/": (response) => response.setHeader("Content-Type", "text/html; charset=utf-8").end(page),
  "/settings.js": (response) =>
    response
      .setHeader("Content-Type", "text/javascript; charset=utf-8")
      .setHeader("Cache-Control", "no-store")
      .end(`window.settings = ${JSON.stringify(settings)};\n`),
  "/health": (response) => response.setHeader("Content-Type", "application/json").end('{"status":"ok"}\n'),
  "/download": (response) => {
    const { code, to } = downloads();
    response.writeHead(code, { Location: to }).end();
  },
};

const server = createServer((request, response) => {
  const answer = answers[new URL(request.url, "http://x").pathname];
  if (answer) answer(response);
  else response.writeHead(404).end("nothing here\n");
});
server.listen(3000, "0.0.0.0");
process.once("SIGTERM", () => {
  server.close();
  server.closeIdleConnections();
});
