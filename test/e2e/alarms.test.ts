/** Alarms in every form and of every kind, through the built bundle, to the registry and the notice. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HttpProxy, type ProxyAct, startHttpProxy } from '../contract/http-proxy.ts';
import {
  localAlarmArn,
  putCompositeAlarm,
  putMetricAlarm,
  setAlarmState,
  stateChangedAt,
  tagAlarm,
} from '../engines/alarms.ts';
import { createWatchedTopic } from '../engines/aws.ts';
import { uniqueName } from '../engines/engines.ts';
import {
  type AlarmKind,
  type AlarmParts,
  type ContributorParts,
  contributorEvent,
  directAlarm,
  eventBridgeAlarm,
  snsEvent,
  snsMessage,
  sqsEvent,
} from '../fakes/alarm-events.ts';
import {
  type AlarmWorld,
  ahead,
  createAlarmWorld,
  minuteMs,
  openQueue,
  type QueueReply,
  total,
} from './alarm-world.ts';
import { ANSWER_FIELDS, type Answer } from './reply.ts';
import { isEngineMissing, type Settings, suiteTitle } from './world.ts';

/** A way of delivering one alarm. Judges the shape around the answer. */
interface Form {
  readonly name: string;
  deliver(world: AlarmWorld, parts: AlarmParts, settings?: Settings): Promise<Answer>;
}

const FORMS: readonly Form[] = [
  {
    name: 'the action of the alarm',
    deliver: (world, parts, settings) => world.ask(directAlarm(parts), settings),
  },
  {
    name: 'a rule of the event bus',
    deliver: (world, parts, settings) => world.ask(eventBridgeAlarm(parts), settings),
  },
  {
    name: 'a topic',
    deliver: async (world, parts, settings) => {
      const reply = await world.askTopic(snsEvent([snsMessage(parts)]), settings);
      expect(Object.keys(reply)).toEqual(['results']);
      return only(reply.results);
    },
  },
  {
    name: 'a queue under a topic',
    deliver: async (world, parts, settings) =>
      answered(await world.askQueue(sqsEvent([snsMessage(parts)], 'sns'), settings)),
  },
  {
    name: 'a queue under a topic with raw delivery',
    deliver: async (world, parts, settings) =>
      answered(await world.askQueue(sqsEvent([snsMessage(parts)], 'raw'), settings)),
  },
  {
    name: 'a queue under a rule',
    deliver: async (world, parts, settings) =>
      answered(await world.askQueue(sqsEvent([eventBridgeAlarm(parts)], 'eventbridge'), settings)),
  },
];

/** Who names the model, for each kind of alarm. */
const KINDS: readonly { kind: AlarmKind; source: string }[] = [
  { kind: 'metric', source: 'dimension' },
  { kind: 'math', source: 'dimension' },
  { kind: 'anomaly', source: 'dimension' },
  { kind: 'composite', source: 'children' },
  { kind: 'multi-series', source: 'contributor' },
  { kind: 'promql', source: 'tag' },
  { kind: 'log', source: 'tag' },
];

const STAGES = ['Archived', 'Archived', 'Production'] as const;
/** Many models in short time are no accident here. */
const MANY: Settings = { ROLLBACK_BLAST_RADIUS: 'off' };
/** MiniStack's times are whole seconds: a model that was just made seems younger than its alarm. */
const WHOLE_SECONDS: Settings = { ...MANY, ROLLBACK_CAUSE_CHECK: 'off' };

