/**
 * JSON read strictly: a member name that occurs twice in one object is an error, at any depth, and so are half surrogates,
 * numbers out of range and nesting beyond measure. `JSON.parse` silently takes the last of two members; two readers that
 * choose differently are how signed tokens come to mean two things.
 */

/** Not JSON, or nested too deeply. */
export class JsonSyntaxError extends Error {}

/** A member name occurs twice in one object. */
export class JsonDuplicateError extends Error {}

/** Its members are its own: it has no prototype, so that `__proto__` is a name like any other. */
export type JsonObject = Record<string, unknown>;

/** Objects and arrays may lie this deep within each other, less one: as in the verifier in Rust. */
const MAX_DEPTH = 128;

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WHOLE = /^(?:0|[1-9][0-9]*)$/;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t',
};
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads one document, and nothing behind it. */
export function parseJson(bytes: Uint8Array): unknown {
  const reader = new JsonReader(bytes);
  const value = reader.value();
  reader.end();
  return value;
}

/** An object, not null and not an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Goes through a document from left to right; whoever calls decides what each member may be. */
export class JsonReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(bytes: Uint8Array) {
    try {
      this.#text = UTF8.decode(bytes);
    } catch {
      throw new JsonSyntaxError('not UTF-8');
    }
  }

  /** The next value, whatever it is. */
  value(): unknown {
    switch (this.#peek()) {
      case '{': return this.#object();
      case '[': return this.#array();
      case '"': return this.#string();
      case 't': return this.#literal('true', true);
      case 'f': return this.#literal('false', false);
      case 'n': return this.#literal('null', null);
      default: return this.#number();
    }
  }

  /** The next value if it is a number written with digits only; else `undefined`, and the value has been passed. */
  wholeNumber(): number | undefined {
    this.#peek();
    const start = this.#at;
    const value = this.value();
    const whole = typeof value === 'number' && WHOLE.test(this.#text.slice(start, this.#at));
    return whole ? value : undefined;
  }

  /** The members of the object that comes next; `member` must read each one's value. */
  members(member: (name: string) => void): void {
    this.#enter('{');
    const names = new Set<string>();
    if (this.#peek() !== '}') {
      do {
        if (this.#peek() !== '"') throw new JsonSyntaxError('a name was expected');
        const name = this.#string();
        if (names.has(name)) throw new JsonDuplicateError(name);
        names.add(name);
        this.#expect(':');
        member(name);
      } while (this.#another('}'));
    }
    this.#leave('}');
  }

  /** Nothing but white space may follow. */
  end(): void {
    if (this.#peek() !== undefined) throw new JsonSyntaxError('something follows');
  }

  #object(): JsonObject {
    const object = Object.create(null) as JsonObject;
    this.members((name) => {
      object[name] = this.value();
    });
    return object;
  }

  #array(): unknown[] {
    const values: unknown[] = [];
    this.#enter('[');
    if (this.#peek() !== ']') {
      do values.push(this.value());
      while (this.#another(']'));
    }
    this.#leave(']');
    return values;
  }

  #string(): string {
    let from = ++this.#at;
    let text = '';
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x22) {
        text += this.#text.slice(from, this.#at++);
        return text;
      }
      if (code === 0x5c) {
        text += this.#text.slice(from, this.#at) + this.#escape();
        from = this.#at;
      } else if (code >= 0x20) {
        this.#at += 1;
      } else {
        // A control character, or NaN: the end.
        throw new JsonSyntaxError('a string does not end');
      }
    }
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1] ?? '';
    if (letter !== 'u') {
      const character = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
      if (character === undefined) throw new JsonSyntaxError('not an escape');
      this.#at += 2;
      return character;
    }
    const first = this.#unit();
    if (first >= 0xdc00 && first <= 0xdfff) throw new JsonSyntaxError('half a surrogate');
    if (first < 0xd800 || first > 0xdbff) return String.fromCharCode(first);
    if (this.#text[this.#at] !== '\\' || this.#text[this.#at + 1] !== 'u') throw new JsonSyntaxError('half a surrogate');
    const second = this.#unit();
    if (second < 0xdc00 || second > 0xdfff) throw new JsonSyntaxError('half a surrogate');
    return String.fromCharCode(first, second);
  }

  #unit(): number {
    const digits = this.#text.slice(this.#at + 2, this.#at + 6);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new JsonSyntaxError('not an escape');
    this.#at += 6;
    return Number.parseInt(digits, 16);
  }

  #number(): number {
    NUMBER.lastIndex = this.#at;
    const text = NUMBER.exec(this.#text)?.[0];
    const value = Number(text);
    if (text === undefined || !Number.isFinite(value)) throw new JsonSyntaxError('not a value');
    this.#at += text.length;
    return value;
  }

  #literal<T>(text: string, value: T): T {
    if (!this.#text.startsWith(text, this.#at)) throw new JsonSyntaxError('not a value');
    this.#at += text.length;
    return value;
  }

  #enter(open: string): void {
    this.#expect(open);
    this.#depth += 1;
    if (this.#depth >= MAX_DEPTH) throw new JsonSyntaxError('nested too deeply');
  }

  #leave(close: string): void {
    this.#expect(close);
    this.#depth -= 1;
  }

  #another(close: string): boolean {
    if (this.#peek() === close) return false;
    this.#expect(',');
    return true;
  }

  #expect(character: string): void {
    if (this.#peek() !== character) throw new JsonSyntaxError(`${character} was expected`);
    this.#at += 1;
  }

  /** The next character that is not white space. */
  #peek(): string | undefined {
    for (;;) {
      const character = this.#text[this.#at];
      if (character !== ' ' && character !== '\n' && character !== '\r' && character !== '\t') return character;
      this.#at += 1;
    }
  }
}
