import type { Deadline } from './deadline.ts';

/**
 * Who we are to the registry; for a channel of notices, its address or key. What it gives is secret: never in a log, an
 * error, a notice or a record.
 */
export interface Credentials {
  /** Where the login is set, for people: it stands behind "Check". Holds no secret. */
  readonly source: string;
  /**
   * The value of the Authorization header; null when there is no login.
   * @throws ConfigurationError, RegistryUnavailableError
   */
  authorization(deadline: Deadline): Promise<string | null>;
  /**
   * The registry does not accept `refused`: checks once whether there is another login by now, and returns
   * it; null when there is none.
   * @throws ConfigurationError, RegistryUnavailableError
   */
  renew(refused: string | null, deadline: Deadline): Promise<string | null>;
  /** Frees what it holds (sockets). */
  close(): void;
}
