// A service that lets in whoever has a session, with express. Runs beside `signet serve` in development mode:
//
//   SIGNET_SECRET=$(cat data/dev-client-secret) node sdk/js/examples/express.mjs

import express from 'express';
import { connect } from '@signet/verifier';
import { requireSession } from '@signet/verifier/express';

const verifier = await connect({
  issuer: process.env.SIGNET_ISSUER ?? 'http://127.0.0.1:8080',
  audience: process.env.SIGNET_AUDIENCE ?? 'api',
  clientId: process.env.SIGNET_CLIENT ?? 'dev',
  clientSecret: process.env.SIGNET_SECRET ?? '',
  name: 'express-example',
});

const app = express();

app.get('/me', requireSession(verifier), (request, response) => {
  response.json({ sub: request.signet.claims.sub, sid: request.signet.claims.sid });
});

app.delete('/orders', requireSession(verifier, { scopes: ['orders:write'] }), (_, response) => {
  response.sendStatus(204);
});

// Lives longer than a request, and ends itself when the session is revoked, the token expires, or the verifier is stale.
app.get('/clock', requireSession(verifier), (request, response) => {
  const { signal } = request.signet;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const timer = setInterval(() => response.write(`data: ${new Date().toISOString()}\n\n`), 1000);
  const end = () => {
    clearInterval(timer);
    response.end(`event: end\ndata: ${signal.reason.code}\n\n`);
  };
  response.on('close', () => clearInterval(timer));
  response.write('data: hello\n\n');
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
});

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    // So that nobody who revokes has to wait for this process.
    await verifier.close();
    server.close();
    server.closeAllConnections();
  });
}
