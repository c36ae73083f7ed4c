/** What to do with a token when the verifier has not heard from the service for too long. */

/** What to do with a token past the bound. */
export type WhenStale =
  /** Refuse it: revocation first. */
  | 'refuse'
  /** Believe it: availability first. What was revoked meanwhile is let in. */
  | 'accept'
  /** Ask the service about each token, and remember the answer for a moment. */
  | 'introspect'
  /** Believe it if it was issued (`jti`) within so many milliseconds. */
  | { readonly acceptYoungerThan: number };

/** How stale a verifier may be, and what it does past that. */
export interface StalenessPolicy {
  /** Up to here, in milliseconds, it vouches. */
  readonly maxStaleness: number;
  /** Past it, this. */
  readonly whenStale: WhenStale;
}

/** What the policy says of one token now. */
export type Ruling = 'vouch' | 'vouch_stale' | 'ask' | 'refuse';

/** Thirty seconds, then refuse. */
export const DEFAULT_POLICY: StalenessPolicy = { maxStaleness: 30_000, whenStale: 'refuse' };

/** The longest that the service can be told of. */
const DAY_MS = 86_400_000;

/** The policy with these changes. */
export function policyWith(policy: StalenessPolicy, change: Partial<StalenessPolicy>): StalenessPolicy {
  const { maxStaleness = policy.maxStaleness, whenStale = policy.whenStale } = change;
  if (!isDuration(maxStaleness)) throw new TypeError('maxStaleness is not a duration in milliseconds');
  const known = whenStale === 'refuse' || whenStale === 'accept' || whenStale === 'introspect';
  if (!known && !isDuration(whenStale?.acceptYoungerThan)) throw new TypeError('whenStale is not a policy');
  return { maxStaleness, whenStale };
}

/** Milliseconds, not negative. */
export function isDuration(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}

/** What to do with a token that was issued at `issued`. */
export function rule(policy: StalenessPolicy, staleness: number | undefined, issued: number, now: number): Ruling {
  if (staleness !== undefined && staleness <= policy.maxStaleness) return 'vouch';
  switch (policy.whenStale) {
    case 'refuse': return 'refuse';
    case 'accept': return 'vouch_stale';
    case 'introspect': return 'ask';
    default: return now - issued < policy.whenStale.acceptYoungerThan ? 'vouch_stale' : 'refuse';
  }
}

/** For how long the service has to reckon with a verifier that was cut off. */
export function announced({ maxStaleness }: StalenessPolicy): number {
  return Math.min(Math.ceil(maxStaleness), DAY_MS);
}
