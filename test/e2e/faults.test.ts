/**
 * Faults of the registry, rivals and sudden deaths, at exact moments: the embedded registry, which can
 * be told to misbehave, before the built function and the built command on a real table and topic.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fault, FaultSource } from '../../src/embedded/fault.ts';
import { type RegistryServer, startRegistryServer } from '../../src/embedded/registry-server.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { poll } from '../engines/poll.ts';
import { runCommand } from './command.ts';
import { type Env, type FunctionProcess, startFunction } from './function-process.ts';
import { type Answer, answerIn, failureIn, isFailure, type Reply } from './reply.ts';
import { type Ask, commandWay, functionWay, type Way } from './ways.ts';
import { createWorld, isEngineMissing, type Settings, suiteTitle, type World } from './world.ts';

/** A registered model on an embedded registry: 3 is live and displaced 2; 4 is new. */
interface Stand {
  readonly registry: RegistryServer;
  readonly rival: MLflowAdmin;
  readonly model: string;
  readonly settings: Settings;
  /** How many calls moved, or tried to move, a version to Production. */
  moves(version: string): number;
  live(): Promise<readonly string[]>;
}

const RETRY_TIMEOUT_MS = 20_000;
/** Of an invocation that is cut off: its lease ends with it. Enough to get to the move, on a busy machine too. */
const REMAINING_MS = 7_000;

let world: World;
const ways: Way[] = [];
const open: { close(): Promise<unknown> }[] = [];

