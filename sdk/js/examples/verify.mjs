// Verifies the token in TOKEN, then waits for its end. Runs beside `signet serve` in development mode; see the README.

import { connect, StaleError, VerifyError } from '@signet/verifier';

const verifier = await connect({
  issuer: process.env.SIGNET_ISSUER ?? 'http://127.0.0.1:8080',
  audience: process.env.SIGNET_AUDIENCE ?? 'api',
  clientId: process.env.SIGNET_CLIENT ?? 'dev',
  clientSecret: process.env.SIGNET_SECRET ?? '',
});

try {
  const verified = await verifier.verify(process.env.TOKEN ?? '');
  console.log(`believed: ${verified.claims.sub}, ${JSON.stringify(verified.custom)}`);
  if (process.argv.includes('--watch')) {
    const { signal } = verified;
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    console.log(`over: ${signal.reason.code}`);
  }
} catch (error) {
  if (error instanceof StaleError) console.log(`not now: ${error.message}`);
  else if (error instanceof VerifyError) console.log(`refused: ${error.code}`);
  else throw error;
} finally {
  await verifier.close();
}
