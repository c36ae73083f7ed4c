/**
 * express: a middleware that lets nobody in without a good token, and says why as RFC 6750 and RFC 9457 have it.
 *
 * Nothing of express is imported: whatever calls `(request, response, next)` with Node.js' own objects will do. Codes, titles and
 * actions are those of the service where it refuses for the same reason; `reason` has the name of the check that failed.
 */

import { StaleError, VerifyError } from './errors.js';
import type { Verified } from './verified.js';
import type { Verifier, VerifyOptions } from './verifier.js';

declare global {
  namespace Express {
    interface Request {
      /** The token of this request, believed: after {@link requireSession}. */
      signet?: Verified;
    }
  }
}

/** What is read of a request. */
export interface RequestLike {
  readonly headersDistinct: Readonly<Record<string, string[] | undefined>>;
  signet?: Verified;
}

/** What is written of a response. */
export interface ResponseLike {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

/** What is asked of a request beyond a good token. */
export interface RequireOptions extends Omit<VerifyOptions, 'custom'> {
  /** The token must have all of these. */
  readonly scopes?: readonly string[];
  /** As what the protected space is known. Default: `signet`. */
  readonly realm?: string;
}

/** Lets a request through with `request.signet`, or refuses it: 401, 403 (scopes), 503 (the verifier is stale). */
export function requireSession(
  verifier: Pick<Verifier, 'verify'>,
  options: RequireOptions = {},
): (request: RequestLike, response: ResponseLike, next: (error?: unknown) => void) => Promise<void> {
  const { scopes = [], realm = 'signet', ...check } = options;
  return async (request, response, next) => {
    try {
      const token = bearer(request.headersDistinct['authorization']);
      if (token === undefined) return refuse(response, realm, needed());
      const verified = await verifier.verify(token, check);
      if (!verified.hasScopes(...scopes)) return refuse(response, realm, lacking(scopes));
      request.signet = verified;
    } catch (error) {
      const refusal = refusalOf(error);
      return refusal === undefined ? next(error) : refuse(response, realm, refusal);
    }
    next();
  };
}

interface Refusal {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly code: string;
  readonly reason?: string;
  readonly action?: string;
  readonly scope?: string;
  /** What `WWW-Authenticate` says is wrong; empty: nothing was tried; absent: another token would not help. */
  readonly challenge?: string;
  readonly retryAfter?: number;
}

function needed(): Refusal {
  const detail = 'the request has not one bearer token';
  return { status: 401, title: 'A token is needed', detail, code: 'authentication_required', challenge: '' };
}

function lacking(scopes: readonly string[]): Refusal {
  return {
    status: 403,
    title: 'Insufficient scope',
    detail: 'the token does not have the scope that is needed',
    code: 'insufficient_scope',
    scope: scopes.join(' '),
    challenge: 'insufficient_scope',
  };
}

function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof StaleError) {
    const retryAfter = Math.max(1, Math.ceil(error.retryAfter / 1000));
    const title = 'The verifier is not up to date';
    return { status: 503, title, detail: error.message, code: 'stale', reason: 'stale', action: 'retry', retryAfter };
  }
  if (!(error instanceof VerifyError)) return undefined;
  const [title, code, action] =
    error.code === 'expired'
      ? ['The access token has expired', 'token_expired', 'refresh']
      : ['The access token is not valid', 'invalid_token', 'reauthenticate'];
  return { status: 401, title, detail: error.message, code, reason: error.code, action, challenge: 'invalid_token' };
}

function refuse(response: ResponseLike, realm: string, refusal: Refusal): void {
  const { challenge, retryAfter, ...members } = refusal;
  response.statusCode = refusal.status;
  response.setHeader('Content-Type', 'application/problem+json');
  response.setHeader('Cache-Control', 'no-store');
  if (challenge !== undefined) response.setHeader('WWW-Authenticate', authenticate(realm, challenge, refusal));
  if (retryAfter !== undefined) response.setHeader('Retry-After', String(retryAfter));
  response.end(JSON.stringify({ type: 'about:blank', ...members }));
}

function authenticate(realm: string, challenge: string, { detail, scope }: Refusal): string {
  const parameters = [`realm=${quoted(realm)}`];
  // RFC 6750 §3.1: no error, if the request did not try.
  if (challenge !== '') parameters.push(`error="${challenge}"`, `error_description=${quoted(detail)}`);
  if (scope !== undefined) parameters.push(`scope=${quoted(scope)}`);
  return `Bearer ${parameters.join(', ')}`;
}

/** A quoted string (RFC 9110 §5.6.4) of the characters that RFC 6750 §3 allows; others become `?`. */
function quoted(text: string): string {
  return `"${text.replace(/[^ !#-[\]-~]/g, '?')}"`;
}

/** The token of the one `Authorization` header: the scheme in any case, one space, and the rest. */
function bearer(values: readonly string[] | undefined): string | undefined {
  const [value, ...more] = values ?? [];
  if (value === undefined || more.length > 0) return undefined;
  return /^bearer (.*)$/is.exec(value)?.[1];
}
