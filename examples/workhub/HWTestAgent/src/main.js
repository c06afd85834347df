// HWTestAgent: hardware tests. The devices under test keep a WebSocket open at /ws.

import { readFile } from 'node:fs/promises';
import { WebSocketServer } from 'ws';
import { identity, startHub } from './hub.js';
import { me, publicKey } from './token.js';

// More often than proxies take a quiet connection for a dead one (60 s is usual).
const PING_MILLISECONDS = 25_000;
const GOING_AWAY = 1001;

function attachSockets(server, isStopping) {
  const sockets = new WebSocketServer({ server, path: '/ws', maxPayload: 64 * 1024 });
  const leave = (socket) => socket.close(GOING_AWAY, 'the server is going away');

  sockets.on('connection', (socket) => {
    // ws closes a socket that errs; without a listener the error would end the process.
    socket.on('error', () => {});
    // An upgrade may still come in over a connection that was open before the stop.
    if (isStopping()) {
      leave(socket);
      return;
    }
    socket.send(JSON.stringify({ app: identity.app, release: identity.release }));
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  setInterval(() => sockets.clients.forEach((socket) => socket.ping()), PING_MILLISECONDS).unref();

  return () => sockets.clients.forEach(leave);
}

/** A feature flag. The file is read at every use, so that a change works at once and without a restart. */
async function isOn(flag) {
  const path = process.env.FLAGS_FILE;
  return path ? JSON.parse(await readFile(path, 'utf8'))[flag] !== false : true;
}

/** GET /battle: two devices against each other. A flag can turn it off. */
async function battle(request, response) {
  const { app, release } = identity;
  if (await isOn('battle')) response.json({ app, release, battle: 'on' });
  else response.status(503).json({ app, release, battle: 'off' });
}

await startHub({
  name: 'HWTestAgent',
  port: 4100,
  about: 'Tests of the hardware, reported live.',
  ready: publicKey,
  routes: (app) => {
    app.get('/me', me);
    app.get('/battle', battle);
  },
  attach: attachSockets,
});
