/** The verifier that embedders hold: verifies in this process, keeps itself up to date, and knows how stale it is. */

import { SystemClock, type Clock } from './clock.js';
import { Core, type CheckedToken, type Expected } from './core.js';
import { newCounters, type Counters } from './counters.js';
import { ConnectError, StaleError, VerifyError } from './errors.js';
import { Follower, type Subscription } from './follower.js';
import { isIssuer } from './ids.js';
import { Introspector } from './introspector.js';
import { KeyKeeper, unref } from './key-keeper.js';
import { announced, DEFAULT_POLICY, isDuration, policyWith, rule, type StalenessPolicy, type WhenStale } from './policy.js';
import { State } from './state.js';
import { metadataUrl, readBase, readMetadata, Transport, TransportError, type Endpoints } from './transport.js';
import { Verified } from './verified.js';

/** How to connect. Durations are in milliseconds. */
export interface ConnectOptions {
  /** The issuer's URL, exactly as in the tokens. */
  readonly issuer: string;
  /** The audience that this service is; of several one must be in the token. */
  readonly audience: string | readonly string[];
  /** A client with the permission `revocations:read` (and `tokens:introspect`, where the policy asks). */
  readonly clientId: string;
  readonly clientSecret: string;
  /** Where the service is reached, if not under the issuer's URL. */
  readonly baseUrl?: string;
  /** Up to here the verifier vouches without news. Default: 30,000. */
  readonly maxStaleness?: number;
  /** What it does past that. Default: `'refuse'`. */
  readonly whenStale?: WhenStale;
  /** How far clocks may be apart. Default: what the issuer allows, which is also the most (in the background, more is cut to it). */
  readonly leeway?: number;
  /** Who this is, for operators: shown by a revocation that waits. A random part is added. */
  readonly name?: string;
  /** How many tokens are remembered, by their text. Default: 4096; 0: none. */
  readonly remember?: number;
  /** How long {@link connect} waits for keys and snapshot. Default: 10,000. */
  readonly timeout?: number;
  /** Takes plain http to another machine: only within a network that nobody else is on. */
  readonly allowPlainHttp?: boolean;
  /** Another `fetch`: for proxies, certificate authorities, tests. */
  readonly fetch?: typeof fetch;
  /** Other clocks than the machine's: for tests. */
  readonly clock?: Clock;
}

/** What one call asks beyond the verifier's own settings. */
export interface VerifyOptions<C = Readonly<Record<string, unknown>>> {
  /** Another audience than the verifier's. */
  readonly audience?: string | readonly string[];
  /** Another bound than the verifier's. */
  readonly maxStaleness?: number;
  /** Another policy than the verifier's. */
  readonly whenStale?: WhenStale;
  /** Reads the custom claims into a type of yours; what it throws becomes `claims_malformed`. */
  readonly custom?: (custom: Readonly<Record<string, unknown>>) => C;
}

const METADATA = { accept: [200], timeoutMs: 5000, maxBytes: 1 << 20 };
const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_REMEMBERED = 4096;
const TICK_MS = 1000;
const RETRY_MS = { first: 250, longest: 5000 };

/** Connects to an issuer and waits until keys and revocations are there. */
export async function connect(options: ConnectOptions): Promise<Verifier> {
  const verifier = new Verifier(options);
  try {
    await verifier.begin(options.timeout ?? DEFAULT_TIMEOUT_MS);
    return verifier;
  } catch (error) {
    await verifier.close();
    throw error;
  }
}

/**
 * Connects in the background: until keys and revocations are there every answer is a {@link StaleError}. Throws only for what no
 * waiting could mend: a URL that is none, plain http, no audience.
 */
export function connectInBackground(options: ConnectOptions): Verifier {
  const verifier = new Verifier(options);
  void verifier.begin(Infinity).catch(() => undefined);
  return verifier;
}