describe.skipIf(isEngineMissing)(suiteTitle('an alarm'), () => {
  describe('from CloudWatch to the registry and back to people', () => {
    let world: AlarmWorld;
    beforeAll(async () => {
      world = await createAlarmWorld(MANY);
    });
    afterAll(() => world?.close());

    test('rolls back through a topic and a queue, and says when it has recovered', async () => {
      const topic = await createWatchedTopic(world.cloudWatch, uniqueName('model-alarms'));
      const queue = await openQueue(world.cloudWatch, topic.topicArn);
      const model = await world.model(STAGES);
      const options = { state: 'INSUFFICIENT_DATA', topics: [topic.topicArn] } as const;
      const alarm = await world.alarm(model, options);

      await alarm.set('ALARM');
      const answer = answered(await world.askQueue(await queue.next()));

      expect(answer).toMatchObject({
        rolled_back: true,
        model_name: model,
        from_version: '3',
        to_version: '2',
        reason: 'PERFORMANCE_DEGRADATION',
        alarm_name: alarm.name,
        outcome: 'ROLLED_BACK',
        notified: true,
        alarm: { arn: alarm.arn, model_source: 'dimension', automatic: true, recovery: 'pending' },
      });
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
      const [notice, ...others] = await world.notices(model);
      expect(others).toEqual([]);
      expect(notice).toMatchObject({
        subject: `Model Rollback: ${model}`,
        message: {
          model_name: model,
          from_version: '3',
          to_version: '2',
          reason: 'PERFORMANCE_DEGRADATION',
          triggered_by: alarm.name,
          timestamp: answer.timestamp,
          rollback_id: answer.rollback_id,
        },
        attributes: { model_name: model, outcome: 'ROLLED_BACK' },
      });

      await alarm.set('OK');
      const green = answered(await world.askQueue(await queue.next()));
      expect(green).toMatchObject({ outcome: 'IGNORED', alarm_name: alarm.name });
      expect(await world.notices(model)).toHaveLength(1);

      // The bake time is 15 minutes.
      expect(total(await world.sweep(ahead(14 * minuteMs)), 'recoveries_checked')).toBe(0);
      expect(total(await world.sweep(ahead(16 * minuteMs)), 'recoveries_checked')).toBe(1);
      const told = await world.notices(model);
      expect(told.map(({ subject }) => subject)).toEqual([
        `Model Rollback: ${model}`,
        `Model Rollback recovered: ${model}`,
      ]);
      expect(told[1]?.message).toMatchObject({
        rollback_id: answer.rollback_id,
        about: 'recovery',
      });
      expect((await world.recorded(answer)).alarm).toMatchObject({ recovery: 'recovered' });
      expect(await world.history(model)).toHaveLength(1);
    });

    test('rolls back once when alarms and notices share one topic', async () => {
      const own = await createAlarmWorld(MANY);
      const queue = await openQueue(own.cloudWatch, own.topicArn);
      const deliver = async (): Promise<Answer> => answered(await own.askQueue(await queue.next()));
      const model = await own.model(STAGES);
      const shared = { state: 'INSUFFICIENT_DATA', topics: [own.topicArn] } as const;
      const alarm = await own.alarm(model, shared);
      const nameless = await own.alarm(null, shared);

      await alarm.set('ALARM');
      expect(await deliver()).toMatchObject({ outcome: 'ROLLED_BACK', notified: true });
      const ofRollback = await deliver();
      await alarm.set('OK');
      const green = await deliver();
      await nameless.set('ALARM');
      expect(await deliver()).toMatchObject({ outcome: 'FAILED', model_name: null });
      const ofFailure = await deliver();
      await own.sweep(ahead(20 * minuteMs));
      const ofRecovery = await deliver();

      const why = 'The message is a notice from model-rollback.';
      for (const answer of [ofRollback, ofFailure, ofRecovery]) {
        expect(answer).toMatchObject({ outcome: 'IGNORED', message: why });
      }
      expect(green.outcome).toBe('IGNORED');
      // Three alarms and three notices: none of them gave rise to another one.
      expect(await own.published()).toHaveLength(6);
      expect(await own.mlflow.liveVersions(model)).toEqual(['2']);
      expect(await own.history(null)).toHaveLength(2);
      await own.close();
    });
  });

  describe('in every form and of every kind', () => {
    let world: AlarmWorld;
    /** CloudWatch, with the call that MiniStack lacks, and the queries that it drops. */
    let cloudWatch: HttpProxy;
    /** What a query over many series has found, by alarm name. */
    const series = new Map<string, Found>();

    beforeAll(async () => {
      world = await createAlarmWorld(WHOLE_SECONDS);
      cloudWatch = await startHttpProxy(world.cloudWatch, ({ headers, body }): ProxyAct => {
        const operation = String(headers['x-amz-target'] ?? '').split('.')[1];
        const { AlarmName, AlarmNames = [] } = JSON.parse(body) as {
          readonly AlarmName?: string;
          readonly AlarmNames?: readonly string[];
        };
        const name = AlarmName ?? (AlarmNames.length === 1 ? AlarmNames[0] : '') ?? '';
        const found = series.get(name);
        if (operation === 'DescribeAlarmContributors') return answerOf(contributorsOf(found));
        const isOfQuery = operation === 'DescribeAlarms' && found !== undefined;
        return isOfQuery ? answerOf(queryAlarmOf(name, found)) : { kind: 'pass' };
      });
    });
    afterAll(async () => {
      await world?.close();
      await cloudWatch?.close();
    });

    const asked = (): Settings => ({ AWS_ENDPOINT_URL_CLOUDWATCH: cloudWatch.url });

    /** An alarm that just went to ALARM, and whatever CloudWatch has to know of its model. */
    async function redAlarm(kind: AlarmKind, model: string): Promise<AlarmParts> {
      const name = uniqueName(kind);
      if (kind === 'composite') return await redComposite(name, model);
      const isOnMetrics = kind === 'metric' || kind === 'math' || kind === 'anomaly';
      const arn = await putMetricAlarm(world.cloudWatch, name, {
        dimensions: isOnMetrics ? { Region: 'eu', ModelName: model } : {},
      });
      await setAlarmState(world.cloudWatch, name, 'ALARM');
      const atMs = await stateChangedAt(world.cloudWatch, name);
      if (kind === 'multi-series') addSeries(name, atMs, '00000000000000aa', model);
      if (kind === 'promql' || kind === 'log') {
        await tagAlarm(world.cloudWatch, arn, 'model-rollback:model', model);
      }
      return { kind, name, arn, model, atMs };
    }

    async function redComposite(name: string, model: string): Promise<AlarmParts> {
      const child = await world.alarm(model, { state: 'OK' });
      const healthy = await world.alarm('another-model', { state: 'OK' });
      const rule = `ALARM("${child.name}") OR ALARM("${healthy.name}")`;
      const arn = await putCompositeAlarm(world.cloudWatch, name, rule);
      await child.set('ALARM');
      const atMs = await stateChangedAt(world.cloudWatch, name);
      const children = [
        { arn: child.arn, state: 'ALARM' },
        { arn: healthy.arn, state: 'OK' },
      ];
      return { kind: 'composite', name, arn, model, atMs, children };
    }

    function addSeries(name: string, atMs: number, id: string, model: string): void {
      const rows = series.get(name)?.rows ?? [];
      series.set(name, { atMs, rows: [...rows, { id, model }] });
    }

    async function expectRolledBack(
      model: string,
      parts: AlarmParts,
      source: string,
      answer: Answer,
    ): Promise<void> {
      expect(Object.keys(answer)).toEqual(ANSWER_FIELDS);
      expect(answer).toMatchObject({
        rolled_back: true,
        model_name: model,
        from_version: '3',
        to_version: '2',
        reason: 'PERFORMANCE_DEGRADATION',
        alarm_name: parts.name,
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
        outcome: 'ROLLED_BACK',
        live_versions: ['2'],
        rollback_id: expect.stringMatching(/^.+\/[0-9a-f]{16}$/),
        replayed: false,
        notified: true,
        refusals: [],
        warnings: [],
        alarm: {
          arn: parts.arn,
          red_since: new Date(parts.atMs ?? 0).toISOString(),
          contributor_id: parts.contributor?.id ?? null,
          model_source: source,
          automatic: true,
          watch: 'none',
          next_look_at: null,
          recovery: 'pending',
        },
        plan: { verdict: 'ROLLED_BACK', live_versions: ['3'] },
      });
      expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
      const notices = await world.notices(model);
      expect(notices.map(({ subject }) => subject)).toEqual([`Model Rollback: ${model}`]);
      expect(notices[0]?.message['triggered_by']).toBe(parts.name);
    }

    for (const form of FORMS) {
      for (const { kind, source } of KINDS) {
        test(`${kind}, by ${form.name}`, async () => {
          const model = await world.model(STAGES);
          const parts = await redAlarm(kind, model);
          const answer = await form.deliver(world, parts, asked());
          await expectRolledBack(model, parts, source, answer);
        });
      }
    }

    const contributor = (model: string): ContributorParts => ({
      id: '0123456789abcdef',
      attributes: { Region: 'eu', ModelName: model },
    });

    async function oneSeries(model: string): Promise<AlarmParts> {
      const red = await redAlarm('multi-series', 'of-another-series');
      const own = contributor(model);
      addSeries(red.name ?? '', red.atMs ?? 0, own.id, model);
      return { ...red, model, contributor: own };
    }

    for (const form of FORMS) {
      test(`one series of several, by ${form.name}`, async () => {
        const model = await world.model(STAGES);
        const parts = await oneSeries(model);
        const answer = await form.deliver(world, parts, asked());
        await expectRolledBack(model, parts, 'contributor', answer);
      });
    }

    test('one series of several, by a rule for contributors, straight and through a queue', async () => {
      for (const isQueued of [false, true]) {
        const model = await world.model(STAGES);
        const parts = await oneSeries(model);
        const event = contributorEvent(parts);
        const answer = isQueued
          ? answered(await world.askQueue(sqsEvent([event], 'eventbridge'), asked()))
          : await world.ask(event, asked());
        await expectRolledBack(model, parts, 'contributor', answer);
      }
    });

    test('series of one alarm in the same moment are an alarm each', async () => {
      const models = [await world.model(STAGES), await world.model(STAGES)];
      const red = await redAlarm('multi-series', 'of-another-series');
      const events = [...models, ...models].map((model, index) => {
        const id = `00000000000000b${index}`;
        addSeries(red.name ?? '', red.atMs ?? 0, id, model);
        return contributorEvent({ ...red, contributor: { id, attributes: { ModelName: model } } });
      });
      const { results, batchItemFailures } = await world.askQueue(
        sqsEvent(events, 'eventbridge'),
        asked(),
      );
      expect(batchItemFailures).toEqual([]);
      expect(results.map(({ model_name }) => model_name)).toEqual([...models, ...models]);
      // The second ones are no repetitions of the first: they meet the cooldown.
      expect(results.map(({ outcome }) => outcome)).toEqual([
        'ROLLED_BACK',
        'ROLLED_BACK',
        'REFUSED',
        'REFUSED',
      ]);
      for (const model of models) expect(await world.mlflow.liveVersions(model)).toEqual(['2']);
    });

    test('a composite alarm over composite alarms', async () => {
      const model = await world.model(STAGES);
      const leaf = await world.alarm(model, { state: 'OK' });
      const [inner, top] = [uniqueName('inner'), uniqueName('top')];
      const innerArn = await putCompositeAlarm(world.cloudWatch, inner, `ALARM("${leaf.name}")`);
      const topArn = await putCompositeAlarm(world.cloudWatch, top, `ALARM("${inner}")`);
      await leaf.set('ALARM');
      const children = [{ arn: innerArn, state: 'ALARM' }];
      const parts = {
        kind: 'composite',
        name: top,
        arn: topArn,
        children,
        atMs: Date.now(),
      } as const;
      const answer = await world.ask(directAlarm(parts));
      await expectRolledBack(model, parts, 'children', answer);
    });

    test('the map by name, and by the longest beginning of a name', async () => {
      const [exact, prefixed, other] = [uniqueName('exact'), uniqueName('pre'), uniqueName('pre')];
      const models = [await world.model(STAGES), await world.model(STAGES)];
      const settings: Settings = {
        ROLLBACK_ALARM_MODELS: JSON.stringify({
          [exact]: models[0],
          'pre-*': 'no-such-model',
          [`${prefixed}*`]: models[1],
        }),
      };
      const log = (name: string): AlarmParts => ({ kind: 'log', name, atMs: Date.now() });
      const answers = [
        await world.ask(directAlarm(log(exact)), settings),
        await world.ask(eventBridgeAlarm(log(`${prefixed}-latency`)), settings),
      ];
      for (const [index, answer] of answers.entries()) {
        expect(answer).toMatchObject({
          outcome: 'ROLLED_BACK',
          model_name: models[index],
          alarm: { model_source: 'map' },
        });
      }
      const named = await world.alarm(null, { name: other });
      const message = snsMessage({ ...named.red(), kind: 'log' });
      const { results } = await world.askTopic(snsEvent([message]), settings);
      expect(results).toMatchObject([{ outcome: 'FAILED', model_name: 'no-such-model' }]);
    });

    test('a dimension before a tag, and a tag before the map', async () => {
      const [model, tagged] = [await world.model(STAGES), await world.model(STAGES)];
      const alarm = await world.alarm(model, { tag: tagged });
      const settings = { ROLLBACK_ALARM_MODELS: JSON.stringify({ [alarm.name]: 'no-such-model' }) };
      const first = await world.ask(directAlarm(alarm.red()), settings);
      expect(first).toMatchObject({ model_name: model, alarm: { model_source: 'dimension' } });
      const second = await world.ask(directAlarm({ ...alarm.red(), model: null }), settings);
      expect(second).toMatchObject({ model_name: tagged, alarm: { model_source: 'tag' } });
    });
  });

  describe('on record', () => {
    /** One alarm of each end, in the order of their coming. */
    let world: AlarmWorld;
    let model = '';
    const answers: Record<'done' | 'refused' | 'nameless' | 'unreadable', Answer> = {} as never;

    beforeAll(async () => {
      world = await createAlarmWorld();
      model = await world.model(STAGES);
      const alarm = await world.alarm(model);
      answers.done = await world.ask(directAlarm(alarm.red()));
      answers.refused = await world.ask(directAlarm((await world.alarm(model)).red()));
      const evil = `\u001b[2J${uniqueName('évil')}`;
      answers.nameless = await world.ask(directAlarm((await world.alarm(null)).red()));
      const { results } = await world.askTopic(snsEvent([evil]));
      answers.unreadable = only(results);
    });
    afterAll(() => world?.close());

    test('is listed by history, newest first, without a model where nobody knows it', async () => {
      const { done, refused, nameless, unreadable } = answers;
      expect(await world.history(null)).toEqual([unreadable, nameless, refused, done]);
      expect(await world.history(model)).toEqual([refused, done]);
      expect([unreadable.model_name, nameless.model_name]).toEqual([null, null]);
      const { stdout, exitCode } = await world.command(['history']);
      expect(exitCode).toBe(0);
      expect(stdout).toContain(`(${nameless.alarm_name})`);
      expect(stdout).not.toContain('\u001b');
      expect(await world.history(nameless.alarm?.arn ?? '')).toEqual([nameless]);
    });

    test('is explained with its alarm, why not, and what comes next', async () => {
      const { done, refused, nameless, unreadable } = answers;
      const explain = async ({ rollback_id }: Answer): Promise<string> => {
        const { exitCode, stdout } = await world.command(['explain', rollback_id ?? '']);
        expect(exitCode).toBe(0);
        expect(stdout).not.toContain('\u001b');
        return stdout;
      };
      const ofDone = await explain(done);
      expect(ofDone).toContain(`asked by  ${done.alarm_name}, PERFORMANCE_DEGRADATION`);
      const toSecond = (time: string | null | undefined): string =>
        (time ?? '').replace(/\.\d+Z$/, 'Z');
      const since = toSecond(done.alarm?.red_since);
      expect(ofDone).toContain(`alarm     ${done.alarm?.arn}, in ALARM since ${since}`);
      expect(ofDone).toMatch(/model by {2}dimension; alarm watch: none; recovery: pending/);
      const ofRefused = await explain(refused);
      expect(ofRefused).toContain('COOLDOWN');
      const next = toSecond(refused.alarm?.next_look_at);
      expect(ofRefused).toContain(`${next}  the alarm is checked again`);
      const ofNameless = await explain(nameless);
      expect(ofNameless).toContain('names no model');
      expect(ofNameless).toContain('model by  unknown; alarm watch: pending');
      expect(await explain(unreadable)).toContain('The message is not JSON');
      for (const answer of Object.values(answers)) {
        expect(await world.recorded(answer)).toEqual(answer);
      }
    });

    test('is summed up by status, one line for each model or alarm', async () => {
      const { refused, nameless, unreadable } = answers;
      const all = await world.command(['status', '--json']);
      const list = all.json as readonly { readonly rollback_id: string; needs_you: unknown }[];
      const found = [unreadable, nameless, refused].map((answer) =>
        list.find(({ rollback_id: id }) => id === answer.rollback_id),
      );
      expect(found).toMatchObject([unreadable, nameless, refused]);
      expect(list).toHaveLength(3);
      // An alarm that failed for want of a model needs somebody while it is watched.
      expect(list[0]?.needs_you).toMatchObject([{ code: 'FAILED' }]);
      const text = await world.command(['status']);
      expect(text.stdout).toContain(`(${nameless.alarm_name})`);
      expect(text.stdout).not.toContain('\u001b');
      const one = await world.command(['status', model, '--json']);
      expect(one.json).toMatchObject({
        model_name: model,
        live_versions: ['2'],
        quarantined: [{ version: '3', rollback_id: answers.done.rollback_id }],
        rollback_count: 1,
        last_rollback: { from: '3', to: '2', rollback_id: answers.done.rollback_id },
        active: null,
        paused: null,
        fleet_paused: null,
      });
    });

    test('that waits for nobody is not approved, and what is not paused not resumed', async () => {
      const { done } = answers;
      const approved = await world.command(['approve', done.rollback_id ?? '', '--yes', '--json']);
      expect(approved.exitCode).toBe(2);
      expect(approved.json).toMatchObject({ error: { code: 'INVALID_REQUEST' } });
      const unknown = await world.command([
        'approve',
        `${model}/0123456789abcdef`,
        '--yes',
        '--json',
      ]);
      expect(unknown.exitCode).toBe(2);
      const resumed = await world.command(['resume', '--fleet', '--json']);
      expect(resumed).toMatchObject({ exitCode: 0 });
      expect(resumed.json).toMatchObject({ model_name: null, fleet: true, resumed: false });
    });
  });

  describe('that asks for nothing', () => {
    let world: AlarmWorld;
    let model = '';
    beforeAll(async () => {
      world = await createAlarmWorld();
      model = await world.model(STAGES);
    });
    afterAll(() => world?.close());

    for (const form of FORMS) {
      test(`is answered and not recorded, by ${form.name}`, async () => {
        const alarm = await world.alarm(model);
        const { name, arn } = alarm;
        const { atMs = 0 } = alarm.red();
        // OK again: a topic or a queue brings it all the same, and its history confirms it.
        await alarm.set('OK');
        const before = await world.stored(model);
        for (const [parts, settings] of [
          [{ state: 'OK' }, {}],
          [{ state: 'INSUFFICIENT_DATA' }, {}],
          [{ kind: 'composite', suppressedBy: 'WaitPeriod' }, {}],
          [{}, ahead(61 * minuteMs)],
        ] as const) {
          const answer = await form.deliver(world, { name, arn, model, atMs, ...parts }, settings);
          expect(Object.keys(answer)).toEqual(ANSWER_FIELDS);
          expect(answer).toMatchObject({
            rolled_back: false,
            model_name: null,
            from_version: null,
            to_version: null,
            alarm_name: name,
            outcome: 'IGNORED',
            rollback_id: null,
            notified: false,
            plan: null,
          });
        }
        expect(await world.stored(model)).toEqual(before);
        expect(await world.published()).toEqual([]);
      });
    }

    test('as the event bus delivers it all the same: muted, actions disabled, no change of state', async () => {
      const alarm = await world.alarm(model);
      const muted = eventBridgeAlarm({ ...alarm.red(), isMuted: true });
      expect(await world.ask(muted)).toMatchObject({ outcome: 'IGNORED' });
      await putMetricAlarm(world.cloudWatch, alarm.name, { input: { ActionsEnabled: false } });
      const disabled = await world.ask(eventBridgeAlarm(alarm.red()));
      expect(disabled).toMatchObject({
        outcome: 'IGNORED',
        message: 'The actions of the alarm are disabled.',
      });
      const changed = {
        ...eventBridgeAlarm(alarm.red()),
        'detail-type': 'CloudWatch Alarm Configuration Change',
      };
      expect(await world.ask(changed)).toMatchObject({ outcome: 'IGNORED' });
      expect(await world.mlflow.liveVersions(model)).toEqual(['3']);
      expect(await world.history(null)).toEqual([]);
      expect(await world.published()).toEqual([]);
    });

    test('unless it is old and still red', async () => {
      const own = await world.model(STAGES);
      const alarm = await world.alarm(own);
      const old = { ...alarm.red(), atMs: Date.now() - 61 * minuteMs };
      // Red before this version was made: it is not ignored, and refused for another reason.
      const refused = await world.ask(directAlarm(old));
      expect(refused).toMatchObject({
        outcome: 'REFUSED',
        refusals: [{ code: 'NOT_THE_CAUSE', overridable: true, clears_at: null }],
      });
      const settings = { ROLLBACK_CAUSE_CHECK: 'off' };
      const later = { ...old, atMs: old.atMs + 1 };
      expect(await world.ask(directAlarm(later), settings)).toMatchObject({
        outcome: 'ROLLED_BACK',
      });
    });
  });
});