describe.skipIf(isEngineMissing)(suiteTitle('a rollback'), () => {
  beforeAll(async () => {
    world = await createWorld();
    ways.push(functionWay(world), commandWay(world));
    open.push(...ways);
  });
  afterAll(() => Promise.all(open.map((one) => one.close())));

  describe.each([
    { name: 'function', index: 0 },
    { name: 'command', index: 1 },
  ])('by the $name', ({ index }) => {
    let stand: Stand;
    let way: Way;

    beforeAll(async () => {
      stand = await openStand();
      way = ways[index] ?? expect.fail('no such way');
    });

    /** Each test has a model of its own on the same server. */
    function fresh(fault: (stand: Stand) => FaultSource): Stand {
      const { registry } = stand;
      const own: Stand = { ...stand, ...standOn(registry) };
      registry.requests.splice(0);
      registry.fault = fault(own);
      return own;
    }
    const ask = (own: Stand, request: Partial<Ask> = {}): Promise<Reply> =>
      way.ask({ model_name: own.model, request_id: uniqueName('key'), ...request }, own.settings);

    test('is told by a look when the answer to the move is lost', async () => {
      const own = fresh(() => on('transition-stage', 1, { kind: 'lose-answer' }));

      const answer = answerIn(await ask(own));

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '3', to_version: '2' });
      expect(own.moves('2')).toBe(1);
      expect(await own.live()).toEqual(['2']);
      await expectOneCommit(own, answer);
    });

    test('moves once more when the registry answers the move with 503', async () => {
      const own = fresh(() => on('transition-stage', 1, outage()));

      const answer = answerIn(await ask(own));

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
      expect(own.moves('2')).toBe(2);
      expect(await own.live()).toEqual(['2']);
      await expectOneCommit(own, answer);
    });

    test('gives up after the second 503, and the same key goes on later', async () => {
      const own = fresh(() => always('transition-stage', outage()));
      const request_id = uniqueName('key');

      const failure = failureIn(await ask(own, { request_id }));
      expect(failure.errorType).toBe('RegistryUnavailableError');
      expect(own.moves('2')).toBe(2);
      expect(await own.live()).toEqual(['3']);

      own.registry.fault = undefined;
      const answer = await untilAnswered(() => ask(own, { request_id }));
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
      await expectOneCommit(own, answer);
    });

    test('does not repeat a move that nobody answered, and the same key goes on later', async () => {
      const reset = fresh(() => on('transition-stage', 1, { kind: 'reset' }));
      // Long enough for a second process to find the lease alive.
      const settings = { ...reset.settings, ROLLBACK_WRITE_HORIZON_SECONDS: '6' };
      const own = { ...reset, settings };
      const request_id = uniqueName('key');

      const failure = failureIn(await ask(own, { request_id }));
      expect(failure.errorType).toBe('RegistryUnavailableError');
      expect(own.moves('2')).toBe(1);

      const early = failureIn(await ask(own, { request_id }));
      expect(early.errorType).toBe('RollbackInProgressError');
      const answer = await untilAnswered(() => ask(own, { request_id }));
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
      expect(own.moves('2')).toBe(2);
      await expectOneCommit(own, answer);
    });

    test('commits later without a second move when the registry went away after the first', async () => {
      let isDown = false;
      const own = fresh(() => (request) => {
        if (isDown) return outage();
        isDown = request.path.endsWith('/transition-stage');
        return undefined;
      });
      const request_id = uniqueName('key');

      const failure = failureIn(await ask(own, { request_id }));
      expect(failure.errorType).toBe('RegistryUnavailableError');

      own.registry.fault = undefined;
      const answer = await untilAnswered(() => ask(own, { request_id }));
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
      expect(own.moves('2')).toBe(1);
      await expectOneCommit(own, answer);
    });

    test('fails when the move is refused; that costs no cooldown', async () => {
      const own = fresh(() =>
        on('transition-stage', 1, {
          kind: 'status',
          status: 403,
          body: '{"error_code":"PERMISSION_DENIED","message":"Permission denied"}',
        }),
      );

      const failure = failureIn(await ask(own));

      expect(failure.errorType).toBe('RegistryRefusedError');
      expect(failure.message).toMatch(/403 PERMISSION_DENIED.*permission EDIT/);
      expect(await own.live()).toEqual(['3']);
      const [failed, ...others] = await world.history(own.model);
      expect(others).toEqual([]);
      expect(failed).toMatchObject({ outcome: 'FAILED', notified: true, live_versions: ['3'] });
      expect(await subjects(own)).toEqual(['Model Rollback failed']);

      const answer = answerIn(await ask(own));
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
    });

    test('names a promotion that its own move displaced', async () => {
      const own = fresh((own) =>
        on('transition-stage', 1, { kind: 'before', run: () => promote(own, '4', true) }),
      );

      const answer = answerIn(await ask(own));

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '3', to_version: '2' });
      const warning = answer.warnings.find(({ code }) => code === 'DISPLACED_NEWER');
      expect(warning?.message).toMatch(/version 4.*not in quarantine.*--to 4/);
      expect(await own.live()).toEqual(['2']);
      await expectOneCommit(own, answer);
      const [notice] = await world.notices(own.model);
      expect(notice?.message['warnings']).toEqual(answer.warnings);
      expect(await quarantined(own)).toEqual(['3']);
    });

    test('is contested when somebody promotes after its move, and does not fight', async () => {
      const own = fresh((own) =>
        on('transition-stage', 1, { kind: 'after', run: () => promote(own, '4', true) }),
      );

      const answer = answerIn(await ask(own));

      expect(answer).toMatchObject({
        rolled_back: false,
        outcome: 'CONTESTED',
        live_versions: ['4'],
      });
      expect(own.moves('2')).toBe(1);
      expect(await own.live()).toEqual(['4']);
      expect(await world.history(own.model)).toEqual([answer]);
      expect(await subjects(own)).toEqual(['Model Rollback contested']);
      // Our move landed: the cooldown runs, and 3 stays where it is.
      expect(await quarantined(own)).toEqual(['3']);
      const next = answerIn(await ask(own));
      expect(next.refusals.map(({ code }) => code)).toEqual(['COOLDOWN']);
    });

    test('is contested when somebody promotes beside its move', async () => {
      const own = fresh((own) =>
        on('transition-stage', 1, { kind: 'after', run: () => promote(own, '4', false) }),
      );

      const answer = answerIn(await ask(own));

      expect(answer.outcome).toBe('CONTESTED');
      expect([...answer.live_versions].sort()).toEqual(['2', '4']);
      expect(own.moves('2')).toBe(1);
      expect(await own.live()).toEqual(['2', '4']);
    });

    test('is contested without a move when somebody promotes before it', async () => {
      const own = fresh((own) =>
        on('search', 2, { kind: 'before', run: () => promote(own, '4', true) }),
      );

      const answer = answerIn(await ask(own));

      expect(answer).toMatchObject({ outcome: 'CONTESTED', live_versions: ['4'] });
      expect(answer.message).toMatch(/moved nothing/);
      expect(own.moves('2')).toBe(0);
      expect(await own.live()).toEqual(['4']);
      expect(await subjects(own)).toEqual(['Model Rollback contested']);
      expect(await quarantined(own)).toEqual([]);
      const next = answerIn(await ask(own, { target_version: '1' }));
      expect(next).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '4' });
    });

    test('fails without a move when the target vanishes before it', async () => {
      const own = fresh((own) =>
        on('search', 2, { kind: 'before', run: () => own.rival.deleteVersion(own.model, '2') }),
      );

      const answer = answerIn(await ask(own));

      expect(answer).toMatchObject({ rolled_back: false, outcome: 'FAILED' });
      expect(answer.message).toMatch(/Version 2 was changed or deleted/);
      expect(own.moves('2')).toBe(0);
      expect(await own.live()).toEqual(['3']);
      expect(answerIn(await ask(own))).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '1' });
    });

    test('says so, and is done, when the tags cannot be written', async () => {
      const own = fresh(() => always('set-tag', { kind: 'status', status: 500, body: 'no' }));

      const answer = answerIn(await ask(own));

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', notified: true });
      expect(answer.warnings.map(({ code }) => code)).toEqual(['TAG_NOT_WRITTEN']);
      expect(await own.live()).toEqual(['2']);
    });
  });

  describe.concurrent('whose function is killed', () => {
    test('before the move is finished by a retry after the lease', async () => {
      const stand = await openStand();
      const { retry, killed } = await killedAt(stand, (die) =>
        on('search', 2, { kind: 'before', run: die }),
      );
      expect(await killed).toMatch(/SIGKILL/);
      expect(stand.moves('2')).toBe(0);

      const early = failureIn(await retry());
      expect(early.errorType).toBe('RollbackInProgressError');
      const answer = await untilAnswered(retry);

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '3', to_version: '2' });
      expect(stand.moves('2')).toBe(1);
      await expectOneCommit(stand, answer);
    });

    test('between move and commit is finished by a retry after the lease', async () => {
      const stand = await openStand();
      const { retry, killed } = await killedAt(stand, (die) =>
        on('transition-stage', 1, { kind: 'after', run: die }),
      );
      expect(await killed).toMatch(/SIGKILL/);
      expect(await stand.live()).toEqual(['2']);

      const early = failureIn(await retry());
      expect(early.errorType).toBe('RollbackInProgressError');
      const answer = await untilAnswered(retry);

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '3', to_version: '2' });
      expect(stand.moves('2')).toBe(1);
      await expectOneCommit(stand, answer);
    });

    test('between move and commit is finished for the request of somebody else, too', async () => {
      const stand = await openStand();
      const { process, killed } = await killedAt(stand, (die) =>
        on('transition-stage', 1, { kind: 'after', run: die }),
      );
      expect(await killed).toMatch(/SIGKILL/);

      const other = { model_name: stand.model, request_id: uniqueName('other') };
      const refused = await untilAnswered(() => process.invoke(other));

      expect(refused).toMatchObject({ outcome: 'REFUSED', from_version: '2' });
      expect(refused.refusals.map(({ code }) => code)).toEqual(['COOLDOWN']);
      expect((await world.history(stand.model)).map(({ outcome }) => outcome)).toEqual([
        'REFUSED',
        'ROLLED_BACK',
      ]);
      expect(stand.moves('2')).toBe(1);
      expect((await subjects(stand)).toSorted()).toEqual([
        'Model Rollback',
        'Model Rollback refused',
      ]);
    });

    test.each<{ name: string; sweep: (process: FunctionProcess, env: Env) => Promise<unknown> }>([
      { name: 'function', sweep: (process) => process.invoke({ sweep: true }) },
      { name: 'command', sweep: (_, env) => runCommand(['sweep', '--json'], env) },
    ])('between move and commit is finished by the sweep of the $name', async ({ sweep }) => {
      // A table of its own: a sweep takes whatever is due.
      const table: Settings = { ROLLBACK_STATE_TABLE: uniqueName('swept') };
      await runCommand(['create-table'], world.env(table));
      const stand = await openStand(table);
      const { process, killed } = await killedAt(stand, (die) =>
        on('transition-stage', 1, { kind: 'after', run: die }),
      );
      expect(await killed).toMatch(/SIGKILL/);

      const history = await poll(
        async () => {
          await sweep(process, world.env(stand.settings));
          return await world.history(stand.model, table);
        },
        ([record]) => record?.outcome === 'ROLLED_BACK',
        { timeoutMs: RETRY_TIMEOUT_MS },
      );

      expect(history).toMatchObject([{ to_version: '2', notified: true }]);
      expect(stand.moves('2')).toBe(1);
      expect(await subjects(stand)).toEqual(['Model Rollback']);
    });

    test('between move and commit is contested when somebody promoted meanwhile', async () => {
      const stand = await openStand();
      const { retry, killed } = await killedAt(stand, (die) =>
        on('transition-stage', 1, { kind: 'after', run: die }),
      );
      expect(await killed).toMatch(/SIGKILL/);
      await promote(stand, '4', true);

      const answer = await untilAnswered(retry);

      expect(answer).toMatchObject({ outcome: 'CONTESTED', live_versions: ['4'] });
      expect(await stand.live()).toEqual(['4']);
      expect(stand.moves('2')).toBe(1);
      expect(await quarantined(stand)).toEqual(['3']);
    });

    test('between commit and notice has its notice sent by a retry', async () => {
      const stand = await openStand();
      await using topic = await topicServer({ forwardsTo: null });
      const { retry, killed } = await killedAt(
        stand,
        (die) => {
          topic.onNotice = die;
          return () => undefined;
        },
        { AWS_ENDPOINT_URL_SNS: topic.url },
      );
      expect(await killed).toMatch(/SIGKILL/);
      expect(await subjects(stand)).toEqual([]);
      const [record] = await world.history(stand.model);
      expect(record).toMatchObject({ outcome: 'ROLLED_BACK', notified: false });

      const answer = await untilAnswered(retry);

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', replayed: true, notified: true });
      expect(answer.timestamp).toBe(record?.timestamp);
      expect(await subjects(stand)).toEqual(['Model Rollback']);
      expect(stand.moves('2')).toBe(1);
    });

    test('between notice and its mark may send it twice, under one rollback_id', async () => {
      const stand = await openStand();
      await using topic = await topicServer({ forwardsTo: engine('ministack').url });
      const { retry, killed } = await killedAt(
        stand,
        (die) => {
          topic.onNotice = die;
          return () => undefined;
        },
        { AWS_ENDPOINT_URL_SNS: topic.url },
      );
      expect(await killed).toMatch(/SIGKILL/);
      expect(await subjects(stand)).toEqual(['Model Rollback']);

      const answer = await untilAnswered(retry);

      expect(answer).toMatchObject({ replayed: true, notified: true });
      const notices = await world.notices(stand.model);
      expect(notices).toHaveLength(2);
      expect(new Set(notices.map(({ message }) => message['rollback_id'])).size).toBe(1);
    });
  });

  test.concurrent('ends before the function does when the move is never answered', async () => {
    const stand = await openStand();
    stand.registry.fault = always('transition-stage', { kind: 'hang' });
    const process = await startFunction(world.env(stand.settings));
    open.push({ close: process.kill });
    const event = { model_name: stand.model, request_id: uniqueName('key') };
    const startedAt = performance.now();

    const failure = failureIn(await process.invoke(event, { remainingMs: REMAINING_MS }));

    expect(performance.now() - startedAt).toBeLessThan(REMAINING_MS);
    expect(failure.errorType).toBe('RegistryUnavailableError');
    expect(stand.moves('2')).toBe(1);
    stand.registry.fault = undefined;
    const answer = await untilAnswered(() => process.invoke(event));
    expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
    await expectOneCommit(stand, answer);
  });
});

