/**
 * The one path from a token's text to a token that is believed.
 *
 * `split → header (type, algorithm, kid) → key by kid, key.alg == alg → signature → claims → issuer → audience → times →
 * denied?`, in this order. What does not depend on the caller (the signature's verdict and the parsed claims) is remembered
 * for as long as the key set stays; everything else is checked on every call.
 */

import { customOf, readClaims, type Claims } from './claims.js';
import { scopesOf, type Denylist, type TokenScopes } from './denylist.js';
import { VerifyError } from './errors.js';
import type { VerifyingKey } from './jwk.js';
import { checkSignature, readHeader, split, type Header } from './jws.js';

/** Where keys come from. */
export interface KeySource {
  /** Changes whenever the set does: verdicts of another version are void. */
  readonly version: number;
  find(kid: string): VerifyingKey | undefined | Promise<VerifyingKey | undefined>;
}

/** What is expected of a token. */
export interface Expected {
  /** `iss`, character by character. */
  readonly issuer: string;
  /** One of these must be in `aud`. */
  readonly audience: readonly string[];
  /** How far clocks may be apart. */
  readonly leewayMs: number;
  /** The longest life (`exp` − `iat`) that the issuer gives. */
  readonly longestAccessTtlMs: number;
  /** The claims by which an entry of the denylist may name tokens. */
  readonly revocableClaims: readonly string[];
}

/** A token whose signature fits a key of the issuer: remembered, not yet believed. */
export interface CheckedToken {
  readonly token: string;
  readonly header: Header;
  readonly claims: Claims;
  readonly custom: Readonly<Record<string, unknown>>;
  scopes: { readonly revocable: readonly string[]; readonly of: TokenScopes };
}

interface Remembered {
  readonly version: number;
  readonly checked: CheckedToken;
}

/** Verifies access tokens over a set of keys and a denylist. */
export class Core {
  readonly #keys: KeySource;
  readonly #denylist: Denylist;
  readonly #capacity: number;
  /** By the token's text. A `Map` keeps the order of insertion: the oldest goes first. */
  readonly #remembered = new Map<string, Remembered>();

  /** Remembers at most `capacity` tokens; 0: none. */
  constructor(keys: KeySource, denylist: Denylist, capacity: number) {
    this.#keys = keys;
    this.#denylist = denylist;
    this.#capacity = capacity;
  }

  /** Checks a token against what is expected of it, as of `now` (milliseconds). */
  async verifyAt(token: string, expected: Expected, now: number): Promise<CheckedToken> {
    const checked = this.#recall(token) ?? (await this.#check(token));
    checkClaims(checked.claims, expected, now);
    this.checkDenylist(checked, expected.revocableClaims);
    return checked;
  }

  /** Whether it has been taken back. */
  checkDenylist(checked: CheckedToken, revocable: readonly string[]): void {
    const by = this.#denylist.denies(scopes(checked, revocable));
    if (by !== undefined) throw new VerifyError('revoked', by);
  }

  #recall(token: string): CheckedToken | undefined {
    const known = this.#remembered.get(token);
    if (known === undefined || known.version === this.#keys.version) return known?.checked;
    this.#remembered.delete(token);
    return undefined;
  }

  /** Refusals are not remembered: strangers could fill the memory with them. */
  async #check(token: string): Promise<CheckedToken> {
    const jws = split(token);
    const header = readHeader(jws.header);
    const key = await this.#keys.find(header.kid);
    // Read with the key: a set that changes while the signature is checked voids what is remembered.
    const version = this.#keys.version;
    if (key === undefined) throw new VerifyError('key_unknown');
    if (key.alg !== header.alg) throw new VerifyError('key_algorithm');
    await checkSignature(jws, key);
    const claims = readClaims(jws.payload);
    const checked = { token, header, claims, custom: customOf(claims), scopes: { revocable: [], of: scopesOf(claims, header.kid, []) } };
    this.#remember(token, { version, checked });
    return checked;
  }

  #remember(token: string, remembered: Remembered): void {
    if (this.#capacity === 0) return;
    this.#remembered.set(token, remembered);
    if (this.#remembered.size <= this.#capacity) return;
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }
}

/** What the token can be denied by, where these claims are revocable; made anew only when those change. */
export function scopes(checked: CheckedToken, revocable: readonly string[]): TokenScopes {
  if (checked.scopes.revocable !== revocable) {
    checked.scopes = { revocable, of: scopesOf(checked.claims, checked.header.kid, revocable) };
  }
  return checked.scopes.of;
}

/** `iss`, `aud`, `exp` and `iat`, in this order. */
function checkClaims(claims: Claims, expected: Expected, now: number): void {
  if (claims.iss !== expected.issuer) throw new VerifyError('issuer');
  if (!expected.audience.some((audience) => claims.aud.includes(audience))) throw new VerifyError('audience');
  // "On or after" `exp` is expired (RFC 7519 §4.1.4): at exp + leeway it is no longer good.
  if (now >= claims.exp * 1000 + expected.leewayMs) throw new VerifyError('expired');
  if (claims.iat * 1000 > now + expected.leewayMs) throw new VerifyError('issued_in_future');
  const lifetime = (claims.exp - claims.iat) * 1000;
  if (lifetime <= 0 || lifetime > expected.longestAccessTtlMs) throw new VerifyError('lifetime');
}
