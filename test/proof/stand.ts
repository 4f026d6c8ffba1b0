/** Where a run is killed and finished: a function process behind a tap, on a model and a state of its own. */
import { join } from 'node:path';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect } from 'vitest';
import { createTable } from '../../src/adapters/dynamodb/dynamodb-table.ts';
import { reindex } from '../../src/adapters/dynamodb/reindex.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import type { SweepReport } from '../../src/app/sweep-report.ts';
import { dueAtMs } from '../../src/domain/record/due.ts';
import { isSent } from '../../src/domain/record/outbox.ts';
import { type Env, startFunction } from '../e2e/function-process.ts';
import { type Answer, isFailure } from '../e2e/reply.ts';
import type { Settings, World } from '../e2e/world.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { poll } from '../engines/poll.ts';
import { advancingClock, commitStrike, skippingClock } from './preloads.ts';
import { type StoredModel, storedInDynamoDB, storedInSQLite } from './stored.ts';
import { type Moment, startTap, type Tap } from './tap.ts';

export type StoreKind = 'dynamodb' | 'sqlite';

/**
 * Who finishes what was cut off: the caller's retries; the sweep, in time or when the claim is stale; the
 * sweep after the one before it was killed too.
 */
export type Finisher = 'retry' | 'sweep' | 'late sweep' | 'second sweep';

/** What a stand is made of. */
interface StandParts {
  readonly world: World;
  readonly dynamodb: DynamoDBClient;
  /** For SQLite files. */
  readonly folder: string;
  readonly store: StoreKind;
  readonly finisher: Finisher;
  readonly model: string;
  /** Beside the name of the model and the key. */
  readonly request: object;
  /** Address of what is called before and after the move. @default nothing is */
  readonly hooks?: string;
  readonly settings?: Settings;
  /** What is asked, where it is not the function that rolls back; the sweep is always that one's. */
  readonly bundle?: string;
  /** What a retry is answered at last. @default a rollback from 3 to 2 */
  readonly answer?: object;
}

/** Where one cell runs: a tap, a model and a state of its own, all in front of shared engines. */
export interface Stand {
  readonly tap: Tap;
  readonly model: string;
  readonly env: Env;
  /** What is asked, each time. */
  readonly request: object;
  readonly bundle: string | undefined;
  readonly answer: object;
  stored(): Promise<StoredModel>;
  close(): Promise<void>;
}

/** A process that is no more. */
export interface Crash {
  /** Resolves when the call that it died at has landed: for a late one, some time after. */
  landed(): Promise<unknown>;
}

/** What was done to finish it. */
export interface Finish {
  readonly how: string;
  readonly seconds: number;
}

export const HORIZON: Settings = { ROLLBACK_WRITE_HORIZON_SECONDS: '1' };

/** Of the invocation that is killed. Its lease ends with it: a second for the answer, one for the horizon. */
const REMAINING_MS = 20_000;
/** Where the lease is waited for in real time. */
const LATE_REMAINING_MS = 5_000;
const RETRY_REMAINING_MS = 30_000;
const FINISH_TIMEOUT_MS = 40_000;
const RETRY_PAUSE_MS = 400;
const SKIPPED_PAUSE_SECONDS = 4;
const SWEEPS_MAX = 6;

const rolledBack = {
  outcome: 'ROLLED_BACK',
  from_version: '3',
  to_version: '2',
  live_versions: ['2'],
  notified: true,
};

export async function openStand(parts: StandParts): Promise<Stand> {
  const { world, dynamodb, folder, store, finisher, model } = parts;
  const tap = await startTap({
    registry: engine('mlflow').url,
    store: engine('dynamodb').url,
    topic: engine('ministack').url,
    ...(parts.hooks === undefined ? {} : { hooks: parts.hooks }),
  });
  const name = uniqueName('crash');
  const tableName = finisher === 'retry' ? world.tableName : name;
  const file = join(folder, `${name}.sqlite`);
  if (store === 'dynamodb' && tableName === name) {
    // A sweep looks at all of a table.
    await createTable(dynamodb, name, systemClock);
  }
  if (store === 'dynamodb') await settleLayout(dynamodb, tableName);
  const env = world.env({
    ...HORIZON,
    ...parts.settings,
    MLFLOW_TRACKING_URI: tap.urls.registry,
    AWS_ENDPOINT_URL_DYNAMODB: tap.urls.store,
    AWS_ENDPOINT_URL_SNS: tap.urls.topic,
    ...(tap.urls.hooks === undefined
      ? {}
      : {
          ROLLBACK_SMOKE_CHECK: `${tap.urls.hooks}/smoke-check`,
          ROLLBACK_RELOAD: `${tap.urls.hooks}/reload`,
        }),
    ...(store === 'sqlite'
      ? { ROLLBACK_STORE: `sqlite:${file}`, ROLLBACK_STATE_TABLE: '' }
      : { ROLLBACK_STATE_TABLE: tableName }),
  });
  return {
    tap,
    model,
    env,
    request: { model_name: model, request_id: 'alarm-1', ...parts.request },
    bundle: parts.bundle,
    answer: parts.answer ?? rolledBack,
    stored: async () =>
      store === 'sqlite'
        ? storedInSQLite(file, model)
        : await storedInDynamoDB(dynamodb, tableName, model),
    close: () => tap.close(),
  };
}