// ---------------------------------------------------------------------------------------------------

async function openStand(settings: Settings = {}): Promise<Stand> {
  const registry = await startRegistryServer();
  open.push(registry);
  return standOn(registry, settings);
}

function standOn(registry: RegistryServer, settings: Settings = {}): Stand {
  const model = uniqueName('stand');
  registry.seed(model, [
    { stage: 'Archived', lastUpdatedTimestamp: 1_000 },
    { stage: 'Archived', lastUpdatedTimestamp: 2_000 },
    { stage: 'Production', lastUpdatedTimestamp: 2_000 },
    { stage: 'None', lastUpdatedTimestamp: 3_000 },
  ]);
  const rival = new MLflowAdmin(registry.url);
  return {
    registry,
    rival,
    model,
    // The least that is allowed: whoever is cut off is taken over soon.
    settings: {
      MLFLOW_TRACKING_URI: registry.url,
      ROLLBACK_WRITE_HORIZON_SECONDS: '1',
      ...settings,
    },
    moves: (version) =>
      registry.requests.filter(({ path, body }) => {
        const move = body as { readonly name?: string; readonly version?: string } | undefined;
        const isMine = move?.name === model && move.version === version;
        return path.endsWith('/transition-stage') && isMine;
      }).length,
    live: () => rival.liveVersions(model),
  };
}

