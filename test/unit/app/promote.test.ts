/** A promotion: what it makes live, what keeps it from that, and what it leaves for a rollback. */
import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryEvidenceStore } from '../../../src/adapters/memory/memory-evidence-store.ts';
import { canPromote } from '../../../src/app/can-promote.ts';
import type { RollbackDeps, RollbackSettings } from '../../../src/app/deps.ts';
import { promote } from '../../../src/app/promote.ts';
import { runOperation } from '../../../src/app/run-operation.ts';
import { sweep } from '../../../src/app/sweep.ts';
import { undoRequest } from '../../../src/app/undo.ts';
import { briefOf } from '../../../src/domain/answer/brief.ts';
import type { PromotionResponse } from '../../../src/domain/answer/promotion.ts';
import { RegistryUnavailableError } from '../../../src/domain/errors.ts';
import { encodeRecord, encodeState } from '../../../src/domain/record/stored-item.ts';
import { parseOperation } from '../../../src/domain/request/operation.ts';
import { parsePromotion } from '../../../src/domain/request/promotion-request.ts';
import type { ModelState } from '../../../src/domain/state/model-state.ts';
import { pointerState } from '../../../src/domain/state/pointer-state.ts';
import { isQuarantined } from '../../../src/domain/state/quarantine.ts';
import { httpHook, late, no, RecordingHooks, yes } from '../../fakes/hooks.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const minuteMs = 60_000;
let world: World;
let evidence: MemoryEvidenceStore;
let invocations = 0;

function newWorld(settings: Partial<RollbackSettings> = {}): void {
  world = makeWorld(settings);
  evidence = new MemoryEvidenceStore(new Map(), world.deps.identity);
  world.seed('m', ['Archived', 'Archived', 'Production', 'Staging']);
}

beforeEach(() => newWorld());

const ask = async (fields: object = {}, deps = world.deps): Promise<PromotionResponse> => {
  invocations += 1;
  const { request, warnings } = parsePromotion({
    model_name: 'm',
    requested_by: 'ada',
    ...fields,
  });
  const call = { request, warnings, invocationId: `promotion ${invocations}` };
  return await promote({ ...deps, evidence }, { ...call, deadline: world.deadline() });
};
const roll = (fields: object = {}) => world.ask({ model_name: 'm', ...fields });
const live = async (): Promise<string[]> =>
  (await world.registry.read('m')).live.map(({ version }) => version);
const stateOf = async (): Promise<ModelState> => {
  const { state } = await world.store.read('m', null, world.deadline());
  if (state === undefined) throw new Error('no state');
  return state;
};
const operate = async (fields: object): Promise<void> => {
  const given = { model_name: 'm', reason: 'why', requested_by: 'ada', ...fields };
  const operation = parseOperation(given, world.clock.nowMs());
  await runOperation(world.deps, operation, world.deadline());
};
const lost = new RegistryUnavailableError('lost');

