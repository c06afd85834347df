// Runs the real hubs as processes: node --test test/   (after "npm ci" in each hub)

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const verifiers = ['WBSalesHub', 'WBFinHub', 'WBOnboardingHub', 'HWTestAgent'];
const { WebSocket } = createRequire(join(root, 'HWTestAgent/package.json'))('ws');

const keys = mkdtempSync(join(tmpdir(), 'workhub-keys-'));
const privateKey = join(keys, 'jwt_private.pem');
const publicKey = join(keys, 'jwt_public.pem');
const previousKey = join(keys, 'jwt_public_previous.pem');
const newKeyPair = () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(privateKey, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(publicKey, pair.publicKey.export({ type: 'spki', format: 'pem' }));
};
newKeyPair();

const running = new Set();
after(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(keys, { recursive: true });
});

/** Starts a hub on a free port and waits until it listens. */
async function start(hub, env = {}) {
  // A shared file may be a link: what it imports is to be found from the hub that has the link.
  const child = spawn(process.execPath, ['--preserve-symlinks', 'src/main.js'], {
    cwd: join(root, hub),
    env: {
      PATH: process.env.PATH,
      HUB_PORT: '0',
      RELEASE_APP: hub,
      RELEASE_ID: 'r1',
      RELEASE_ENVIRONMENT: 'staging',
      RELEASE_COMMIT: 'abc123',
      JWT_PRIVATE_KEY: privateKey,
      JWT_PUBLIC_KEY: publicKey,
      DEMO_PASSWORD: 'correct horse',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  const exited = once(child, 'exit').then(([code]) => {
    running.delete(child);
    return code;
  });
  const events = [];
  const port = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = JSON.parse(line);
      events.push(event);
      if (event.event === 'listening') resolve(event.port);
    });
    exited.then((code) => reject(new Error(`${hub} ended with ${code}: ${JSON.stringify(events)}`)));
  });
  const url = `http://127.0.0.1:${port}`;
  const stop = () => {
    child.kill('SIGTERM');
    return exited;
  };
  return { url, port, events, exited, stop };
}

const send = (method, body, headers = {}) => ({
  method,
  headers: { 'Content-Type': 'application/json', ...headers },
  body: JSON.stringify(body),
});
const login = (manager, headers) => fetch(
  `${manager.url}/login`,
  send('POST', { user: 'Kim', password: 'correct horse' }, headers),
);
const me = (hub, token) => fetch(`${hub.url}/me`, { headers: { Authorization: `Bearer ${token}` } });

test('a login at the manager is accepted by every other hub until the keys change', async () => {
  const manager = await start('WBHubManager');
  const others = await Promise.all(verifiers.map((hub) => start(hub)));
  const { token } = await (await login(manager)).json();
  for (const hub of others) {
    const answer = await me(hub, token);
    assert.equal(answer.status, 200);
    const body = await answer.json();
    assert.equal(body.user, 'Kim');
    assert.equal(body.claims.iss, 'workhub-staging');
  }
  const cookie = await fetch(`${others[0].url}/me`, { headers: { Cookie: `a=b; workhub_token=${token}` } });
  assert.equal((await cookie.json()).user, 'Kim');

  newKeyPair();
  const refused = await me(others[0], token);
  assert.equal(refused.status, 401);
  assert.match((await refused.json()).error, /signature/);
  const renewed = await (await login(manager)).json();
  assert.equal((await me(others[0], renewed.token)).status, 200);

  const none = await fetch(`${others[0].url}/me`);
  assert.equal(none.status, 401);
  assert.match((await none.json()).error, /No token/);
  for (const hub of [manager, ...others]) assert.equal(await hub.stop(), 0);
});

test('after a rotation earlier tokens are accepted until the grace period ends', async () => {
  const manager = await start('WBHubManager');
  const fin = await start('WBFinHub', { JWT_PUBLIC_KEY_PREVIOUS: previousKey });
  const { token } = await (await login(manager)).json();
  writeFileSync(previousKey, readFileSync(publicKey));
  newKeyPair();
  assert.equal((await me(fin, token)).status, 200);
  const renewed = await (await login(manager)).json();
  assert.equal((await me(fin, renewed.token)).status, 200);
  // The grace period ends while the app runs.
  writeFileSync(previousKey, readFileSync(publicKey));
  assert.equal((await me(fin, token)).status, 401);
  assert.equal((await me(fin, renewed.token)).status, 200);
  await Promise.all([manager.stop(), fin.stop()]);
});

test('a feature flag works at once', async () => {
  const flags = join(keys, 'flags.json');
  const agent = await start('HWTestAgent', { FLAGS_FILE: flags });
  for (const on of [true, false, true]) {
    writeFileSync(flags, JSON.stringify({ battle: on }));
    const answer = await fetch(`${agent.url}/battle`);
    assert.equal(answer.status, on ? 200 : 503);
    assert.equal((await answer.json()).battle, on ? 'on' : 'off');
  }
  await agent.stop();
});

test('a token of staging is worth nothing in production', async () => {
  const manager = await start('WBHubManager');
  const sales = await start('WBSalesHub', { RELEASE_ENVIRONMENT: 'production' });
  const { token } = await (await login(manager)).json();
  const answer = await me(sales, token);
  assert.equal(answer.status, 401);
  assert.match((await answer.json()).error, /iss/);
  await Promise.all([manager.stop(), sales.stop()]);
});

