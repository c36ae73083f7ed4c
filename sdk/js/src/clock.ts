/** Where the present comes from. */

/** Two clocks. Tests bring their own. */
export interface Clock {
  /** Milliseconds since 1970, by the machine's calendar: may be set at any time. */
  wall(): number;
  /** Milliseconds since some start, never set back; goes on while the machine sleeps where the platform can tell. */
  boot(): number;
}

/** Further apart than this, and the wall clock was set, or the machine slept and the boot clock did not notice. */
const JUMP_MS = 2000;

/**
 * The machine's clocks.
 *
 * JavaScript's own monotonic clock stands still while Linux sleeps. `os.uptime()` does not (it is the boot clock, to 10 ms),
 * so where there is one, whichever of the two moved further counts. Elsewhere sleep shows as a wall clock that jumped, which
 * {@link JumpGuard} notices: the verifier then vouches for nothing until it has loaded a snapshot.
 */
export class SystemClock implements Clock {
  readonly #uptime = uptime();
  readonly #start = { boot: this.#uptime?.() ?? 0, monotonic: performance.now() };
  /** How much longer the machine has been up than the monotonic clock says. */
  #slept = 0;

  wall(): number {
    return Date.now();
  }

  boot(): number {
    const ran = performance.now() - this.#start.monotonic;
    if (this.#uptime !== undefined) {
      const slept = this.#uptime() - this.#start.boot - ran;
      // Less is the coarseness of the boot clock.
      if (slept > this.#slept + 100) this.#slept = slept;
    }
    return ran + this.#slept;
  }
}

/** Notices that the wall clock moved against the boot clock. */
export class JumpGuard {
  readonly #clock: Clock;
  #difference: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#difference = clock.wall() - clock.boot();
  }

  /** Whether it has since the last call that said so. */
  jumped(): boolean {
    const difference = this.#clock.wall() - this.#clock.boot();
    if (Math.abs(difference - this.#difference) <= JUMP_MS) return false;
    this.#difference = difference;
    return true;
  }
}

/** The boot clock in milliseconds, on Linux in Node.js: elsewhere `os.uptime()` is made from the wall clock, or is not there. */
function uptime(): (() => number) | undefined {
  const process = globalThis.process as NodeJS.Process | undefined;
  if (process?.platform !== 'linux' || typeof process.getBuiltinModule !== 'function') return undefined;
  const os = process.getBuiltinModule('node:os');
  return () => os.uptime() * 1000;
}
