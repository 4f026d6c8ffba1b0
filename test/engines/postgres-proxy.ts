/** A way to PostgreSQL that ends at a chosen COMMIT: before it is passed on, or before its answer is. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface CommitStrike {
  /** Which COMMIT from now on, counted from 1. */
  readonly nth: number;
  readonly moment: 'before' | 'after';
  /** What happens then; the connection ends after it. @default nothing */
  readonly act?: () => Promise<void>;
}

export interface PostgresProxy {
  /** The address of the database, by this way. */
  readonly url: string;
  /** COMMITs since the last strike was armed. */
  commits(): number;
  arm(strike: CommitStrike | null): void;
  /** Stops listening. Connections end with the clients that use them. */
  stop(): Promise<void>;
}

/** @param to address of the database */
export async function startPostgresProxy(to: string): Promise<PostgresProxy> {
  const { hostname, port } = new URL(to);
  let armed: CommitStrike | null = null;
  let commits = 0;
  const listener = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let struck: CommitStrike | null = null;
    const end = async (strike: CommitStrike): Promise<void> => {
      await strike.act?.();
      for (const socket of [client, upstream]) socket.destroy();
    };
    client.on('data', (data) => {
      // A statement ends with a zero byte; a value never does.
      if (data.includes('COMMIT\0')) {
        commits += 1;
        if (armed?.nth === commits) [struck, armed] = [armed, null];
      }
      if (struck?.moment === 'before') void end(struck);
      else upstream.write(data);
    });
    upstream.on('data', (data) => {
      if (struck === null) client.write(data);
      else void end(struck);
    });
    endTogether(client, upstream);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  listener.listen(0, '127.0.0.1', resolve);
  await promise;
  const { port: own } = listener.address() as AddressInfo;
  return {
    url: to.replace(/@[^/]*/, `@127.0.0.1:${own}`),
    commits: () => commits,
    arm: (strike) => {
      armed = strike;
      commits = 0;
    },
    stop: async () => {
      listener.close();
    },
  };
}

// ---------------------------------------------------------------------------------------------------

function endTogether(...sockets: readonly Socket[]): void {
  for (const socket of sockets) {
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const each of sockets) each.destroy();
    });
  }
}
