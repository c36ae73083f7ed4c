/**
 * Which tokens have been taken back (docs/feed.md, "What an entry denies").
 *
 * Three rules, a map each. *Always*: a key, and the logout of one token or session, deny whatever the time. *Logout* compares
 * its time with the session's start, *refresh* with the token's own. No capacity limit, no eviction: entries go when they expire.
 */

import type { Claims } from './claims.js';
import { timeOf } from './ids.js';

/** What kind of value an entry names tokens by. */
export type ScopeKind = 'jti' | 'sid' | 'sub' | 'client_id' | 'aud' | 'kid' | 'claim' | 'all';

/** Which tokens an entry speaks of, boiled down to one text. */
export interface ScopeKey {
  readonly kind: ScopeKind;
  readonly key: string;
}

/** A revocation, as the feed has it. Instants in milliseconds. */
export interface Entry {
  readonly scope: ScopeKey;
  readonly effect: 'logout' | 'refresh';
  readonly issuedBefore: number;
  readonly expiresAt: number;
  /** Of a `kid` entry the key that it takes back. */
  readonly kid?: string;
}

/** What a token can be denied by. */
export interface TokenScopes {
  readonly keys: readonly ScopeKey[];
  /** The time in `jti`. */
  readonly issued: number;
  /** The time in `sid`, or in `jti` where there is no session. */
  readonly began: number;
}

interface Known {
  issuedBefore: number;
  expiresAt: number;
}

type Rule = 'always' | 'logout' | 'refresh';

/** The key of a scope that is not a claim. */
export function scopeKey(kind: Exclude<ScopeKind, 'claim' | 'all'>, value: string): ScopeKey {
  return { kind, key: `${kind}:${value}` };
}

/** The key of a claim's value. The length keeps name and value apart. */
export function claimKey(name: string, value: string): ScopeKey {
  return { kind: 'claim', key: `claim:${name.length}:${name}:${value}` };
}

/** The key of everything. */
export const ALL: ScopeKey = { kind: 'all', key: 'all' };

/** What a token can be denied by, where these claims are revocable. */
export function scopesOf(claims: Claims, kid: string, revocable: readonly string[]): TokenScopes {
  const keys = [
    scopeKey('kid', kid),
    scopeKey('jti', claims.jti),
    scopeKey('sub', claims.sub),
    scopeKey('client_id', claims.client_id),
    ...claims.aud.map((aud) => scopeKey('aud', aud)),
    ALL,
  ];
  if (claims.sid !== undefined) keys.push(scopeKey('sid', claims.sid));
  for (const name of revocable) {
    // Claims have no prototype: nothing is found that is not in the token.
    const value = (claims as Record<string, unknown>)[name];
    const values: unknown[] = Array.isArray(value) ? value : [value];
    for (const text of values) if (typeof text === 'string') keys.push(claimKey(name, text));
  }
  return { keys, issued: timeOf(claims.jti), began: timeOf(claims.sid ?? claims.jti) };
}

/** The entries that are in force. */
export class Denylist {
  readonly #rules: Readonly<Record<Rule, Map<string, Known>>> = { always: new Map(), logout: new Map(), refresh: new Map() };
  /** What may expire within which second: an entry that was extended is found under its earlier one too. */
  readonly #due = new Map<number, [Rule, string][]>();
  /** The second in which it was last looked for what has expired. */
  #swept = 0;

  /** How many entries it holds. */
  get size(): number {
    return this.#rules.always.size + this.#rules.logout.size + this.#rules.refresh.size;
  }

  /** Takes in an entry. One applied twice, late or in another order changes nothing. */
  apply(entry: Entry): void {
    const rule = ruleOf(entry);
    const known = this.#rules[rule].get(entry.scope.key);
    if (known === undefined) {
      this.#rules[rule].set(entry.scope.key, { issuedBefore: entry.issuedBefore, expiresAt: entry.expiresAt });
    } else {
      known.issuedBefore = Math.max(known.issuedBefore, entry.issuedBefore);
      if (entry.expiresAt <= known.expiresAt) return;
      known.expiresAt = entry.expiresAt;
    }
    this.#remember(rule, entry);
  }

  /** What kind of entry denies the token, if any. Of several it is not said which. */
  denies(scopes: TokenScopes): ScopeKind | undefined {
    if (this.size === 0) return undefined;
    const { always, logout, refresh } = this.#rules;
    const before = (rule: Map<string, Known>, key: string) => rule.get(key)?.issuedBefore ?? 0;
    return scopes.keys.find(
      ({ key }) => always.has(key) || scopes.began < before(logout, key) || scopes.issued < before(refresh, key),
    )?.kind;
  }

  /** Forgets what has expired by `now`: within a second of its expiry, never before it. */
  sweep(now: number): void {
    const second = Math.floor(now / 1000);
    // Not "later than": a clock that was ahead for a while must not keep everything until it gets there again.
    if (second === this.#swept) return;
    for (const due of this.#dueUpTo(second)) {
      for (const [rule, key] of this.#due.get(due) ?? []) {
        if ((this.#rules[rule].get(key)?.expiresAt ?? Infinity) <= now) this.#rules[rule].delete(key);
      }
      this.#due.delete(due);
    }
    this.#swept = second;
  }

  #remember(rule: Rule, entry: Entry): void {
    const second = Math.ceil(entry.expiresAt / 1000);
    const due = this.#due.get(second);
    if (due === undefined) this.#due.set(second, [[rule, entry.scope.key]]);
    else due.push([rule, entry.scope.key]);
  }

  #dueUpTo(second: number): number[] {
    return [...this.#due.keys()].filter((due) => due <= second);
  }
}

function ruleOf(entry: Entry): Rule {
  const { kind } = entry.scope;
  const timeless = kind === 'kid' || (entry.effect === 'logout' && (kind === 'jti' || kind === 'sid'));
  return timeless ? 'always' : entry.effect;
}
