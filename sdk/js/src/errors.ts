/** Every reason to refuse a token, one name a reason, and what can go wrong beside the token. The names are those of docs/feed.md. */

/** What each refusal is called, in the order of the checks, and how it is told to people. */
const REASONS = {
  too_long: 'the token is too long',
  segments: 'the token does not have three segments',
  base64: 'a segment is not canonical base64url',
  header_malformed: 'the header is malformed',
  header_duplicate: 'the header has a duplicate member',
  header_forbidden: 'the header has a member that is not accepted',
  type: 'the token is of another type',
  algorithm: 'the algorithm is not allowed',
  key_id_missing: 'the token names no key',
  key_unknown: 'the key is unknown',
  key_algorithm: 'the key is for another algorithm',
  signature: 'the signature is invalid',
  claims_malformed: 'the claims are malformed',
  claims_duplicate: 'the claims have a duplicate member',
  claim_missing: 'a claim is missing',
  claim_invalid: 'a claim is malformed',
  issuer: 'the token is from another issuer',
  audience: 'the token is for another audience',
  expired: 'the token has expired',
  issued_in_future: 'the token is from the future',
  lifetime: "the token's lifetime is over the ceiling",
  revoked: 'the token has been revoked',
  inactive: 'the service does not believe the token',
} as const;

/** The name of a refusal. */
export type ErrorCode = keyof typeof REASONS;

/** The token is at fault, or has been revoked: 401. Carries no text of the token, so it may be logged and shown. */
export class VerifyError extends Error {
  override readonly name = 'VerifyError';
  /** Which check failed. */
  readonly code: ErrorCode;
  /** The header member or claim at fault; of `revoked`, the kind of scope that matched. */
  readonly member: string | undefined;

  constructor(code: ErrorCode, member?: string) {
    super(member === undefined || code === 'revoked' ? REASONS[code] : `${REASONS[code]}: ${member}`);
    this.code = code;
    this.member = member;
  }
}

/** The verifier does not know enough to vouch: 503 with `Retry-After`, and not the token's fault. */
export class StaleError extends Error {
  override readonly name = 'StaleError';
  readonly code = 'stale';
  /** How long ago everything was known, in milliseconds; `undefined`: never, or a snapshot must be loaded first. */
  readonly staleness: number | undefined;
  /** In how many milliseconds it is worth asking again. */
  readonly retryAfter: number;

  constructor(staleness: number | undefined, retryAfter = 1000) {
    super('the verifier has not heard from the service for too long');
    this.staleness = staleness;
    this.retryAfter = retryAfter;
  }
}

/** Why a verifier could not be connected. */
export type ConnectErrorCode =
  /** The issuer or base URL is not one. */
  | 'url'
  /** Plain http to another machine, without `allowPlainHttp`. */
  | 'plain_http'
  /** The leeway is over what the issuer remembers revocations for. */
  | 'leeway'
  /** The metadata speaks for another issuer. */
  | 'issuer'
  /** The service does not know these credentials, or they lack `revocations:read`. */
  | 'refused'
  /** Something did not answer in time, or not in a form that is understood. */
  | 'unavailable';

/** The verifier could not be connected. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
  readonly code: ConnectErrorCode;

  constructor(code: ConnectErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