describe('promote', () => {
  test('answers with the seven fields of promote-model, and more', async () => {
    const answer = await ask();
    expect(Object.entries(answer).slice(0, 7)).toEqual([
      ['promoted', true],
      ['already_promoted', false],
      ['model_name', 'm'],
      ['new_version', '4'],
      ['new_stage', 'Production'],
      ['archived_version', '3'],
      ['reason', null],
    ]);
    expect(answer).toMatchObject({
      outcome: 'PROMOTED',
      promotes: true,
      pointer: 'stage:Production',
      requested_by: 'ada',
      live_versions: ['4'],
      notified: true,
      plan: { verdict: 'PROMOTED', rule: 'latest-staging' },
    });
    expect(await live()).toEqual(['4']);
  });

  test('takes the version that is named', async () => {
    world.registry.register('m');
    expect(await ask({ new_version: '5' })).toMatchObject({ promoted: true, new_version: '5' });
    expect(await live()).toEqual(['5']);
  });

  test('takes the latest in Staging before the alias challenger, and that where there is none', async () => {
    world.registry.register('m');
    world.registry.setAlias('m', 'challenger', '5');
    expect(await ask({ dry_run: true })).toMatchObject({ new_version: '4', promoted: false });
    world.registry.transition('m', '4', 'Archived', false);
    expect(await ask()).toMatchObject({ promoted: true, new_version: '5' });
  });

  test('takes the alias challenger first where an alias is moved', async () => {
    world.registry.register('m');
    world.registry.setAlias('m', 'challenger', '5');
    world.registry.setAlias('m', 'champion', '3');
    const answer = await ask({ pointer: 'alias:champion' });
    expect(answer).toMatchObject({
      promoted: true,
      new_version: '5',
      new_stage: 'champion',
      archived_version: '3',
      pointer: 'alias:champion',
      plan: { rule: 'challenger-alias' },
    });
  });

  test('says as promote-model does that nothing is in Staging', async () => {
    world.registry.transition('m', '4', 'Archived', false);
    expect(await ask()).toMatchObject({
      promoted: false,
      already_promoted: false,
      new_version: null,
      new_stage: null,
      archived_version: null,
      reason: 'No Staging version found',
      outcome: 'NO_TARGET',
    });
    const [record] = await world.records('m');
    expect(record?.progress).toMatchObject({ status: 'NO_TARGET' });
    expect(world.notifier.sent).toEqual([]);
  });

  test('does not go back to what was left in Staging when a caller asks again', async () => {
    world.registry.register('m');
    world.registry.transition('m', '5', 'Staging', false);
    expect(await ask()).toMatchObject({ promoted: true, new_version: '5' });
    const again = await ask();
    expect(again).toMatchObject({ promoted: true, already_promoted: true, new_version: '5' });
    world.clock.advance(16 * minuteMs);
    expect(await ask()).toMatchObject({
      promoted: false,
      reason: 'No Staging version found that is newer than the live version 5',
    });
    expect(await live()).toEqual(['5']);
  });

  test('finds what is in Staging, however many versions changed since', async () => {
    for (let index = 0; index < 150; index += 1) world.registry.register('m');
    expect(await ask()).toMatchObject({ promoted: true, new_version: '4' });
  });

  test('says that a version is live already, and moves nothing', async () => {
    expect(await ask({ new_version: '3' })).toMatchObject({
      promoted: true,
      already_promoted: true,
      new_version: '3',
      new_stage: 'Production',
      archived_version: null,
      reason: 'Version 3 is already the only live version. Nothing to do.',
    });
    expect(await live()).toEqual(['3']);
  });

  test('promotes the first version of a pointer that nothing uses', async () => {
    const answer = await ask({ pointer: 'alias:blue', new_version: '2' });
    expect(answer).toMatchObject({ promoted: true, archived_version: null, new_stage: 'blue' });
  });

  test('with a key acts once, and is answered again from its record', async () => {
    const first = await ask({ request_id: 'k' });
    const again = await ask({ request_id: 'k' });
    expect(again).toMatchObject({ promoted: true, replayed: true, rollback_id: first.rollback_id });
    await roll();
    expect(await ask({ request_id: 'k' })).toMatchObject({ promoted: true, replayed: true });
    expect(await live()).toEqual(['3']);
  });

  test('has keys of its own: a state machine may use one for the promotion and the rollback', async () => {
    await ask({ request_id: 'k' });
    expect(await roll({ request_id: 'k' })).toMatchObject({ rolled_back: true, to_version: '3' });
  });

  test('previews, and writes nothing', async () => {
    const answer = await ask({ dry_run: true });
    expect(answer).toMatchObject({ outcome: 'DRY_RUN', promoted: false, new_version: '4' });
    expect(answer.reason).toBe('stage:Production would move from 3 to 4.');
    expect(await world.records()).toEqual([]);
    expect(await live()).toEqual(['3']);
  });

  test.each([
    [{ dry_rum: true }, 'did you mean "dry_run"'],
    [{ preview: true }, 'sounds like a preview'],
    [{ new_version: 4 }, 'new_version must be'],
    [{ new_version: '04' }, 'without leading zero'],
    [{ model_name: null }, 'model_name is missing'],
  ])('refuses %o', (fields, message) => {
    expect(() => parsePromotion({ model_name: 'm', ...fields })).toThrow(message);
  });

  test('takes the confidence that compare-models hands on', () => {
    const { warnings } = parsePromotion({ model_name: 'm', confidence: 0.9, other: 1 });
    expect(warnings).toMatchObject([{ code: 'UNKNOWN_FIELDS' }]);
    expect(warnings[0]?.message).not.toContain('confidence');
  });
});

