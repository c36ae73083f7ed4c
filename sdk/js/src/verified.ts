/** A token that has been believed. */

import type { Claims } from './claims.js';
import type { CheckedToken } from './core.js';
import type { ScopeKind } from './denylist.js';
import { VerifyError } from './errors.js';
import type { Header } from './jws.js';

/** What took a token back. */
export interface Revocation {
  /** What kind of scope matched. */
  readonly by: ScopeKind;
}

/** A token that has been believed. Only a {@link Verifier} makes one. `C` is the type of the custom claims. */
export class Verified<C = Readonly<Record<string, unknown>>> {
  /** All claims. */
  readonly claims: Claims;
  /** The custom claims, as the `custom` function of the call read them. */
  readonly custom: C;
  /** The header. */
  readonly header: Header;
  readonly #watch: () => AbortSignal;
  #signal: AbortSignal | undefined;

  /** @internal */
  constructor(checked: CheckedToken, custom: C, watch: () => AbortSignal) {
    this.claims = checked.claims;
    this.custom = custom;
    this.header = checked.header;
    this.#watch = watch;
  }

  /**
   * Aborted when the token must not be relied on any longer; its `reason` says why: {@link VerifyError} (`revoked`, `expired`) or
   * {@link StaleError}. For connections that live longer than a request. Made on first use, and let go when the token expires.
   */
  get signal(): AbortSignal {
    this.#signal ??= this.#watch();
    return this.#signal;
  }

  /** Resolves when the token has been revoked; never, if it expires or the verifier becomes stale first. */
  revoked(): Promise<Revocation> {
    const { signal } = this;
    return new Promise((resolve) => {
      const look = () => {
        const reason: unknown = signal.reason;
        if (reason instanceof VerifyError && reason.code === 'revoked') resolve({ by: reason.member as ScopeKind });
      };
      if (signal.aborted) look();
      else signal.addEventListener('abort', look, { once: true });
    });
  }

  /** Whether the token allows all of these. */
  hasScopes(...scopes: readonly string[]): boolean {
    const granted = this.claims.scope?.split(' ') ?? [];
    return scopes.every((scope) => granted.includes(scope));
  }
}
