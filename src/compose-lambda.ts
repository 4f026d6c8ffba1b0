import { ConsoleNotifier } from './adapters/console/console-notifier.ts';
import { LoginAuthorizer } from './adapters/mlflow/login-authorizer.ts';
import { PowertoolsLogger } from './adapters/powertools/powertools-logger.ts';
import { StaticCredentials } from './adapters/system/static-credentials.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import { assemble, type Composed, type ComposeOptions, hooksOnDemand } from './assemble.ts';
import {
  channelCredentials,
  cloudWatchAlarms,
  dynamoDBStore,
  secretCredentials,
  signedRequests,
  snsClient,
  snsNotifier,
} from './compose-aws.ts';
import type { OpenChannels } from './compose-channels.ts';
import type { Config } from './config/config-from-env.ts';
import { assert } from './domain/assert.ts';
import type { Authorizer } from './ports/authorizer.ts';
import type { RollbackStore } from './ports/rollback-store.ts';

export { composeRehearsal } from './compose-rehearsal.ts';

/**
 * Composition for the function. The SDK is imported statically: a dynamic import makes the bundler wrap
 * each of its modules and keep more of it (25 ms and 60 KB at start).
 * @throws ConfigurationError when the state file cannot be opened
 */
export async function composeLambda(config: Config, options: ComposeOptions): Promise<Composed> {
  const notifier =
    config.topicArn === null
      ? new ConsoleNotifier(options.writeNotice)
      : snsNotifier(config.topicArn, config.snsFormat);
  const store = await openStore(config);
  const alarms = cloudWatchAlarms();
  const { logger } = options;
  const channels = await furtherChannels(config);
  return assemble(config, {
    store,
    notifiers: [notifier, ...(channels?.notifiers ?? [])],
    alarms,
    hooks: hooksOnDemand(config.signingKey, async () => ({ snsClient, channelCredentials })),
    logger,
    authorizer: authorizerFor(config.registry),
    ...(channels === null ? {} : { closeChannels: channels.close }),
  });
}

/** The function's log. It is needed before the configuration is read, to say what is wrong with that. */
export function lambdaLogger(write: (line: string) => void): PowertoolsLogger {
  const { POWERTOOLS_LOG_LEVEL: level, LOG_LEVEL: otherName } = process.env;
  return new PowertoolsLogger({ service: 'model-rollback', level: level || otherName, write });
}

/** How requests to the registry are signed. */
export function authorizerFor({ auth }: Config['registry']): Authorizer {
  if (auth.kind === 'signed') return signedRequests(auth);
  assert(auth.kind !== 'oauth', 'the configuration of a function names no registry of Databricks');
  return new LoginAuthorizer(
    auth.kind === 'login'
      ? new StaticCredentials(auth.authorization, auth.source)
      : secretCredentials(auth.secretId),
  );
}

// ---------------------------------------------------------------------------------------------------

/** Few functions have any: the code for them is begun only then. */
async function furtherChannels({ channels }: Config): Promise<OpenChannels | null> {
  if (channels.length === 0) return null;
  const { openChannels } = await import('./compose-channels.ts');
  return await openChannels(channels, async () => ({ snsClient, channelCredentials }));
}

async function openStore({ store, registry }: Config): Promise<RollbackStore> {
  const workspace = registry.workspace ?? '';
  if (store.kind === 'dynamodb') return dynamoDBStore({ tableName: store.tableName, workspace });
  assert(store.kind === 'sqlite', 'the configuration of a function names no other store');
  // Not for real functions, whose disk is their own; for running the bundle on one machine.
  const { SQLiteRollbackStore } = await import('./adapters/sqlite/sqlite-rollback-store.ts');
  return new SQLiteRollbackStore(store.path, workspace, systemClock);
}
