/**
 * What a rollback does from outside, told once and run through both ways in. Each scenario judges the
 * answer, the registry's own state, the stored record and the notice that a subscriber got.
 */
import { expect } from 'vitest';
import { startRegistryServer } from '../../src/embedded/registry-server.ts';
import { uniqueName } from '../engines/engines.ts';
import type { Stage } from '../engines/mlflow-admin.ts';
import { type Answer, answerIn, failureIn, modelIn } from './reply.ts';
import type { Ask, Way } from './ways.ts';
import type { Settings, World } from './world.ts';

export interface Stagehand {
  readonly world: World;
  readonly way: Way;
}

export interface Scenario {
  readonly title: string;
  /** Each run plays it on older servers too: it rests on answers that differ between them. */
  readonly isForEveryServer?: true;
  run(stagehand: Stagehand): Promise<void>;
}

const WITHOUT_COOLDOWN: Settings = { ROLLBACK_COOLDOWN_HOURS: '0' };
const LATEST_ARCHIVED: Settings = { ROLLBACK_TARGET_RULE: 'latest-archived' };
const THREE: readonly Stage[] = ['Archived', 'Archived', 'Production'];
const DAY_MS = 86_400_000;
const ISO_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/;
const GUARD_CODES = [
  'COOLDOWN',
  'LIVE_VERSION_CHANGED',
  'NO_LIVE_VERSION',
  'QUARANTINED',
  'TARGET_UNFIT',
  'PAUSED',
  'NOT_THE_CAUSE',
  'SEVERAL_LIVE_VERSIONS',
];

