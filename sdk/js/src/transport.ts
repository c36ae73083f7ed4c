/** Requests to the service: addresses, authentication, limits. */

import { ConnectError } from './errors.js';
import { isObject, parseJson } from './json.js';

/** How the verifier authenticates: a client with the permission `revocations:read`. */
export interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** What was asked did not come: no connection, no answer in time, another status, too much. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  /** The status, if there was one. */
  readonly status: number | undefined;

  constructor(message: string, status?: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
  }
}

/** Where everything is. */
export interface Endpoints {
  readonly jwks: string;
  readonly feed: string;
  readonly introspection: string | undefined;
}

/** An answer, read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** What a request says beyond its address. */
export interface Question {
  readonly method?: 'POST';
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Statuses that are answers. */
  readonly accept: readonly number[];
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Ends the question, beside the end of the transport. */
  readonly signal?: AbortSignal;
}

const METADATA = '/.well-known/oauth-authorization-server';

export class Transport {
  readonly #fetch: typeof fetch;
  readonly #authorization: string;
  /** Questions without an answer yet. One listener on the long-lived signal for all of them, not one each. */
  readonly #open = new Set<AbortController>();
  readonly #end: AbortSignal;

  constructor(fetcher: typeof fetch, credentials: Credentials, end: AbortSignal) {
    this.#fetch = fetcher;
    this.#authorization = `Basic ${base64(`${credentials.clientId}:${credentials.clientSecret}`)}`;
    this.#end = end;
    end.addEventListener('abort', () => this.#open.forEach((abort) => abort.abort(end.reason)), { once: true });
  }

  /** Asks, and reads the answer whole. Only {@link authenticated} questions carry the credentials. */
  async ask(url: string, question: Question): Promise<Answer> {
    const abort = new AbortController();
    const end = () => abort.abort(question.signal?.reason);
    const timer = setTimeout(() => abort.abort(new TransportError('no answer in time')), question.timeoutMs);
    question.signal?.addEventListener('abort', end, { once: true });
    if (question.signal?.aborted === true || this.#end.aborted) end();
    this.#open.add(abort);
    try {
      const response = await this.#send(url, question, abort.signal);
      return { status: response.status, headers: response.headers, body: await read(response, question.maxBytes) };
    } catch (error) {
      throw error instanceof TransportError ? error : new TransportError('the request failed', undefined, error);
    } finally {
      clearTimeout(timer);
      this.#open.delete(abort);
      question.signal?.removeEventListener('abort', end);
    }
  }

  /** Opens a stream; the answer's body is the caller's to read and to end. */
  async open(url: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const headers = { ...this.authenticated(), accept: 'text/event-stream', 'accept-encoding': 'identity' };
    try {
      const response = await this.#send(url, { headers, accept: [200] }, signal);
      if (response.body === null) throw new TransportError('the stream has no body');
      return response.body as ReadableStream<Uint8Array>;
    } catch (error) {
      throw error instanceof TransportError ? error : new TransportError('the stream failed', undefined, error);
    }
  }

  /** The header of a question that needs the client's permission. */
  authenticated(): Record<string, string> {
    return { authorization: this.#authorization };
  }

  async #send(url: string, question: Pick<Question, 'method' | 'headers' | 'body' | 'accept'>, signal: AbortSignal): Promise<Response> {
    const { method = 'GET', headers = {}, body } = question;
    // Whoever redirects us would be given the credentials.
    const init: RequestInit = { method, headers, signal, redirect: 'error' };
    const fetcher = this.#fetch;
    const response = await fetcher(url, body === undefined ? init : { ...init, body });
    if (question.accept.includes(response.status)) return response;
    response.body?.cancel().catch(() => undefined);
    throw new TransportError(`the service answered ${response.status}`, response.status);
  }
}

/** The URL of an issuer, or of the service, without a slash at its end. */
export function readBase(text: string, allowPlainHttp: boolean): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new ConnectError('url', 'the issuer or baseUrl is not a URL');
  }
  const bare = url.search === '' && url.hash === '' && url.username === '' && url.password === '';
  if (!bare || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new ConnectError('url', 'the issuer or baseUrl is not an https URL without user, query and fragment');
  }
  if (url.protocol === 'http:' && !allowPlainHttp && !isLoopback(url)) {
    throw new ConnectError('plain_http', `${url.origin} is plain http to another machine: credentials could be read on the way`);
  }
  return url;
}

/** Where the metadata is: below another base, or between host and path of the issuer (RFC 8414 §3.1). */
export function metadataUrl(issuer: URL, base: URL | undefined): string {
  return base === undefined ? `${issuer.origin}${METADATA}${path(issuer)}` : below(base, METADATA);
}

/** Reads the metadata, which must be that of this issuer, character by character (RFC 8414 §3.3). */
export function readMetadata(document: Uint8Array, issuer: string, base: URL | undefined, allowPlainHttp: boolean): Endpoints {
  const metadata = readObject(document);
  if (metadata['issuer'] !== issuer) throw new ConnectError('issuer', `the metadata is that of ${String(metadata['issuer'])}`);
  if (base !== undefined) {
    return {
      jwks: below(base, '/.well-known/jwks.json'),
      feed: below(base, '/v1/revocations'),
      introspection: below(base, '/oauth2/introspect'),
    };
  }
  const named = (name: string) => {
    const value = metadata[name];
    if (typeof value !== 'string') throw new ConnectError('unavailable', `the metadata names no ${name}`);
    // Metadata that came over https must not send the credentials where they could be read.
    return readBase(value, allowPlainHttp || new URL(issuer).protocol === 'http:').href;
  };
  const introspection = metadata['introspection_endpoint'] === undefined ? undefined : named('introspection_endpoint');
  return { jwks: named('jwks_uri'), feed: named('revocation_feed_uri').replace(/\/$/, ''), introspection };
}

function readObject(document: Uint8Array): Record<string, unknown> {
  try {
    const value = parseJson(document);
    if (isObject(value)) return value;
  } catch {
    // Said below.
  }
  throw new ConnectError('unavailable', 'the metadata is not understood');
}

function below(base: URL, rest: string): string {
  return `${base.origin}${path(base)}${rest}`;
}

function path(url: URL): string {
  return url.pathname.replace(/\/$/, '');
}

function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(url.hostname);
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

async function read(response: Response, maxBytes: number): Promise<Uint8Array> {
  if (response.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maxBytes) throw new TransportError('the answer is too large');
    chunks.push(chunk);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}
