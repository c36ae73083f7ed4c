/** Compact JWS (RFC 7515 §7.1): taking one apart, reading its header, and the only place that checks a signature. */

import { base64url, compactVerify } from 'jose';
import { VerifyError } from './errors.js';
import { bytes } from './ids.js';
import { isAlgorithm, type Algorithm, type VerifyingKey } from './jwk.js';
import { JsonDuplicateError, JsonReader, type JsonObject } from './json.js';

/** The longest token that is looked at, in bytes: twice what fits a cookie. */
const MAX_BYTES = 8192;

/** Members that would let a token choose its own key or its own rules. Never honoured, so never let pass. */
const FORBIDDEN = ['jwk', 'jku', 'x5u', 'x5c', 'x5t', 'x5t#S256', 'crit', 'b64', 'zip', 'enc'];

/** The header of a token that is of our type and names an algorithm and a key. Nothing of it is to be believed yet. */
export interface Header {
  readonly alg: Algorithm;
  readonly kid: string;
  readonly typ: string;
}

/** A token taken apart and decoded; nothing of it has been checked. */
export interface CompactJws {
  readonly token: string;
  readonly header: Uint8Array;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** Splits at the dots and decodes. */
export function split(token: string): CompactJws {
  // A character is three bytes at most.
  if (token.length > MAX_BYTES || (token.length * 3 > MAX_BYTES && bytes(token) > MAX_BYTES)) {
    throw new VerifyError('too_long');
  }
  const [header, payload, signature, ...more] = token.split('.');
  if (header === undefined || payload === undefined || signature === undefined || more.length > 0) {
    throw new VerifyError('segments');
  }
  return { token, header: decode(header), payload: decode(payload), signature: decode(signature) };
}

/** Reads the header and checks type, algorithm and that a key is named. */
export function readHeader(encoded: Uint8Array): Header {
  const members = readMembers(encoded);
  const forbidden = FORBIDDEN.find((member) => Object.hasOwn(members, member));
  if (forbidden !== undefined) throw new VerifyError('header_forbidden', forbidden);
  const [alg, kid, typ] = [text(members, 'alg'), text(members, 'kid'), text(members, 'typ')];
  if (typ === undefined || !isAccessToken(typ)) throw new VerifyError('type');
  if (alg === undefined || !isAlgorithm(alg)) throw new VerifyError('algorithm');
  if (kid === undefined) throw new VerifyError('key_id_missing');
  return { alg, kid, typ };
}

/** Whether the key made the signature. */
export async function checkSignature(jws: CompactJws, key: VerifyingKey): Promise<void> {
  if (key.signatureBytes !== undefined && jws.signature.length !== key.signatureBytes) {
    throw new VerifyError('signature');
  }
  try {
    await compactVerify(jws.token, key.key, { algorithms: [key.alg] });
  } catch {
    throw new VerifyError('signature');
  }
}

/**
 * Padding, other alphabets, white space and non-zero trailing bits are refused: otherwise one token would have several
 * spellings.
 */
function decode(segment: string): Uint8Array {
  if (!/^[A-Za-z0-9_-]*$/.test(segment) || segment.length % 4 === 1) throw new VerifyError('base64');
  const decoded = base64url.decode(segment);
  // Only the last character can have bits that say nothing.
  const rest = segment.length % 4;
  if (rest !== 0 && base64url.encode(decoded.slice(-(rest - 1))) !== segment.slice(-rest)) throw new VerifyError('base64');
  return decoded;
}

function readMembers(encoded: Uint8Array): JsonObject {
  try {
    const reader = new JsonReader(encoded);
    const members = Object.create(null) as JsonObject;
    reader.members((name) => {
      members[name] = reader.value();
    });
    reader.end();
    return members;
  } catch (error) {
    throw new VerifyError(error instanceof JsonDuplicateError ? 'header_duplicate' : 'header_malformed');
  }
}

function text(members: JsonObject, name: string): string | undefined {
  const value = members[name];
  if (value !== undefined && typeof value !== 'string') throw new VerifyError('header_malformed');
  return value;
}

/** `typ` as a media type: in any case, with or without `application/` (RFC 7515 §4.1.9, RFC 9068 §4). */
function isAccessToken(typ: string): boolean {
  return /^(?:application\/)?at\+jwt$/.test(asciiLowerCase(typ));
}

/** Only ASCII: `toLowerCase` would make a `k` of the Kelvin sign. */
function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