describe('what a promotion leaves', () => {
  test('is a record, a notice and an entry of the live log that say what it is', async () => {
    const { rollback_id: id } = await ask();
    const [record] = await world.records('m');
    expect(record).toMatchObject({
      request: { promotes: true },
      progress: { status: 'PROMOTED', hasMoved: true },
    });
    const [notice] = world.notifier.sent;
    expect(notice?.subject).toBe('Model Rollback promoted: m');
    expect(notice?.message).toMatchObject({ outcome: 'PROMOTED', promotes: true });
    expect(notice?.message.text).toContain('moved from 3 to 4');
    expect(notice?.message.text).toContain('model-rollback apply m --to 3');
    expect(notice?.message.text).not.toContain('undo');
    if (notice === undefined) throw new Error('no notice');
    const brief = briefOf(notice);
    expect(brief.event).toBe('Promotion Completed');
    expect(brief.steps.map(({ command }) => command.split(' ')[1])).toEqual(['explain']);
    const { entries } = await world.store.listLive('m', world.deadline());
    expect(entries[0]).toMatchObject({ version: '4', how: 'promoted', source: id });
  });

  test('is no rollback: no commit, no cooldown, no budget, no quarantine', async () => {
    await ask();
    const state = await stateOf();
    expect(state).toMatchObject({ lastCommit: null, lastEnd: null, rollbackCount: 0 });
    expect(state.recentCommits).toEqual([]);
    expect(isQuarantined(state, { version: '3', createdAtMs: 0 })).toBe(false);
    expect(await roll()).toMatchObject({ rolled_back: true, from_version: '4', to_version: '3' });
  });

  test('pauses no automation, also where the rollbacks before it are more than a new budget', async () => {
    newWorld({ cooldownMs: 0 });
    await roll({ target_version: '2' });
    await roll({ target_version: '1' });
    await operate({ operation: 'policy-set', policy: { budget: '1/7d' } });
    expect(await ask({ new_version: '4' })).toMatchObject({ promoted: true, warnings: [] });
    expect((await stateOf()).pause).toBeNull();
  });

  test('leaves one live version where two were', async () => {
    world.registry.transition('m', '2', 'Production', false);
    expect(await ask({ new_version: '3' })).toMatchObject({
      outcome: 'PROMOTED',
      already_promoted: false,
      archived_version: '2',
    });
    expect(await live()).toEqual(['3']);
  });

  test('is what a rollback goes back to, exactly', async () => {
    world.registry.setAlias('m', 'champion', '1');
    await ask({ pointer: 'alias:champion', new_version: '4' });
    const answer = await roll({ pointer: 'alias:champion' });
    expect(answer).toMatchObject({ rolled_back: true, from_version: '4', to_version: '1' });
    expect(answer.plan?.rule).toBe('recorded');
    expect(answer.warnings).toEqual([]);
  });

  test('leaves the retry of an earlier rollback its answer', async () => {
    newWorld({ cooldownMs: 0 });
    const first = await roll();
    await ask();
    expect(await roll()).toMatchObject({ replayed: true, rollback_id: first.rollback_id });
    expect(await live()).toEqual(['4']);
  });

  test('can be read by release 0.1.0 where it is state, and not where it is a record', async () => {
    await ask();
    const [record] = await world.records('m');
    if (record === undefined) throw new Error('no record');
    expect(JSON.parse(encodeState(await stateOf()))).toMatchObject({ schema: 1 });
    expect(JSON.parse(encodeRecord(record))).toMatchObject({ schema: 2, min_reader: 4 });
  });

  test('is as it was left when the pointer is read again', async () => {
    await ask();
    world.clock.advance(5 * minuteMs);
    expect(await sweep(world.deps, world.deadline())).toMatchObject({
      pointers_checked: 1,
      pointers_differ: 0,
      failed: [],
    });
  });

  test('explains why the pointer is not as an earlier run left it', async () => {
    world.registry.transition('m', '4', 'None', false);
    await ask({ new_version: '4' });
    world.registry.register('m');
    await ask({ new_version: '5' });
    world.clock.advance(5 * minuteMs);
    expect(await sweep(world.deps, world.deadline())).toMatchObject({
      pointers_checked: 2,
      pointers_differ: 0,
    });
    expect(world.notifier.sent).toHaveLength(2);
  });

  test('is reported when somebody moved the pointer since', async () => {
    await ask();
    world.registry.transition('m', '1', 'Production', true);
    world.clock.advance(5 * minuteMs);
    expect(await sweep(world.deps, world.deadline())).toMatchObject({ pointers_differ: 1 });
    const notice = world.notifier.sent.at(-1);
    expect(notice?.subject).toBe('Model Rollback pointer differs: m');
    expect(notice?.message.warnings).toMatchObject([
      {
        code: 'POINTER_DIFFERS',
        message: expect.stringContaining('was not 4 any more: live is 1'),
      },
    ]);
  });

  test('is not undone, but rolled back', async () => {
    await roll();
    const { rollback_id: id } = await ask({ new_version: '4' });
    const undo = { overrides: [], requestedBy: 'ada' };
    for (const what of ['m', id ?? '']) {
      await expect(undoRequest(world.deps, { ...undo, what }, world.deadline())).rejects.toThrow(
        'model-rollback apply m --to 2 --pointer stage:Production',
      );
    }
  });

  test('lets an earlier rollback be neither undone nor called a success', async () => {
    const { rollback_id: id } = await roll();
    await ask({ new_version: '4' });
    const undo = { what: id ?? '', overrides: [], requestedBy: 'ada' };
    await expect(undoRequest(world.deps, undo, world.deadline())).rejects.toThrow('is a promotion');
  });

  test('makes servers reload, and asks again where they do not confirm it', async () => {
    const hooks = new RecordingHooks();
    hooks.answer = () => late;
    newWorld({ reload: httpHook });
    const deps = { ...world.deps, hooks };
    expect(await ask({}, deps)).toMatchObject({ promoted: true, serving: { state: 'pending' } });
    hooks.answer = () => yes;
    world.clock.advance(5 * minuteMs);
    await sweep(deps, world.deadline());
    const [record] = await world.records('m');
    expect(record?.serving?.kind).toBe('confirmed');
  });
});

