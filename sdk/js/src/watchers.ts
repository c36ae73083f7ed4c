/** The cancellation signal: long-lived connections learn that their session has ended. */

import { scopes, type CheckedToken } from './core.js';
import type { Denylist, Entry } from './denylist.js';
import { StaleError, VerifyError } from './errors.js';
import { rule, type StalenessPolicy } from './policy.js';

/** A token that somebody goes on relying on. */
interface Watcher {
  readonly checked: CheckedToken;
  readonly policy: StalenessPolicy;
  readonly abort: AbortController;
  readonly keys: readonly string[];
}

/** What is known now. */
export interface Present {
  readonly now: number;
  /** The same, had nobody set the clock back. */
  readonly latest: number;
  /** Whether the verifier vouches for nothing any more. */
  readonly closed: boolean;
  readonly staleness: number | undefined;
  readonly leewayMs: number;
}

export class Watchers {
  readonly #denylist: Denylist;
  readonly #byScope = new Map<string, Set<Watcher>>();
  readonly #all = new Set<Watcher>();

  constructor(denylist: Denylist) {
    this.#denylist = denylist;
  }

  /** A signal that is aborted when the token has been revoked, has expired, or is no longer vouched for. */
  watch(checked: CheckedToken, policy: StalenessPolicy, revocable: readonly string[], present: Present): AbortSignal {
    const keys = scopes(checked, revocable).keys.map(({ key }) => key);
    const watcher = { checked, policy, abort: new AbortController(), keys };
    this.#all.add(watcher);
    for (const key of keys) {
      const others = this.#byScope.get(key);
      if (others === undefined) this.#byScope.set(key, new Set([watcher]));
      else others.add(watcher);
    }
    // What came between the verification and now.
    this.#look(watcher, present);
    return watcher.abort.signal;
  }

  /** An entry is in force. */
  applied(entry: Entry): void {
    for (const watcher of this.#byScope.get(entry.scope.key) ?? []) this.#lookForRevocation(watcher);
  }

  /** Time has passed. */
  tick(present: Present): void {
    for (const watcher of this.#all) this.#look(watcher, present);
  }

  /** The verifier vouches for nothing any more. */
  close(): void {
    for (const watcher of this.#all) this.#end(watcher, new StaleError(undefined));
  }

  #look(watcher: Watcher, { now, latest, closed, staleness, leewayMs }: Present): void {
    if (this.#lookForRevocation(watcher)) return;
    const { exp } = watcher.checked.claims;
    if (now >= exp * 1000 + leewayMs) return this.#end(watcher, new VerifyError('expired'));
    const ruling = rule(watcher.policy, staleness, watcher.checked.scopes.of.issued, latest);
    // Nobody is asked again and again about a connection that just stays open.
    if (closed || ruling === 'refuse' || ruling === 'ask') this.#end(watcher, new StaleError(staleness));
  }

  #lookForRevocation(watcher: Watcher): boolean {
    const by = this.#denylist.denies(watcher.checked.scopes.of);
    if (by !== undefined) this.#end(watcher, new VerifyError('revoked', by));
    return by !== undefined;
  }

  #end(watcher: Watcher, reason: Error): void {
    this.#all.delete(watcher);
    for (const key of watcher.keys) {
      const others = this.#byScope.get(key);
      others?.delete(watcher);
      if (others?.size === 0) this.#byScope.delete(key);
    }
    watcher.abort.abort(reason);
  }
}
