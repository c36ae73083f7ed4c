/** Identifiers and their alphabets: the same in a token and in an entry of the denylist. */

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const CLIENT_ID = /^[A-Za-z0-9._~-]{1,128}$/;
const KEY_ID = /^[A-Za-z0-9_-]{1,128}$/;
const ISSUER = /^[!-~]{1,512}$/;
// Unicode's category Cc.
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const UTF8 = new TextEncoder();

/** A UUID of version 7 (RFC 9562 §5.7) in its canonical lower-case spelling: `jti`, `sid`. */
export function isUuidV7(value: unknown): value is string {
  return typeof value === 'string' && UUID_V7.test(value);
}

/** The millisecond in which a UUIDv7 was made. */
export function timeOf(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16);
}

/** 1 to 255 bytes without control characters: `sub`, one `aud`. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && bytes(value) <= 255 && !CONTROL.test(value);
}

/** 1 to 128 unreserved characters (RFC 3986 §2.3): `client_id`. */
export function isClientId(value: unknown): value is string {
  return typeof value === 'string' && CLIENT_ID.test(value);
}

/** 1 to 128 characters of base64url: `kid`. */
export function isKeyId(value: unknown): value is string {
  return typeof value === 'string' && KEY_ID.test(value);
}

/** 1 to 512 visible ASCII characters: `iss`. */
export function isIssuer(value: unknown): value is string {
  return typeof value === 'string' && ISSUER.test(value);
}

/** The length in UTF-8; counted only where it is not plain from the length in UTF-16. */
export function bytes(text: string): number {
  return UTF8.encode(text).length;
}
