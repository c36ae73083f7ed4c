/** What is known now: written by the follower, read by every verification. JavaScript does one thing at a time, so nothing locks. */

import { JumpGuard, type Clock } from './clock.js';
import type { Expected } from './core.js';
import type { Counters } from './counters.js';
import { Denylist, type Entry } from './denylist.js';
import type { Limits } from './feed.js';
import type { Listener } from './follower.js';
import { Freshness, type Stamps } from './freshness.js';
import type { KeyKeeper } from './key-keeper.js';
import { Watchers, type Present } from './watchers.js';

/** What the embedder asked for. */
export interface Wanted {
  readonly issuer: string;
  readonly audience: readonly string[];
  /** `undefined`: what the issuer allows. */
  readonly leewayMs: number | undefined;
}

export class State implements Listener {
  readonly denylist = new Denylist();
  readonly watchers = new Watchers(this.denylist);
  losses = 0;
  /** Told when what is known was lost, and not because the feed said so. */
  onJump: () => void = () => undefined;
  readonly #wanted: Wanted;
  readonly #clock: Clock;
  readonly #guard: JumpGuard;
  readonly #keys: KeyKeeper;
  readonly #counters: Counters;
  readonly #freshness = new Freshness();
  /** Wall clock minus boot clock, at the last request that the service answered. */
  #apart = -Infinity;
  #limits: Limits | undefined;
  #expected: Expected | undefined;
  #closed = false;

  constructor(wanted: Wanted, clock: Clock, keys: KeyKeeper, counters: Counters) {
    this.#wanted = wanted;
    this.#clock = clock;
    this.#guard = new JumpGuard(clock);
    this.#keys = keys;
    this.#counters = counters;
  }

  /** What is expected of tokens; `undefined` before the first snapshot. */
  get expected(): Expected | undefined {
    return this.#expected;
  }

  /** The most leeway that the issuer allows. */
  get leewayAllowed(): number | undefined {
    return this.#limits?.leewayMs;
  }

  get lost(): boolean {
    return this.#freshness.staleness(0) === undefined;
  }

  /** The time since everything was known; `undefined`: it never was, or a snapshot must be loaded first. */
  staleness(): number | undefined {
    this.#lookAtTheClocks();
    return this.#closed ? undefined : this.#freshness.staleness(this.boot());
  }

  /** What watchers are judged by. */
  present(): Present {
    const latest = this.latest();
    return { now: this.now(), latest, closed: this.#closed, staleness: this.staleness(), leewayMs: this.#expected?.leewayMs ?? 0 };
  }

  now(): number {
    return this.#clock.wall();
  }

  /** The wall clock, or what it would say had nobody set it back: what the age of a token is counted by. */
  latest(): number {
    return Math.max(this.now(), this.boot() + this.#apart);
  }

  boot(): number {
    return this.#clock.boot();
  }

  /** To be called every second. */
  tick(): void {
    this.#lookAtTheClocks();
    // By a wall clock that can be trusted only.
    if (!this.lost) this.denylist.sweep(this.now());
    this.watchers.tick(this.present());
  }

  lose(): void {
    this.losses += 1;
    this.#freshness.forget();
  }

  mapped(sent: number, serverTime: number): void {
    this.#freshness.map(sent, serverTime);
    this.#apart = this.now() - this.boot();
  }

  limits(limits: Limits): void {
    const known = this.#limits?.revocableClaims;
    // The same list, where it says the same: what is remembered of tokens depends on it.
    const same = known?.join('\n') === limits.revocableClaims.join('\n');
    const revocableClaims = same && known !== undefined ? known : limits.revocableClaims;
    this.#limits = { ...limits, revocableClaims };
    const { issuer, audience, leewayMs = limits.leewayMs } = this.#wanted;
    this.#expected = {
      issuer,
      audience,
      leewayMs: Math.min(leewayMs, limits.leewayMs),
      longestAccessTtlMs: limits.longestAccessTtlMs,
      revocableClaims,
    };
  }

  apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.denylist.apply(entry);
      if (entry.kid !== undefined) this.#keys.drop(entry.kid);
      this.watchers.applied(entry);
    }
    this.#counters.entries += entries.length;
  }

  heard(asOf: number | undefined, serverTime: number): Stamps {
    return this.#freshness.hear(asOf, serverTime, this.boot());
  }

  /** Vouches for nothing any more. */
  close(): void {
    this.#closed = true;
    this.lose();
    this.watchers.close();
  }

  #lookAtTheClocks(): void {
    if (this.#closed || !this.#guard.jumped()) return;
    this.#counters.resyncs += 1;
    this.lose();
    this.onJump();
  }
}