describe('a promotion is refused', () => {
  const refusal = async (fields: object = {}): Promise<readonly [string, string | null]> => {
    const answer = await ask(fields);
    expect(answer).toMatchObject({ promoted: false, outcome: 'REFUSED', new_stage: null });
    const [first] = answer.refusals;
    return [first?.code ?? '', answer.reason];
  };

  test('while the model or all models are frozen', async () => {
    await operate({ operation: 'freeze', until: '2h' });
    const [code, reason] = await refusal();
    expect(code).toBe('FROZEN');
    expect(reason).toMatch(
      /frozen until .* by ada: why\. To end that, run `model-rollback unfreeze m`/,
    );
    expect(await live()).toEqual(['3']);
    await operate({ operation: 'unfreeze' });
    await operate({ operation: 'freeze', until: '2h', model_name: null, fleet: true });
    expect((await refusal())[0]).toBe('FROZEN');
  });

  test('for a version in quarantine, with who rolled it back, when and why', async () => {
    const by = { requested_by: 'bob', reason: 'DRIFT_SEVERE' };
    const { rollback_id: id, timestamp } = await roll(by);
    const [code, reason] = await refusal({ new_version: '3' });
    expect(code).toBe('QUARANTINED');
    expect(reason).toBe(
      `Version 3 is in quarantine: bob rolled it back at ${timestamp}, reason DRIFT_SEVERE (${id}). ` +
        'To allow it again, run `model-rollback release m 3`.',
    );
    const asked = { modelName: 'm', version: '3' };
    const { refusals } = await canPromote(world.deps, asked, world.deadline());
    expect(refusals.map(({ message }) => message)).toEqual([reason]);
  });

  test('for a version that a tag of another store says was rolled back', async () => {
    await roll({ requested_by: 'bob', reason: 'DRIFT_SEVERE' });
    const other = { ...world.deps, store: makeWorld().store };
    const answer = await ask({ new_version: '3' }, other);
    expect(answer.reason).toMatch(/bob rolled it back at .*, reason DRIFT_SEVERE .*as its tag/);
  });

  test('for a version that is not READY, or that the smoke check refuses', async () => {
    world.registry.register('m', { status: 'FAILED_REGISTRATION' });
    expect((await refusal({ new_version: '5' }))[0]).toBe('TARGET_UNFIT');
    newWorld({ smokeCheck: httpHook });
    const hooks = new RecordingHooks();
    hooks.answer = () => no;
    const answer = await ask({}, { ...world.deps, hooks });
    expect(answer).toMatchObject({ promoted: false, refusals: [{ code: 'TARGET_UNFIT' }] });
    expect(answer.reason).toContain('refused version 4: AUC is 0.4.');
  });

  test('when another version is live than the requester expects', async () => {
    const [code, reason] = await refusal({ expected_from_version: '2' });
    expect(code).toBe('LIVE_VERSION_CHANGED');
    expect(reason).toContain('now version 3 is live');
    expect(await ask({ expected_from_version: '3' })).toMatchObject({ promoted: true });
  });

  test('and nobody is notified of that: who asked has the answer', async () => {
    await operate({ operation: 'freeze', until: '2h' });
    const notices = world.notifier.sent.length;
    await refusal();
    expect(world.notifier.sent).toHaveLength(notices);
    expect((await world.records('m'))[0]?.progress.status).toBe('REFUSED');
  });
});

