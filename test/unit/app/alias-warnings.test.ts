/** Warnings that the aliases of a model give about a planned move. What is left behind: aliases.test.ts. */
import { beforeEach, describe, expect, test } from 'vitest';
import { approvedRequest } from '../../../src/app/approve-rollback.ts';
import type { RollbackDeps } from '../../../src/app/deps.ts';
import { handleAlarm } from '../../../src/app/handle-alarm.ts';
import { explainRollback } from '../../../src/app/operate.ts';
import { reportPromotion } from '../../../src/app/report-promotion.ts';
import { parseAlarmPayload } from '../../../src/domain/alarm/alarm-payload.ts';
import { defaultAlarmSettings } from '../../../src/domain/alarm/alarm-settings.ts';
import type { RollbackResponse } from '../../../src/domain/answer/response.ts';
import { RegistryUnavailableError } from '../../../src/domain/errors.ts';
import { parsePointer } from '../../../src/domain/registry/pointer.ts';
import { directAlarm } from '../../fakes/alarm-events.ts';
import { type RegistryCalls, withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const key = { model_name: 'm', request_id: 'k' };
const doubtful = 'POINTER_DOUBTFUL';
let world: World;
let calls: string[];

const codes = ({ warnings }: { readonly warnings: readonly { code: string }[] }): string[] =>
  warnings.map(({ code }) => code);

/** The world, with the calls about aliases counted. */
const counted = (isComplete = true): RollbackDeps => {
  const registry: RegistryCalls = {
    read: async (next) => ({ ...(await next()), isComplete }),
    readAliases: async (next) => {
      calls.push('all');
      return await next();
    },
    readAliasesOf: async (next, _model, version) => {
      calls.push(version);
      return await next();
    },
  };
  return withCalls(world.deps, { registry });
};

const send = async (deps: RollbackDeps = world.deps): Promise<RollbackResponse> => {
  const payload = parseAlarmPayload(directAlarm({ model: 'm', atMs: world.clock.nowMs() }));
  if (payload === undefined) throw new Error('the event is no alarm');
  return await handleAlarm(deps, payload, null, world.deadline());
};
const live = async (): Promise<string[]> =>
  (await world.registry.read('m')).live.map(({ version }) => version);

beforeEach(() => {
  calls = [];
  world = makeWorld();
  // Version 3 is in Production; 4 and 5 were registered since.
  world.seed('m', ['Archived', 'Archived', 'Production', 'None', 'None']);
});

describe('a stage below a version that an alias names', () => {
  beforeEach(() => world.registry.setAlias('m', 'champion', '5'));

  test('is doubtful in the preview, which has the command for the alias', async () => {
    const preview = await world.ask({ ...key, dry_run: true });
    expect(preview).toMatchObject({ plan: { verdict: 'ROLLED_BACK' }, to_version: '2' });
    expect(codes(preview)).toEqual([doubtful]);
    expect(preview.warnings[0]?.message).toContain(
      'alias:champion names version 5, above version 3',
    );
    expect(preview.warnings[0]?.message).toContain(
      '`model-rollback apply m --pointer alias:champion`',
    );
  });

  test('is moved for a request, which warns in answer, record and notice', async () => {
    const answer = await world.ask(key);
    expect(answer).toMatchObject({ rolled_back: true, from_version: '3', to_version: '2' });
    expect(codes(answer)).toEqual([doubtful]);
    expect(world.notifier.sent.map(({ message }) => codes(message))).toEqual([[doubtful]]);
    expect(codes(await world.ask(key))).toEqual([doubtful]);
  });

  test.each([true, false])('is not doubtful where the request names it (%j)', async (dry_run) => {
    const answer = await world.ask({ ...key, pointer: 'stage:Production', dry_run });
    expect(codes(answer)).toEqual([]);
  });

  test('is not moved for an alarm, which asks a person and says why', async () => {
    const answer = await send();
    expect(answer).toMatchObject({ outcome: 'AWAITING_APPROVAL', from_version: '3' });
    expect(codes(answer)).toEqual([doubtful]);
    expect(answer.message).toContain('alias:champion names version 5, above version 3');
    expect(answer.message).toContain(`approve ${answer.rollback_id}`);
    expect(await live()).toEqual(['3']);
    expect(world.notifier.sent.map(({ message }) => codes(message))).toEqual([[doubtful]]);
  });

  test('is moved when a person approves that', async () => {
    const { rollback_id: id } = await send();
    const found = await explainRollback(world.store, id ?? '', world.deadline());
    const by = { overrides: [], requestedBy: 'ana' };
    const { targetVersion, expectedFromVersion } = approvedRequest(
      found.record,
      by,
      world.clock.nowMs(),
    );
    const approved = await world.ask({
      ...key,
      target_version: targetVersion,
      expected_from_version: expectedFromVersion,
    });
    expect(approved).toMatchObject({ rolled_back: true, to_version: '2' });
  });

  test('is only reported in mode observe, with the warning', async () => {
    const { settings } = world.deps;
    const alarms = { ...defaultAlarmSettings, mode: 'observe' as const };
    const answer = await send({ ...world.deps, settings: { ...settings, alarms } });
    expect(answer.outcome).toBe('OBSERVED');
    expect(codes(answer)).toEqual([doubtful]);
  });

  test('makes an alarm wait for a registry that does not say', async () => {
    const readAliases = () => Promise.reject(new RegistryUnavailableError('down'));
    const answer = await send(withCalls(world.deps, { registry: { readAliases } }));
    expect(answer.outcome).toBe('DEFERRED');
    expect(await live()).toEqual(['3']);
  });

  test('costs a request one call, as every move does', async () => {
    await world.ask(key, { deps: counted() });
    expect(calls).toEqual(['all']);
  });

  test('is not read by a request on a model of many versions, where the call is slow', async () => {
    const answer = await world.ask(key, { deps: counted(false) });
    expect(calls).toEqual(['3']);
    expect(codes(answer)).toEqual([]);
  });

  test('is found by preview and alarm on a model of many versions', async () => {
    const deps = counted(false);
    expect(codes(await world.ask({ ...key, dry_run: true }, { deps }))).toEqual([doubtful]);
    expect(await send(deps)).toMatchObject({ outcome: 'AWAITING_APPROVAL' });
    expect(calls).toEqual(['all', 'all']);
  });
});

describe('a stage that is not doubtful', () => {
  test.each(['challenger', 'candidate-2', 'shadow', 'champion-previous'])(
    'has only %s above it',
    async (alias) => {
      world.registry.setAlias('m', alias, '5');
      expect(await send()).toMatchObject({ outcome: 'ROLLED_BACK', warnings: [] });
    },
  );

  test('has an alias on a version below', async () => {
    world.registry.setAlias('m', 'champion', '1');
    expect(await send()).toMatchObject({ outcome: 'ROLLED_BACK', warnings: [] });
  });

  test('has an alias on the live version, which an alarm leaves behind', async () => {
    world.registry.setAlias('m', 'champion', '3');
    const answer = await send(counted());
    expect(answer.outcome).toBe('ROLLED_BACK');
    expect(codes(answer)).toEqual(['ALIAS_LEFT_BEHIND']);
    expect(calls).toEqual(['all']);
  });

  test('is the highest version: an alarm reads nothing more before its claim', async () => {
    world.seed('top', ['Archived', 'Archived', 'Production']);
    const payload = parseAlarmPayload(directAlarm({ model: 'top', atMs: world.clock.nowMs() }));
    if (payload === undefined) throw new Error('the event is no alarm');
    const answer = await handleAlarm(counted(), payload, null, world.deadline());
    expect(answer.outcome).toBe('ROLLED_BACK');
    expect(calls).toEqual(['3']);
  });
});

describe('an alias of the previous version', () => {
  const champion = parsePointer('alias:champion', 'pointer');
  const differs = 'PREVIOUS_ALIAS_DIFFERS';
  const asked = { ...key, pointer: 'alias:champion' };

  beforeEach(async () => {
    world.registry.setAlias('m', 'champion', '3');
    const promotion = { modelName: 'm', version: '3', replaced: '2', pointer: champion };
    await reportPromotion(world.deps, promotion, world.deadline());
  });

  test.each(['champion-previous', 'previous-champion'])(
    '(%s) that differs from the record does not decide, and is reported',
    async (alias) => {
      world.registry.setAlias('m', alias, '1');
      const preview = await world.ask({ ...asked, dry_run: true });
      const answer = await world.ask(asked);
      for (const one of [preview, answer]) {
        expect(one).toMatchObject({ to_version: '2', plan: { rule: 'recorded' } });
        expect(codes(one)).toContain(differs);
      }
      const { message = '' } = answer.warnings.find(({ code }) => code === differs) ?? {};
      expect(message).toContain(`alias:${alias} names version 1, but by the record version 2`);
      expect(message).toContain('--to 1');
      const [notice] = world.notifier.sent;
      expect(notice === undefined ? [] : codes(notice.message)).toContain(differs);
    },
  );

  test('costs as many calls for a model of many versions, where the preview reports it', async () => {
    world.registry.setAlias('m', 'previous-champion', '1');
    const deps = counted(false);
    expect(codes(await world.ask({ ...asked, dry_run: true }, { deps }))).toContain(differs);
    expect(codes(await world.ask(asked, { deps }))).not.toContain(differs);
    expect(calls).toEqual(['all', '3']);
    world.registry.setAlias('m', 'champion', '3');
    calls = [];
    const again = { ...asked, request_id: 'k2', overrides: ['COOLDOWN'] };
    expect(await world.ask(again, { deps: counted() })).toMatchObject({ rolled_back: true });
    expect(calls).toHaveLength(1);
  });

  test.each([
    ['agrees with the record', '2'],
    ['names the live version', '3'],
    ['names a newer version', '5'],
  ])('that %s is not reported', async (_, version) => {
    world.registry.setAlias('m', 'champion-previous', version);
    expect(codes(await world.ask({ ...asked, dry_run: true }))).not.toContain(differs);
  });

  test('that names a deleted version is not reported', async () => {
    world.registry.setAlias('m', 'champion-previous', '1');
    world.registry.deleteVersion('m', '1');
    expect(codes(await world.ask({ ...asked, dry_run: true }))).not.toContain(differs);
  });
});
