// The verifier against a service that says what the test wants it to say.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import test from 'node:test';
import express from 'express';
import { connect, connectInBackground, StaleError, Verified, VerifyError } from '../dist/index.js';
import { requireSession } from '../dist/express.js';
import { codeOf, CREDENTIALS, eventually, FakeService, TestClock } from './fake.mjs';

const SNAPSHOT = '/v1/revocations';
const STREAM = '/v1/revocations/stream';
const JWKS = '/.well-known/jwks.json';

/** A verifier that follows a fake service; both end with the test. */
async function stage(t, options = {}, prepare = () => undefined) {
  const service = await FakeService.start();
  await prepare(service);
  const clock = new TestClock();
  const verifier = await connect({ issuer: service.issuer, audience: 'api', ...CREDENTIALS, clock, ...options }).catch(async (error) => {
    await service.stop();
    throw error;
  });
  t.after(async () => {
    await verifier.close();
    await service.stop();
  });
  await eventually('a stream', () => service.streams.size > 0);
  return { service, verifier, clock };
}

test('a token is believed, and refused as soon as it has been revoked', async (t) => {
  const { service, verifier } = await stage(t);
  const token = await service.token({ tenant: 'acme' });
  const verified = await verifier.verify(token);
  assert.ok(verified instanceof Verified);
  assert.equal(verified.claims.sub, 'user-1');
  assert.deepEqual(verified.claims.aud, ['api']);
  assert.deepEqual({ ...verified.custom }, { tenant: 'acme' });
  assert.ok(verified.hasScopes('read', 'write') && !verified.hasScopes('read', 'admin') && verified.hasScopes());
  service.revoke({ sid: verified.claims.sid });
  await eventually('refused', async () => (await codeOf(verifier.verify(token))) === 'revoked');
  await assert.rejects(verifier.verify(token), (error) => error instanceof VerifyError && error.member === 'sid');
  const { accepted, revoked, entries } = verifier.counters;
  assert.ok(accepted >= 1 && revoked >= 2 && entries === 1);
});

test('what was revoked before it connected is refused at once', async (t) => {
  const { service, verifier } = await stage(t, {}, (service) => service.revoke({ sub: 'user-1' }));
  assert.equal(await codeOf(verifier.verify(await service.token())), 'revoked');
  assert.equal(await codeOf(verifier.verify(await service.token({ sub: 'user-2' }))), undefined);
  assert.equal(verifier.denylistSize, 1);
});

test('custom claims are read into a type, or refused', async (t) => {
  const { service, verifier } = await stage(t);
  const token = await service.token({ tenant: 'acme' });
  const { custom } = await verifier.verify(token, { custom: ({ tenant }) => ({ tenant: String(tenant) }) });
  assert.deepEqual(custom, { tenant: 'acme' });
  const strict = { custom: () => { throw new Error('no'); } };
  assert.equal(await codeOf(verifier.verify(token, strict)), 'claims_malformed');
});

test('a call may ask for another audience', async (t) => {
  const { service, verifier } = await stage(t);
  const token = await service.token({ aud: ['billing'] });
  assert.equal(await codeOf(verifier.verify(token)), 'audience');
  assert.equal(await codeOf(verifier.verify(token, { audience: ['other', 'billing'] })), undefined);
  await assert.rejects(verifier.verify(token, { audience: [] }), TypeError);
});

test('an acknowledgement is sent when the entry is in force, and leaving is said', async (t) => {
  const { service, verifier } = await stage(t);
  const token = await service.token();
  service.revoke({ sub: 'user-1' }, { ack: true });
  await eventually('an acknowledgement', () => service.acks.length > 0);
  assert.equal(await codeOf(verifier.verify(token)), 'revoked');
  assert.deepEqual(service.acks, [{ stream_id: 's1', cursor: '1' }]);
  const other = await service.token({ sub: 'user-2' });
  assert.equal(await codeOf(verifier.verify(other)), undefined);
  await verifier.close();
  assert.deepEqual(service.acks.at(-1), { stream_id: 's1', cursor: '1', leaving: true });
  await assert.rejects(verifier.verify(other), StaleError);
});

