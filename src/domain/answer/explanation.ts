import type { NoticeTopic } from '../record/notice-content.ts';
import type { OutboxNotice } from '../record/outbox.ts';
import type { RollbackRecord } from '../record/record.ts';
import { isoTime } from '../registry/model.ts';
import { lastPromotion } from '../state/live-history.ts';
import type { ModelState } from '../state/model-state.ts';
import { pointerState } from '../state/pointer-state.ts';
import { briefOf, type Step } from './brief.ts';
import { noticeOf } from './notice.ts';

/** Everything that is stored of one rollback, in the order of time, and what follows from it. */
export interface Explanation {
  /** What happened, oldest first. Times of single calls are not kept. */
  readonly moments: readonly Moment[];
  /** What is still to come, the next first. */
  readonly due: readonly Moment[];
  /** What each channel made of each notice. */
  readonly channels: readonly ChannelReport[];
  readonly next_steps: readonly Step[];
}

export interface Moment {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly what: string;
}

export interface ChannelReport {
  readonly about: NoticeTopic;
  readonly channel: string;
  readonly state: 'sent' | 'failed';
  readonly at: string;
  /** How often it failed in a row; 0 when it was sent. */
  readonly failures: number;
}

/** What an explanation is made from. */
export interface ExplainedFacts {
  readonly record: RollbackRecord;
  /** Of each topic that it ever had one of. */
  readonly notices: readonly OutboxNotice[];
  readonly state: ModelState | undefined;
  /** True while a person can approve it. */
  readonly isWaiting: boolean;
  readonly nowMs: number;
}

export function explain(facts: ExplainedFacts): Explanation {
  const { record, notices } = facts;
  return {
    moments: inOrder([...beginOf(record), ...endOf(record), ...checksOf(record)]),
    due: inOrder([...dueOf(record), ...notices.flatMap(noticeDue)]),
    channels: [...embeddedOf(record), ...notices.flatMap(channelsOf)],
    next_steps: stepsOf(facts),
  };
}

