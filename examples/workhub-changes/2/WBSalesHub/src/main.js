// WBSalesHub: customers, offers and orders.

import { startHub } from './hub.js';
import { me, publicKey } from './token.js';

await startHub({
  name: 'WBSalesHub',
  port: 4010,
  about: 'Customers, offers and orders. New: the pipeline of the quarter.',
  ready: publicKey,
  routes: (app) => {
    app.get('/me', me);
  },
});