/** The nth call of this name, from 1, goes wrong. */
function on(call: string, nth: number, fault: Fault): FaultSource {
  let seen = 0;
  return ({ path }) => {
    if (!path.endsWith(`/${call}`)) return undefined;
    seen += 1;
    return seen === nth ? fault : undefined;
  };
}

function always(call: string, fault: Fault): FaultSource {
  return ({ path }) => (path.endsWith(`/${call}`) ? fault : undefined);
}

function outage(): Fault {
  return {
    kind: 'status',
    status: 503,
    body: '{"error_code":"TEMPORARILY_UNAVAILABLE","message":"try again"}',
  };
}

async function promote(stand: Stand, version: string, archiveExisting: boolean): Promise<void> {
  await stand.rival.transition(stand.model, version, 'Production', archiveExisting);
}

/** Sends one request to a process that dies on the way, and gives the means to send it again. */
async function killedAt(
  stand: Stand,
  faultOf: (die: () => Promise<void>) => FaultSource,
  settings: Settings = {},
): Promise<{
  readonly killed: Promise<string>;
  readonly process: FunctionProcess;
  retry(): Promise<Reply>;
}> {
  const event = { model_name: stand.model, request_id: uniqueName('key') };
  const [victim, process] = await Promise.all([
    startFunction(world.env({ ...stand.settings, ...settings })),
    startFunction(world.env(stand.settings)),
  ]);
  open.push({ close: victim.kill }, { close: process.kill });
  stand.registry.fault = faultOf(() => victim.kill());
  // Little time is left to it, so its lease is short.
  const killed = victim.invoke(event, { remainingMs: REMAINING_MS }).then(
    (reply) => `it was not killed: ${JSON.stringify(reply)}`,
    (error: unknown) => String(error),
  );
  await killed;
  return { killed, process, retry: () => process.invoke(event) };
}