/** The time between two moments, for people. */
export function gapText(ms: number): string {
  const seconds = ms / 1_000;
  if (seconds < 10) return `${seconds.toFixed(3)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

// ---------------------------------------------------------------------------------------------------

type Timed = readonly [atMs: number, what: string];

function inOrder(moments: readonly Timed[]): readonly Moment[] {
  return moments.toSorted(([a], [b]) => a - b).map(([atMs, what]) => ({ at: isoTime(atMs), what }));
}

function beginOf({ alarm, createdAtMs, attempts, plan, isAutomatic }: RollbackRecord): Timed[] {
  const by = isAutomatic ? 'the alarm arrived' : 'the request arrived';
  return [
    ...(alarm === null
      ? []
      : [[alarm.transition.atMs, `the alarm ${alarm.transition.ref.name} went to ALARM`] as const]),
    // The record is made after the first reading, which can be a millisecond earlier.
    [Math.min(createdAtMs, plan?.plannedAtMs ?? createdAtMs), by],
    ...(plan === null
      ? []
      : [
          [
            plan.plannedAtMs,
            `registry and state were read, and the plan was made${attempts > 1 ? ` (attempt ${attempts})` : ''}`,
          ] as const,
        ]),
  ];
}

function endOf({ progress }: RollbackRecord): Timed[] {
  if (progress.status === 'IN_PROGRESS') {
    const sends = progress.sends === undefined ? '' : `; moves sent: ${progress.sends}`;
    return [[progress.claimedAtMs, `the model was claimed for this run${sends}`]];
  }
  const { endedAtMs, status, hasMoved, liveVersions } = progress;
  const live = liveVersions.join(' and ') || 'nothing';
  const what = hasMoved
    ? `the pointer was moved and read back (live: ${live}), and ${status} was recorded`
    : `${status} was recorded (live: ${live})`;
  return [[endedAtMs, what]];
}

function checksOf({ pointerCheck, watch, recovery, serving }: RollbackRecord): Timed[] {
  const moments: Timed[] = [];
  if (pointerCheck.kind === 'as-left') {
    moments.push([pointerCheck.atMs, 'the pointer was read again: as it was left']);
  }
  if (pointerCheck.kind === 'differs') {
    const live = pointerCheck.liveVersions.join(' and ') || 'none';
    moments.push([pointerCheck.atMs, `the pointer was read again: it differs, live is ${live}`]);
  }
  if (watch.kind === 'closed') {
    const by = watch.by ? ` by ${watch.by}` : '';
    const why = watch.reason === undefined ? '' : ` (reason: ${watch.reason})`;
    moments.push([watch.atMs, `the alarm is not checked any more: ${watch.why}${by}${why}`]);
  }
  if (serving !== undefined && serving.kind !== 'pending') {
    moments.push([serving.atMs, servedText[serving.kind]]);
  }
  if (recovery.kind !== 'none' && recovery.kind !== 'pending') {
    moments.push([recovery.atMs, `the recovery was checked: ${recovery.kind}`]);
  }
  return moments;
}

const servedText = {
  confirmed: 'serving confirmed the version',
  'given-up': 'serving did not confirm the version, and is not asked again',
  superseded: 'the pointer was moved again before serving confirmed the version',
} as const;

function dueOf({ progress, pointerCheck, watch, recovery, serving }: RollbackRecord): Timed[] {
  const due: Timed[] = [];
  if (progress.status === 'IN_PROGRESS') {
    due.push([progress.leaseEndsAtMs, 'the lease expires: the next request or sweep finishes it']);
  }
  if (pointerCheck.kind === 'pending')
    due.push([pointerCheck.dueAtMs, 'the pointer is read again']);
  if (serving?.kind === 'pending') due.push([serving.dueAtMs, 'servers are asked to reload again']);
  if (watch.kind === 'pending') due.push([watch.dueAtMs, 'the alarm is checked again']);
  if (recovery.kind === 'pending') {
    due.push([recovery.dueAtMs, 'the recovery of the alarm is checked']);
  }
  return due;
}

function noticeDue({ content, dueAtMs, topic }: OutboxNotice): Timed[] {
  return content === null ? [] : [[dueAtMs, `the notice (${topic}) is sent again`]];
}

/** Release 0.1.0 knows one channel, and keeps its notice in the record. */
function embeddedOf({ notice }: RollbackRecord): ChannelReport[] {
  if (notice.kind !== 'sent') return [];
  const { about, sentAtMs } = notice;
  return [{ about, channel: 'sns', state: 'sent', at: isoTime(sentAtMs), failures: 0 }];
}

function channelsOf({ topic, channels }: OutboxNotice): ChannelReport[] {
  return Object.entries(channels).map(([channel, state]) => ({
    about: topic,
    channel,
    state: state.kind,
    at: isoTime(state.atMs),
    failures: state.kind === 'failed' ? state.attempts : 0,
  }));
}

/** What the notices name, less what does not work any more. */
function stepsOf({ record, state, isWaiting, nowMs }: ExplainedFacts): readonly Step[] {
  const topics = [
    'end',
    ...(record.pointerCheck.kind === 'differs' ? (['pointer'] as const) : []),
    ...(record.recovery.kind === 'not-recovered' ? (['recovery'] as const) : []),
  ] as const;
  const steps = topics.flatMap((topic) => briefOf(noticeOf(record, topic, 0, nowMs)).steps);
  const found = new Map(steps.map((step) => [step.command, step]));
  return [...found.values()].filter(({ command }) => {
    switch (command.split(' ')[1]) {
      case 'explain':
        return false;
      case 'approve':
        return isWaiting;
      case 'undo':
        return isUndoable(record, state);
      case 'resume':
        return state?.pause != null;
      default:
        return true;
    }
  });
}

function isUndoable({ id, plan, request }: RollbackRecord, state: ModelState | undefined): boolean {
  if (plan?.from == null || request.undoes !== undefined || state === undefined) return false;
  const part = pointerState(state, plan.pointer);
  return part.lastCommit?.rollbackId === id && lastPromotion(part) === null;
}
