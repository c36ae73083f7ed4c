// What a caller in TypeScript writes; compiled and never run.

import express from 'express';
import { connect, StaleError, VerifyError, type Verified } from '@signet/verifier';
import { requireSession } from '@signet/verifier/express';

interface Tenancy {
  readonly tenant: string;
}

function tenancy(custom: Readonly<Record<string, unknown>>): Tenancy {
  if (typeof custom['tenant'] !== 'string') throw new TypeError('no tenant');
  return { tenant: custom['tenant'] };
}

export async function serve(token: string): Promise<string> {
  const options = { issuer: 'https://auth.example', audience: ['api'], clientId: 'orders', clientSecret: '' };
  const verifier = await connect({ ...options, maxStaleness: 10_000, whenStale: { acceptYoungerThan: 60_000 } });
  try {
    const verified: Verified<Tenancy> = await verifier.verify(token, { custom: tenancy, whenStale: 'introspect' });
    verified.signal.addEventListener('abort', () => undefined);
    const roles: unknown = verified.claims['roles'];
    return `${verified.custom.tenant} ${verified.claims.sub} ${String(roles)}`;
  } catch (error) {
    if (error instanceof StaleError) return `503 ${error.retryAfter}`;
    if (error instanceof VerifyError && error.code === 'revoked') return `401 ${error.member ?? ''}`;
    throw error;
  } finally {
    const app = express();
    app.use('/orders', requireSession(verifier, { scopes: ['orders:read'] }));
    app.get('/orders', (request, response) => {
      response.send(request.signet?.claims.sub);
    });
  }
}

// @ts-expect-error: there is no such policy
void connect({ issuer: '', audience: '', clientId: '', clientSecret: '', whenStale: 'hope' });
