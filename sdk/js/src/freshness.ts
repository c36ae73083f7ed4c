/**
 * How old what is known is: arithmetic on the service's stamps and our boot clock.
 *
 * Whatever a request brings was stamped after the request was sent. So the service's clock, mapped to ours by the last request,
 * can only seem too early: staleness may be overstated by the time that the request took, and is never understated.
 */

/** Stamps of one connection may seem this much too early, for the coarseness of clocks. */
const COARSE_MS = 50;

/** How far the clocks of the service's nodes are apart at most: an `as_of` further ahead was stamped before one was set back. */
const MAX_SKEW_MS = 2000;

/** What the stamps of a message say of the clocks. */
export type Stamps =
  /** They fit. */
  | 'fit'
  /** They are long past: the message was held up, or the service's clock was set back. Only a new request can tell. */
  | 'late'
  /** They are from the future: the service's clock was set forward, and what was known is younger than it seemed. */
  | 'impossible';

/** Held up for longer than this, and the mapping is taken anew. */
const LATE_MS = 5000;

export class Freshness {
  /** Our boot clock minus the service's clock, at the last request; at most what it really is. */
  #offset: number | undefined;
  /** Up to when everything is known, on the boot clock. */
  #knownAt: number | undefined;

  /** A request that was sent at `sent` has brought an answer with this stamp. */
  map(sent: number, serverTime: number): void {
    this.#offset = sent - serverTime;
  }

  /** A message of the current connection has come at `received`; `asOf` is absent if it says nothing of freshness. */
  hear(asOf: number | undefined, serverTime: number, received: number): Stamps {
    if (this.#offset === undefined) return 'late';
    const held = received - (serverTime + this.#offset);
    if (held < -COARSE_MS) return 'impossible';
    // It was stamped before it came.
    if (held < 0) this.#offset += held;
    if (asOf !== undefined && asOf <= serverTime + MAX_SKEW_MS) {
      // A service cannot know more than what was there when it wrote.
      const knownAt = Math.min(asOf, serverTime) + this.#offset;
      this.#knownAt = Math.max(this.#knownAt ?? knownAt, knownAt);
    }
    return held > LATE_MS ? 'late' : 'fit';
  }

  /** Nothing is known any more. */
  forget(): void {
    this.#offset = undefined;
    this.#knownAt = undefined;
  }

  /** The time since everything was known; `undefined`: it never was. */
  staleness(boot: number): number | undefined {
    return this.#knownAt === undefined ? undefined : Math.max(0, boot - this.#knownAt);
  }
}
