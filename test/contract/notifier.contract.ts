/** What every notifier must do; each adapter has a run file beside this one. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { briefOf } from '../../src/domain/answer/brief.ts';
import { noticeOf } from '../../src/domain/answer/notice.ts';
import { Outcome } from '../../src/domain/decide/outcome.ts';
import { afterPointerCheck } from '../../src/domain/protocol/follow-up.ts';
import { contest, fail } from '../../src/domain/protocol/transition.ts';
import { afterRecovery } from '../../src/domain/protocol/watch.ts';
import type { Notice, RecordTopic } from '../../src/domain/record/notice-content.ts';
import type { RollbackRecord } from '../../src/domain/record/record.ts';
import { Recovery } from '../../src/domain/record/trigger.ts';
import { type Deadline, deadlineAfter } from '../../src/ports/deadline.ts';
import type { Notifier } from '../../src/ports/notifier.ts';
import {
  alarmClaim,
  alarmOf,
  attemptAt,
  committed,
  firstClaim,
  NOON_MS,
  planless,
  promotionClaim,
  timeAt,
  unclaimed,
} from './rollback-samples.ts';

/** A notifier, and the eyes of whoever it notifies. */
export interface NotifierPlace {
  readonly notifier: Notifier;
  /** The next notices that came, in any order; waits for them. */
  received(count: number): Promise<readonly ReceivedNotice[]>;
  /** True for a notice that the service needs nothing of. @default never */
  isSilentOn?(notice: Notice): boolean;
  close(): Promise<void>;
}

export interface ReceivedNotice {
  /** Null where there is none. */
  readonly subject: string | null;
  /** The parsed JSON; null where the service gets texts for people in place of it. */
  readonly message: object | null;
  /** Null where there are none. */
  readonly attributes: Readonly<Record<string, string>> | null;
  /** Every text that people see, as they see it; null where they see the message. */
  readonly shown: string | null;
}

const asked = attemptAt('fraud', '1', { alarm: alarmOf('fraud') });

/** One record for each way to end. */
export const ENDS: Readonly<Record<Outcome, RollbackRecord>> = {
  [Outcome.ROLLED_BACK]: committed(firstClaim('fraud', '1')).record,
  [Outcome.REFUSED]: ended('REFUSED'),
  [Outcome.NO_TARGET]: ended('NO_TARGET'),
  [Outcome.ALREADY_LIVE]: ended('ALREADY_LIVE'),
  [Outcome.CONTESTED]: contest(firstClaim('fraud', '1'), timeAt(NOON_MS), {
    message: 'Somebody else moved the pointer.',
    hasMoved: false,
    liveVersions: ['4', '3'],
  }).record,
  [Outcome.FAILED]: fail(firstClaim('fraud', '1'), timeAt(NOON_MS), 'The registry said no.').record,
  [Outcome.DEFERRED]: planless('model', 'DEFERRED').record,
  [Outcome.AWAITING_APPROVAL]: unclaimed(asked, 'AWAITING_APPROVAL').record,
  [Outcome.OBSERVED]: unclaimed(asked, 'OBSERVED').record,
  [Outcome.PROMOTED]: committed(promotionClaim('fraud', '1')).record,
};

const byAlarm = committed(alarmClaim('fraud', '1')).record;
const nameless = planless('alarm', 'FAILED').record;
const unreadable = planless('source', 'FAILED').record;
const { id: arn } = alarmOf(null).transition.ref;

