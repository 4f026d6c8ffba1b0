/** A server in front of the service that keeps what came through, and may answer by itself. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request, as it came, and what it was answered with. */
export interface Passed {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly status: number;
  readonly answer: string;
}

export interface Gate {
  readonly url: string;
  readonly passed: readonly Passed[];
  /** Where requests go from now on. */
  target: string;
  /** So many of the next requests get a 503 from the gate itself. */
  refuseNext: number;
  close(): Promise<void>;
}

export async function openGate(target: string): Promise<Gate> {
  const passed: Passed[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const path = request.url ?? '/';
      const { host: _, connection: __, ...sent } = request.headers;
      const headers = Object.fromEntries(
        Object.entries(sent).map(([name, value]) => [name, String(value)]),
      );
      const { status, text } = await forward(path, { headers, body });
      passed.push({ path, headers, body, status, answer: text });
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
      response.end(text);
    });
  });
  const forward = async (
    path: string,
    { headers, body }: Pick<Passed, 'headers' | 'body'>,
  ): Promise<{ status: number; text: string }> => {
    if (gate.refuseNext > 0) {
      gate.refuseNext -= 1;
      return { status: 503, text: '{}' };
    }
    try {
      const response = await fetch(gate.target + path, { method: 'POST', headers, body });
      return { status: response.status, text: await response.text() };
    } catch {
      return { status: 502, text: '{}' };
    }
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const gate: Gate = {
    url: `http://127.0.0.1:${port}`,
    passed,
    target,
    refuseNext: 0,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
  return gate;
}
