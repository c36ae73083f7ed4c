/** What a verifier has been through, as numbers that only grow. A metrics endpoint reads them as they are. */
export interface Counters {
  /** Tokens believed. */
  accepted: number;
  /** Tokens refused because an entry denies them. */
  revoked: number;
  /** Tokens refused for any other fault of theirs. */
  invalid: number;
  /** Refusals with {@link StaleError}. */
  staleRefused: number;
  /** Tokens believed past the bound, because the policy says so. */
  staleAccepted: number;
  /** Questions put to the service. */
  introspected: number;
  /** Streams opened. */
  connects: number;
  /** Snapshots loaded. */
  snapshots: number;
  /** `reset` events, clocks that jumped and unreadable events: each is followed by a snapshot. */
  resyncs: number;
  /** Events, snapshots and key sets that could not be understood. */
  malformed: number;
  /** Key sets fetched, unchanged ones included. */
  keyFetches: number;
  /** Requests to the service that failed. */
  failedRequests: number;
  /** Revocations applied. */
  entries: number;
}

export function newCounters(): Counters {
  return {
    accepted: 0, revoked: 0, invalid: 0, staleRefused: 0, staleAccepted: 0, introspected: 0, connects: 0, snapshots: 0,
    resyncs: 0, malformed: 0, keyFetches: 0, failedRequests: 0, entries: 0,
  };
}