describe('where the policy wants evidence', () => {
  const hourMs = 60 * minuteMs;
  const compared = async (change: object = {}): Promise<void> => {
    const text = '{}';
    await evidence.writeEvidence(
      {
        modelName: 'm',
        champion: '3',
        challenger: '4',
        decision: 'PROMOTE',
        confidence: 0.9,
        text,
        sha256: world.deps.identity.digest(text),
        createdAtMs: world.clock.nowMs(),
        ...change,
      },
      world.deadline(),
    );
  };
  beforeEach(async () => {
    await operate({ operation: 'policy-set', policy: { promotion_evidence: '7d' } });
  });

  test('a promotion without one is refused, and says what is wanted', async () => {
    const answer = await ask();
    expect(answer).toMatchObject({ promoted: false, refusals: [{ code: 'EVIDENCE_MISSING' }] });
    expect(answer.reason).toContain(
      'No comparison of version 4 with the live version 3 is on record: promotion_evidence in the policy',
    );
  });

  test('fresh evidence of exactly this pair lets it pass', async () => {
    await compared();
    world.clock.advance(7 * 24 * hourMs);
    expect(await ask()).toMatchObject({ promoted: true });
  });

  test.each([
    ['of another pair', { champion: '2' }, 'No comparison of version 4'],
    ['that says KEEP', { decision: 'KEEP' }, 'says KEEP'],
    ['that says INVESTIGATE', { decision: 'INVESTIGATE' }, 'says INVESTIGATE'],
  ])('evidence %s does not', async (_title, change, reason) => {
    await compared(change);
    const answer = await ask();
    expect(answer.reason).toContain(reason);
    expect(await live()).toEqual(['3']);
  });

  test('evidence that is too old does not', async () => {
    await compared();
    world.clock.advance(7 * 24 * hourMs + 1);
    expect((await ask()).reason).toContain('is older than 7 days');
  });

  test('the latest evidence counts', async () => {
    await compared();
    world.clock.advance(hourMs);
    await compared({ decision: 'KEEP' });
    expect((await ask()).reason).toContain('says KEEP');
  });

  test('the first version needs none: there is nothing to compare it with', async () => {
    expect(await ask({ pointer: 'alias:blue', new_version: '4' })).toMatchObject({
      promoted: true,
    });
  });
});

