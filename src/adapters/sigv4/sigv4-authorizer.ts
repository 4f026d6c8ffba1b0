import type { SNSClient } from '@aws-sdk/client-sns';
import {
  ConfigurationError,
  isModelRollbackError,
  type ModelRollbackError,
  messageOf,
  RegistryUnavailableError,
} from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import type { Authorizer, RegistryRequest, RequestHeaders } from '../../ports/authorizer.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deadline } from '../../ports/deadline.ts';

export interface SigV4Options {
  /** What the service is called in a signature. */
  readonly service: 'sagemaker-mlflow' | 'sagemaker' | 'execute-api';
  /** Null: the client's own. */
  readonly region: string | null;
  /** The header with the server that a request is for; null: the address says it. */
  readonly routing: { readonly header: string; readonly value: string } | null;
  /** Null: the credentials are those that the SDK finds. */
  readonly roleArn: string | null;
}

/** Signs each request with AWS credentials. A client that is in the bundle anyway has the signer. */
export class SigV4Authorizer implements Authorizer {
  readonly source: string;
  readonly #client: SNSClient;
  readonly #options: SigV4Options;
  readonly #clock: Clock;

  /** @param client has the credentials: its own, or those of the role */
  constructor(client: SNSClient, options: SigV4Options, clock: Clock) {
    this.source =
      options.roleArn === null
        ? 'the AWS credentials that sign the requests'
        : 'the role that SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN names';
    this.#client = client;
    this.#options = options;
    this.#clock = clock;
  }

  get iamService(): string {
    return this.#options.service;
  }

  async authorize(request: RegistryRequest, deadline: Deadline): Promise<RequestHeaders> {
    const leftMs = Math.min(deadline.leftMs(), limits.secretTimeoutMs);
    return await Promise.race([this.#sign(request), timeUp(leftMs)]);
  }

  /** Whoever gives the credentials renews them in time: there are no others. */
  async renew(): Promise<null> {
    return null;
  }

  close(): void {
    this.#client.destroy();
  }

  async #sign({ method, url, headers, body }: RegistryRequest): Promise<RequestHeaders> {
    const { service, region, routing } = this.#options;
    const request = {
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: queryOf(url),
      headers: {
        ...headers,
        host: url.host,
        ...(routing === null ? {} : { [routing.header]: routing.value }),
      },
      ...(body === null ? {} : { body }),
    };
    try {
      const signer = await this.#client.config.signer();
      const signed = await signer.sign(request, {
        signingService: service,
        signingRegion: region ?? (await this.#client.config.region()),
        signingDate: new Date(this.#clock.nowMs()),
      });
      return signed.headers;
    } catch (error) {
      throw signingError(error);
    }
  }
}

// ---------------------------------------------------------------------------------------------------

/** A name may come several times. */
function queryOf({ searchParams }: URL): Record<string, string[]> {
  const names = [...new Set(searchParams.keys())];
  return Object.fromEntries(names.map((name) => [name, searchParams.getAll(name)]));
}

/** Credentials may come from another process or server, which cannot be stopped. */
function timeUp(leftMs: number): Promise<never> {
  return new Promise((_, reject) => {
    const signal = AbortSignal.timeout(Math.max(0, Math.ceil(leftMs)));
    const fail = (): void =>
      reject(
        new RegistryUnavailableError(
          'No AWS credentials came in time to sign a request to the registry. Try again.',
        ),
      );
    signal.addEventListener('abort', fail, { once: true });
  });
}

function signingError(error: unknown): ModelRollbackError {
  if (isModelRollbackError(error)) return error;
  const [line = ''] = messageOf(error).split('\n', 1);
  if (/region is missing/i.test(line)) {
    return new ConfigurationError(
      'AWS_REGION is not set, and the address of the registry names no region to sign requests for. Set AWS_REGION.',
      { cause: error },
    );
  }
  return new ConfigurationError(
    `Requests to this registry are signed with AWS credentials, and there are none to use (${line.slice(0, limits.textLengthMax)}). ` +
      'Nothing was sent. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in again ' +
      '(`aws sso login`). In Lambda the role of the function is used.',
    { cause: error },
  );
}