test('once it is closed no policy vouches', async (t) => {
  const { service, verifier } = await stage(t, { whenStale: 'accept' });
  const token = await service.token();
  assert.equal(await codeOf(verifier.verify(token)), undefined);
  await verifier.close();
  assert.equal(await codeOf(verifier.verify(token)), 'stale');
});

test('it says who it is, the same across its reconnects, and how long it vouches', async (t) => {
  const { service } = await stage(t, { name: 'orders/7', maxStaleness: 12_345 });
  for (const stream of service.streams) stream.destroy();
  await eventually('another stream', () => service.count(STREAM) > 1);
  const [first, second] = service.requests.filter(({ path }) => path === STREAM).map(({ query }) => query);
  assert.match(first.verifier, /^orders-7-[0-9a-f]{16}$/);
  assert.equal(second.verifier, first.verifier);
  assert.equal(first.max_staleness_ms, '12345');
});

test('after a break it goes on where it was and misses nothing', async (t) => {
  const { service, verifier } = await stage(t);
  const token = await service.token();
  service.revoke({ sub: 'somebody' });
  await eventually('applied', () => verifier.denylistSize === 1);
  for (const stream of service.streams) stream.destroy();
  service.revoke({ sub: 'user-1' });
  await eventually('refused', async () => (await codeOf(verifier.verify(token))) === 'revoked');
  assert.equal(service.requests.findLast(({ path }) => path === STREAM).query.cursor, '1');
  assert.equal(service.count(SNAPSHOT), 1, 'without another snapshot');
});

test('a reset is followed by a snapshot, and nothing is vouched for in between', async (t) => {
  const { service, verifier } = await stage(t);
  const token = await service.token();
  let hold = true;
  service.intercept = ({ path }) => (hold && path === SNAPSHOT ? { status: 500, body: {} } : undefined);
  service.send('reset', { reason: 'the log was replaced' });
  await eventually('stale', async () => (await codeOf(verifier.verify(token))) === 'stale');
  assert.equal(verifier.staleness(), undefined);
  hold = false;
  await eventually('vouching again', async () => (await codeOf(verifier.verify(token))) === undefined);
  assert.equal(verifier.counters.resyncs, 1);
});

test('an event that is not understood is not applied, and a snapshot is loaded', async (t) => {
  const { service, verifier } = await stage(t);
  let expected = 1;
  for (const data of ['{', '{"cursor":"1"}', JSON.stringify({ cursor: '9', server_time: 1, entries: [{ scope: { group: 'x' } }] })]) {
    service.send('revocations', data);
    expected += 1;
    await eventually('another snapshot', () => verifier.counters.snapshots === expected);
    await eventually('vouching again', () => verifier.staleness() !== undefined);
    await eventually('another stream', () => service.streams.size === 1);
  }
  assert.equal(verifier.counters.malformed, 3);
  service.send('something-newer', '{');
  service.heartbeat({ newer: true });
  service.revoke({ sub: 'user-1' });
  await eventually('applied', () => verifier.denylistSize === 1);
  assert.equal(verifier.counters.malformed, 3);
});

test('a stream that falls silent is given up', async (t) => {
  const { service } = await stage(t, {}, (service) => {
    service.heartbeatMs = 50;
  });
  await eventually('another stream', () => service.count(STREAM) > 1, 5000);
});

test('a stream that ends without news has failed, and is not asked for at once again and again', async (t) => {
  const { service, verifier } = await stage(t);
  service.intercept = ({ path }) => (path === STREAM ? { status: 200, body: 'welcome' } : undefined);
  for (const stream of service.streams) stream.end();
  await eventually('failures', () => verifier.counters.failedRequests >= 3);
});

test('a stream that is heard of is not', async (t) => {
  const { service, verifier } = await stage(t, {}, (service) => {
    service.heartbeatMs = 1000;
  });
  const beats = setInterval(() => service.heartbeat(), 100);
  t.after(() => clearInterval(beats));
  const began = performance.now();
  await eventually('longer than it would wait in silence', () => performance.now() - began > 3500);
  assert.equal(service.count(STREAM), 1);
  assert.equal(verifier.counters.failedRequests, 0);
});

