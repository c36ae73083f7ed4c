// The real service, as a process on a directory of its own.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './fake.mjs';

const BINARY = process.env.SIGNET_BIN ?? fileURLToPath(new URL('../../../target/debug/signet', import.meta.url));
const SECRET = 'a secret for tests only';
const PERMISSIONS = ['sessions:issue', 'revocations:read', 'revocations:write', 'tokens:introspect', 'keys:manage'];

export class Signet {
  #directory = mkdtempSync(join(tmpdir(), 'signet-js-'));
  #child;

  /** The credentials of a client with every permission that a test needs. */
  credentials = { clientId: 'app', clientSecret: SECRET };

  static async start() {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is not there: build it, or set SIGNET_BIN`);
    const signet = new Signet();
    const port = await freePort();
    signet.issuer = `http://127.0.0.1:${port}`;
    writeFileSync(
      join(signet.#directory, 'signet.toml'),
      `server.listen = "127.0.0.1:${port}"
server.public_url = "${signet.issuer}"
keys.directory = "${signet.#directory}/keys"
store.url = "redb:${signet.#directory}/signet.redb"
store.journal = "${signet.#directory}/journal.redb"
tokens.revocable_claims = ["tenant"]
[[clients]]
id = "app"
secret_sha256 = "${createHash('sha256').update(SECRET).digest('hex')}"
audiences = ["api"]
permissions = ${JSON.stringify(PERMISSIONS)}
`,
    );
    await signet.resume();
    return signet;
  }

  /** Starts the process, again on what is on its disk. */
  async resume() {
    const config = join(this.#directory, 'signet.toml');
    this.#child = spawn(BINARY, ['serve', '--config', config], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    this.#child.stderr.on('data', (text) => {
      said = (said + text).slice(-4000);
    });
    const ready = async () => {
      if (this.#child.exitCode !== null) throw new Error(`signet ended: ${said}`);
      return fetch(`${this.issuer}/readyz`).then((answer) => answer.ok, () => false);
    };
    await eventually('signet is ready', ready, 30_000);
  }

  async stop(signal = 'SIGTERM') {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  async destroy() {
    await this.stop('SIGKILL');
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async post(path, body) {
    const { clientId, clientSecret } = this.credentials;
    const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;
    const headers = { authorization, 'content-type': 'application/json' };
    const answer = await fetch(this.issuer + path, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  async issue(sub, more = {}) {
    return (await this.post('/v1/sessions', { sub, ...more })).access_token;
  }

  revoke(scope, more = {}) {
    return this.post('/v1/revocations', { scope, ...more });
  }
}

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
