// Checks the token that WBHubManager signs. The same file in the four hubs that verify.

import { createPublicKey } from 'node:crypto';
import { jwtVerify } from 'jose';
import { identity, keyFile } from './hub.js';

export const publicKey = keyFile('JWT_PUBLIC_KEY', createPublicKey);
const previousKey = keyFile('JWT_PUBLIC_KEY_PREVIOUS', createPublicKey);

/** After a rotation, tokens that were signed with the previous key are accepted for a while. */
async function verified(token, key, claims) {
  try {
    return await jwtVerify(token, key, claims);
  } catch (error) {
    if (error.code !== 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' || !process.env.JWT_PUBLIC_KEY_PREVIOUS) throw error;
    return jwtVerify(token, await previousKey(), claims);
  }
}

/** GET /me: who the caller is according to the token, or why the token is refused. */
export async function me(request, response) {
  const { app, environment, release } = identity;
  const refuse = (why) => response
    .status(401)
    .set('WWW-Authenticate', 'Bearer realm="workhub"')
    .json({ app, error: why });

  const token = tokenOf(request);
  if (!token) {
    refuse('No token: send Authorization: Bearer, or the cookie workhub_token.');
    return;
  }
  let key;
  try {
    key = await publicKey();
  } catch (error) {
    response.status(503).json({ app, error: error.message });
    return;
  }
  try {
    const { payload } = await verified(token, key, {
      algorithms: ['RS256'],
      issuer: `workhub-${environment}`,
      audience: 'workhub',
      requiredClaims: ['sub', 'exp'],
      clockTolerance: 5,
    });
    response.json({ app, environment, release, user: payload.sub, claims: payload });
  } catch (error) {
    refuse(`The token is refused: ${error.message}`);
  }
}

function tokenOf(request) {
  const bearer = /^Bearer +(\S+)$/i.exec(request.get('Authorization') ?? '');
  if (bearer) return bearer[1];
  const cookie = /(?:^|;\s*)workhub_token=([^;\s]+)/.exec(request.get('Cookie') ?? '');
  return cookie?.[1];
}