test('past the bound it refuses, distinguishably, and comes back', async (t) => {
  const { service, verifier, clock } = await stage(t);
  const token = await service.token();
  assert.ok(verifier.staleness() < 5000);
  clock.pass(31_000);
  await assert.rejects(verifier.verify(token), (error) => {
    assert.ok(error instanceof StaleError && error.code === 'stale');
    return error.staleness > 30_000 && error.retryAfter > 0;
  });
  assert.equal(await codeOf(verifier.verify(`${token}x`)), 'base64', 'what is wrong with the token goes first');
  assert.equal(await codeOf(verifier.verify(token, { maxStaleness: 60_000 })), undefined, 'a call may allow more');
  assert.equal(await codeOf(verifier.verify(token, { whenStale: 'accept' })), undefined);
  assert.equal(verifier.counters.staleAccepted, 1);
  assert.equal(verifier.counters.staleRefused, 1);
  // What came 31 s ago by our clock is mapped anew by a new request.
  for (const stream of service.streams) stream.destroy();
  await eventually('vouching again', async () => (await codeOf(verifier.verify(token))) === undefined);
});

test('staleness grows behind a service that is itself cut off', async (t) => {
  const { service, verifier } = await stage(t);
  const token = await service.token();
  service.lag = 40_000;
  for (const stream of service.streams) stream.destroy();
  await eventually('another stream', () => service.count(STREAM) > 1 && service.streams.size === 1);
  service.heartbeat();
  assert.equal(await codeOf(verifier.verify(token)), undefined, 'what is known is not forgotten');
  service.send('reset', { reason: 'x' });
  await eventually('a snapshot', () => verifier.counters.snapshots === 2);
  assert.equal(await codeOf(verifier.verify(token)), 'stale');
  assert.ok(verifier.staleness() >= 40_000);
});

test('tokens younger than the bound of the policy are believed without news', async (t) => {
  const { service, verifier, clock } = await stage(t, { whenStale: { acceptYoungerThan: 60_000 } });
  const [old, young] = [await service.token(), await service.token({}, { at: Date.now() + 50_000 })];
  clock.pass(65_000);
  assert.equal(await codeOf(verifier.verify(old)), 'stale');
  assert.equal(await codeOf(verifier.verify(young)), undefined);
});

test('past the bound the service is asked, once for a moment', async (t) => {
  const { service, verifier, clock } = await stage(t, { whenStale: 'introspect' });
  const token = await service.token();
  clock.pass(31_000);
  await Promise.all([verifier.verify(token), verifier.verify(token)]);
  await verifier.verify(token);
  assert.equal(service.count('/oauth2/introspect'), 1);
  assert.equal(new URLSearchParams(service.requests.at(-1).body).get('token'), token);
  service.active = false;
  clock.pass(5001);
  await assert.rejects(verifier.verify(token), (error) => error instanceof VerifyError && error.code === 'inactive');
  clock.pass(5001);
  service.intercept = ({ path }) => (path === '/oauth2/introspect' ? { status: 500, body: {} } : undefined);
  assert.equal(await codeOf(verifier.verify(token)), 'stale');
});

test('what is revoked while the service is asked is refused', async (t) => {
  const asking = async (url, init) => {
    if (url.endsWith('/oauth2/introspect')) {
      service.revoke({ sub: 'user-1' });
      await eventually('applied', () => verifier.denylistSize === 1);
    }
    return fetch(url, init);
  };
  const { service, verifier, clock } = await stage(t, { whenStale: 'introspect', fetch: asking });
  clock.pass(31_000);
  assert.equal(await codeOf(verifier.verify(await service.token())), 'revoked');
});

test('a wall clock that jumps means a snapshot before vouching again', async (t) => {
  const { service, verifier, clock } = await stage(t);
  const token = await service.token();
  clock.ahead.wall += 2500;
  await assert.rejects(verifier.verify(token), StaleError);
  await eventually('vouching again', async () => (await codeOf(verifier.verify(token))) === undefined);
  assert.equal(service.count(SNAPSHOT), 2);
});

