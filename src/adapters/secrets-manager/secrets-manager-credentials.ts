import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { RegistryUnavailableError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import type { Credentials } from '../../ports/credentials.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { loginSecret, type SecretUse } from './secret-use.ts';
import { secretError } from './secrets-manager-error.ts';

/** What a secret holds: read when it is first needed, kept, and read again when it was refused. */
export class SecretsManagerCredentials implements Credentials {
  readonly source: string;
  readonly #use: SecretUse;
  readonly #client: SecretsManagerClient;
  readonly #secretId: string;
  #kept: string | null = null;
  /** One reading at a time: calls at the same moment share it, each for as long as it has time itself. */
  #reading: Reading | null = null;

  constructor(client: SecretsManagerClient, secretId: string, use: SecretUse = loginSecret) {
    this.source = `the ${use.what} in the secret that ${use.variable} names`;
    this.#use = use;
    this.#client = client;
    this.#secretId = secretId;
  }

  async authorization(deadline: Deadline): Promise<string> {
    return this.#kept ?? (await this.#readOnce(deadline));
  }

  async renew(refused: string | null, deadline: Deadline): Promise<string | null> {
    // Another call was refused too, and has read it again already.
    if (this.#kept !== refused && this.#kept !== null) return this.#kept;
    const now = await this.#readOnce(deadline);
    return now === refused ? null : now;
  }

  close(): void {
    this.#client.destroy();
  }

  async #readOnce(deadline: Deadline): Promise<string> {
    for (;;) {
      const others = this.#reading;
      if (others === null) return await this.#readOwn(deadline);
      const outcome = await Promise.race([outcomeOf(others.login), timeUp(deadline)]);
      if (outcome === null) throw outOfTime(this.#use);
      if (outcome.kind === 'read') return outcome.login;
      // It ended with the time of whoever began it, and we may have more.
      if (!others.isShort) throw outcome.error;
    }
  }

  async #readOwn(deadline: Deadline): Promise<string> {
    const isShort = deadline.leftMs() < limits.secretTimeoutMs;
    const login = this.#read(deadline).finally(() => {
      this.#reading = null;
    });
    this.#reading = { login, isShort };
    return await login;
  }

  async #read(deadline: Deadline): Promise<string> {
    const leftMs = Math.min(deadline.leftMs(), limits.secretTimeoutMs);
    if (leftMs <= 0) throw outOfTime(this.#use);
    const abortSignal = AbortSignal.timeout(Math.ceil(leftMs));
    const command = new GetSecretValueCommand({ SecretId: this.#secretId });
    const { SecretString } = await this.#client.send(command, { abortSignal }).catch((error) => {
      throw secretError(error, this.#secretId, this.#use);
    });
    this.#kept = this.#use.read(SecretString);
    return this.#kept;
  }
}

// ---------------------------------------------------------------------------------------------------

interface Reading {
  readonly login: Promise<string>;
  /** True when whoever began it had less time than a reading may take. */
  readonly isShort: boolean;
}

type Outcome =
  | { readonly kind: 'read'; readonly login: string }
  | { readonly kind: 'failed'; readonly error: unknown };

function outcomeOf(login: Promise<string>): Promise<Outcome> {
  return login.then(
    (text): Outcome => ({ kind: 'read', login: text }),
    (error: unknown): Outcome => ({ kind: 'failed', error }),
  );
}

function timeUp(deadline: Deadline): Promise<null> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(Math.max(0, Math.ceil(deadline.leftMs())));
    signal.addEventListener('abort', () => resolve(null), { once: true });
  });
}

function outOfTime({ what }: SecretUse): RegistryUnavailableError {
  return new RegistryUnavailableError(`No time was left to read the ${what}. Try again.`);
}
