import type { Deadline } from './deadline.ts';

/** A request to the registry, before we say who we are. */
export interface RegistryRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers: RequestHeaders;
  /** Null: it has none. */
  readonly body: Uint8Array | null;
}

/** By names in lower case. */
export type RequestHeaders = Readonly<Record<string, string>>;

/**
 * Shows the registry who we are, for one request at a time: a signature covers all of it. What it adds is secret:
 * never in a log, an error, a notice or a record.
 */
export interface Authorizer {
  /** Where the login is set, for people: it stands behind "Check". Holds no secret. */
  readonly source: string;
  /** The service whose rights in IAM a request needs; null: the registry has rights of its own. */
  readonly iamService: string | null;
  /**
   * The headers to send the request with: its own, and those that show who we are.
   * @throws ConfigurationError, RegistryUnavailableError
   */
  authorize(request: RegistryRequest, deadline: Deadline): Promise<RequestHeaders>;
  /**
   * The registry does not accept the login in `refused`: checks once whether there is another by now, and returns
   * the headers with that; null when there is none.
   * @param refused the headers that were sent
   * @throws ConfigurationError, RegistryUnavailableError
   */
  renew(
    request: RegistryRequest,
    refused: RequestHeaders,
    deadline: Deadline,
  ): Promise<RequestHeaders | null>;
  /** Frees what it holds (sockets). */
  close(): void;
}