describe('a promotion that meets another run', () => {
  test('is answered with who holds the model, and what for', async () => {
    let answer: unknown;
    const deps = withCalls(world.deps, {
      registry: {
        movePointer: async (call) => {
          answer ??= await ask({ new_version: '2', requested_by: 'bob' }).catch(
            (error: unknown) => error,
          );
          return await call();
        },
      },
    });
    expect(await ask({}, deps)).toMatchObject({ promoted: true });
    expect(answer).toMatchObject({
      name: 'RollbackInProgressError',
      message: expect.stringContaining('A promotion of m to version 4 by ada is in progress (m/'),
    });
    expect(await live()).toEqual(['4']);
  });

  test('during a rollback moves nothing', async () => {
    let answer: unknown;
    const deps = withCalls(world.deps, {
      registry: {
        movePointer: async (call) => {
          answer ??= await ask().catch((error: unknown) => error);
          return await call();
        },
      },
    });
    const fields = { model_name: 'm', requested_by: 'bob' };
    expect(await world.ask(fields, { deps })).toMatchObject({ rolled_back: true });
    expect(answer).toMatchObject({
      message: expect.stringContaining('A rollback of m to version 2 by bob is in progress'),
    });
    expect(await live()).toEqual(['2']);
  });

  test('leaves what somebody else promoted while it was at work, and says who', async () => {
    let isFirst = true;
    const deps = withCalls(world.deps, {
      store: {
        write: async (call) => {
          if (isFirst) {
            isFirst = false;
            await ask({ new_version: '2', requested_by: 'bob' });
          }
          return await call();
        },
      },
    });
    const answer = await ask({ new_version: '4' }, deps);
    expect(answer).toMatchObject({
      promoted: false,
      refusals: [{ code: 'LIVE_VERSION_CHANGED' }],
    });
    expect(answer.reason).toMatch(
      /^While this promotion was at work, bob \(m\/[0-9a-f]{16}\) made version 2 live\.$/,
    );
    expect(await live()).toEqual(['2']);
  });

  test('is contested when somebody else moved the pointer in MLflow', async () => {
    const deps = withCalls(world.deps, {
      store: {
        write: async (call, change) => {
          if (change.record?.progress.status === 'IN_PROGRESS') {
            world.registry.transition('m', '1', 'Production', true);
          }
          return await call();
        },
      },
    });
    const answer = await ask({}, deps);
    expect(answer).toMatchObject({ promoted: false, outcome: 'CONTESTED', live_versions: ['1'] });
    expect(world.notifier.sent.at(-1)?.subject).toBe('Model Rollback promotion contested: m');
    const [notice] = world.notifier.sent.slice(-1);
    if (notice === undefined) throw new Error('no notice');
    expect(briefOf(notice)).toMatchObject({ event: 'Promotion Contested' });
    expect(briefOf(notice).meaning).toContain('during the promotion');
  });
});

describe('a promotion that was cut off', () => {
  /** Its answer is lost, and then the registry. */
  const cutOff = (isSent: boolean): RollbackDeps => {
    let isMoving = false;
    return withCalls(world.deps, {
      registry: {
        movePointer: async (call) => {
          isMoving = true;
          if (isSent) await call();
          return { kind: 'unknown', error: lost, isAnswered: false };
        },
        read: async (call) => {
          if (isMoving) throw lost;
          return await call();
        },
      },
    });
  };

  test.each([true, false])('is finished by the sweep as a promotion (sent: %s)', async (isSent) => {
    await expect(ask({ request_id: 'k' }, cutOff(isSent))).rejects.toThrow();
    world.clock.advance(4 * minuteMs);
    expect(await sweep(world.deps, world.deadline())).toMatchObject({ resumed: 1, failed: [] });
    expect(await live()).toEqual(['4']);
    const [record] = await world.records('m');
    expect(record?.progress.status).toBe('PROMOTED');
    const state = await stateOf();
    expect(state).toMatchObject({ active: null, lastCommit: null, rollbackCount: 0 });
    expect(isQuarantined(state, { version: '3', createdAtMs: 0 })).toBe(false);
    expect(world.notifier.sent.map(({ subject }) => subject)).toEqual([
      'Model Rollback promoted: m',
    ]);
    expect(await ask({ request_id: 'k' })).toMatchObject({ promoted: true, replayed: true });
  });

  test('does not move into a freeze', async () => {
    await expect(ask({}, cutOff(false))).rejects.toThrow();
    await operate({ operation: 'freeze', until: '2h' });
    world.clock.advance(4 * minuteMs);
    await sweep(world.deps, world.deadline());
    expect(await live()).toEqual(['3']);
    expect((await world.records('m'))[0]?.progress).toMatchObject({ status: 'FAILED' });
  });

  test('of an alias is not sent again by itself once it may have been', async () => {
    world.registry.setAlias('m', 'champion', '3');
    const deps = withCalls(world.deps, {
      registry: { movePointer: async () => ({ kind: 'unknown', error: lost, isAnswered: false }) },
    });
    const fields = { pointer: 'alias:champion', new_version: '4' };
    await expect(ask(fields, deps)).rejects.toThrow();
    world.clock.advance(4 * minuteMs);
    await sweep(world.deps, world.deadline());
    const [record] = await world.records('m');
    expect(record?.progress).toMatchObject({ status: 'CONTESTED', hasMoved: false });
    expect(pointerState(await stateOf(), 'alias:champion').lastCommit).toBeNull();
  });
});
