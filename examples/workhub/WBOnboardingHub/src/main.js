// WBOnboardingHub: the first weeks of new colleagues and customers.

import { startHub } from './hub.js';
import { me, publicKey } from './token.js';

await startHub({
  name: 'WBOnboardingHub',
  port: 4030,
  about: 'The first weeks of new colleagues and customers.',
  ready: publicKey,
  routes: (app) => {
    app.get('/me', me);
  },
});