test("a service's clock that was set forward means a snapshot before vouching again", async (t) => {
  const { service, verifier } = await stage(t);
  service.skew = 20_000;
  service.heartbeat();
  await eventually('another snapshot', () => verifier.counters.snapshots === 2);
  await eventually('vouching again', () => verifier.staleness() !== undefined);
  assert.ok(verifier.staleness() < 1000, `${verifier.staleness()}`);
});

test('an unknown key is fetched once for all who wait, and not again for a while', async (t) => {
  const { service, verifier, clock } = await stage(t);
  const stranger = await FakeService.start();
  t.after(() => stranger.stop());
  const foreign = () => stranger.token({ iss: service.issuer }, { key: { ...stranger.keys[0], jwk: { kid: 'foreign' } } });
  clock.pass(10_001);
  assert.deepEqual(await Promise.all([1, 2, 3].map(async () => codeOf(verifier.verify(await foreign())))), Array(3).fill('key_unknown'));
  assert.equal(await codeOf(verifier.verify(await foreign())), 'key_unknown');
  assert.equal(service.count(JWKS), 2);
  clock.pass(10_001);
  await service.addKey();
  assert.equal(await codeOf(verifier.verify(await service.token())), undefined, 'a new key');
  assert.equal(service.count(JWKS), 3);
});

test('the key set is asked for with its ETag, and the last good one is kept while the issuer is away', async (t) => {
  const { service, verifier, clock } = await stage(t);
  const token = await service.token();
  const other = await service.token({}, { key: { ...service.keys[0], jwk: { kid: 'other' } } });
  clock.pass(10_001);
  assert.equal(await codeOf(verifier.verify(other)), 'key_unknown');
  assert.equal(service.requests.findLast(({ path }) => path === JWKS).headers['if-none-match'], '"1"');
  service.intercept = ({ path }) => (path === JWKS ? { status: 200, body: '{"keys":' } : undefined);
  clock.pass(10_001);
  assert.equal(await codeOf(verifier.verify(other)), 'key_unknown');
  assert.equal(verifier.counters.malformed, 1);
  assert.equal(await codeOf(verifier.verify(token)), undefined);
});

test('an odd key beside good ones does not break the set, and a set without a good one does not replace it', async (t) => {
  const odd = [{ kid: 'odd', kty: 'EC', crv: 'P-256', alg: 'ES256', x: 'A', y: 'A' }, { kid: 'rsa', kty: 'RSA', alg: 'RS256', n: 'A', e: 'AQAB' }];
  const { service, verifier, clock } = await stage(t, {}, (service) => service.keys.unshift(...odd.map((jwk) => ({ jwk }))));
  const token = await service.token();
  assert.equal(await codeOf(verifier.verify(token)), undefined);
  const other = await service.token({}, { key: { ...service.keys.at(-1), jwk: { kid: 'other' } } });
  service.intercept = ({ path }) => (path === JWKS ? { status: 200, body: { keys: odd } } : undefined);
  clock.pass(10_001);
  assert.equal(await codeOf(verifier.verify(other)), 'key_unknown');
  assert.equal(await codeOf(verifier.verify(token)), undefined);
});

test('a key that was taken back before there is a set is not the token\'s fault', async (t) => {
  const service = await FakeService.start();
  service.revoke({ kid: 'compromised' });
  service.intercept = ({ path }) => (path === JWKS ? { status: 503, body: {} } : undefined);
  const verifier = connectInBackground({ issuer: service.issuer, audience: 'api', ...CREDENTIALS });
  t.after(async () => {
    await verifier.close();
    await service.stop();
  });
  await eventually('a snapshot', () => verifier.denylistSize === 1);
  assert.equal(await codeOf(verifier.verify(await service.token())), 'stale');
});

