/**
 * The revocation feed on the wire (docs/feed.md): snapshot and events, read whole or not at all.
 *
 * An entry is read strictly, because one that is not understood is a denial that would be missed: unknown scopes, effects and
 * members refuse it, and with it the whole document. Around the entries unknown members are ignored.
 */

import { ALL, claimKey, scopeKey, type Entry, type ScopeKey } from './denylist.js';
import { isClientId, isKeyId, isName, isUuidV7 } from './ids.js';
import { isObject, parseJson, type JsonObject } from './json.js';

/** A part of the feed is malformed, cut short, too large, or of another version. */
export class FeedError extends Error {
  override readonly name = 'FeedError';
}

/** What the issuer promises of all tokens and asks of all verifiers. */
export interface Limits {
  readonly longestAccessTtlMs: number;
  readonly leewayMs: number;
  readonly revocableClaims: readonly string[];
}

/** `GET /v1/revocations`. */
export interface Snapshot {
  readonly cursor: string;
  readonly asOf: number;
  readonly serverTime: number;
  readonly limits: Limits;
  readonly entries: readonly Entry[];
}

/** One event of the stream. */
export type FeedEvent =
  | {
      readonly type: 'hello';
      readonly streamId: string;
      readonly cursor: string;
      readonly serverTime: number;
      readonly heartbeatMs: number;
      readonly limits: Limits;
    }
  | {
      readonly type: 'news';
      readonly cursor: string;
      /** Absent while the stream is catching up. */
      readonly asOf: number | undefined;
      readonly serverTime: number;
      /** Whether somebody waits for an acknowledgement. */
      readonly ack: boolean;
      /** None in a heartbeat. */
      readonly entries: readonly Entry[];
    }
  | { readonly type: 'reset'; readonly reason: string };

const VERSION = 1;
const CURSOR = /^[!-~]{1,128}$/;

/** Reads a snapshot. */
export function readSnapshot(document: Uint8Array): Snapshot {
  const members = readObject(document);
  checkVersion(members);
  return {
    cursor: cursor(members),
    asOf: instant(members, 'as_of'),
    serverTime: instant(members, 'server_time'),
    limits: limits(members['limits']),
    entries: entries(members),
  };
}

/** Reads an event; `undefined` if it is none of ours: a newer service may have more. */
export function readEvent(event: string, data: string): FeedEvent | undefined {
  switch (event) {
    case 'hello': return hello(readObject(new TextEncoder().encode(data)));
    case 'revocations': return news(readObject(new TextEncoder().encode(data)), entries);
    case 'heartbeat': return news(readObject(new TextEncoder().encode(data)), () => []);
    case 'reset': return { type: 'reset', reason: string(readObject(new TextEncoder().encode(data)), 'reason') };
    default: return undefined;
  }
}

/** Reads one entry. */
export function readEntry(value: unknown): Entry {
  if (!isObject(value)) throw new FeedError('an entry is not an object');
  onlyMembers(value, ['scope', 'effect', 'issued_before', 'expires_at']);
  const { scope, effect } = value;
  if (effect !== 'logout' && effect !== 'refresh') throw new FeedError('an entry has an effect that is not known here');
  const kid = isObject(scope) && typeof scope['kid'] === 'string' ? { kid: scope['kid'] } : {};
  return {
    scope: readScope(scope),
    effect,
    issuedBefore: instant(value, 'issued_before'),
    expiresAt: instant(value, 'expires_at'),
    ...kid,
  };
}

function hello(members: JsonObject): FeedEvent {
  checkVersion(members);
  // Whether it can be believed depends on the cursor: it is only read to see that the event is whole.
  instant(members, 'as_of');
  return {
    type: 'hello',
    streamId: string(members, 'stream_id'),
    cursor: cursor(members),
    serverTime: instant(members, 'server_time'),
    heartbeatMs: instant(members, 'heartbeat_ms'),
    limits: limits(members['limits']),
  };
}

function news(members: JsonObject, read: (members: JsonObject) => readonly Entry[]): FeedEvent {
  const inForce = read(members);
  const ack = members['ack'] ?? false;
  if (typeof ack !== 'boolean') throw new FeedError('ack is neither true nor false');
  const catchingUp = members['as_of'] === undefined && 'entries' in members;
  return {
    type: 'news',
    cursor: cursor(members),
    asOf: catchingUp ? undefined : instant(members, 'as_of'),
    serverTime: instant(members, 'server_time'),
    ack,
    entries: inForce,
  };
}

function entries(members: JsonObject): readonly Entry[] {
  const list = members['entries'];
  if (!Array.isArray(list)) throw new FeedError('there are no entries');
  return list.map(readEntry);
}

function readScope(scope: unknown): ScopeKey {
  if (scope === 'all') return ALL;
  const [member, ...more] = isObject(scope) ? Object.entries(scope) : [];
  if (member === undefined || more.length > 0) throw new FeedError('an entry has a scope that is not one');
  const [kind, value] = member;
  switch (kind) {
    case 'jti':
    case 'sid': return scopeKey(kind, fitting(value, isUuidV7));
    case 'sub': return scopeKey(kind, fitting(value, isName));
    case 'client_id': return scopeKey(kind, fitting(value, isClientId));
    case 'kid': return scopeKey(kind, fitting(value, isKeyId));
    case 'aud': return scopeKey(kind, fitting(value, isString));
    case 'claim': return readClaimScope(value);
    default: throw new FeedError('an entry has a scope that is not known here');
  }
}

function readClaimScope(value: unknown): ScopeKey {
  if (!isObject(value)) throw new FeedError('an entry has a scope that is not one');
  onlyMembers(value, ['name', 'value']);
  return claimKey(string(value, 'name'), string(value, 'value'));
}

function limits(value: unknown): Limits {
  if (!isObject(value)) throw new FeedError('there are no limits');
  const claims = value['revocable_claims'];
  if (!Array.isArray(claims) || !claims.every(isString)) throw new FeedError('revocable_claims are not names');
  return {
    longestAccessTtlMs: instant(value, 'longest_access_ttl_ms'),
    leewayMs: instant(value, 'leeway_ms'),
    revocableClaims: claims,
  };
}

function readObject(document: Uint8Array): JsonObject {
  let value: unknown;
  try {
    value = parseJson(document);
  } catch {
    throw new FeedError('a part of the feed is not JSON');
  }
  if (!isObject(value)) throw new FeedError('a part of the feed is not an object');
  return value;
}

function checkVersion(members: JsonObject): void {
  if (members['version'] !== VERSION) throw new FeedError('the feed has a version that is not known here');
}

function onlyMembers(value: JsonObject, names: readonly string[]): void {
  if (Object.keys(value).some((name) => !names.includes(name))) throw new FeedError('an entry has an unknown member');
}

function cursor(members: JsonObject): string {
  return fitting(members['cursor'], (value): value is string => isString(value) && CURSOR.test(value));
}

/** Milliseconds, of an instant or a duration. */
function instant(members: JsonObject, name: string): number {
  return fitting(members[name], (value): value is number => Number.isSafeInteger(value) && (value as number) >= 0);
}

function string(members: JsonObject, name: string): string {
  return fitting(members[name], isString);
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function fitting<T>(value: unknown, fits: (value: unknown) => value is T): T {
  if (!fits(value)) throw new FeedError('a part of the feed has a member of another form');
  return value;
}
