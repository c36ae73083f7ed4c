/** Follows the feed: snapshot, stream, acknowledgements, reconnects (docs/feed.md, "What a verifier does"). */

import { FeedError, readEvent, readSnapshot, type FeedEvent, type Limits } from './feed.js';
import type { Counters } from './counters.js';
import type { Entry } from './denylist.js';
import type { Stamps } from './freshness.js';
import { unref } from './key-keeper.js';
import { EventReader } from './sse.js';
import { TransportError, type Transport } from './transport.js';

/** What a follower tells. All of it is in force when the call returns. */
export interface Listener {
  /** Now, on the boot clock. */
  boot(): number;
  /** A number that changes whenever what is known is lost. */
  readonly losses: number;
  /** Whether a snapshot is needed before the verifier may vouch. */
  readonly lost: boolean;
  /** Vouches for nothing until the next snapshot. */
  lose(): void;
  /** A request that was sent at `sent` was answered with this stamp. */
  mapped(sent: number, serverTime: number): void;
  limits(limits: Limits): void;
  apply(entries: readonly Entry[]): void;
  /** All of what the service knew at `asOf` is known. */
  heard(asOf: number | undefined, serverTime: number): Stamps;
}

/** Where to, and as whom. */
export interface Subscription {
  readonly feed: string;
  readonly verifier: string;
  readonly maxStalenessMs: number;
}

const SNAPSHOT = { timeoutMs: 30_000, maxBytes: 256 << 20 };
const ACKNOWLEDGEMENT = { accept: [204, 404], timeoutMs: 2000, maxBytes: 65_536 };
const MAX_EVENT = 64 << 20;
/** Until the stream has said how far apart its heartbeats are. */
const FIRST_SILENCE_MS = 11_000;
const HEARTBEAT_MS = { shortest: 50, longest: 60_000 };
const PAUSE_MS = { first: 100, longest: 5000 };
/** After so long the stream is opened anew, because only a request tells how the clocks lie to each other. */
const REMAP_MS = 15 * 60_000;
/** And not more often than this, however late messages come. */
const REMAP_AT_MOST_MS = 30_000;

export class Follower {
  readonly #transport: Transport;
  readonly #listener: Listener;
  readonly #counters: Counters;
  readonly #subscription: Subscription;
  readonly #signal: AbortSignal;
  /** Everything up to here is in force. */
  #cursor: string | undefined;
  #failures = 0;
  /** The stream that is open. */
  #stream: Stream | undefined;
  #wake: (() => void) | undefined;

  constructor(transport: Transport, listener: Listener, counters: Counters, subscription: Subscription, signal: AbortSignal) {
    this.#transport = transport;
    this.#listener = listener;
    this.#counters = counters;
    this.#subscription = subscription;
    this.#signal = signal;
  }

  /** Loads the first snapshot. */
  start(): Promise<void> {
    return this.#load();
  }

  /** Follows until the signal ends it. */
  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        if (this.#listener.lost || this.#cursor === undefined) await this.#load();
        if (!this.#signal.aborted) await this.#follow();
      } catch (error) {
        if (this.#signal.aborted) return;
        this.#failed(error);
      }
      await this.#pause();
    }
  }

  /** What is known has been lost, and not because the feed said so: load a snapshot at once. */
  resync(): void {
    this.#stream?.end();
    this.#wake?.();
  }

  /** Tells the service that nobody needs to wait for this verifier any more. */
  async leave(): Promise<void> {
    const stream = this.#stream;
    if (stream?.id === undefined) return;
    await this.#acknowledge(stream, true).catch(() => undefined);
  }