export const scenarios: readonly Scenario[] = [
  {
    title: 'moves Production to the version before, records it and announces it',
    isForEveryServer: true,
    run: async ({ world, way }) => {
      const model = await world.model(THREE);
      const before = Date.now();

      const answer = answerIn(await way.ask({ model_name: model }));

      expect(answer).toMatchObject({
        rolled_back: true,
        model_name: model,
        from_version: '3',
        to_version: '2',
        reason: 'MANUAL_REQUEST',
        alarm_name: null,
        outcome: 'ROLLED_BACK',
        live_versions: ['2'],
        replayed: false,
        notified: true,
        refusals: [],
        warnings: [],
      });
      expect(answer.timestamp).toMatch(ISO_UTC);
      expect(Date.parse(answer.timestamp)).toBeGreaterThanOrEqual(before);
      expect(Date.parse(answer.timestamp)).toBeLessThanOrEqual(Date.now());
      expect(answer.rollback_id).toMatch(`${model}/`);
      expect(answer.plan).toMatchObject({ rule: 'displaced', live_versions: ['3'] });
      await expectRolledBack({ world, way }, answer);
    },
  },
  {
    title: 'leaves the tags of the rollback on both versions',
    run: async ({ world, way }) => {
      const model = await world.model(THREE);

      const answer = answerIn(await way.ask({ model_name: model, reason: 'DRIFT_SEVERE' }));

      const [first, second, third] = await world.mlflow.versions(model);
      expect(first?.tags).toEqual({});
      for (const row of [second, third]) {
        const [text] = Object.values(row?.tags ?? {});
        expect(text).toContain(answer.rollback_id);
        expect(text).toContain('DRIFT_SEVERE');
      }
    },
  },
  {
    title: 'writes nothing anywhere in a dry run, and shows every guard and candidate',
    isForEveryServer: true,
    run: async ({ world, way }) => {
      const model = await world.model(THREE);
      const before = await world.everything(model);

      const answer = answerIn(await way.ask({ model_name: model, dry_run: true }));

      expect(answer).toMatchObject({
        rolled_back: false,
        from_version: '3',
        to_version: '2',
        outcome: 'DRY_RUN',
        rollback_id: null,
        replayed: false,
        notified: false,
        live_versions: ['3'],
      });
      expect(answer.plan?.guards.map(({ code }) => code)).toEqual(GUARD_CODES);
      expect(answer.plan?.candidates).toEqual([
        { version: '2', stage: 'Archived', taken: true, why: expect.stringMatching(/replaced/) },
        { version: '1', stage: 'Archived', taken: false, why: expect.stringMatching(/2/) },
      ]);
      expect(await world.everything(model)).toEqual(before);
      expect(await world.history(model)).toEqual([]);
    },
  },
  {
    title: 'previews a refusal without writing anything',
    run: async ({ world, way }) => {
      const model = await world.model(THREE);
      await way.ask({ model_name: model });
      const before = await world.everything(model);

      const answer = answerIn(await way.ask({ model_name: model, dry_run: true }));

      expect(answer).toMatchObject({ outcome: 'DRY_RUN', from_version: '2', to_version: '1' });
      expect(answer.plan?.verdict).toBe('REFUSED');
      expect(answer.refusals.map(({ code }) => code)).toEqual(['COOLDOWN']);
      expect(await world.everything(model)).toEqual(before);
    },
  },
  {
    title: 'refuses within the cooldown and says when it ends',
    run: async ({ world, way }) => {
      const model = await world.model(THREE);
      const first = answerIn(await way.ask({ model_name: model, request_id: 'first' }));

      const answer = answerIn(await way.ask({ model_name: model, request_id: 'second' }));

      expect(answer).toMatchObject({
        rolled_back: false,
        outcome: 'REFUSED',
        from_version: '2',
        to_version: '1',
        live_versions: ['2'],
        refusals: [
          {
            code: 'COOLDOWN',
            clears_at: new Date(Date.parse(first.timestamp) + DAY_MS).toISOString(),
            overridable: true,
          },
        ],
      });
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
      await expectOnRecord({ world, way }, [answer, first]);
      await expectNotices(world, model, ['Model Rollback', ...refusalNotice(way)]);
    },
  },
  {
    title: 'rolls back within the cooldown when the request overrides it by name',
    run: async ({ world, way }) => {
      const model = await world.model(THREE);
      await way.ask({ model_name: model, request_id: 'first' });

      const answer = answerIn(
        await way.ask({ model_name: model, request_id: 'second', overrides: ['COOLDOWN'] }),
      );

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '2', to_version: '1' });
      expect(answer.warnings.map(({ code }) => code)).toEqual(['OVERRIDDEN_COOLDOWN']);
      expect(await world.mlflow.liveVersions(model)).toEqual(['1']);
      const [, notice] = await world.notices(model);
      expect(notice?.message['warnings']).toMatchObject([{ code: 'OVERRIDDEN_COOLDOWN' }]);
    },
  },
  {
    title: 'tries again under the key of a request that was refused',
    run: async ({ world, way }) => {
      const model = await world.model(THREE);
      await way.ask({ model_name: model, request_id: 'first' });
      const again: Ask = { model_name: model, request_id: 'second' };
      const refused = answerIn(await way.ask(again));
      const refusedAgain = answerIn(await way.ask(again));

      const answer = answerIn(await way.ask(again, WITHOUT_COOLDOWN));

      expect([refused.outcome, refusedAgain.outcome]).toEqual(['REFUSED', 'REFUSED']);
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', replayed: false, to_version: '1' });
      expect(answer.rollback_id).toBe(refused.rollback_id);
      expect(await world.history(model)).toHaveLength(2);
      // The same refusal under the same key is announced once.
      const subjects = ['Model Rollback', ...refusalNotice(way), 'Model Rollback'];
      await expectNotices(world, model, subjects);
    },
  },
  {
    title: 'restores the version that the request names',
    isForEveryServer: true,
    run: async ({ world, way }) => {
      const model = await world.model(THREE);

      const answer = answerIn(await way.ask({ model_name: model, target_version: '1' }));

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '3', to_version: '1' });
      expect(answer.plan?.rule).toBe('explicit');
      await expectRolledBack({ world, way }, answer);
    },
  },
  {
    title: 'moves forward to a named version without putting the older one into quarantine',
    run: async ({ world, way }) => {
      const model = await world.model(['Archived', 'Production', 'None']);

      const forward = answerIn(await way.ask({ model_name: model, target_version: '3' }));
      const back = answerIn(await way.ask({ model_name: model, dry_run: true }, WITHOUT_COOLDOWN));

      expect(forward).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '2', to_version: '3' });
      expect(back).toMatchObject({ outcome: 'DRY_RUN', from_version: '3', to_version: '2' });
    },
  },
  {
    title: 'replays the answer to the same request_id',
    isForEveryServer: true,
    run: async ({ world, way }) => {
      const model = await world.model(THREE);
      const request: Ask = { model_name: model, request_id: 'one-key', alarm_name: 'drawdown' };
      const first = answerIn(await way.ask(request));
      const versions = await world.mlflow.versions(model);

      const second = answerIn(await way.ask(request));

      expect(second).toEqual({ ...first, replayed: true });
      expect(await world.mlflow.versions(model)).toEqual(versions);
      await expectOnRecord({ world, way }, [first]);
      await expectNotices(world, model, ['Model Rollback']);
    },
  },
  {
    title: 'refuses the same request_id with another body',
    run: async ({ world, way }) => {
      const model = await world.model(THREE);
      await way.ask({ model_name: model, request_id: 'one-key' });
      const before = await world.everything(model);

      const bodies: Partial<Ask>[] = [
        { target_version: '1' },
        { reason: 'TEST_FAILURE' },
        { overrides: ['COOLDOWN'] },
      ];
      for (const body of bodies) {
        const request = { model_name: model, request_id: 'one-key', ...body };
        const failure = failureIn(await way.ask(request));
        expect(failure.errorType).toBe('InvalidRequestError');
        expect(failure.message).toMatch(/for a different request.*new request_id/);
      }

      expect(await world.everything(model)).toEqual(before);
    },
  },
  {
    title: 'says so when the named version is the live one already',
    run: async ({ world, way }) => {
      const model = await world.model(THREE);
      const versions = await world.mlflow.versions(model);

      const answer = answerIn(await way.ask({ model_name: model, target_version: '3' }));

      expect(answer).toMatchObject({
        rolled_back: false,
        outcome: 'ALREADY_LIVE',
        from_version: '3',
        to_version: '3',
        live_versions: ['3'],
      });
      expect(await world.mlflow.versions(model)).toEqual(versions);
      await expectOnRecord({ world, way }, [answer]);
      await expectNotices(world, model, ['Model Rollback already live']);
    },
  },
  {
    title: 'keeps the lower of two live versions and warns',
    isForEveryServer: true,
    run: async ({ world, way }) => {
      const model = await world.model(['Archived', 'Production', 'Production']);
      expect(await world.mlflow.liveVersions(model)).toEqual(['2', '3']);

      const answer = answerIn(await way.ask({ model_name: model }));

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '3', to_version: '2' });
      expect(answer.plan).toMatchObject({ rule: 'also-live', live_versions: ['3', '2'] });
      expect(answer.warnings.map(({ code }) => code)).toEqual(['SEVERAL_LIVE_VERSIONS']);
      await expectRolledBack({ world, way }, answer);
    },
  },
  {
    title: 'keeps the named one of two live versions, also the higher',
    run: async ({ world, way }) => {
      const model = await world.model(['Archived', 'Production', 'Production']);

      const answer = answerIn(await way.ask({ model_name: model, target_version: '3' }));

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '2', to_version: '3' });
      await expectRolledBack({ world, way }, answer);
    },
  },
  {
    title: 'does not undo a rollback that a person made by hand',
    isForEveryServer: true,
    run: async ({ world, way }) => {
      const model = await world.model(THREE);
      await world.mlflow.transition(model, '2', 'Production', true);

      const answer = answerIn(await way.ask({ model_name: model }));

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '2', to_version: '1' });
      expect(answer.plan?.candidates).toContainEqual(
        expect.objectContaining({
          version: '3',
          taken: false,
          why: expect.stringMatching(/rolled back/),
        }),
      );
      await expectRolledBack({ world, way }, answer);
    },
  },
  {
    title: 'passes over what it rolled back from, and ends when nothing is left',
    run: async ({ world, way }) => {
      const model = await world.model(THREE);
      const ask = async (): Promise<Answer> =>
        answerIn(
          await way.ask({ model_name: model, request_id: uniqueName('key') }, WITHOUT_COOLDOWN),
        );

      const answers = [await ask(), await ask(), await ask()];

      const moves = answers.map(({ from_version, to_version }) => [from_version, to_version]);
      expect(moves).toEqual([
        ['3', '2'],
        ['2', '1'],
        ['1', null],
      ]);
      expect(answers.map(({ outcome }) => outcome)).toEqual([
        'ROLLED_BACK',
        'ROLLED_BACK',
        'NO_TARGET',
      ]);
      expect(answers[2]?.plan?.candidates.map(({ version, why }) => [version, why])).toEqual([
        ['3', expect.stringMatching(/in quarantine/)],
        ['2', expect.stringMatching(/in quarantine/)],
      ]);
      expect(await world.mlflow.liveVersions(model)).toEqual(['1']);
      await expectOnRecord({ world, way }, answers.toReversed());
      await expectNotices(world, model, [
        'Model Rollback',
        'Model Rollback',
        'Model Rollback no target',
      ]);
    },
  },
  {
    title: 'asks for an override before it restores a named version from quarantine',
    run: async ({ world, way }) => {
      const model = await world.model(THREE);
      await way.ask({ model_name: model, request_id: 'back' }, WITHOUT_COOLDOWN);
      const forward: Ask = { model_name: model, target_version: '3', request_id: 'forward' };

      const refused = answerIn(await way.ask(forward, WITHOUT_COOLDOWN));
      const answer = answerIn(
        await way.ask(
          { ...forward, request_id: 'forward-2', overrides: ['QUARANTINED'] },
          WITHOUT_COOLDOWN,
        ),
      );

      expect(refused).toMatchObject({
        outcome: 'REFUSED',
        from_version: '2',
        to_version: '3',
        refusals: [{ code: 'QUARANTINED', clears_at: null, overridable: true }],
      });
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '2', to_version: '3' });
      expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
    },
  },
  {
    title: 'refuses when another version is live than the request expects',
    run: async ({ world, way }) => {
      const model = await world.model(THREE);

      const refused = answerIn(await way.ask({ model_name: model, expected_from_version: '2' }));

      expect(refused).toMatchObject({
        outcome: 'REFUSED',
        from_version: '3',
        to_version: '2',
        refusals: [{ code: 'LIVE_VERSION_CHANGED', clears_at: null, overridable: false }],
      });
      expect(await world.mlflow.liveVersions(model)).toEqual(['3']);

      const answer = answerIn(await way.ask({ model_name: model, expected_from_version: '3' }));
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', to_version: '2' });
    },
  },
  {
    title: 'reports every refusal, not only the first',
    run: async ({ world, way }) => {
      const model = await world.model(THREE);
      await way.ask({ model_name: model });

      const answer = answerIn(
        await way.ask({ model_name: model, target_version: '3', expected_from_version: '3' }),
      );

      expect(answer.refusals.map(({ code }) => code)).toEqual([
        'COOLDOWN',
        'LIVE_VERSION_CHANGED',
        'QUARANTINED',
      ]);
    },
  },
  {
    title: 'refuses without a live version unless the request names a target',
    isForEveryServer: true,
    run: async ({ world, way }) => {
      const model = await world.model(['Archived', 'Archived']);
      expect(await world.mlflow.liveVersions(model)).toEqual([]);

      const refused = answerIn(await way.ask({ model_name: model }));
      expect(refused).toMatchObject({
        outcome: 'REFUSED',
        from_version: null,
        to_version: null,
        live_versions: [],
        refusals: [{ code: 'NO_LIVE_VERSION' }],
      });
      expect(await world.mlflow.liveVersions(model)).toEqual([]);

      const answer = answerIn(await way.ask({ model_name: model, target_version: '2' }));
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: null, to_version: '2' });
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
    },
  },
  {
    title: 'has no target when there is one version only',
    run: async ({ world, way }) => {
      const model = await world.model(['Production']);

      const answer = answerIn(await way.ask({ model_name: model }));

      expect(answer).toMatchObject({ outcome: 'NO_TARGET', from_version: '1', to_version: null });
      expect(answer.message).toMatch(/no other version/);
      expect(await world.mlflow.liveVersions(model)).toEqual(['1']);
      await expectOnRecord({ world, way }, [answer]);
      await expectNotices(world, model, ['Model Rollback no target']);
    },
  },
  {
    title: 'takes no version that was never live',
    run: async ({ world, way }) => {
      const model = await world.model(['None', 'Staging', 'Production', 'None']);

      const answer = answerIn(await way.ask({ model_name: model }));

      expect(answer).toMatchObject({ outcome: 'NO_TARGET', from_version: '3', to_version: null });
      expect(answer.plan?.candidates.map(({ version }) => version)).toEqual(['4', '2', '1']);
    },
  },
  {
    title: 'passes over a deleted version',
    isForEveryServer: true,
    run: async ({ world, way }) => {
      const model = await world.model(THREE);
      await world.mlflow.deleteVersion(model, '2');

      const answer = answerIn(await way.ask({ model_name: model }));

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '3', to_version: '1' });
      expect(answer.plan?.rule).toBe('archived-below');
      await expectRolledBack({ world, way }, answer);
    },
  },
  {
    // MLflow's own server knows READY only; managed ones have the others.
    title: 'passes over a version that is not READY, and refuses a named one',
    run: async ({ way }) => {
      await using registry = await registryServer();
      const model = uniqueName('pending');
      registry.server.seed(model, [
        { stage: 'Archived', lastUpdatedTimestamp: 1_000 },
        { stage: 'Archived', lastUpdatedTimestamp: 2_000, status: 'PENDING_REGISTRATION' },
        { stage: 'Production', lastUpdatedTimestamp: 2_000 },
      ]);
      const settings = { MLFLOW_TRACKING_URI: registry.server.url };

      const named = answerIn(await way.ask({ model_name: model, target_version: '2' }, settings));
      const answer = answerIn(await way.ask({ model_name: model }, settings));

      expect(named).toMatchObject({
        outcome: 'REFUSED',
        refusals: [{ code: 'TARGET_UNFIT', overridable: true }],
      });
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '3', to_version: '1' });
    },
  },
  {
    title: 'compares versions as numbers: 10 is newer than 9',
    run: async ({ world, way }) => {
      const model = await world.model([...nones(8), 'Production', 'Production']);

      const answer = answerIn(await way.ask({ model_name: model }));

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '10', to_version: '9' });
      await expectRolledBack({ world, way }, answer);
    },
  },
  {
    title: 'compares versions as numbers: 100 is newer than 99',
    run: async ({ way }) => {
      await using registry = await registryServer();
      const model = uniqueName('hundred');
      // No two changes at once, so that only the numbers tell which version came before.
      registry.server.seed(model, [
        ...nones(8).map((stage) => ({ stage })),
        { stage: 'Archived', lastUpdatedTimestamp: 1_000 },
        ...nones(89).map((stage) => ({ stage })),
        { stage: 'Archived', lastUpdatedTimestamp: 2_000 },
        { stage: 'Archived', lastUpdatedTimestamp: 3_000 },
        { stage: 'Production', lastUpdatedTimestamp: 4_000 },
      ]);
      const settings = { ...WITHOUT_COOLDOWN, MLFLOW_TRACKING_URI: registry.server.url };
      const ask = async (): Promise<Answer> =>
        answerIn(await way.ask({ model_name: model, request_id: uniqueName('key') }, settings));

      const answers = [await ask(), await ask(), await ask()];

      const moves = answers.map(({ from_version, to_version }) => [from_version, to_version]);
      expect(moves).toEqual([
        ['101', '100'],
        ['100', '99'],
        ['99', '9'],
      ]);
    },
  },
  {
    title: 'takes the highest Archived version at all by the rule latest-archived',
    run: async ({ world, way }) => {
      const model = await world.model(['Archived', 'Production', 'None']);
      await world.mlflow.transition(model, '3', 'Archived', false);

      const lastGood = answerIn(await way.ask({ model_name: model, dry_run: true }));
      const answer = answerIn(await way.ask({ model_name: model }, LATEST_ARCHIVED));

      expect(lastGood).toMatchObject({ from_version: '2', to_version: '1' });
      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '2', to_version: '3' });
      expect(answer.plan?.rule).toBe('latest-archived');
      await expectRolledBack({ world, way }, answer);
    },
  },
  {
    title: 'does not undo a rollback by hand by the rule latest-archived either',
    run: async ({ world, way }) => {
      const model = await world.model(['Archived', 'Production', 'Archived']);

      const answer = answerIn(await way.ask({ model_name: model }, LATEST_ARCHIVED));

      expect(answer).toMatchObject({ outcome: 'ROLLED_BACK', from_version: '2', to_version: '1' });
    },
  },
  {
    title: 'keeps the quarantine by the rule latest-archived',
    run: async ({ world, way }) => {
      const model = await world.model(THREE);
      const settings = { ...LATEST_ARCHIVED, ...WITHOUT_COOLDOWN };
      const ask = async (): Promise<Answer> =>
        answerIn(await way.ask({ model_name: model, request_id: uniqueName('key') }, settings));

      const answers = [await ask(), await ask()];

      expect(answers.map(({ to_version }) => to_version)).toEqual(['2', '1']);
      expect(answers.map(({ plan }) => plan?.rule)).toEqual(['latest-archived', 'latest-archived']);
    },
  },
  {
    title: 'names the alarm, the reason and the requester in the notice',
    run: async ({ world, way }) => {
      const model = await world.model(THREE);

      const answer = answerIn(
        await way.ask({
          model_name: model,
          alarm_name: 'high-drawdown-alarm',
          reason: 'PERFORMANCE_DEGRADATION',
        }),
      );

      expect(answer).toMatchObject({
        alarm_name: 'high-drawdown-alarm',
        reason: 'PERFORMANCE_DEGRADATION',
      });
      const [notice] = await world.notices(model);
      expect(notice?.message).toMatchObject({
        triggered_by: 'high-drawdown-alarm',
        reason: 'PERFORMANCE_DEGRADATION',
        requested_by: way.requester,
      });
      expect(notice?.attributes).toMatchObject({
        model_name: model,
        outcome: 'ROLLED_BACK',
        reason: 'PERFORMANCE_DEGRADATION',
      });
    },
  },
  {
    title: 'names the requester, or "manual", in the notice of a request without an alarm',
    run: async ({ world, way }) => {
      const model = await world.model(THREE);

      await way.ask({ model_name: model });

      const [notice] = await world.notices(model);
      expect(notice?.message['triggered_by']).toBe(way.requester ?? 'manual');
    },
  },
  {
    title: 'says that a registered model or a version is unknown, and records nothing',
    isForEveryServer: true,
    run: async ({ world, way }) => {
      const model = await world.model(THREE);
      const before = await world.everything(model);

      const unknownModel = failureIn(await way.ask({ model_name: uniqueName('nowhere') }));
      const unknownVersion = failureIn(await way.ask({ model_name: model, target_version: '99' }));

      expect(unknownModel.errorType).toBe('ModelNotFoundError');
      expect(unknownModel.message).toMatch(/nowhere-.*model_name/);
      expect(unknownVersion.errorType).toBe('VersionNotFoundError');
      expect(unknownVersion.message).toMatch(/99/);
      expect(await world.everything(model)).toEqual(before);
    },
  },
];

