import type { Credentials } from '../../ports/credentials.ts';

/** The login that the environment gave at start, or none. There is never another. */
export class StaticCredentials implements Credentials {
  readonly source =
    'MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD (or MLFLOW_TRACKING_TOKEN)';
  readonly #authorization: string | null;

  /** @param authorization the value of the Authorization header, if any */
  constructor(authorization: string | null) {
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