/** A caller that tries again as long as it is told to. */
async function untilAnswered(ask: () => Promise<Reply>): Promise<Answer> {
  const reply = await poll(
    ask,
    (reply) => !(isFailure(reply) && reply.errorType === 'RollbackInProgressError'),
    { timeoutMs: RETRY_TIMEOUT_MS },
  );
  return answerIn(reply);
}

async function expectOneCommit(stand: Stand, answer: Answer): Promise<void> {
  expect(await stand.live()).toEqual([answer.to_version]);
  const history = await world.history(stand.model);
  expect(history).toHaveLength(1);
  expect(history[0]).toMatchObject({
    outcome: 'ROLLED_BACK',
    rollback_id: answer.rollback_id,
    timestamp: answer.timestamp,
    notified: true,
  });
  expect(await subjects(stand)).toEqual(['Model Rollback']);
}

/** The subjects of all notices so far, without the name. */
async function subjects({ model }: Stand): Promise<string[]> {
  const notices = await world.notices(model);
  return notices.map(({ subject }) => subject.replace(`: ${model}`, ''));
}

async function quarantined({ model, settings }: Stand): Promise<string[]> {
  const { json } = await runCommand(['status', model, '--json'], world.env(settings));
  const status = json as { readonly quarantined: readonly { readonly version: string }[] };
  return status.quarantined.map(({ version }) => version);
}

interface TopicServer extends AsyncDisposable {
  readonly url: string;
  /** Called when a notice has come (and was forwarded); no answer is ever sent. */
  onNotice: () => Promise<void>;
}

/** Stands where SNS is, for a publisher that dies while it waits for the answer. */
async function topicServer({
  forwardsTo,
}: {
  readonly forwardsTo: string | null;
}): Promise<TopicServer> {
  const server = createServer(async (request) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (forwardsTo !== null) {
      const headers = Object.entries(request.headers).flatMap(([name, value]) =>
        typeof value === 'string' && !/^(host|connection|content-length)$/.test(name)
          ? [[name, value] satisfies [string, string]]
          : [],
      );
      await fetch(forwardsTo, { method: 'POST', headers, body: Buffer.concat(chunks) });
    }
    await topic.onNotice();
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const topic: TopicServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    onNotice: async () => undefined,
    [Symbol.asyncDispose]: async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
  return topic;
}
