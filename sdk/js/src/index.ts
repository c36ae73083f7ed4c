/**
 * Verifies Signet access tokens in your own process, in microseconds, and refuses revoked ones within milliseconds.
 *
 * @module
 */

export type { Claims, RegisteredClaims } from './claims.js';
export type { Clock } from './clock.js';
export type { Counters } from './counters.js';
export type { ScopeKind } from './denylist.js';
export { ConnectError, StaleError, VerifyError, type ConnectErrorCode, type ErrorCode } from './errors.js';
export type { Algorithm } from './jwk.js';
export type { Header } from './jws.js';
export type { StalenessPolicy, WhenStale } from './policy.js';
export { Verified, type Revocation } from './verified.js';
export { connect, connectInBackground, Verifier, type ConnectOptions, type VerifyOptions } from './verifier.js';