/** Every notice, with its subject and what it says of the model and of its topic. */
const NOTICES: readonly {
  readonly title: string;
  /** Of the end where nothing else is given. */
  readonly topic?: RecordTopic;
  /** Earlier notices that it replaces. */
  readonly replaces?: number;
  readonly record: RollbackRecord;
  readonly subject: string;
  readonly fields: Readonly<Record<string, unknown>>;
}[] = [
  ...ends({
    ROLLED_BACK: 'Model Rollback: fraud',
    REFUSED: 'Model Rollback refused: fraud',
    NO_TARGET: 'Model Rollback no target: fraud',
    ALREADY_LIVE: 'Model Rollback already live: fraud',
    CONTESTED: 'Model Rollback contested: fraud',
    FAILED: 'Model Rollback failed: fraud',
    DEFERRED: 'Model Rollback deferred: fraud',
    AWAITING_APPROVAL: 'Model Rollback awaiting approval: fraud',
    OBSERVED: 'Model Rollback observed: fraud',
    PROMOTED: 'Model Rollback promoted: fraud',
  }),
  {
    title: 'a rollback that an alarm asked for',
    record: byAlarm,
    subject: 'Model Rollback: fraud',
    fields: {
      about: 'end',
      outcome: 'ROLLED_BACK',
      triggered_by: 'fraud-latency',
      alarm: { arn, model_source: 'dimension', automatic: true, recovery: 'pending' },
    },
  },
  {
    title: 'an alarm that names no model',
    record: nameless,
    subject: 'Model Rollback failed: fraud-latency',
    fields: { model_name: null, alarm: { arn, model_source: null, watch: 'pending' } },
  },
  {
    title: 'a source that nobody can read',
    record: { ...unreadable, request: { ...unreadable.request, alarmName: null } },
    subject: `Model Rollback failed: ${unreadable.modelName}`,
    fields: { model_name: null, alarm: null, triggered_by: 'manual' },
  },
  {
    title: 'an end whose earlier notice could not be sent',
    replaces: 1,
    record: ENDS.REFUSED,
    subject: 'Model Rollback refused: fraud',
    fields: {
      replaces: 1,
      text: expect.stringContaining('An earlier notice of this attempt could not be sent.'),
    },
  },
  {
    title: 'an end whose earlier notices could not be sent',
    replaces: 3,
    record: ENDS.REFUSED,
    subject: 'Model Rollback refused: fraud',
    fields: {
      replaces: 3,
      text: expect.stringContaining('3 earlier notices of this attempt could not be sent.'),
    },
  },
  {
    title: 'a pointer that differs',
    topic: 'pointer',
    record: pointerDiffers(byAlarm),
    subject: 'Model Rollback pointer differs: fraud',
    fields: {
      about: 'pointer',
      outcome: 'ROLLED_BACK',
      warnings: [{ code: 'POINTER_DIFFERS', message: expect.stringContaining('live is 7') }],
    },
  },
  {
    title: 'an alarm that recovered',
    topic: 'recovery',
    record: recovery(Recovery.RECOVERED),
    subject: 'Model Rollback recovered: fraud',
    fields: {
      about: 'recovery',
      outcome: 'ROLLED_BACK',
      text: expect.stringMatching(/^The alarm fraud-latency is no longer in ALARM\. /),
      alarm: { recovery: 'recovered' },
    },
  },
  {
    title: 'an alarm that did not recover',
    topic: 'recovery',
    record: recovery(Recovery.NOT_RECOVERED),
    subject: 'Model Rollback not recovered: fraud',
    fields: {
      about: 'recovery',
      text: expect.stringMatching(/^The alarm fraud-latency is still in ALARM: .*paused.*resume/),
      alarm: { recovery: 'not-recovered' },
    },
  },
  {
    title: 'an alarm without data',
    topic: 'recovery',
    record: recovery(Recovery.NO_DATA),
    subject: 'Model Rollback no data: fraud',
    fields: {
      about: 'recovery',
      text: expect.stringMatching(/^The alarm fraud-latency has no data/),
      alarm: { recovery: 'no-data' },
    },
  },
];

/** 250 characters, none of them ASCII. */
export const LONG_NAME: string = '模型界'.repeat(84).slice(0, 250);

