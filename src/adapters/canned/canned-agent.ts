import { Agent } from 'node:http';
import { Duplex } from 'node:stream';

/** A request as it stands on the wire. */
export interface CannedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** By lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface CannedAnswer {
  readonly contentType: string;
  readonly body: string;
}

/**
 * Connections that end inside this process: each takes one request and gives one answer, and nothing leaves the
 * machine. The HTTP client of Node runs as it does on a real one.
 */
export class CannedAgent extends Agent {
  readonly #answer: (request: CannedRequest) => CannedAnswer;

  constructor(answer: (request: CannedRequest) => CannedAnswer) {
    super({ keepAlive: false });
    this.#answer = answer;
  }

  override createConnection(): Duplex {
    return new CannedSocket(this.#answer);
  }
}

// ---------------------------------------------------------------------------------------------------

/** As much of a socket as HTTP clients use. */
class CannedSocket extends Duplex {
  readonly #answer: (request: CannedRequest) => CannedAnswer;
  #text = '';

  constructor(answer: (request: CannedRequest) => CannedAnswer) {
    super();
    this.#answer = answer;
  }

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  override _read(): void {
    // Everything is pushed at once.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#text += chunk.toString('latin1');
    const request = wholeRequest(this.#text);
    if (request !== null) {
      const { contentType, body } = this.#answer(request);
      this.push(
        `HTTP/1.1 200 OK\r\nContent-Type: ${contentType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
          `Connection: close\r\nDate: ${new Date().toUTCString()}\r\n\r\n${body}`,
      );
      this.push(null);
    }
    done();
  }
}

/** Null until all of it has come. Clients of ours always say how long a body is. */
function wholeRequest(text: string): CannedRequest | null {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const [method = '', path = ''] = first.split(' ');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const body = text.slice(end + 4);
  return body.length < Number(headers['content-length'] ?? 0)
    ? null
    : { method, path, headers, body };
}
