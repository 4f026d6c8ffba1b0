import type { Credentials } from '../../ports/credentials.ts';

/** The login or key that the environment gave at start, or none. There is never another. */
export class StaticCredentials implements Credentials {
  readonly source: string;
  readonly #authorization: string | null;

  /**
   * @param authorization the value of the Authorization header, if any; the address or key of a channel
   * @param source where it is set, for people @default the variables of the registry
   */
  constructor(authorization: string | null, source: string = registrySource) {
    this.source = source;
    this.#authorization = authorization;
  }

  async authorization(): Promise<string | null> {
    return this.#authorization;
  }

  async renew(): Promise<null> {
    return null;
  }

  close(): void {
    // Holds nothing.
  }
}

// ---------------------------------------------------------------------------------------------------

const registrySource =
  'MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD (or MLFLOW_TRACKING_TOKEN)';