/** Verifies tokens of one issuer. Made by {@link connect}. */
export class Verifier {
  readonly #options: ConnectOptions;
  readonly #issuer: URL;
  readonly #base: URL | undefined;
  readonly #policy: StalenessPolicy;
  readonly #counters: Counters = newCounters();
  readonly #end = new AbortController();
  readonly #transport: Transport;
  readonly #keys: KeyKeeper;
  readonly #introspector: Introspector;
  readonly #state: State;
  readonly #core: Core;
  readonly #timer: ReturnType<typeof setInterval>;
  #follower: Follower | undefined;

  /** @internal */
  constructor(options: ConnectOptions) {
    const { issuer, baseUrl, allowPlainHttp = false, leeway, clock = new SystemClock() } = options;
    if (!isIssuer(issuer)) throw new ConnectError('url', 'the issuer is not a URL');
    if (leeway !== undefined && !isDuration(leeway)) throw new TypeError('leeway is not a duration in milliseconds');
    this.#options = options;
    this.#issuer = readBase(issuer, allowPlainHttp || baseUrl !== undefined);
    this.#base = baseUrl === undefined ? undefined : readBase(baseUrl, allowPlainHttp);
    this.#policy = policyWith(DEFAULT_POLICY, options);
    const { signal } = this.#end;
    const boot = () => clock.boot();
    this.#transport = new Transport(options.fetch ?? globalThis.fetch, options, signal);
    this.#keys = new KeyKeeper(this.#transport, this.#counters, boot, signal);
    this.#introspector = new Introspector(this.#transport, this.#counters, boot);
    const wanted = { issuer, audience: audiences(options.audience), leewayMs: leeway };
    this.#state = new State(wanted, clock, this.#keys, this.#counters);
    this.#state.onJump = () => this.#follower?.resync();
    this.#core = new Core(this.#keys, this.#state.denylist, options.remember ?? DEFAULT_REMEMBERED);
    this.#timer = setInterval(() => this.#state.tick(), TICK_MS);
    unref(this.#timer as ReturnType<typeof setTimeout>);
  }

  /**
   * Verifies a token. Asks the service only for a key that is not known yet (one request for all who wait, with a cooldown), and
   * past the bound where the policy is `'introspect'`.
   *
   * @throws {VerifyError} it is the token's fault, or it has been revoked: 401
   * @throws {StaleError} the verifier does not know enough to vouch: 503
   */
  async verify<C = Readonly<Record<string, unknown>>>(token: string, options: VerifyOptions<C> = {}): Promise<Verified<C>> {
    try {
      const policy = policyWith(this.#policy, options);
      const checked = await this.#check(token, options.audience);
      await this.#vouch(checked, policy);
      const verified = new Verified(checked, readCustom(checked, options), () => this.#watch(checked, policy));
      this.#counters.accepted += 1;
      return verified;
    } catch (error) {
      if (error instanceof StaleError) this.#counters.staleRefused += 1;
      else if (error instanceof VerifyError) this.#counters[error.code === 'revoked' ? 'revoked' : 'invalid'] += 1;
      throw error;
    }
  }

  /** How long ago, in milliseconds, every revocation was known; `undefined`: never, or a snapshot must be loaded first. */
  staleness(): number | undefined {
    return this.#state.staleness();
  }

  /** What it has been through. */
  get counters(): Readonly<Counters> {
    return { ...this.#counters };
  }

  /** How many revocations it holds. */
  get denylistSize(): number {
    return this.#state.denylist.size;
  }

  /** Tells the service that this verifier vouches for nothing any more, and ends its connections. */
  async close(): Promise<void> {
    if (this.#end.signal.aborted) return;
    this.#state.close();
    await this.#follower?.leave();
    this.#end.abort();
    clearInterval(this.#timer);
  }

  /** @internal Tries until keys and snapshot are there, then follows the feed. */
  async begin(timeout: number): Promise<void> {
    const deadline = performance.now() + timeout;
    for (let failures = 0; ; failures += 1) {
      try {
        const follower = await withTimeout(this.#attempt(), deadline - performance.now());
        if (timeout !== Infinity) this.#checkLeeway();
        void follower.run();
        return;
      } catch (error) {
        const told = explained(error);
        const pause = Math.min(RETRY_MS.first * 2 ** failures, RETRY_MS.longest) * (0.5 + Math.random() / 2);
        const hopeless = timeout !== Infinity && told.code !== 'unavailable';
        if (hopeless || this.#end.signal.aborted || performance.now() + pause > deadline) throw told;
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, pause);
          if (timeout === Infinity) unref(timer);
        });
      }
    }
  }

  async #attempt(): Promise<Follower> {
    const endpoints = await this.#findEndpoints();
    this.#introspector.url = endpoints.introspection;
    const { signal } = this.#end;
    const follower = new Follower(this.#transport, this.#state, this.#counters, this.#subscription(endpoints), signal);
    await Promise.all([this.#keys.start(endpoints.jwks), follower.start()]);
    this.#follower = follower;
    return follower;
  }

  #checkLeeway(): void {
    const [asked, allowed] = [this.#options.leeway ?? 0, this.#state.leewayAllowed ?? 0];
    if (asked <= allowed) return;
    const message = `a leeway of ${asked} ms is over the ${allowed} ms that the issuer remembers revocations for`;
    throw new ConnectError('leeway', message);
  }

  async #findEndpoints(): Promise<Endpoints> {
    const { issuer, allowPlainHttp = false } = this.#options;
    const answer = await this.#transport.ask(metadataUrl(this.#issuer, this.#base), METADATA);
    return readMetadata(answer.body, issuer, this.#base, allowPlainHttp);
  }

  #subscription(endpoints: Endpoints): Subscription {
    const name = (this.#options.name ?? 'js').replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 40);
    return { feed: endpoints.feed, verifier: `${name}-${random()}`, maxStalenessMs: announced(this.#policy) };
  }

  async #check(token: string, audience: VerifyOptions['audience']): Promise<CheckedToken> {
    const { expected } = this.#state;
    // Without keys no token could be told from another, and it is not their fault.
    if (expected === undefined || !this.#keys.loaded) throw new StaleError(undefined);
    const wanted: Expected = audience === undefined ? expected : { ...expected, audience: audiences(audience) };
    return this.#core.verifyAt(String(token), wanted, this.#state.now());
  }

  async #vouch(checked: CheckedToken, policy: StalenessPolicy): Promise<void> {
    const { closed, staleness, latest } = this.#state.present();
    if (closed) throw new StaleError(undefined);
    switch (rule(policy, staleness, checked.scopes.of.issued, latest)) {
      case 'vouch':
        return;
      case 'vouch_stale':
        this.#counters.staleAccepted += 1;
        return;
      case 'refuse':
        throw new StaleError(staleness);
      case 'ask': {
        const active = await this.#introspector.isActive(checked.token).catch(() => {
          throw new StaleError(staleness);
        });
        if (!active) throw new VerifyError('inactive');
        // The feed may have said so while the service was asked.
        this.#core.checkDenylist(checked, this.#state.expected?.revocableClaims ?? []);
      }
    }
  }

  #watch(checked: CheckedToken, policy: StalenessPolicy): AbortSignal {
    const revocable = this.#state.expected?.revocableClaims ?? [];
    return this.#state.watchers.watch(checked, policy, revocable, this.#state.present());
  }
}

function audiences(audience: string | readonly string[]): readonly string[] {
  const list = typeof audience === 'string' ? [audience] : audience;
  const good = Array.isArray(list) && list.length > 0 && list.every((one) => typeof one === 'string' && one !== '');
  if (!good) throw new TypeError('no audience: name the one that this service is');
  return list;
}

function readCustom<C>(checked: CheckedToken, options: VerifyOptions<C>): C {
  if (options.custom === undefined) return checked.custom as C;
  try {
    return options.custom(checked.custom);
  } catch {
    throw new VerifyError('claims_malformed');
  }
}

function explained(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  const status = error instanceof TransportError ? error.status : undefined;
  if (status === 401 || status === 403) return new ConnectError('refused', `the service refused these credentials (${status})`, error);
  return new ConnectError('unavailable', `the service did not answer: ${(error as Error).message}`, error);
}

async function withTimeout<T>(promise: Promise<T>, timeout: number): Promise<T> {
  if (timeout === Infinity) return promise;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TransportError('no answer in time')), Math.max(timeout, 0));
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function random(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
