// WBHubManager: the front door of WorkHub. It signs the token that the other hubs accept.

import { createHash, createPrivateKey, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import express from 'express';
import { SignJWT } from 'jose';
import { basePath, identity, keyFile, startHub } from './hub.js';

const TOKEN_SECONDS = 3600;
const privateKey = keyFile('JWT_PRIVATE_KEY', createPrivateKey);

function signToken(user, key) {
  return new SignJWT({ environment: identity.environment })
    .setProtectedHeader({ alg: 'RS256' })
    .setSubject(user)
    // Staging and production may share a key pair; a token of one is still refused by the other.
    .setIssuer(`workhub-${identity.environment}`)
    .setAudience('workhub')
    .setIssuedAt()
    .setExpirationTime(`${TOKEN_SECONDS}s`)
    .sign(key);
}

function cookieOptions() {
  const domain = process.env.COOKIE_DOMAIN;
  return {
    httpOnly: true,
    sameSite: 'lax',
    maxAge: TOKEN_SECONDS * 1000,
    secure: process.env.PUBLIC_URL?.startsWith('https:') ?? false,
    // A browser refuses a cookie whose Domain is an address: there the host alone decides.
    ...(domain && !isIP(domain) ? { domain } : {}),
  };
}

/** Compares digests, so that the time it takes tells neither length nor content. */
function samePassword(given, expected) {
  const digest = (text) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

async function login(request, response) {
  const expected = process.env.DEMO_PASSWORD;
  if (!expected) {
    response.status(503).json({ error: 'Nobody can log in: DEMO_PASSWORD is not set.' });
    return;
  }
  const { user, password } = request.body ?? {};
  if (typeof user !== 'string' || !/^[\p{L}\p{N}_.@+ -]{1,64}$/u.test(user)) {
    response.status(400).json({ error: 'user must be a name of 1 to 64 letters, digits, spaces or _.@+-' });
    return;
  }
  if (typeof password !== 'string' || !samePassword(password, expected)) {
    response.status(401).json({ error: 'Wrong password.' });
    return;
  }
  let key;
  try {
    key = await privateKey();
  } catch (error) {
    response.status(503).json({ error: error.message });
    return;
  }
  const token = await signToken(user, key);
  response.cookie('workhub_token', token, cookieOptions());
  // A browser that sent the form goes back to the page, a program gets the token.
  if (request.accepts(['json', 'html']) === 'html') response.redirect(303, basePath(request));
  else response.json({ token });
}

await startHub({
  name: 'WBHubManager',
  port: 4090,
  about: 'The front door: log in once, work in every hub. New: see at a glance which release you are on.',
  ready: privateKey,
  routes: (app) => {
    app.post('/login', express.json(), express.urlencoded({ extended: false }), login);
  },
  form: (base) => `<form method="post" action="${base}login">
    <input name="user" placeholder="Name" aria-label="Name" autocomplete="username" required>
    <input name="password" type="password" placeholder="Password" aria-label="Password" autocomplete="current-password" required>
    <button>Log in</button>
  </form>`,
});