/** Starts a process, sends it an event, and kills it at a call. */
export async function killAt(
  stand: Stand,
  { key, moment }: { readonly key: string; readonly moment: Moment },
  event: object,
  settings: Settings = {},
): Promise<Crash> {
  const [kind, nth] = key.split('#');
  const isCommit = kind === 'COMMIT';
  const strike =
    isCommit && moment !== 'late' ? commitStrike({ nth: Number(nth), moment }) : settings;
  const victim = await startFunction({ ...stand.env, ...strike }, stand.bundle);
  if (!isCommit) stand.tap.arm({ key, moment, act: () => victim.kill() });
  const remainingMs = moment === 'late' ? LATE_REMAINING_MS : REMAINING_MS;
  const reply = victim.invoke(event, { remainingMs });
  await expect(reply, `it was to be killed ${moment} ${key}`).rejects.toThrow('SIGKILL');
  return { landed: async () => (isCommit ? null : await stand.tap.struck()) };
}

/** The clock skips the waiting, unless the call that the run died at is still on its way. */
export async function retryUntilAnswered(
  stand: Stand,
  { moment }: { readonly moment: Moment },
): Promise<Finish> {
  const startMs = performance.now();
  const isReal = moment === 'late';
  const settings = isReal ? {} : skippingClock(SKIPPED_PAUSE_SECONDS);
  const process = await startFunction({ ...stand.env, ...settings }, stand.bundle);
  let busy = 0;
  try {
    const reply = await poll(
      async () => await process.invoke(stand.request, { remainingMs: RETRY_REMAINING_MS }),
      (reply) => {
        if (!isFailure(reply)) return true;
        busy += 1;
        expect(reply.errorType, reply.message).toBe('RollbackInProgressError');
        return false;
      },
      { timeoutMs: FINISH_TIMEOUT_MS, pauseMs: isReal ? RETRY_PAUSE_MS : 0 },
    );
    const answer = reply as Answer;
    expect(answer).toMatchObject(stand.answer);
    const how = answer.replayed ? 'replayed' : 'done';
    const seconds = (performance.now() - startMs) / 1_000;
    return { how: `${busy} x busy, then ${how}`, seconds };
  } finally {
    await process.kill();
  }
}

export async function sweepUntilNothingIsDue(stand: Stand, finisher: Finisher): Promise<Finish> {
  const startMs = performance.now();
  // A claim is stale after 15 minutes. The sweep before a second one had a clock of 2 minutes.
  const minutes = finisher === 'late sweep' ? 20 : finisher === 'sweep' ? 2 : 4;
  const process = await startFunction({ ...stand.env, ...advancingClock(minutes) });
  const done: string[] = [];
  try {
    for (let sweeps = 0; ; sweeps += 1) {
      const { records, notices } = await stand.stored();
      const isDone = records.every((record) => dueAtMs(record) === null) && notices.every(isSent);
      if (sweeps > 0 && isDone) break;
      expect(sweeps, 'sweeps').toBeLessThan(SWEEPS_MAX);
      const swept = (await process.invoke({ sweep: true })) as unknown as SweepReport;
      expect(swept).toMatchObject({ outcome: 'SWEPT', failed: [], pointers_differ: 0, skipped: 0 });
      done.push(
        ...(swept.resumed > 0 ? ['resumed'] : []),
        ...(swept.notices_sent > 0 ? ['notice sent'] : []),
        ...(swept.pointers_checked > 0 ? ['pointer checked'] : []),
        ...(swept.reloads_retried > 0 ? ['reload called again'] : []),
      );
    }
    const seconds = (performance.now() - startMs) / 1_000;
    return { how: done.length === 0 ? 'nothing due' : done.join(', '), seconds };
  } finally {
    await process.kill();
  }
}

const settled = new Set<string>();

/** The first write to a table finds out where index entries go, with calls that no later write makes. */
async function settleLayout(dynamodb: DynamoDBClient, tableName: string): Promise<void> {
  if (settled.has(tableName)) return;
  settled.add(tableName);
  const parts = { clock: systemClock, identity: systemIdentity };
  const onProgress = (): void => undefined;
  await reindex(dynamodb, parts, { tableName, workspace: '', layout: 'sharded', onProgress });
}
