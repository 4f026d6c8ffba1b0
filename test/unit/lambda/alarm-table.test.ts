import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { RollbackDeps } from '../../../src/app/deps.ts';
import { defaultAlarmSettings } from '../../../src/domain/alarm/alarm-settings.ts';
import type { RollbackResponse } from '../../../src/domain/answer/response.ts';
import {
  RegistryUnavailableError,
  StateStoreUnavailableError,
} from '../../../src/domain/errors.ts';
import { answerEvent, type EventAnswer } from '../../../src/lambda/answer-event.ts';
import {
  type AlarmParts,
  contributorEvent,
  directAlarm,
  eventBridgeAlarm,
  type JsonObject,
  messageId,
  snsEvent,
  snsMessage,
  sqsEvent,
} from '../../fakes/alarm-events.ts';
import { withCalls } from '../../fakes/intercept.ts';
import { putKnownAlarm } from '../../fakes/known-alarms.ts';
import { makeWorld, type World } from '../../fakes/world.ts';

/**
 * The tables of docs/reference/alarms.md, cell by cell: whoever calls with an alarm in this form gets, for
 * an alarm that ends so, what the cell says.
 */
const document = readFileSync('docs/reference/alarms.md', 'utf8');

/** Rows of the table that begins with this header cell; the first row is the header. */
function tableOf(firstHeader: string): string[][] {
  const lines = document.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${firstHeader} |`));
  const length = lines.slice(start).findIndex((line) => !line.startsWith('|'));
  return lines
    .slice(start, start + length)
    .filter((line) => !/^[|-]+$/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** The columns that a caller can get, in the order of the page. */
const outcomes = [
  'ROLLED_BACK',
  'REFUSED',
  'NO_TARGET',
  'CONTESTED',
  'FAILED',
  'DEFERRED',
  'AWAITING_APPROVAL',
  'OBSERVED',
  'IGNORED',
  'thrown',
] as const;
type OutcomeName = (typeof outcomes)[number];

/** The rows: an alarm, as AWS delivers it. */
const forms: Readonly<Record<string, (parts: AlarmParts) => JsonObject>> = {
  direct: directAlarm,
  EventBridge: eventBridgeAlarm,
  'EventBridge contributor': contributorEvent,
  SNS: (parts) => snsEvent([snsMessage(parts)]),
  'SQS with SNS body': (parts) => sqsEvent([snsMessage(parts)], 'sns'),
  'SQS raw': (parts) => sqsEvent([snsMessage(parts)], 'raw'),
  'SQS EventBridge body': (parts) => sqsEvent([eventBridgeAlarm(parts)], 'eventbridge'),
};

/** An alarm on its way to an end: the world, and what stands between the function and its ports. */
interface Scene {
  readonly world: World;
  readonly deps: RollbackDeps;
  readonly parts: AlarmParts;
}

const minuteMs = 60_000;

const worldWith = (stages: readonly string[], mode: 'act' | 'ask' | 'observe' = 'act'): World => {
  const world = makeWorld({ alarms: { ...defaultAlarmSettings, mode } });
  world.seed('m', stages);
  return world;
};
const threeVersions = ['Archived', 'Archived', 'Production'];

const sceneOf = (
  world: World,
  parts: AlarmParts = {},
  calls: Parameters<typeof withCalls>[1] = {},
): Scene => ({
  world,
  deps: withCalls(world.deps, calls),
  parts: { model: 'm', atMs: world.clock.nowMs(), ...parts },
});

/** How to come to each outcome, in any form. */
const scenes: Readonly<Record<OutcomeName, () => Promise<Scene> | Scene>> = {
  ROLLED_BACK: () => sceneOf(worldWith(threeVersions)),
  REFUSED: async () => {
    const world = worldWith(threeVersions);
    await world.ask({ model_name: 'm' });
    world.clock.advance(10 * minuteMs);
    return sceneOf(world);
  },
  NO_TARGET: () => sceneOf(worldWith(['Production'])),
  CONTESTED: () => {
    const world = worldWith(threeVersions);
    return sceneOf(
      world,
      {},
      {
        registry: {
          movePointer: async (next) => {
            const answer = await next();
            world.registry.transition('m', world.registry.register('m'), 'Production', false);
            return answer;
          },
        },
      },
    );
  },
  FAILED: () => sceneOf(worldWith(threeVersions), { model: 'no-such-model' }),
  DEFERRED: () =>
    sceneOf(
      worldWith(threeVersions),
      {},
      {
        registry: {
          read: async () => {
            throw new RegistryUnavailableError('The registry did not answer.');
          },
        },
      },
    ),
  AWAITING_APPROVAL: () => sceneOf(worldWith(threeVersions, 'ask')),
  OBSERVED: () => sceneOf(worldWith(threeVersions, 'observe')),
  IGNORED: () => sceneOf(worldWith(threeVersions), { state: 'OK' }),
  thrown: () =>
    sceneOf(
      worldWith(threeVersions),
      {},
      {
        store: {
          read: async () => {
            throw new StateStoreUnavailableError('The store is throttled.');
          },
        },
      },
    ),
};

/** What a cell may say, and what is then true of the call. */
const phrases: Readonly<
  Record<string, (call: Promise<EventAnswer>, outcome: OutcomeName) => Promise<void>>
> = {
  'the answer': async (call, outcome) => {
    expect(await call).toMatchObject({ outcome, alarm_name: 'high-drawdown-alarm' });
  },
  '`results[0]`': async (call, outcome) => {
    const { batchItemFailures = [], ...answer } = (await call) as unknown as JsonObject;
    expect(answer).toEqual({ results: [expect.objectContaining({ outcome })] });
    expect(batchItemFailures).toEqual([]);
  },
  'an error': async (call) => {
    await expect(call).rejects.toThrow(StateStoreUnavailableError);
  },
  'in `batchItemFailures`': async (call) => {
    const batchItemFailures = [{ itemIdentifier: messageId(0) }];
    expect(await call).toEqual({ batchItemFailures, results: [] });
  },
};

/** CloudWatch knows the alarm: what a topic or a queue brings is compared with it. */
const send = ({ world, deps, parts }: Scene, form: string): Promise<EventAnswer> => {
  putKnownAlarm(world.alarms, parts);
  return answerEvent(deps, forms[form]?.(parts), {
    invocationId: 'invocation',
    deadline: world.deadline(),
  });
};

describe('what the caller gets', () => {
  const [header = [], ...rows] = tableOf('form');

  test('is told for every form and every outcome, and for no other', () => {
    expect(header).toEqual(['form', ...outcomes]);
    expect(rows.map(([form]) => form)).toEqual(Object.keys(forms));
    expect(rows.filter((row) => row.length !== header.length)).toEqual([]);
  });

  const cells = rows.flatMap(([form = '', ...texts]) =>
    texts.map((text, index) => ({ form, outcome: header[index + 1] ?? '', text })),
  );

  test.each(cells)('$form, $outcome: $text', async ({ form, outcome, text }) => {
    const name = outcomes.find((one) => one === outcome);
    const check = phrases[text];
    if (name === undefined || check === undefined || forms[form] === undefined) {
      throw new Error(`no test for the cell "${text}" of ${form}, ${outcome}`);
    }
    const scene = await scenes[name]();
    await check(send(scene, form), name);
    const { live } = await scene.world.registry.read('m');
    expect(live.map(({ version }) => version)).toEqual(liveAfter[name]);
  });
});

describe('what is left behind', () => {
  const [header = [], ...rows] = tableOf('outcome').map((row) =>
    row.map((cell) => cell.replaceAll('`', '')),
  );

  test('is told for every answer, and for no other', () => {
    expect(header).toEqual(['outcome', 'record', 'notice', 'checked again']);
    expect(rows.map(([outcome]) => outcome)).toEqual(outcomes.slice(0, -1));
  });

  const cells = rows.flatMap(([outcome = '', record = '', notice = '', look = '']) =>
    Object.keys(forms).map((form) => ({ form, outcome, record, notice, look })),
  );

  test.each(cells)(
    '$form, $outcome: record $record, notice $notice, checked again $look',
    async ({ form, outcome, ...told }) => {
      const name = outcomes.find((one) => one === outcome);
      if (name === undefined) throw new Error(`no test for ${outcome}`);
      const scene = await scenes[name]();
      const { notifier, records } = scene.world;
      const before = { records: await records(), notices: notifier.sent.length };
      const [answer] = answersOf(await send(scene, form));
      const after = await records();
      expect({
        record: yesOrNo(after.length > before.records.length),
        notice: yesOrNo(notifier.sent.length > before.notices),
        look: lookOf(answer?.alarm ?? null),
      }).toEqual(told);
      expect(after.some(({ id }) => id === answer?.rollback_id)).toBe(told.record === 'yes');
    },
  );
});

// ---------------------------------------------------------------------------------------------------

/** What the registry shows after each end. */
const liveAfter: Readonly<Record<OutcomeName, readonly string[]>> = {
  ROLLED_BACK: ['2'],
  // Of the request before it.
  REFUSED: ['2'],
  NO_TARGET: ['1'],
  CONTESTED: ['4', '2'],
  FAILED: ['3'],
  DEFERRED: ['3'],
  AWAITING_APPROVAL: ['3'],
  OBSERVED: ['3'],
  IGNORED: ['3'],
  thrown: ['3'],
};

function answersOf(answer: EventAnswer): readonly RollbackResponse[] {
  if ('results' in answer) return answer.results;
  if ('rolled_back' in answer) return [answer];
  throw new Error('a sweep was answered');
}

function lookOf(alarm: RollbackResponse['alarm']): string {
  if (alarm?.recovery === 'pending') return 'did it help';
  return yesOrNo(alarm?.watch === 'pending');
}

function yesOrNo(is: boolean): string {
  return is ? 'yes' : 'no';
}
