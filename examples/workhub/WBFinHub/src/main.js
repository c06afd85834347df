// WBFinHub: invoices, payments and the books.

import { startHub } from './hub.js';
import { me, publicKey } from './token.js';

await startHub({
  name: 'WBFinHub',
  port: 4020,
  about: 'Invoices, payments and the books.',
  ready: publicKey,
  routes: (app) => {
    app.get('/me', me);
  },
});
