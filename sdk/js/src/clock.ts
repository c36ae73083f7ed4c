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

/** The boot clock is read at least so often, and whenever the wall clock moved this much against the monotonic one. */
const LOOK = { everyMs: 1000, afterMs: 50 };
/** What the boot clock gains below this is its coarseness. */
const COARSE_MS = 100;

/**
 * The machine's clocks.
 *
 * JavaScript's own monotonic clock stands still while Linux sleeps. `os.uptime()` does not (it is the boot clock, to 10 ms),
 * so where there is one, whichever of the two moved further counts. It costs a system call or three, so it is read when the
 * other two clocks moved apart, as they do over a sleep, and every second. Elsewhere sleep shows as a wall clock that jumped,
 * which {@link JumpGuard} notices: the verifier then vouches for nothing until it has loaded a snapshot.
 */
export class SystemClock implements Clock {
  readonly #uptime = uptime();
  readonly #start = { boot: this.#uptime?.() ?? 0, monotonic: performance.now() };
  /** How much longer the machine has been up than the monotonic clock says. */
  #slept = 0;
  #looked = { ran: 0, apart: Date.now() - performance.now() };

  wall(): number {
    return Date.now();
  }

  boot(): number {
    const monotonic = performance.now();
    const ran = monotonic - this.#start.monotonic;
    const apart = Date.now() - monotonic;
    if (ran - this.#looked.ran > LOOK.everyMs || Math.abs(apart - this.#looked.apart) > LOOK.afterMs) {
      this.#looked = { ran, apart };
      const slept = (this.#uptime?.() ?? 0) - this.#start.boot - ran;
      if (slept > this.#slept + COARSE_MS) this.#slept = slept;
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
