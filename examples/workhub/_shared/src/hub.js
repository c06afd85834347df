// The server that every hub is built on: health, home page, logs, orderly stop.
//
// The same file in all five hubs: each hub is built from its own folder alone,
// so each folder has it.

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, STATUS_CODES } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';

const HUBS = [
  { name: 'WBHubManager', path: '/', colour: '#3b5bdb' },
  { name: 'WBSalesHub', path: '/saleshub/', colour: '#c2255c' },
  { name: 'WBFinHub', path: '/finhub/', colour: '#2b8a3e' },
  { name: 'WBOnboardingHub', path: '/onboarding/', colour: '#d9480f' },
  { name: 'HWTestAgent', path: '/hwtest/', colour: '#0b7285' },
];

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** Who is answering. The RELEASE_* values come from the platform that runs the container. */
export const identity = Object.freeze({
  app: process.env.RELEASE_APP || manifest.name,
  version: manifest.version,
  environment: process.env.RELEASE_ENVIRONMENT || 'development',
  release: process.env.RELEASE_ID || 'none',
  commit: process.env.RELEASE_COMMIT || 'unknown',
});

/** One JSON line per event on stdout; request bodies and secrets never belong in it. */
export function log(event, details = {}) {
  const { app, environment, release } = identity;
  const line = { time: new Date().toISOString(), event, app, environment, release, ...details };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/**
 * Returns a function that gives the key in the file which the variable `name` points to.
 * The file is read at every use: that proves it is still readable and picks up a
 * rotated key without a restart. Only the costly parsing is kept.
 */
export function keyFile(name, parse) {
  let seen;
  let key;
  return async () => {
    const path = process.env[name];
    if (!path) throw new Error(`${name} is not set`);
    // Whatever is no path is not repeated: it might be the key itself.
    if (!path.startsWith('/')) throw new Error(`${name} must be the absolute path of a file`);
    try {
      const text = await readFile(path, 'utf8');
      if (text !== seen) {
        key = parse(text);
        seen = text;
      }
      return key;
    } catch (error) {
      throw new Error(`cannot use the key file ${path} (${name}): ${error.code ?? error.message}`);
    }
  };
}

/**
 * Starts a hub.
 *   name, port, about  what it is called, where it listens, one sentence for its page
 *   ready              rejects with the cause while the hub is not able to work
 *   routes(app)        adds the hub's own routes
 *   form(base)         optional: more HTML for the home page
 *   attach(server)     optional: serves more than requests; returns a function for the stop
 */
export async function startHub({ name, port, about, ready, routes, form, attach }) {
  const settings = {
    port: number('HUB_PORT', port),
    boot: number('BOOT_SECONDS', 0),
    exitAfter: number('EXIT_AFTER_SECONDS', undefined),
    shutdown: number('SHUTDOWN_SECONDS', 8),
    healthFail: ['1', 'true'].includes(process.env.HEALTH_FAIL?.toLowerCase()),
  };
  const inFlight = new Set();
  const app = express();
  const server = createServer(app);
  let stopping = false;
  let stopAttached;

  const stop = (signal) => {
    if (stopping) return;
    stopping = true;
    log('shutdown', { signal, inFlight: inFlight.size });
    if (!server.listening) process.exit(0);
    setTimeout(() => {
      log('shutdown-deadline', { seconds: settings.shutdown, inFlight: inFlight.size });
      process.exit(0);
    }, settings.shutdown * 1000);
    server.close(() => {
      log('stopped');
      process.exit(0);
    });
    server.closeIdleConnections();
    // Node calls a connection idle only after its first request; one that was opened and
    // stayed silent would hold the stop until the deadline. WebSockets are not among these.
    setInterval(() => {
      if (inFlight.size === 0) server.closeAllConnections();
    }, 100);
    // A connection that is busy now must not be kept for a request after this one.
    for (const response of inFlight) closeAfter(response);
    stopAttached?.();
  };
  // As process 1 of a container there is no default handling of signals, not even while booting.
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('uncaughtException', (error) => {
    log('error', { message: error.message, code: error.code });
    process.exit(1);
  });

  app.disable('x-powered-by');
  app.disable('etag');
  app.use((request, response, next) => {
    inFlight.add(response);
    response.on('close', () => inFlight.delete(response));
    if (stopping) closeAfter(response);
    response.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
    next();
  });

  app.get('/health', async (request, response) => {
    const { app: id, version, environment, release } = identity;
    let cause;
    if (settings.healthFail) cause = 'HEALTH_FAIL is set';
    else await ready().catch((error) => { cause = error.message; });
    const state = { app: id, version, environment, release };
    if (cause) response.status(503).json({ status: 'failing', ...state, cause });
    else response.json({ status: 'ok', ...state });
  });

  app.get('/', (request, response) => {
    response.vary('Accept');
    if (request.accepts(['html', 'json']) === 'json') {
      response.json({ ...identity, hubs: HUBS.map((hub) => ({ name: hub.name, path: hub.path })) });
      return;
    }
    response.set(
      'Content-Security-Policy',
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    );
    const base = basePath(request);
    response.send(homePage({ name, about, base, form: form?.(base) ?? '' }));
  });

  app.post('/echo', express.json({ strict: false }), (request, response) => {
    if (request.body === undefined) {
      response.status(415).json({ error: 'Send a JSON body with Content-Type: application/json.' });
      return;
    }
    response.json({ app: identity.app, release: identity.release, echo: request.body });
  });

  app.get('/slow', async (request, response) => {
    const seconds = Number(request.query.seconds || NaN);
    if (!(seconds >= 0 && seconds <= 30)) {
      response.status(400).json({ error: 'seconds must be a number from 0 to 30.' });
      return;
    }
    await sleep(seconds * 1000);
    response.json({ app: identity.app, release: identity.release, seconds });
  });

  routes(app);

  app.use((request, response) => {
    response.status(404).json({ error: `${identity.app} has no ${request.method} ${request.path}.` });
  });
  // Express knows an error handler by its four arguments.
  app.use((error, request, response, next) => {
    const status = error.status >= 400 && error.status < 500 ? error.status : 500;
    // What a client sent wrongly is not an event of ours, and its message may quote the body.
    if (status === 500) log('error', { path: request.path, message: error.message });
    if (response.headersSent) next(error);
    else response.status(status).json({ error: STATUS_CODES[status], type: error.type });
  });

  log('start', { version: identity.version, commit: identity.commit, bootSeconds: settings.boot });
  await sleep(settings.boot * 1000);
  stopAttached = attach?.(server, () => stopping);
  // Longer than a proxy keeps an idle connection, so that it is the proxy who closes it:
  // otherwise it may send a request into a connection that was closed a moment before.
  server.keepAliveTimeout = 75_000;
  server.headersTimeout = 80_000;
  server.listen(settings.port, '0.0.0.0', () => {
    log('listening', { port: server.address().port });
    if (settings.exitAfter === undefined) return;
    setTimeout(() => {
      log('exit', { cause: `EXIT_AFTER_SECONDS=${settings.exitAfter}` });
      process.exit(1);
    }, settings.exitAfter * 1000);
  });
}

/** Where the hub lies for the browser, with a slash at the end: the edge strips this path. */
export function basePath(request) {
  const prefix = request.get('X-Forwarded-Prefix') ?? '/';
  if (!/^(\/[\w-]+)*\/?$/.test(prefix)) return '/';
  return prefix.endsWith('/') ? prefix : `${prefix}/`;
}

function number(name, fallback) {
  const text = process.env[name];
  if (!text) return fallback;
  const value = Number(text);
  if (!(value >= 0 && value < 86_400)) {
    log('error', { message: `${name} must be a number from 0 up` });
    process.exit(1);
  }
  return value;
}

function closeAfter(response) {
  if (!response.headersSent) response.set('Connection', 'close');
}

function escapeHtml(text) {
  const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return String(text).replace(/[&<>"]/g, (character) => entities[character]);
}

function homePage({ name, about, base, form }) {
  const { colour } = HUBS.find((hub) => hub.name === name);
  const facts = Object.entries(identity)
    .map(([label, value]) => `<dt>${label}</dt><dd>${escapeHtml(value)}</dd>`)
    .join('\n    ');
  const links = HUBS.map((hub) => (
    hub.name === name ? `<b>${hub.name}</b>` : `<a href="${hub.path}">${hub.name}</a>`
  )).join('\n    ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name} ${escapeHtml(identity.version)} (${escapeHtml(identity.environment)})</title>
<style>
  :root { color-scheme: light dark; --hub: ${colour}; }
  body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; }
  header { background: var(--hub); color: #fff; padding: 1.25rem 1rem; }
  header > *, main { max-width: 40rem; margin: 0 auto; }
  h1 { font-size: 1.6rem; }
  main { padding: 1rem; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
  dt { opacity: .7; }
  dd { margin: 0; font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
  nav { display: flex; flex-wrap: wrap; gap: .5rem; }
  nav > * { border: 1px solid var(--hub); border-radius: .5rem; padding: .4rem .7rem; color: inherit; }
  nav > b { background: var(--hub); color: #fff; }
  form { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1.5rem 0; }
  input, button { font: inherit; padding: .4rem .6rem; min-width: 0; }
</style>
</head>
<body>
<header>
  <h1>${name}</h1>
  <p>${escapeHtml(about)}</p>
</header>
<main>
  <dl>
    ${facts}
  </dl>
  ${form}
  <nav aria-label="Hubs">
    ${links}
  </nav>
  <p><a href="${base}health">health</a></p>
</main>
</body>
</html>
`;
}
