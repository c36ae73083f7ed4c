/** Asks the service about one token, and remembers the answer for a moment. */

import type { Counters } from './counters.js';
import { isObject, parseJson } from './json.js';
import type { Transport } from './transport.js';

const TIMEOUT_MS = 2000;
const MAX_BYTES = 65_536;
const REMEMBERED_MS = 5000;
const CAPACITY = 1024;

interface Answered {
  readonly active: boolean;
  readonly until: number;
}

export class Introspector {
  readonly #transport: Transport;
  readonly #counters: Counters;
  readonly #boot: () => number;
  readonly #answers = new Map<string, Answered>();
  readonly #questions = new Map<string, Promise<boolean>>();
  /** Known once the metadata has been read. */
  url: string | undefined;

  constructor(transport: Transport, counters: Counters, boot: () => number) {
    this.#transport = transport;
    this.#counters = counters;
    this.#boot = boot;
  }

  /** Whether the service believes the token. Fails if it does not say. */
  async isActive(token: string): Promise<boolean> {
    const known = this.#answers.get(token);
    if (known !== undefined && this.#boot() < known.until) return known.active;
    let question = this.#questions.get(token);
    if (question === undefined) {
      question = this.#ask(token).finally(() => this.#questions.delete(token));
      this.#questions.set(token, question);
    }
    return question;
  }

  async #ask(token: string): Promise<boolean> {
    if (this.url === undefined) throw new Error('the service answers no questions');
    this.#counters.introspected += 1;
    const asked = this.#boot();
    try {
      const answer = await this.#transport.ask(this.url, {
        method: 'POST',
        headers: { ...this.#transport.authenticated(), 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
        accept: [200],
        timeoutMs: TIMEOUT_MS,
        maxBytes: MAX_BYTES,
      });
      const members = parseJson(answer.body);
      if (!isObject(members) || typeof members['active'] !== 'boolean') throw new Error('the answer is not understood');
      this.#remember(token, { active: members['active'], until: asked + REMEMBERED_MS });
      return members['active'];
    } catch (error) {
      this.#counters.failedRequests += 1;
      throw error;
    }
  }

  #remember(token: string, answered: Answered): void {
    this.#answers.delete(token);
    this.#answers.set(token, answered);
    if (this.#answers.size <= CAPACITY) return;
    const [oldest] = this.#answers.keys();
    if (oldest !== undefined) this.#answers.delete(oldest);
  }
}