// ---------------------------------------------------------------------------------------------------

/** What a query over many series has found, and since when. */
interface Found {
  readonly atMs: number;
  readonly rows: readonly { readonly id: string; readonly model: string }[];
}

function contributorsOf(found: Found | undefined): object {
  const rows = (found?.rows ?? []).map(({ id, model }) => ({
    ContributorId: id,
    ContributorAttributes: { Region: 'eu', ModelName: model },
    StateReason: 'Threshold crossed.',
    StateTransitionedTimestamp: (found?.atMs ?? 0) / 1_000,
  }));
  return { AlarmContributors: rows };
}

/** MiniStack keeps no `Metrics`, so that its own answer would show no query. */
function queryAlarmOf(name: string, { atMs }: Found): object {
  const Expression = 'SELECT MAX(Drawdown) FROM "Trading/Live" GROUP BY ModelName';
  const alarm = {
    AlarmName: name,
    AlarmArn: localAlarmArn(name),
    ActionsEnabled: true,
    AlarmConfigurationUpdatedTimestamp: atMs / 1_000 - 60,
    StateValue: 'ALARM',
    StateTransitionedTimestamp: atMs / 1_000,
    Metrics: [{ Id: 'q1', Expression, Label: 'q1', ReturnData: true, Period: 60 }],
  };
  return { MetricAlarms: [alarm], CompositeAlarms: [], LogAlarms: [] };
}

function answerOf(body: object): ProxyAct {
  const contentType = 'application/x-amz-json-1.0';
  return { kind: 'answer', status: 200, body: JSON.stringify(body), contentType };
}

/** The one answer to a queue that has to deliver nothing again. */
function answered(reply: QueueReply): Answer {
  expect(Object.keys(reply)).toEqual(['batchItemFailures', 'results']);
  expect(reply.batchItemFailures).toEqual([]);
  return only(reply.results);
}

function only(results: readonly Answer[]): Answer {
  expect(results).toHaveLength(1);
  return results[0] ?? expect.fail('no answer');
}
