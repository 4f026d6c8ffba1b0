/**
 * Records every call of one rollback, with what ran at the same time, so that the bare sequence makes
 * the very calls of the product as it is now, whatever becomes of it.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SNSClient } from '@aws-sdk/client-sns';
import { DynamoDBRollbackStore } from '../src/adapters/dynamodb/dynamodb-rollback-store.ts';
import { MemoryAlarmReader } from '../src/adapters/memory/memory-alarm-reader.ts';
import type { HttpAnswer } from '../src/adapters/mlflow/http-exchange.ts';
import { LoginAuthorizer } from '../src/adapters/mlflow/login-authorizer.ts';
import { MLflowClient, type MLflowClientOptions } from '../src/adapters/mlflow/mlflow-client.ts';
import { MLflowModelRegistry } from '../src/adapters/mlflow/mlflow-model-registry.ts';
import { SNSNotifier } from '../src/adapters/sns/sns-notifier.ts';
import { StaticCredentials } from '../src/adapters/system/static-credentials.ts';
import { systemClock } from '../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../src/adapters/system/system-identity.ts';
import { rollBack } from '../src/app/roll-back.ts';
import { defaultAlarmSettings } from '../src/domain/alarm/alarm-settings.ts';
import { parseRequest } from '../src/domain/request/request.ts';
import { type Deadline, deadlineAfter } from '../src/ports/deadline.ts';
import { localClientConfig } from '../test/engines/aws.ts';
import type { World } from './world.ts';

export type RecordedCall =
  | {
      readonly to: 'registry';
      readonly method: 'GET' | 'POST';
      readonly path: string;
      readonly body: object | null;
    }
  | { readonly to: 'dynamodb' | 'sns'; readonly command: string; readonly input: object };

/** Calls of one step run at the same time, steps one after the other. */
export type RecordedSteps = readonly (readonly RecordedCall[])[];

export interface Recording {
  readonly steps: RecordedSteps;
  /** From the start until the notice was out; the tags are written beside it. */
  readonly noticedMs: number;
}

/** Carries out one real rollback of a model, on new connections. */
export async function recordRollback(
  world: World,
  modelName: string,
  registryUrl: string,
): Promise<Recording> {
  const recorder = new Recorder();
  const baseUrl = new URL(registryUrl);
  const authorizer = new LoginAuthorizer(new StaticCredentials(null));
  const options = { baseUrl, authorizer, workspace: null, clock: systemClock };
  const registry = new MLflowModelRegistry(
    new RecordedMLflowClient(options, recorder),
    systemClock,
    systemIdentity,
    registryUrl,
  );
  const dynamodb = new DynamoDBClient(localClientConfig(world.dynamodbUrl));
  const sns = new SNSClient(localClientConfig(world.snsUrl));
  recordClient(dynamodb, 'dynamodb', recorder);
  recordClient(sns, 'sns', recorder);
  const { request, warnings } = parseRequest({ model_name: modelName });
  const store = { tableName: world.tableName, workspace: '' };
  const parts = { clock: systemClock, identity: systemIdentity };
  const response = await rollBack(
    {
      registry,
      store: new DynamoDBRollbackStore(dynamodb, parts, store),
      notifiers: [new SNSNotifier(sns, world.topicArn)],
      // No alarm asks.
      alarms: new MemoryAlarmReader(),
      clock: systemClock,
      identity: systemIdentity,
      logger: { log: () => undefined },
      settings: {
        cooldownMs: 0,
        targetRule: 'last-good',
        writeHorizonMs: 60_000,
        clockSkewMaxMs: null,
        alarms: defaultAlarmSettings,
      },
    },
    {
      request,
      warnings,
      invocationId: systemIdentity.random(),
      deadline: deadlineAfter(systemClock, 60_000),
    },
  );
  for (const client of [registry, dynamodb, sns])
    'close' in client ? client.close() : client.destroy();
  if (!response.rolled_back) throw new Error(`recorded no rollback: ${response.message}`);
  return { steps: recorder.steps, noticedMs: recorder.noticedMs };
}

export function countCalls(steps: RecordedSteps, to: RecordedCall['to']): number {
  return steps.flat().filter((call) => call.to === to).length;
}

// ---------------------------------------------------------------------------------------------------

class Recorder {
  readonly steps: RecordedCall[][] = [];
  noticedMs = Number.NaN;
  readonly #startedAtMs = performance.now();
  #running = 0;

  async during<T>(call: RecordedCall, work: () => Promise<T>): Promise<T> {
    // What starts while a call of the step runs is a part of that step.
    if (this.#running === 0) this.steps.push([]);
    this.steps.at(-1)?.push(call);
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      if (call.to === 'sns') this.noticedMs = performance.now() - this.#startedAtMs;
    }
  }
}

class RecordedMLflowClient extends MLflowClient {
  readonly #recorder: Recorder;

  constructor(options: MLflowClientOptions, recorder: Recorder) {
    super(options);
    this.#recorder = recorder;
  }

  override send(
    method: 'GET' | 'POST',
    path: string,
    body: object | null,
    within: Deadline,
  ): Promise<HttpAnswer> {
    return this.#recorder.during({ to: 'registry', method, path, body }, () =>
      super.send(method, path, body, within),
    );
  }
}

function recordClient(
  client: DynamoDBClient | SNSClient,
  to: 'dynamodb' | 'sns',
  recorder: Recorder,
): void {
  // The two clients differ in the types of their inputs only.
  (client as DynamoDBClient).middlewareStack.add(
    (next, context) => (args) => {
      const command = String(context['commandName']);
      // As it is now: the SDK changes nothing in it, but a copy is a copy.
      const input = structuredClone(args.input);
      return recorder.during({ to, command, input }, () => next(args));
    },
    { step: 'initialize', name: 'record' },
  );
}
