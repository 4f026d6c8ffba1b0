import { handOver } from './adapters/lambda/hand-over.ts';
import { SecretsManagerCredentials } from './adapters/secrets-manager/secrets-manager-credentials.ts';
import type { RollbackDeps } from './app/deps.ts';
import type { ComposeOptions } from './assemble.ts';
import { secretsClient, snsClient } from './compose-aws.ts';
import { composeLambda } from './compose-lambda.ts';
import { openEvidence } from './compose-promotion.ts';
import type { Config } from './config/config-from-env.ts';
import { ConfigurationError } from './domain/errors.ts';
import type { Deadline } from './ports/deadline.ts';
import type { EvidenceStore } from './ports/evidence-store.ts';

/** What the function behind a URL works with. */
export interface HttpParts {
  readonly deps: RollbackDeps;
  readonly evidence: EvidenceStore;
  readonly workspace: string | null;
  /** The text of the secret, as it is now. @throws ConfigurationError, RegistryUnavailableError */
  readSecret(deadline: Deadline): Promise<string>;
  /** Hands an event over to a function, which gets it later. @throws RegistryUnavailableError */
  invoke(functionName: string, body: string, deadline: Deadline): Promise<void>;
}

/** Composition for the function behind a URL: the parts of the one that rolls back, and what only a service needs. */
export async function composeLambdaHttp(
  config: Config,
  secretId: string,
  options: ComposeOptions,
): Promise<HttpParts> {
  const [{ deps }, evidence] = await Promise.all([
    composeLambda(config, options),
    openEvidence(config),
  ]);
  const client = secretsClient(secretId);
  return {
    deps,
    evidence,
    workspace: config.registry.workspace,
    // Nothing is kept: whoever reads wants what it holds now.
    readSecret: async (deadline) =>
      await new SecretsManagerCredentials(client, secretId, httpSecret).authorization(deadline),
    invoke: async (functionName, body, deadline) => {
      const own = snsClient(functionName);
      try {
        await handOver(own, { functionName, body }, deadline);
      } finally {
        own.destroy();
      }
    },
  };
}

// ---------------------------------------------------------------------------------------------------

const variable = 'ROLLBACK_HTTP_SECRET_ARN';

const httpSecret = {
  variable,
  what: 'list of tokens',
  read: (text: string | undefined): string => {
    if (text !== undefined) return text;
    throw new ConfigurationError(
      `The secret that ${variable} names is binary. It must be a text: a JSON object with the field tokens.`,
    );
  },
};
