// The verifier against the real service.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { connect } from '../dist/index.js';
import { codeOf, eventually } from './fake.mjs';
import { freePort, Signet } from './signet.mjs';

const example = (name) => fileURLToPath(new URL(`../examples/${name}.mjs`, import.meta.url));

async function stage(t, options = {}) {
  const signet = await Signet.start();
  t.after(() => signet.destroy());
  const join = async () => {
    const verifier = await connect({ issuer: signet.issuer, audience: 'api', ...signet.credentials, ...options });
    t.after(() => verifier.close());
    return verifier;
  };
  return { signet, join, verifier: await join() };
}

test('issued, believed, revoked: refused when the answer that waited for verifiers is there', async (t) => {
  const { signet, verifier, join } = await stage(t);
  const others = await Promise.all([join(), join(), join()]);
  const token = await signet.issue('user-1', { scope: 'read', claims: { tenant: 'acme' } });
  const verified = await verifier.verify(token);
  assert.equal(verified.claims.sub, 'user-1');
  assert.ok(verified.hasScopes('read'));
  const revoked = verified.revoked();
  const answer = await signet.revoke({ sub: 'user-1' }, { wait: 'verifiers', timeout_ms: 5000 });
  const codes = await Promise.all([verifier, ...others].map((one) => codeOf(one.verify(token))));
  assert.deepEqual(codes, Array(4).fill('revoked'));
  assert.deepEqual(answer.applied.verifiers.applied, 4, JSON.stringify(answer));
  assert.deepEqual(await revoked, { by: 'sub' });
  assert.equal(await codeOf(verifier.verify(await signet.issue('user-1'))), undefined, 'signing in again works at once');
});

test('every kind of scope takes back what it names', async (t) => {
  const { signet, verifier } = await stage(t);
  const issue = () => signet.issue('user-1', { claims: { tenant: ['acme', 'other'] } });
  for (const [kind, scope] of [
    ['jti', ({ jti }) => ({ jti })], ['sid', ({ sid }) => ({ sid })], ['sub', ({ sub }) => ({ sub })],
    ['client_id', ({ client_id }) => ({ client_id })], ['aud', () => ({ aud: 'api' })],
    ['claim', () => ({ claim: { tenant: 'other' } })], ['all', () => ({ all: true })],
  ]) {
    const token = await issue();
    const { claims } = await verifier.verify(token);
    await signet.revoke(scope(claims), { wait: 'verifiers', timeout_ms: 5000 });
    await assert.rejects(verifier.verify(token), { code: 'revoked', member: kind });
  }
});

test('a revocation without waiting is refused within milliseconds', async (t) => {
  const { signet, verifier } = await stage(t);
  const lags = [];
  for (let n = 0; n < 50; n += 1) {
    const token = await signet.issue(`user-${n}`);
    const revoked = (await verifier.verify(token)).revoked();
    await signet.revoke({ sub: `user-${n}` });
    const answered = performance.now();
    await revoked;
    lags.push(performance.now() - answered);
  }
  lags.sort((a, b) => a - b);
  t.diagnostic(`refused after the answer: p50 ${lags[25].toFixed(2)} ms, the longest ${lags[49].toFixed(2)} ms`);
});

test('a compromised key is dropped, and its successor is believed at once', async (t) => {
  const { signet, verifier } = await stage(t);
  const token = await signet.issue('user-1');
  const { header } = await verifier.verify(token);
  await signet.post(`/v1/keys/${header.kid}/revoke`, { reason: 'found in a bin' });
  await eventually('refused', async () => (await codeOf(verifier.verify(token))) === 'key_unknown');
  assert.equal(await codeOf(verifier.verify(await signet.issue('user-1'))), undefined);
});

test('over a restart it misses nothing, and while the service is away it becomes stale', async (t) => {
  const { signet, verifier } = await stage(t, { maxStaleness: 1500 });
  const [kept, taken] = [await signet.issue('kept'), await signet.issue('taken')];
  await signet.revoke({ sub: 'somebody' }, { wait: 'verifiers', timeout_ms: 5000 });
  await signet.stop();
  assert.equal(await codeOf(verifier.verify(kept, { maxStaleness: 60_000 })), undefined);
  await eventually('stale', async () => (await codeOf(verifier.verify(kept))) === 'stale');
  assert.equal(await codeOf(verifier.verify(kept, { whenStale: 'accept' })), undefined);
  await signet.resume();
  await signet.revoke({ sub: 'taken' });
  await eventually('vouching again', async () => (await codeOf(verifier.verify(kept))) === undefined, 15_000);
  await eventually('refused', async () => (await codeOf(verifier.verify(taken))) === 'revoked');
});

test('a kill is as good as a stop', async (t) => {
  const { signet, verifier } = await stage(t);
  const token = await signet.issue('user-1');
  await signet.stop('SIGKILL');
  await signet.resume();
  await signet.revoke({ sub: 'user-1' });
  await eventually('refused', async () => (await codeOf(verifier.verify(token))) === 'revoked', 15_000);
});

test('past the bound the service is asked', async (t) => {
  const { signet, verifier } = await stage(t, { maxStaleness: 0, whenStale: 'introspect' });
  const token = await signet.issue('user-1');
  assert.equal(await codeOf(verifier.verify(token)), undefined);
  assert.equal(verifier.counters.introspected, 1);
});

test('wrong credentials are told from a service that is away', async (t) => {
  const { signet } = await stage(t);
  const options = { issuer: signet.issuer, audience: 'api', clientId: 'app', timeout: 3000 };
  assert.equal(await codeOf(connect({ ...options, clientSecret: 'wrong' })), 'refused');
});

test('the example of ten lines says who it is, and when that ends', async (t) => {
  const { signet } = await stage(t);
  const { clientId, clientSecret } = signet.credentials;
  const TOKEN = await signet.issue('user-1', { claims: { tenant: 'acme' } });
  const environment = { ...process.env, SIGNET_ISSUER: signet.issuer, SIGNET_CLIENT: clientId, SIGNET_SECRET: clientSecret, TOKEN };
  const child = spawn(process.execPath, [example('verify'), '--watch'], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  child.stdout.on('data', (text) => {
    said += text;
  });
  await eventually('believed', () => said.includes('believed: user-1, {"tenant":"acme"}'), 15_000);
  await signet.revoke({ sub: 'user-1' });
  await eventually('over', () => said.includes('over: revoked'));
});

test('the example lets in who has a session, and its streams end with it', async (t) => {
  const { signet } = await stage(t);
  const port = await freePort();
  const environment = { ...process.env, PORT: String(port), SIGNET_ISSUER: signet.issuer, SIGNET_CLIENT: 'app', SIGNET_SECRET: signet.credentials.clientSecret };
  const child = spawn(process.execPath, [example('express')], { env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  t.after(() => child.kill('SIGKILL'));
  const get = (path, token) => fetch(`http://127.0.0.1:${port}${path}`, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
  await eventually('listening', () => get('/').then(() => true, () => false), 15_000);
  assert.equal((await get('/me')).status, 401);
  const token = await signet.issue('user-1');
  assert.equal((await (await get('/me', token)).json()).sub, 'user-1');
  const stream = await get('/clock', token);
  await signet.revoke({ sub: 'user-1' }, { wait: 'verifiers', timeout_ms: 5000 });
  assert.match(await stream.text(), /data: hello\n\n[^]*event: end\ndata: revoked\n\n$/);
  const refused = await get('/me', token);
  assert.deepEqual([refused.status, (await refused.json()).reason], [401, 'revoked']);
  child.kill('SIGTERM');
  assert.equal(await exited, 0);
});