  #failed(error: unknown): void {
    this.#failures += 1;
    if (error instanceof FeedError) {
      this.#counters.malformed += 1;
      this.#counters.resyncs += 1;
      this.#listener.lose();
    } else {
      this.#counters.failedRequests += 1;
      // The service does not take our cursor, and does not say why: what is in force stays so, and we begin anew.
      if (error instanceof TransportError && error.status === 400) this.#cursor = undefined;
    }
  }

  async #load(): Promise<void> {
    const { losses } = this.#listener;
    const sent = this.#listener.boot();
    const headers = { ...this.#transport.authenticated(), accept: 'application/json' };
    const question = { headers, accept: [200], ...SNAPSHOT };
    const answer = await this.#transport.ask(this.#subscription.feed, question);
    const snapshot = readSnapshot(answer.body);
    this.#counters.snapshots += 1;
    this.#listener.limits(snapshot.limits);
    this.#listener.apply(snapshot.entries);
    this.#cursor = snapshot.cursor;
    // What was lost while the snapshot was under way is lost still.
    if (this.#listener.losses !== losses) throw new TransportError('a clock jumped while the snapshot was loaded');
    this.#listener.mapped(sent, snapshot.serverTime);
    this.#listener.heard(snapshot.asOf, snapshot.serverTime);
  }

  async #follow(): Promise<void> {
    const stream = new Stream(this.#signal);
    this.#stream = stream;
    try {
      stream.sent = this.#listener.boot();
      stream.expect(FIRST_SILENCE_MS);
      const body = await this.#transport.open(this.#address(), stream.signal);
      this.#counters.connects += 1;
      const frames = new EventReader(MAX_EVENT);
      for await (const bytes of body as unknown as AsyncIterable<Uint8Array>) {
        stream.heard();
        for (const frame of frames.push(bytes)) {
          const event = readEvent(frame.event, frame.data);
          if (event !== undefined && !this.#take(event, stream)) return;
        }
      }
      throw new TransportError('the stream ended');
    } finally {
      stream.end();
      this.#stream = undefined;
    }
  }

  #address(): string {
    const { feed, verifier, maxStalenessMs } = this.#subscription;
    const query = new URLSearchParams({ verifier, max_staleness_ms: String(maxStalenessMs) });
    if (this.#cursor !== undefined) query.set('cursor', this.#cursor);
    return `${feed}/stream?${query.toString()}`;
  }

  /** Whether the stream goes on. */
  #take(event: FeedEvent, stream: Stream): boolean {
    // Ended from outside: what had been read already is behind what was lost.
    if (stream.signal.aborted) return false;
    switch (event.type) {
      case 'hello':
        stream.id = event.streamId;
        stream.expect(2 * Math.min(Math.max(event.heartbeatMs, HEARTBEAT_MS.shortest), HEARTBEAT_MS.longest) + 1000);
        this.#listener.limits(event.limits);
        this.#listener.mapped(stream.sent, event.serverTime);
        return true;
      case 'reset':
        this.#lost();
        return false;
      case 'news':
        return this.#news(event, stream);
    }
  }

  #news(event: Extract<FeedEvent, { type: 'news' }>, stream: Stream): boolean {
    if (stream.id === undefined) throw new FeedError('the stream did not say hello');
    // Whole, then the cursor, then the acknowledgement.
    this.#listener.apply(event.entries);
    this.#cursor = event.cursor;
    const stamps = this.#listener.heard(event.asOf, event.serverTime);
    if (stamps === 'impossible') {
      this.#lost();
      return false;
    }
    this.#failures = 0;
    if (event.ack) this.#acknowledgeSoon(stream);
    const age = this.#listener.boot() - stream.sent;
    return !(age > REMAP_MS || (stamps === 'late' && age > REMAP_AT_MOST_MS));
  }

  /** Counts as a failure for the wait before the next attempt: a service may reset every stream. */
  #lost(): void {
    this.#failures += 1;
    this.#counters.resyncs += 1;
    this.#listener.lose();
  }

  /** One at a time: what comes meanwhile is acknowledged together. A lost one is said again by the next connection's cursor. */
  #acknowledgeSoon(stream: Stream): void {
    if (stream.acknowledging !== undefined) {
      stream.acknowledgeAgain = true;
      return;
    }
    stream.acknowledging = this.#acknowledge(stream, false)
      .catch(() => {
        this.#counters.failedRequests += 1;
        // Without the acknowledgement somebody waits: the cursor of a new stream says the same.
        stream.end();
      })
      .finally(() => {
        stream.acknowledging = undefined;
        const again = stream.acknowledgeAgain && !stream.signal.aborted;
        stream.acknowledgeAgain = false;
        if (again) this.#acknowledgeSoon(stream);
      });
  }

  async #acknowledge(stream: Stream, leaving: boolean): Promise<void> {
    const body = JSON.stringify({ stream_id: stream.id, cursor: this.#cursor, ...(leaving ? { leaving } : {}) });
    const headers = { ...this.#transport.authenticated(), 'content-type': 'application/json' };
    // 404: the stream has ended, and the next one's cursor says it.
    const question = { method: 'POST', headers, body, signal: stream.signal, ...ACKNOWLEDGEMENT } as const;
    await this.#transport.ask(`${this.#subscription.feed}/ack`, question);
  }

  /** Doubles with every failure; any moment of the latter half, so that verifiers do not come back all at once. */
  #pause(): Promise<void> {
    if (this.#signal.aborted) return Promise.resolve();
    const longest = Math.min(PAUSE_MS.first * 2 ** this.#failures, PAUSE_MS.longest);
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#signal.removeEventListener('abort', done);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, longest * (0.5 + Math.random() / 2));
      this.#signal.addEventListener('abort', done, { once: true });
      this.#wake = done;
    });
  }
}

/** One connection, and the watch over its silence. */
class Stream {
  id: string | undefined;
  /** When it was asked for, on the boot clock. */
  sent = 0;
  acknowledging: Promise<void> | undefined;
  acknowledgeAgain = false;
  readonly #abort = new AbortController();
  readonly #outer: AbortSignal;
  readonly #onAbort = () => this.end();
  #silence = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(outer: AbortSignal) {
    this.#outer = outer;
    outer.addEventListener('abort', this.#onAbort, { once: true });
    if (outer.aborted) this.end();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Longer silence than this, in milliseconds, ends it. */
  expect(silence: number): void {
    this.#silence = silence;
    this.heard();
  }

  heard(): void {
    clearTimeout(this.#timer);
    if (this.signal.aborted) return;
    this.#timer = setTimeout(() => this.end(), this.#silence);
    unref(this.#timer);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener('abort', this.#onAbort);
    this.#abort.abort(new TransportError('the stream was ended'));
  }
}
