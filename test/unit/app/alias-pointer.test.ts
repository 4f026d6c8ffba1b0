/** A rollback of an alias: `ROLLBACK_POINTER=alias:champion`, or a request that names it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { reportPromotion } from '../../../src/app/report-promotion.ts';
import { sweep } from '../../../src/app/sweep.ts';
import { InvalidRequestError, RegistryUnavailableError } from '../../../src/domain/errors.ts';
import type { ModelPointer } from '../../../src/domain/registry/pointer.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

const champion: ModelPointer = { kind: 'alias', alias: 'champion' };
const key = { model_name: 'm', request_id: 'k' };
const lost = new RegistryUnavailableError('lost');
let world: World;

beforeEach(() => {
  world = makeWorld({ pointers: { default: champion, byModel: new Map() } });
  world.seed('m', ['None', 'None', 'None', 'None']);
  world.registry.setAlias('m', 'champion', '3');
});

const codes = ({ warnings }: { readonly warnings: readonly { code: string }[] }): string[] =>
  warnings.map(({ code }) => code);
const named = async (): Promise<string | undefined> =>
  (await world.registry.readAlias('m', 'champion'))?.version;
const promoted = async (version: string, replaced: string | null = null): Promise<boolean> => {
  world.registry.setAlias('m', 'champion', version);
  const promotion = { modelName: 'm', version, replaced, pointer: champion };
  return await reportPromotion(world.deps, promotion, world.deadline());
};

describe('a rollback of an alias', () => {
  test('moves the alias, reads it back, and touches no stage', async () => {
    const answer = await world.ask({ ...key, target_version: '1' });
    expect(answer).toMatchObject({
      outcome: 'ROLLED_BACK',
      from_version: '3',
      to_version: '1',
      pointer: 'alias:champion',
      live_versions: ['1'],
    });
    expect(await named()).toBe('1');
    const { others, live } = await world.registry.read('m');
    expect([...live, ...others].map(({ stage }) => stage)).toEqual([
      'None',
      'None',
      'None',
      'None',
    ]);
    expect(world.registry.tag('m', '3', 'model_rollback.rolled_back')).toContain('alias:champion');
  });

  test('says that a target without a record is a guess', async () => {
    const preview = await world.ask({ ...key, dry_run: true });
    expect(preview).toMatchObject({ to_version: '2', plan: { rule: 'ready-below' } });
    expect(codes(preview)).toEqual(['TARGET_IS_A_GUESS']);
    expect(preview.message).toContain('is a guess');
  });

  test('goes back to what a reported promotion replaced', async () => {
    expect(await promoted('4', '1')).toBe(true);
    expect(await promoted('4', '1')).toBe(false);
    const answer = await world.ask(key);
    expect(answer).toMatchObject({ to_version: '1', plan: { rule: 'recorded' } });
    expect(codes(answer)).toEqual([]);
  });

  test('learns what a promotion replaced also after it was recorded without that', async () => {
    await promoted('4');
    await promoted('4', '2');
    expect(await world.ask({ ...key, dry_run: true })).toMatchObject({
      to_version: '2',
      plan: { rule: 'recorded' },
    });
  });

  test('forgets what a report said that another one corrects', async () => {
    await promoted('4', '3');
    await promoted('4', '1');
    const preview = await world.ask({ ...key, dry_run: true });
    expect(preview).toMatchObject({ to_version: '1', plan: { rule: 'recorded' } });
    const third = preview.plan?.candidates.find(({ version }) => version === '3');
    expect(third?.why).toBe('version 1 comes first');
  });

  test('refuses to record what the alias does not name', async () => {
    const promotion = { modelName: 'm', version: '2', replaced: null, pointer: champion };
    const report = reportPromotion(world.deps, promotion, world.deadline());
    await expect(report).rejects.toThrow(InvalidRequestError);
    await expect(report).rejects.toThrow('names version 3, not 2');
  });

  test.each(['champion-previous', 'previous-champion'])(
    'goes back to what %s names',
    async (previous) => {
      world.registry.setAlias('m', previous, '1');
      expect(await world.ask(key)).toMatchObject({
        to_version: '1',
        plan: { rule: 'previous-alias' },
      });
    },
  );

  test('never goes forward to what the alias of the previous version names', async () => {
    world.registry.setAlias('m', 'champion-previous', '4');
    expect(await world.ask(key)).toMatchObject({ to_version: '2', plan: { rule: 'ready-below' } });
  });

  test('passes over a version that somebody replaced by a lower one', async () => {
    await promoted('2', '1');
    await promoted('1');
    await promoted('3', '1');
    const preview = await world.ask({ ...key, dry_run: true });
    const second = preview.plan?.candidates.find(({ version }) => version === '2');
    expect(second?.why).toContain('somebody rolled back by hand');
    expect(preview.to_version).toBe('1');
  });

  test('goes back from a version that was deleted', async () => {
    world.registry.deleteVersion('m', '3');
    const preview = await world.ask({ ...key, dry_run: true });
    expect(preview).toMatchObject({ from_version: '3', to_version: '2' });
    expect(codes(preview)).toContain('LIVE_VERSION_DELETED');
    const answer = await world.ask(key);
    expect(answer).toMatchObject({ rolled_back: true, from_version: '3' });
    // There is nothing left to tag.
    expect(codes(answer)).not.toContain('TAG_NOT_WRITTEN');
    expect(await named()).toBe('2');
  });

  test('does not restore the deleted version by name', async () => {
    world.registry.deleteVersion('m', '3');
    await expect(world.ask({ ...key, target_version: '3' })).rejects.toThrow('has no version 3');
  });

  test('sees nobody live under an alias that is not set', async () => {
    const answer = await world.ask({ ...key, pointer: 'alias:nobody', dry_run: true });
    expect(answer.refusals.map(({ code }) => code)).toEqual(['NO_LIVE_VERSION']);
  });
});

describe('the later check of an alias', () => {
  test('is quiet while it names what the rollback left', async () => {
    await world.ask({ ...key, target_version: '2' });
    world.clock.advance(180_000);
    expect(await sweep(world.deps, world.deadline())).toMatchObject({
      pointers_checked: 1,
      pointers_differ: 0,
    });
  });

  test('reports a version that was deleted since, although the alias still names it', async () => {
    await world.ask(key);
    world.registry.deleteVersion('m', '2');
    world.clock.advance(180_000);
    await sweep(world.deps, world.deadline());
    const answer = await world.ask(key);
    expect(codes(answer)).toContain('POINTER_DIFFERS');
    expect(answer.warnings.at(-1)?.message).toContain('was not 2 any more: live is none');
  });
});

describe('an alias that nobody uses', () => {
  test('is not moved where a version is in Production', async () => {
    world.seed('staged', ['Archived', 'Production']);
    const request = { model_name: 'staged', request_id: 'k', target_version: '1' };
    const answer = await world.ask(request);
    expect(answer.refusals).toMatchObject([{ code: 'POINTER_UNUSED' }]);
    expect(answer.message).toContain(
      '`model-rollback apply staged --to 1 --pointer stage:Production`',
    );
  });

  test('is set when the request names it', async () => {
    world.seed('staged', ['Archived', 'Production']);
    const request = { model_name: 'staged', target_version: '1', pointer: 'alias:champion' };
    expect(await world.ask(request)).toMatchObject({ rolled_back: true, from_version: null });
  });
});

describe('two pointers of one model', () => {
  beforeEach(() => {
    world.seed('m2', ['Archived', 'Archived', 'Production']);
    world.registry.setAlias('m2', 'champion', '3');
  });
  const stage = { model_name: 'm2', request_id: 's', pointer: 'stage:Production' };
  const alias = { model_name: 'm2', request_id: 'a', target_version: '2' };

  test('have each their own cooldown, for people', async () => {
    expect(await world.ask(stage)).toMatchObject({
      rolled_back: true,
      pointer: 'stage:Production',
    });
    expect(await world.ask(alias)).toMatchObject({ rolled_back: true, pointer: 'alias:champion' });
    const again = await world.ask({ ...alias, request_id: 'b', target_version: '1' });
    expect(again.refusals).toMatchObject([{ code: 'COOLDOWN' }]);
  });

  test('share the quarantine', async () => {
    await world.ask(stage);
    const preview = await world.ask({ ...alias, target_version: '3', dry_run: true });
    expect(preview.plan?.verdict).toBe('ALREADY_LIVE');
    world.registry.setAlias('m2', 'champion', '2');
    const answer = await world.ask({ ...alias, target_version: '3' });
    expect(answer.refusals).toMatchObject([{ code: 'QUARANTINED' }]);
  });

  test('are named where a move leaves the other behind', async () => {
    expect(codes(await world.ask(alias))).toEqual(['STAGE_LEFT_BEHIND']);
    world.clock.advance(48 * 3_600_000);
    world.registry.setAlias('m2', 'champion', '3');
    const answer = await world.ask({ ...stage, dry_run: true });
    expect(codes(answer)).toContain('ALIAS_LEFT_BEHIND');
  });

  test('an equal request without a key is about its own pointer', async () => {
    const { request_id: _key, ...keyless } = alias;
    await world.ask(keyless);
    const other = await world.ask({ ...keyless, pointer: 'stage:Production' });
    expect(other).toMatchObject({ replayed: false, pointer: 'stage:Production' });
  });

  test('a key keeps the pointer of its first attempt', async () => {
    const refused = await world.ask({ ...alias, expected_from_version: '1' });
    expect(refused).toMatchObject({ outcome: 'REFUSED', pointer: 'alias:champion' });
    const { settings } = world.deps;
    const deps = { ...world.deps, settings: { ...settings, pointers: undefined as never } };
    const again = await world.ask({ ...alias, expected_from_version: '1' }, { deps });
    expect(again).toMatchObject({ outcome: 'REFUSED', pointer: 'alias:champion' });
  });
});

describe('a move of an alias whose run was cut off', () => {
  const cutOff = async (lands: boolean): Promise<void> => {
    const deps = withCalls(world.deps, {
      registry: {
        movePointer: async (next) => {
          if (lands) await next();
          return { kind: 'unknown', error: lost, isAnswered: false };
        },
        read: (next, ...[, include]) => (include.length > 0 ? Promise.reject(lost) : next()),
      },
    });
    const healthy = withCalls(world.deps, {
      registry: {
        movePointer: async (next) => {
          if (lands) await next();
          return { kind: 'unknown', error: lost, isAnswered: false };
        },
      },
    });
    await expect(world.ask(key, { deps: lands ? deps : healthy })).rejects.toThrow();
    world.clock.advance(61_000);
  };

  test('is sent once more when the same request comes again, and says so', async () => {
    await cutOff(false);
    const answer = await world.ask(key);
    expect(answer).toMatchObject({ rolled_back: true, from_version: '3', to_version: '2' });
    expect(codes(answer)).toContain('MOVE_REPEATED');
    expect(await named()).toBe('2');
  });

  test('is not sent again by the sweep: it is not known whether it took effect', async () => {
    await cutOff(false);
    await sweep(world.deps, world.deadline());
    expect(await world.ask(key)).toMatchObject({ outcome: 'CONTESTED', replayed: true });
    expect((await world.ask(key)).message).toContain('It is not known whether the move');
    expect(await named()).toBe('3');
  });

  test('is never sent a third time', async () => {
    await cutOff(false);
    const never = withCalls(world.deps, {
      registry: { movePointer: async () => ({ kind: 'unknown', error: lost, isAnswered: false }) },
    });
    await expect(world.ask(key, { deps: never })).rejects.toThrow();
    world.clock.advance(61_000);
    const last = withCalls(world.deps, {
      registry: { movePointer: () => Promise.reject(new Error('a third move')) },
    });
    expect(await world.ask(key, { deps: last })).toMatchObject({ outcome: 'CONTESTED' });
  });
});

describe('an alias that somebody moves', () => {
  test('between plan and move stops the run', async () => {
    const deps = withCalls(world.deps, {
      store: {
        write: async (next) => {
          const result = await next();
          world.registry.setAlias('m', 'champion', '4');
          return result;
        },
      },
    });
    const answer = await world.ask(key, { deps });
    expect(answer).toMatchObject({ outcome: 'CONTESTED', live_versions: ['4'] });
    expect(await named()).toBe('4');
  });

  test('back to where it was, right after the move, is not moved again', async () => {
    const moves: string[] = [];
    const deps = withCalls(world.deps, {
      registry: {
        movePointer: async (next, _model, version) => {
          moves.push(version);
          const answer = await next();
          world.registry.setAlias('m', 'champion', '3');
          return answer;
        },
      },
    });
    const answer = await world.ask(key, { deps });
    expect(answer).toMatchObject({ outcome: 'CONTESTED', live_versions: ['3'] });
    expect(answer.message).toContain('Somebody else changed what alias:champion names right after');
    world.clock.advance(61_000);
    expect(await world.ask(key, { deps })).toMatchObject({ outcome: 'CONTESTED', replayed: true });
    expect(moves).toEqual(['2']);
    expect(await named()).toBe('3');
  });

  test('is read again when the reading is old', async () => {
    let writes = 0;
    const deps = withCalls(world.deps, {
      store: {
        write: async (next) => {
          const result = await next();
          writes += 1;
          // The second write notes the move that is about to be sent, and takes its time.
          if (writes === 2) {
            world.clock.advance(1_000);
            world.registry.setAlias('m', 'champion', '4');
          }
          return result;
        },
      },
    });
    const answer = await world.ask(key, { deps });
    expect(answer).toMatchObject({ outcome: 'CONTESTED', live_versions: ['4'] });
    expect(await named()).toBe('4');
  });
  test.each([true, false])(
    'to a target that is deleted in the same moment is no rollback (answered: %s)',
    async (isAnswered) => {
      const deps = withCalls(world.deps, {
        registry: {
          movePointer: async (next) => {
            const answer = await next();
            world.registry.deleteVersion('m', '2');
            return isAnswered ? answer : { kind: 'unknown', error: lost, isAnswered: false };
          },
        },
      });
      const answer = await world.ask(key, { deps });
      expect(answer).toMatchObject({ outcome: 'CONTESTED', live_versions: ['2'] });
      expect(answer.message).toContain('Live now: version 2, which was deleted.');
      expect(answer.message).toContain(
        isAnswered ? 'Somebody deleted version 2 while' : 'it is not known whether the move',
      );
    },
  );

  test('right after the move is not put right again', async () => {
    const deps = withCalls(world.deps, {
      registry: {
        movePointer: async (next) => {
          const answer = await next();
          world.registry.setAlias('m', 'champion', '4');
          return answer;
        },
      },
    });
    const answer = await world.ask(key, { deps });
    expect(answer).toMatchObject({ outcome: 'CONTESTED', live_versions: ['4'] });
    expect(await named()).toBe('4');
  });
});