test('the login refuses what it must, and the cookie has a domain only for a name', async () => {
  const named = await start('WBHubManager', { COOKIE_DOMAIN: '.workhub.biz' });
  const address = await start('WBHubManager', { COOKIE_DOMAIN: '158.180.95.246' });
  const closed = await start('WBHubManager', { DEMO_PASSWORD: '' });
  assert.match((await login(named)).headers.get('set-cookie'), /Domain=\.workhub\.biz;.*HttpOnly.*SameSite=Lax/);
  assert.doesNotMatch((await login(address)).headers.get('set-cookie'), /Domain/);
  assert.equal((await login(closed)).status, 503);
  const wrong = await fetch(`${named.url}/login`, send('POST', { user: 'Kim', password: 'x' }));
  assert.equal(wrong.status, 401);
  const form = await fetch(`${named.url}/login`, {
    method: 'POST',
    body: new URLSearchParams({ user: 'Kim', password: 'correct horse' }),
    headers: { Accept: 'text/html', 'X-Forwarded-Prefix': '/' },
    redirect: 'manual',
  });
  assert.equal(form.status, 303);
  assert.equal(form.headers.get('location'), '/');
  await Promise.all([named.stop(), address.stop(), closed.stop()]);
});

test('page, JSON, health and echo say who answers', async () => {
  const hub = await start('WBFinHub');
  const page = await fetch(hub.url, { headers: { Accept: 'text/html', 'X-Forwarded-Prefix': '/finhub' } });
  const html = await page.text();
  for (const part of ['WBFinHub', '1.0.0', 'staging', 'r1', 'abc123', 'href="/finhub/health"', 'href="/saleshub/"']) {
    assert.ok(html.includes(part), part);
  }
  const facts = await (await fetch(hub.url, { headers: { Accept: 'application/json' } })).json();
  assert.equal(facts.release, 'r1');
  assert.equal(facts.hubs.length, 5);
  assert.deepEqual(await (await fetch(`${hub.url}/health`)).json(), {
    status: 'ok', app: 'WBFinHub', version: '1.0.0', environment: 'staging', release: 'r1',
  });
  const echo = await fetch(`${hub.url}/echo`, send('POST', { n: 1 }));
  assert.deepEqual(await echo.json(), { app: 'WBFinHub', release: 'r1', echo: { n: 1 } });
  const broken = await fetch(`${hub.url}/echo`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"secret',
  });
  assert.equal(broken.status, 400);
  assert.doesNotMatch(JSON.stringify(hub.events) + await broken.text(), /secret/);
  await hub.stop();
});

test('health says why it fails, and never shows a key', async () => {
  const asked = await start('WBFinHub', { HEALTH_FAIL: 'true' });
  const missing = await start('WBHubManager', { JWT_PRIVATE_KEY: '/nowhere/jwt_private.pem' });
  const pasted = await start('WBSalesHub', { JWT_PUBLIC_KEY: readFileSync(publicKey, 'utf8') });
  const cause = async (hub) => {
    const answer = await fetch(`${hub.url}/health`);
    assert.equal(answer.status, 503);
    return (await answer.json()).cause;
  };
  assert.equal(await cause(asked), 'HEALTH_FAIL is set');
  assert.match(await cause(missing), /\/nowhere\/jwt_private\.pem.*ENOENT/);
  assert.equal(await cause(pasted), 'JWT_PUBLIC_KEY must be the absolute path of a file');
  await Promise.all([asked.stop(), missing.stop(), pasted.stop()]);
});

test('SIGTERM lets a request in flight finish, takes no new one, and ends with 0', async () => {
  const hub = await start('WBOnboardingHub');
  const slow = fetch(`${hub.url}/slow?seconds=0.8`);
  await sleep(200);
  const ended = hub.stop();
  await sleep(100);
  await assert.rejects(fetch(`${hub.url}/health`));
  const answer = await slow;
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('connection'), 'close');
  assert.equal(await ended, 0);
});

test('a connection that never asked for anything does not hold up the stop', async () => {
  const hub = await start('WBFinHub');
  const silent = connect(hub.port, '127.0.0.1').on('error', () => {});
  await once(silent, 'connect');
  await sleep(50);
  const before = Date.now();
  assert.equal(await hub.stop(), 0);
  assert.ok(Date.now() - before < 1000);
});

test('the deadline of the stop is kept', async () => {
  const hub = await start('WBOnboardingHub', { SHUTDOWN_SECONDS: '0.3' });
  const slow = assert.rejects(fetch(`${hub.url}/slow?seconds=20`));
  await sleep(200);
  const before = Date.now();
  assert.equal(await hub.stop(), 0);
  assert.ok(Date.now() - before < 2000);
  assert.equal(hub.events.at(-1).event, 'shutdown-deadline');
  await slow;
});

test('BOOT_SECONDS delays the start, EXIT_AFTER_SECONDS ends it with 1', async () => {
  const before = Date.now();
  const hub = await start('WBSalesHub', { BOOT_SECONDS: '0.7', EXIT_AFTER_SECONDS: '0.2' });
  assert.ok(Date.now() - before >= 700);
  assert.equal(await hub.exited, 1);
  assert.equal(hub.events.at(-1).event, 'exit');
});

test('the WebSocket greets, echoes and is closed with 1001', async () => {
  const hub = await start('HWTestAgent');
  const socket = new WebSocket(`ws://127.0.0.1:${hub.port}/ws`);
  const [greeting] = await once(socket, 'message');
  assert.deepEqual(JSON.parse(greeting), { app: 'HWTestAgent', release: 'r1' });
  socket.send('ping?');
  const [echo, isBinary] = await once(socket, 'message');
  assert.equal(`${echo} ${isBinary}`, 'ping? false');
  const request = fetch(`${hub.url}/slow?seconds=0.4`);
  await sleep(100);
  const closed = once(socket, 'close');
  const ended = hub.stop();
  assert.equal((await closed)[0], 1001);
  assert.equal((await request).status, 200);
  assert.equal(await ended, 0);
});
