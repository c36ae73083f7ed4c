/** Server-sent events (WHATWG HTML §9.2) as the feed uses them: bytes to frames, wherever the network cut them. */

import { FeedError } from './feed.js';

/** One event as it came over the wire. */
export interface Frame {
  /** `event:`; empty if there was none. */
  readonly event: string;
  /** The `data:` lines, joined. */
  readonly data: string;
}

/** Cuts a byte stream into frames. `id:` is not read: every event of the feed says its cursor in its data. */
export class EventReader {
  readonly #maxLength: number;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  /** The parts of the line that has not ended; joined when it does, so that a long line in many pieces costs its length. */
  #line: string[] = [];
  #length = 0;
  #afterReturn = false;
  #event = '';
  #data: string[] = [];

  /** Refuses events of more than so many characters. */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** Takes in more bytes; gives the frames that are whole. After a {@link FeedError} the stream is of no use. */
  push(bytes: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    let text = this.#decode(bytes);
    // A line may end with CR LF, and the network may cut in between.
    if (text === '') return frames;
    if (this.#afterReturn && text.startsWith('\n')) text = text.slice(1);
    this.#afterReturn = text.endsWith('\r');
    const lines = text.split(/\r\n|\n|\r/);
    const rest = lines.pop() ?? '';
    for (const line of lines) {
      this.#take(line);
      const frame = this.#endLine();
      if (frame !== undefined) frames.push(frame);
    }
    this.#take(rest);
    return frames;
  }

  #decode(bytes: Uint8Array): string {
    try {
      return this.#decoder.decode(bytes, { stream: true });
    } catch {
      throw new FeedError('the stream is not UTF-8');
    }
  }

  #take(part: string): void {
    this.#length += part.length;
    if (this.#length > this.#maxLength) throw new FeedError('an event is too large');
    this.#line.push(part);
  }

  #endLine(): Frame | undefined {
    const line = this.#line.join('');
    this.#line = [];
    if (line === '') return this.#endFrame();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#event = value;
    else if (field === 'data') this.#data.push(value);
    return undefined;
  }

  #endFrame(): Frame | undefined {
    const frame = { event: this.#event, data: this.#data.join('\n') };
    const dispatched = this.#data.length > 0;
    this.#event = '';
    this.#data = [];
    this.#length = 0;
    return dispatched ? frame : undefined;
  }
}
