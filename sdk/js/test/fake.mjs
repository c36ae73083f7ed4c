// A service that says what a test wants it to say, and clocks that stand still until they are moved.

import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export const CREDENTIALS = { clientId: 'verifier', clientSecret: 'its secret: ü' };
const AUTHORIZATION = `Basic ${Buffer.from('verifier:its secret: ü').toString('base64')}`;

export class FakeService {
  entries = [];
  limits = { longest_access_ttl_ms: 300_000, leeway_ms: 30_000, revocable_claims: ['tenant'] };
  heartbeatMs = 5000;
  cursor = 0;
  /** How far behind the service is itself. */
  lag = 0;
  /** Added to every stamp. */
  skew = 0;
  requests = [];
  acks = [];
  active = true;
  /** Answers instead of the service, if it says anything. */
  intercept = () => undefined;
  streams = new Set();
  keys = [];
  #etag = 0;
  #server;

  static async start() {
    const service = new FakeService();
    await service.addKey();
    service.#server = createServer((request, response) => service.#answer(request, response));
    await new Promise((resolve) => service.#server.listen(0, '127.0.0.1', resolve));
    service.port = service.#server.address().port;
    service.issuer = `http://127.0.0.1:${service.port}`;
    return service;
  }

  async stop() {
    for (const stream of this.streams) stream.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async addKey() {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const kid = `key-${this.keys.length}`;
    this.keys.push({ privateKey, jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: 'ES256' } });
    this.#etag += 1;
    return kid;
  }

  /** A token issued now, its claims changed. */
  async token(claims = {}, { key = this.keys.at(-1), at = Date.now() } = {}) {
    const iat = Math.floor(at / 1000);
    const all = {
      iss: this.issuer, sub: 'user-1', aud: 'api', exp: iat + 300, iat, jti: uuid7(at), sid: uuid7(at),
      client_id: 'web', scope: 'read write', ...claims,
    };
    const header = { alg: 'ES256', kid: key.jwk.kid, typ: 'at+jwt' };
    return new SignJWT(all).setProtectedHeader(header).sign(key.privateKey);
  }

  /** Takes tokens back, and tells whoever listens. */
  revoke(scope, { effect = 'logout', ack = false, issuedBefore = Date.now() + 2000 } = {}) {
    const now = Date.now();
    const entry = { scope, effect, issued_before: issuedBefore, expires_at: now + 330_000 };
    this.entries.push(entry);
    this.cursor += 1;
    this.send('revocations', { cursor: String(this.cursor), ...this.stamps(), ...(ack ? { ack } : {}), entries: [entry] });
  }

  heartbeat(more = {}) {
    this.send('heartbeat', { cursor: String(this.cursor), ...this.stamps(), ...more });
  }

  send(event, data) {
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    for (const stream of this.streams) stream.write(`id: ${this.cursor}\nevent: ${event}\ndata: ${text}\n\n`);
  }

  stamps() {
    const now = Date.now() + this.skew;
    return { as_of: now - this.lag, server_time: now };
  }

  count(path) {
    return this.requests.filter((request) => request.path === path).length;
  }

  async #answer(request, response) {
    const { pathname, searchParams } = new URL(request.url, this.issuer);
    let body = '';
    for await (const chunk of request) body += chunk;
    const asked = { path: pathname, query: Object.fromEntries(searchParams), headers: request.headers, body };
    this.requests.push(asked);
    const instead = this.intercept(asked, response);
    if (instead !== undefined) return void reply(response, instead.status, instead.body, instead.headers);
    const authenticated = pathname.startsWith('/.well-known/') || request.headers.authorization === AUTHORIZATION;
    if (!authenticated) return void reply(response, 401, {});
    const route = this.#routes[`${request.method} ${pathname}`];
    return route === undefined ? void reply(response, 404, {}) : route(asked, response);
  }

  #routes = {
    'GET /.well-known/oauth-authorization-server': (_, response) =>
      reply(response, 200, {
        issuer: this.issuer,
        jwks_uri: `${this.issuer}/.well-known/jwks.json`,
        revocation_feed_uri: `${this.issuer}/v1/revocations`,
        introspection_endpoint: `${this.issuer}/oauth2/introspect`,
      }),
    'GET /.well-known/jwks.json': ({ headers }, response) => {
      const etag = `"${this.#etag}"`;
      if (headers['if-none-match'] === etag) return reply(response, 304, '', { etag });
      return reply(response, 200, { keys: this.keys.map(({ jwk }) => jwk) }, { etag, 'cache-control': 'public, max-age=300' });
    },
    'GET /v1/revocations': (_, response) =>
      reply(response, 200, {
        version: 1, cursor: String(this.cursor), ...this.stamps(), limits: this.limits, entries: this.entries,
      }),
    'GET /v1/revocations/stream': ({ query }, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const hello = { version: 1, stream_id: `s${this.count('/v1/revocations/stream')}`, cursor: query.cursor, ...this.stamps() };
      const data = JSON.stringify({ ...hello, heartbeat_ms: this.heartbeatMs, limits: this.limits });
      response.write(`: welcome\n\nid: ${query.cursor}\nevent: hello\ndata: ${data}\n\n`);
      this.streams.add(response);
      response.on('close', () => this.streams.delete(response));
      const missed = this.entries.slice(Number(query.cursor ?? this.cursor));
      const news = { cursor: String(this.cursor), server_time: this.stamps().server_time, entries: missed };
      if (missed.length > 0) response.write(`event: revocations\ndata: ${JSON.stringify(news)}\n\n`);
      response.write(`event: heartbeat\ndata: ${JSON.stringify({ cursor: String(this.cursor), ...this.stamps() })}\n\n`);
    },
    'POST /v1/revocations/ack': ({ body }, response) => {
      this.acks.push(JSON.parse(body));
      reply(response, 204, '');
    },
    'POST /oauth2/introspect': (_, response) => reply(response, 200, { active: this.active }),
  };
}

function reply(response, status, body, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

let made = 0;

/** A UUIDv7 of this millisecond. */
export function uuid7(at) {
  made += 1;
  const hex = at.toString(16).padStart(12, '0') + '7000' + '8' + made.toString(16).padStart(15, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Both clocks go with the machine's, and can be moved apart. */
export class TestClock {
  ahead = { wall: 0, boot: 0 };

  wall() {
    return Date.now() + this.ahead.wall;
  }

  boot() {
    return performance.now() + this.ahead.boot;
  }

  /** Time passes, as if everything had waited. */
  pass(ms) {
    this.ahead.wall += ms;
    this.ahead.boot += ms;
  }
}

/** Waits until something holds, and says what did not. */
export async function eventually(what, holds, timeout = 5000) {
  const deadline = performance.now() + timeout;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The code of the error that a promise fails with; `undefined` if it does not. */
export async function codeOf(promise) {
  try {
    await promise;
    return undefined;
  } catch (error) {
    if (error.code === undefined) throw error;
    return error.code;
  }
}
