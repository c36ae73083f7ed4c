/** The claims of an access token (RFC 9068 §2.2), read strictly: every claim once, of its type, or refused by name. */

import { VerifyError } from './errors.js';
import { isClientId, isIssuer, isName, isUuidV7 } from './ids.js';
import { isObject, JsonDuplicateError, JsonReader, JsonSyntaxError, type JsonObject } from './json.js';

/** The claims with a meaning of their own. Instants are seconds since 1970, as in the token. */
export interface RegisteredClaims {
  /** Who issued it. */
  readonly iss: string;
  /** Whom it is for. */
  readonly sub: string;
  /** Which services may take it; an array also where the token has a string. */
  readonly aud: readonly string[];
  /** From this second on it is expired. */
  readonly exp: number;
  /** When it was issued. */
  readonly iat: number;
  /** Its own name, a UUIDv7. */
  readonly jti: string;
  /** The session it belongs to, a UUIDv7; a token of a client for itself has none. */
  readonly sid?: string;
  /** Which client asked for it. */
  readonly client_id: string;
  /** What it allows, separated by single spaces. */
  readonly scope?: string;
  /** When the user authenticated. */
  readonly auth_time?: number;
  /** How the user authenticated. */
  readonly amr?: readonly string[];
  /** How strongly the user authenticated. */
  readonly acr?: string;
  /** What key the sender must prove. */
  readonly cnf?: Readonly<Record<string, unknown>>;
}

/** All claims of a token: those above, and the custom ones beside them. Without a prototype: ask with `Object.hasOwn`. */
export type Claims = RegisteredClaims & Readonly<Record<string, unknown>>;

/** 9999-12-31T23:59:59Z. */
const LAST_SECOND = 253_402_300_799;
const MAX_AUDIENCES = 32;
const MAX_SCOPE = 1024;
const SCOPE = /^[!#-[\]-~]+(?: [!#-[\]-~]+)*$/;
const REQUIRED = ['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'client_id'];

/** Reads a claim, or `undefined` if it cannot be that. */
type Read = (reader: JsonReader) => unknown;

const REGISTERED: Readonly<Record<string, Read>> = Object.freeze(
  Object.assign(Object.create(null) as Record<string, Read>, {
    iss: matching(isIssuer),
    sub: matching(isName),
    aud: audience,
    exp: date,
    iat: date,
    jti: matching(isUuidV7),
    sid: matching(isUuidV7),
    client_id: matching(isClientId),
    scope: matching(isScope),
    auth_time: date,
    amr: matching(isStrings),
    acr: matching((value) => typeof value === 'string'),
    cnf: matching(isObject),
    // Reserved, never issued: a token that carries one was not made by the issuer as it stands.
    nbf: matching(() => false),
  }),
);

/** Reads a payload. */
export function readClaims(payload: Uint8Array): Claims {
  const claims = Object.create(null) as JsonObject;
  try {
    const reader = new JsonReader(payload);
    reader.members((name) => {
      claims[name] = readClaim(reader, name);
    });
    reader.end();
  } catch (error) {
    if (error instanceof JsonDuplicateError) throw new VerifyError('claims_duplicate');
    if (error instanceof JsonSyntaxError) throw new VerifyError('claims_malformed');
    throw error;
  }
  const missing = REQUIRED.find((name) => claims[name] === undefined);
  if (missing !== undefined) throw new VerifyError('claim_missing', missing);
  return Object.freeze(claims) as Claims;
}

/** The claims that are not registered ones. */
export function customOf(claims: Claims): Record<string, unknown> {
  const custom = Object.create(null) as JsonObject;
  for (const [name, value] of Object.entries(claims)) {
    if (REGISTERED[name] === undefined) custom[name] = value;
  }
  return custom;
}

function readClaim(reader: JsonReader, name: string): unknown {
  const read = REGISTERED[name];
  if (read === undefined) return reader.value();
  const value = read(reader);
  if (value === undefined) throw new VerifyError('claim_invalid', name);
  return value;
}

function matching(fits: (value: unknown) => boolean): Read {
  return (reader) => {
    const value = reader.value();
    return fits(value) ? value : undefined;
  };
}

function date(reader: JsonReader): number | undefined {
  const seconds = reader.wholeNumber();
  return seconds !== undefined && seconds <= LAST_SECOND ? seconds : undefined;
}

function audience(reader: JsonReader): readonly string[] | undefined {
  const value = reader.value();
  const values: unknown[] = Array.isArray(value) ? value : [value];
  const distinct = values.length > 0 && values.length <= MAX_AUDIENCES && new Set(values).size === values.length;
  return distinct && values.every(isName) ? Object.freeze(values as string[]) : undefined;
}

function isScope(value: unknown): boolean {
  if (typeof value !== 'string' || value.length > MAX_SCOPE || !SCOPE.test(value)) return false;
  const tokens = value.split(' ');
  return new Set(tokens).size === tokens.length;
}

function isStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}
