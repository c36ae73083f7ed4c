/** Public keys as published (RFC 7517): a set is read leniently, a key that would be used strictly. */

import { base64url, importJWK, type CryptoKey, type JWK } from 'jose';
import { isKeyId } from './ids.js';
import { isObject, parseJson, type JsonObject } from './json.js';

/** The signature algorithms. A closed set: anything else is refused. */
const ALGORITHMS = {
  ES256: { kty: 'EC', crv: 'P-256', coordinates: ['x', 'y'], signatureBytes: 64 },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', coordinates: ['x'], signatureBytes: 64 },
  RS256: { kty: 'RSA', crv: undefined, coordinates: [], signatureBytes: undefined },
  PS256: { kty: 'RSA', crv: undefined, coordinates: [], signatureBytes: undefined },
} as const;

/** The name of an algorithm that is taken. */
export type Algorithm = keyof typeof ALGORITHMS;

/** Whether this is the exact name of one: case matters (RFC 7515 §4.1.1). */
export function isAlgorithm(name: string): name is Algorithm {
  return Object.hasOwn(ALGORITHMS, name);
}

/** A public key to check signatures with. It belongs to exactly one algorithm (RFC 8725 §3.1). */
export interface VerifyingKey {
  readonly kid: string;
  readonly alg: Algorithm;
  readonly key: CryptoKey;
  /** How long every signature is; `undefined` where the key decides. */
  readonly signatureBytes: number | undefined;
}

/**
 * The usable keys of a published set, by `kid`; the others are skipped: an odd key beside good ones must not break the set.
 * Skipped are keys of another `kty`, `alg` or `use`, with weak parameters, or with a `kid` that came before.
 */
export async function readKeySet(document: Uint8Array): Promise<Map<string, VerifyingKey>> {
  const set = parseJson(document);
  if (!isObject(set) || !Array.isArray(set['keys'])) throw new TypeError('not a JWK set');
  const keys = new Map<string, VerifyingKey>();
  for (const jwk of set['keys'] as unknown[]) {
    const key = await readKey(jwk);
    if (key !== undefined && !keys.has(key.kid)) keys.set(key.kid, key);
  }
  return keys;
}

async function readKey(jwk: unknown): Promise<VerifyingKey | undefined> {
  if (!isObject(jwk)) return undefined;
  const { kid, alg } = jwk;
  if (!isKeyId(kid) || typeof alg !== 'string' || !isAlgorithm(alg)) return undefined;
  if (jwk['use'] !== undefined && jwk['use'] !== 'sig') return undefined;
  if (!parametersFit(jwk, alg)) return undefined;
  try {
    const key = await importJWK(publicPart(jwk), alg);
    return key instanceof Uint8Array ? undefined : { kid, alg, key, signatureBytes: ALGORITHMS[alg].signatureBytes };
  } catch {
    // A point that is not on its curve, for instance.
    return undefined;
  }
}

function parametersFit(jwk: JsonObject, alg: Algorithm): boolean {
  const { kty, crv, coordinates } = ALGORITHMS[alg];
  if (jwk['kty'] !== kty || (crv !== undefined && jwk['crv'] !== crv)) return false;
  if (kty !== 'RSA') return coordinates.every((name) => number(jwk[name])?.length === 32);
  // 2,048 to 8,192 bits, an odd exponent above 1 (RFC 7518 §3.3; e = 1 would make every message a signature).
  const [n, e] = [number(jwk['n']), number(jwk['e'])];
  if (n === undefined || e === undefined) return false;
  const last = e.at(-1) ?? 0;
  return (
    n.length >= 256 && n.length <= 1024 && n[0] !== 0 &&
    e.length <= 4 && e[0] !== 0 && last % 2 === 1 && !(e.length === 1 && last === 1)
  );
}

function number(text: unknown): Uint8Array | undefined {
  if (typeof text !== 'string' || !/^[A-Za-z0-9_-]+$/.test(text) || text.length % 4 === 1) return undefined;
  const decoded = base64url.decode(text);
  return base64url.encode(decoded) === text ? decoded : undefined;
}

/** What makes the key, and nothing that says what it is for: that has been looked at. */
function publicPart(jwk: JsonObject): JWK {
  const members = ['kty', 'crv', 'x', 'y', 'n', 'e'].filter((name) => typeof jwk[name] === 'string');
  return Object.fromEntries(members.map((name) => [name, jwk[name]])) as unknown as JWK;
}