/** Runs the contract on one adapter. */
export function describeNotifier(name: string, openNotifier: () => Promise<NotifierPlace>): void {
  describe(name, () => {
    let place: NotifierPlace;

    beforeEach(async () => {
      place = await openNotifier();
    });

    afterEach(async () => {
      await place.close();
    });

    test('names its channel', () => {
      expect(place.notifier.channel).toMatch(/^[a-z][a-z0-9-]*$/);
    });

    test.each(NOTICES)('notifies of $title once, whole and exact', async (sample) => {
      const { record, subject, fields, topic = 'end', replaces = 0 } = sample;
      const notice = noticeOf(record, topic, replaces, NOON_MS + 1);
      expect(notice.message).toMatchObject({ rollback_id: record.id, ...fields });
      expect(notice.subject).toBe(subject);
      expect(await place.notifier.send(notice, soon())).toEqual({ kind: 'sent' });
      const isSilent = place.isSilentOn?.(notice) ?? false;
      const [received, ...more] = await place.received(isSilent ? 0 : 1);
      expect(more).toEqual([]);
      expect(received === undefined).toBe(isSilent);
      if (received !== undefined) expectNotice(received, notice);
    });

    test.each([
      LONG_NAME,
      `the "best" <model> & 'more'`,
      ' \u202ereversed\u2028line',
      '🤖'.repeat(128),
    ])('notifies of a model named %s', async (model) => {
      const { record } = committed(firstClaim(model, '1'));
      const notice = noticeOf(record, 'end', 0, NOON_MS);
      const news = place.isSilentOn?.(notice) ? onlyFailed(notice) : notice;
      expect(await place.notifier.send(news, soon())).toEqual({ kind: 'sent' });
      const [received] = await place.received(1);
      if (received === undefined) throw new Error('no notice came');
      expectNotice(received, news);
    });
  });
}

/** Enough for any call of these suites. */
export function soon(): Deadline {
  return deadlineAfter(systemClock, 20_000);
}

// ---------------------------------------------------------------------------------------------------

/** What every service must bring to people: the data whole, or the texts, with the commands and the rollback. */
function expectNotice({ subject, message, attributes, shown }: ReceivedNotice, notice: Notice) {
  expect(subject ?? notice.subject).toBe(notice.subject);
  expect(attributes ?? notice.attributes).toEqual(notice.attributes);
  if (message !== null) expect(message).toEqual(notice.message);
  if (shown === null) return;
  const { title, text, meaning, steps, facts, level } = briefOf(notice);
  // What ends an incident needs no words.
  if (level === 'resolved' && shown === '') return;
  const begins = (whole: string): void => {
    expect(shown.includes(whole) || shown.includes(whole.slice(0, 100))).toBe(true);
  };
  begins(title);
  begins(text);
  begins(meaning);
  for (const [, value] of facts) begins(value);
  for (const { command } of steps) {
    if (command.length <= 1_000) expect(shown).toContain(command);
  }
}

/** A notice about the same model that needs a person. */
function onlyFailed(notice: Notice): Notice {
  return { ...notice, message: { ...notice.message, outcome: 'FAILED' } };
}

function ended(verdict: 'REFUSED' | 'NO_TARGET' | 'ALREADY_LIVE'): RollbackRecord {
  return unclaimed(attemptAt('fraud', '1', { verdict }), verdict).record;
}

function ends(subjects: Readonly<Record<Outcome, string>>): typeof NOTICES {
  return Object.values(Outcome).map((outcome) => ({
    title: outcome,
    record: ENDS[outcome],
    subject: subjects[outcome],
    fields: { model_name: 'fraud', outcome, about: 'end' },
  }));
}

function pointerDiffers(record: RollbackRecord): RollbackRecord {
  return afterPointerCheck(
    record,
    { liveVersions: ['7'], lastMove: undefined, replaced: null },
    timeAt(NOON_MS + 1),
  ).record;
}

function recovery(found: Recovery): RollbackRecord {
  return afterRecovery(byAlarm, undefined, found, timeAt(NOON_MS + 1)).record;
}