test('a key that was taken back is dropped for good', async (t) => {
  const { service, verifier, clock } = await stage(t);
  const token = await service.token();
  const verified = await verifier.verify(token);
  service.revoke({ kid: 'key-0' });
  assert.deepEqual(await verified.revoked(), { by: 'kid' });
  assert.equal(await codeOf(verifier.verify(token)), 'key_unknown', 'remembered or not');
  clock.pass(10_001);
  await service.addKey();
  assert.equal(await codeOf(verifier.verify(await service.token())), undefined);
  assert.equal(await codeOf(verifier.verify(token)), 'key_unknown', 'although the set still has it');
});

test('a long-lived connection learns that its session has been revoked', async (t) => {
  const { service, verifier } = await stage(t);
  const [one, other] = [await verifier.verify(await service.token()), await verifier.verify(await service.token())];
  let ended = false;
  void other.revoked().then(() => {
    ended = true;
  });
  const revoked = one.revoked();
  service.revoke({ sid: one.claims.sid });
  assert.deepEqual(await revoked, { by: 'sid' });
  assert.ok(one.signal.aborted && one.signal.reason instanceof VerifyError && one.signal.reason.code === 'revoked');
  assert.ok(!ended && !other.signal.aborted);
});

test('a signal that is asked for after the revocation is aborted already', async (t) => {
  const { service, verifier } = await stage(t);
  const verified = await verifier.verify(await service.token());
  service.revoke({ sub: 'user-1' });
  await eventually('applied', () => verifier.denylistSize === 1);
  assert.ok(verified.signal.aborted);
  assert.deepEqual(await verified.revoked(), { by: 'sub' });
});

test('a long-lived connection ends when the token expires, and when the verifier is stale', async (t) => {
  const { service, verifier, clock } = await stage(t);
  const token = await service.token();
  const [strict, lax] = [await verifier.verify(token), await verifier.verify(token, { whenStale: 'accept' })];
  assert.ok(!strict.signal.aborted && !lax.signal.aborted);
  service.intercept = () => ({ status: 500, body: {} });
  clock.pass(40_000);
  await eventually('stale', () => strict.signal.aborted);
  assert.ok(strict.signal.reason instanceof StaleError);
  assert.ok(!lax.signal.aborted);
  clock.pass(300_000);
  await eventually('expired', () => lax.signal.aborted);
  assert.equal(lax.signal.reason.code, 'expired');
});

test('what no waiting could mend is said at once', async (t) => {
  const codes = async (options, prepare) => codeOf(stage(t, options, prepare));
  assert.equal(await codes({ issuer: 'nowhere' }), 'url');
  assert.equal(await codes({ issuer: 'https://user:secret@auth.example' }), 'url');
  assert.equal(await codes({ issuer: 'http://auth.example' }), 'plain_http');
  assert.equal(await codes({ clientSecret: 'wrong' }), 'refused');
  assert.equal(await codes({ leeway: 30_001 }), 'leeway');
  const metadata = (service) => {
    service.intercept = ({ path }) => (path.startsWith('/.well-known/oauth') ? { status: 200, body: { issuer: 'https://evil.example' } } : undefined);
  };
  assert.equal(await codes({}, metadata), 'issuer');
  await assert.rejects(stage(t, { audience: [] }), TypeError);
  await assert.rejects(stage(t, { whenStale: 'hope' }), TypeError);
});

test('an issuer that is away is waited for, not for ever', async (t) => {
  const away = { issuer: 'http://127.0.0.1:9', audience: 'api', ...CREDENTIALS };
  assert.equal(await codeOf(connect({ ...away, timeout: 300 })), 'unavailable');
  const { verifier } = await stage(t, {}, (service) => {
    let refusals = 2;
    service.intercept = () => (refusals-- > 0 ? { status: 503, body: {} } : undefined);
  });
  assert.ok(verifier.staleness() !== undefined);
});

test('in the background it vouches for nothing until it knows', async (t) => {
  const service = await FakeService.start();
  let away = true;
  service.intercept = () => (away ? { status: 503, body: {} } : undefined);
  const verifier = connectInBackground({ issuer: service.issuer, audience: 'api', ...CREDENTIALS });
  t.after(async () => {
    await verifier.close();
    await service.stop();
  });
  const token = await service.token();
  assert.equal(await codeOf(verifier.verify(token)), 'stale');
  away = false;
  await eventually('vouching', async () => (await codeOf(verifier.verify(token))) === undefined);
});