// ---------------------------------------------------------------------------------------------------

/** What holds after every rollback: one live version, one record that is the answer, one notice. */
async function expectRolledBack({ world, way }: Stagehand, answer: Answer): Promise<void> {
  const model = modelIn(answer);
  const versions = await world.mlflow.versions(model);
  const live = versions.filter(({ stage }) => stage === 'Production');
  expect(live.map(({ version }) => version)).toEqual([answer.to_version]);
  expect(versions.find(({ version }) => version === answer.from_version)?.stage).toBe('Archived');
  await expectOnRecord({ world, way }, [answer]);
  const notices = await world.notices(model);
  expect(notices).toHaveLength(1);
  expect(notices[0]?.subject).toBe(`Model Rollback: ${model}`);
  expect(notices[0]?.message).toMatchObject({
    model_name: model,
    from_version: answer.from_version,
    to_version: answer.to_version,
    reason: answer.reason,
    triggered_by: answer.alarm_name ?? way.requester ?? 'manual',
    timestamp: answer.timestamp,
    outcome: 'ROLLED_BACK',
    rollback_id: answer.rollback_id,
  });
}

/** The history shows these answers, newest first, field for field. */
async function expectOnRecord({ world }: Stagehand, answers: readonly Answer[]): Promise<void> {
  const [answer] = answers;
  if (answer === undefined) throw new Error('no answer is expected on record');
  expect(await world.history(modelIn(answer))).toEqual(answers);
}

async function expectNotices(
  world: World,
  model: string,
  subjects: readonly string[],
): Promise<void> {
  const notices = await world.notices(model);
  expect(notices.map(({ subject }) => subject)).toEqual(
    subjects.map((subject) => `${subject}: ${model}`),
  );
}

/** A person at the terminal sees the refusal: nobody else is told. */
function refusalNotice({ name }: Way): string[] {
  return name === 'function' ? ['Model Rollback refused'] : [];
}

function nones(count: number): Stage[] {
  return Array.from({ length: count }, () => 'None');
}

/** The embedded registry, for states that MLflow's own server cannot be brought into. */
async function registryServer(): Promise<
  AsyncDisposable & { readonly server: Awaited<ReturnType<typeof startRegistryServer>> }
> {
  const server = await startRegistryServer();
  return { server, [Symbol.asyncDispose]: () => server.close() };
}
