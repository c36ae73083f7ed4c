/**
 * Keeps the key set: fetched when due or when a token names an unknown key, joined, cooled down, swapped whole. When the issuer
 * is away the last good set goes on being used.
 */

import type { KeySource } from './core.js';
import type { Counters } from './counters.js';
import { readKeySet, type VerifyingKey } from './jwk.js';
import { TransportError, type Transport } from './transport.js';

const MAX_BYTES = 1 << 20;
const TIMEOUT_MS = 5000;
/** Strangers can name as many keys as they like; one fetch in so long is what it costs. */
const COOLDOWN_MS = 10_000;
const DEFAULT_MAX_AGE_S = 300;
/** However long a cache in between would keep it. */
const LONGEST_MAX_AGE_S = 900;
const RETRY_MS = { first: 1000, longest: 30_000 };

export class KeyKeeper implements KeySource {
  readonly #transport: Transport;
  readonly #counters: Counters;
  readonly #boot: () => number;
  readonly #signal: AbortSignal;
  #url: string | undefined;
  #keys: ReadonlyMap<string, VerifyingKey> = new Map();
  /** Known to be compromised: never taken again, whatever a cache in between still serves. */
  readonly #dropped = new Set<string>();
  #etag: string | undefined;
  #version = 0;
  #loaded = false;
  #fetch: Promise<void> | undefined;
  #asked = -Infinity;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(transport: Transport, counters: Counters, boot: () => number, signal: AbortSignal) {
    this.#transport = transport;
    this.#counters = counters;
    this.#boot = boot;
    this.#signal = signal;
    signal.addEventListener('abort', () => clearTimeout(this.#timer), { once: true });
  }

  get version(): number {
    return this.#version;
  }

  /** Whether there ever was a set. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** Fetches the set and keeps it from now on. Fails if there is none to begin with. */
  async start(url: string): Promise<void> {
    this.#url = url;
    await this.refresh();
  }

  /** The key of this name; of one that is not known the set is fetched, unless that was done a moment ago. */
  find(kid: string): VerifyingKey | undefined | Promise<VerifyingKey | undefined> {
    const known = this.#keys.get(kid);
    if (known !== undefined || this.#dropped.has(kid) || !this.loaded) return known;
    const recent = this.#boot() - this.#asked < COOLDOWN_MS;
    if (this.#fetch === undefined && recent) return undefined;
    return this.refresh().then(
      () => this.#keys.get(kid),
      () => this.#keys.get(kid),
    );
  }

  /** Takes a compromised key out for good. */
  drop(kid: string): void {
    if (this.#dropped.has(kid)) return;
    this.#dropped.add(kid);
    this.#swap(this.#keys);
  }

  /** Fetches the set now; whoever else wants it meanwhile waits for the same fetch. */
  refresh(): Promise<void> {
    this.#fetch ??= this.#load().finally(() => {
      this.#fetch = undefined;
    });
    return this.#fetch;
  }

  async #load(): Promise<void> {
    clearTimeout(this.#timer);
    this.#asked = this.#boot();
    try {
      const maxAge = await this.#request();
      this.#failures = 0;
      this.#again(maxAge * 1000);
    } catch (error) {
      this.#failures += 1;
      this.#again(Math.min(RETRY_MS.first * 2 ** (this.#failures - 1), RETRY_MS.longest));
      throw error;
    }
  }

  /** Gives the seconds for which the set is good. */
  async #request(): Promise<number> {
    if (this.#url === undefined) throw new TransportError('the address of the keys is not known yet');
    this.#counters.keyFetches += 1;
    const headers: Record<string, string> = this.#etag === undefined ? {} : { 'if-none-match': this.#etag };
    const limits = { accept: [200, 304], timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES };
    const answer = await this.#transport.ask(this.#url, { headers, ...limits }).catch((error: unknown) => {
      this.#counters.failedRequests += 1;
      throw error;
    });
    if (answer.status === 200) {
      await this.#accept(answer.body);
      this.#etag = answer.headers.get('etag') ?? undefined;
    }
    return maxAge(answer.headers);
  }

  async #accept(document: Uint8Array): Promise<void> {
    try {
      const keys = await readKeySet(document);
      if (keys.size === 0) throw new TypeError('a JWK set without a key that can be used');
      this.#swap(keys);
      this.#loaded = true;
    } catch (error) {
      this.#counters.malformed += 1;
      throw new TransportError('the key set is not understood', undefined, error);
    }
  }

  #swap(keys: ReadonlyMap<string, VerifyingKey>): void {
    this.#keys = new Map([...keys].filter(([kid]) => !this.#dropped.has(kid)));
    this.#version += 1;
  }

  #again(delay: number): void {
    if (this.#signal.aborted) return;
    this.#timer = setTimeout(() => void this.refresh().catch(() => undefined), delay);
    unref(this.#timer);
  }
}

/** A timer that does not keep the process alive, where there are such. */
export function unref(timer: ReturnType<typeof setTimeout>): void {
  (timer as { unref?: () => void }).unref?.();
}

function maxAge(headers: Headers): number {
  const seconds = (text: string | null, pattern: RegExp) => Number(pattern.exec(text ?? '')?.[1] ?? NaN);
  const stated = seconds(headers.get('cache-control'), /(?:^|[\s,])max-age=(\d{1,9})/i);
  const age = seconds(headers.get('age'), /^(\d{1,9})$/);
  const left = (Number.isNaN(stated) ? DEFAULT_MAX_AGE_S : stated) - (Number.isNaN(age) ? 0 : age);
  return Math.min(Math.max(left, 5), LONGEST_MAX_AGE_S);
}
