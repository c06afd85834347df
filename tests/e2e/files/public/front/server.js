const { createServer } = require("node:http");
const next = require("next");
const { Server } = require("socket.io");

const app = next({ dev: false });
const handle = app.getRequestHandler();

app.prepare().then(() => {
  const server = createServer((request, response) => handle(request, response));
  const sockets = new Server(server);
  sockets.on("connection", (socket) => socket.emit("release", process.env.RELEASE_ID));
  server.listen(3000, "0.0.0.0");
  process.on("SIGTERM", () => sockets.close(() => process.exit(0)));
});