test('under another address everything is below that, and the issuer stays the issuer', async (t) => {
  const issuer = 'https://auth.example/tenant';
  const service = await FakeService.start();
  service.intercept = ({ path }) => (path.startsWith('/.well-known/oauth') ? { status: 200, body: { issuer } } : undefined);
  const verifier = await connect({ issuer, audience: 'api', baseUrl: `${service.issuer}/`, ...CREDENTIALS });
  t.after(async () => {
    await verifier.close();
    await service.stop();
  });
  assert.equal(await codeOf(verifier.verify(await service.token({ iss: issuer }))), undefined);
  assert.equal(await codeOf(verifier.verify(await service.token())), 'issuer');
});

async function serve(t, app) {
  const server = createServer(app);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (headers = {}) => fetch(`http://127.0.0.1:${server.address().port}/`, { headers });
}

test('express: a good token is let in, others are told why', async (t) => {
  const { service, verifier, clock } = await stage(t);
  const app = express();
  app.get('/', requireSession(verifier, { scopes: ['read'], realm: 'orders' }), (request, response) => {
    response.send(request.signet.claims.sub);
  });
  const get = await serve(t, app);
  const token = await service.token();
  const good = await get({ authorization: `bEaRer ${token}` });
  assert.deepEqual([good.status, await good.text()], [200, 'user-1']);

  const said = async (headers) => {
    const response = await get(headers);
    const { status, code, reason, action, scope } = await response.json();
    assert.equal(response.status, status);
    assert.equal(response.headers.get('content-type'), 'application/problem+json');
    assert.equal(response.headers.get('cache-control'), 'no-store');
    return [status, code, reason ?? scope, action, response.headers.get('www-authenticate') ?? response.headers.get('retry-after')];
  };
  const asked = [401, 'authentication_required', undefined, undefined, 'Bearer realm="orders"'];
  for (const headers of [{}, { authorization: 'Basic YTpi' }, { authorization: 'Bearer' }]) assert.deepEqual(await said(headers), asked);
  const bearer = (value) => ({ authorization: `Bearer ${value}` });
  const invalid = (text) => `Bearer realm="orders", error="invalid_token", error_description="${text}"`;
  assert.deepEqual(await said(bearer('a.b.c')), [401, 'invalid_token', 'base64', 'reauthenticate', invalid('a segment is not canonical base64url')]);
  const expired = await service.token({}, { at: Date.now() - 400_000 });
  assert.deepEqual(await said(bearer(expired)), [401, 'token_expired', 'expired', 'refresh', invalid('the token has expired')]);
  const lacking = 'Bearer realm="orders", error="insufficient_scope", error_description="the token does not have the scope that is needed", scope="read"';
  assert.deepEqual(await said(bearer(await service.token({ scope: 'write reader' }))), [403, 'insufficient_scope', 'read', undefined, lacking]);
  service.revoke({ sub: 'user-1' });
  await eventually('applied', () => verifier.denylistSize === 1);
  assert.deepEqual(await said(bearer(token)), [401, 'invalid_token', 'revoked', 'reauthenticate', invalid('the token has been revoked')]);
  clock.pass(40_000);
  assert.deepEqual(await said(bearer(await service.token({ sub: 'user-2' }))), [503, 'stale', 'stale', 'retry', '1']);
});

test('express: two Authorization headers are not one', async () => {
  const seen = {};
  const response = { setHeader: (name, value) => { seen[name] = value; }, end: (body) => { seen.body = body; } };
  await requireSession({ verify: () => assert.fail('not asked') })({ headersDistinct: { authorization: ['Bearer a', 'Bearer b'] } }, response, assert.fail);
  assert.equal(response.statusCode, 401);
});

test('express: what is wrong with us goes to the error handler', async () => {
  const broken = { verify: () => Promise.reject(new TypeError('ours')) };
  const errors = [];
  await requireSession(broken)({ headersDistinct: { authorization: ['Bearer a'] } }, {}, (error) => errors.push(error.message));
  assert.deepEqual(errors, ['ours']);
});
