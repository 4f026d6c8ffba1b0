import type { LiveSpan } from '../../domain/answer/live-timeline.ts';
import { responseOf } from '../../domain/answer/response.ts';
import { Outcome } from '../../domain/decide/outcome.ts';
import type { RollbackRecord } from '../../domain/record/record.ts';
import { WatchEnd } from '../../domain/record/trigger.ts';

/** The picture of what was live, before it is drawn: places are parts of its width, from 0 to 1. */
export interface Timeline {
  readonly fromMs: number;
  readonly toMs: number;
  readonly lanes: readonly Lane[];
  /** What called for a rollback. */
  readonly alarms: readonly Mark[];
  /** What came of it, and what others promoted. */
  readonly ends: readonly Mark[];
  readonly ticks: readonly Tick[];
}

/** What one pointer named. */
export interface Lane {
  readonly pointer: string;
  readonly bars: readonly Bar[];
}

export interface Bar {
  readonly from: number;
  readonly to: number;
  /** Null: the pointer named nothing. */
  readonly version: string | null;
  readonly state: 'live' | 'past' | 'rolled-back' | 'none';
  /** Another version may have been live unseen just before it. */
  readonly hasGap: boolean;
}

export type MarkKind =
  | 'alarm'
  | 'rollback'
  | 'undo'
  | 'promotion'
  | 'refusal'
  | 'waiting'
  | 'failure';

/** Something that happened. */
export interface Mark {
  readonly at: number;
  readonly kind: MarkKind;
  /** More than one where they stand too near for two. */
  readonly events: readonly TimelineEvent[];
}

export interface TimelineEvent {
  readonly kind: MarkKind;
  readonly atMs: number;
  readonly text: string;
  /** The rollback that it belongs to; null for a promotion. */
  readonly rollbackId: string | null;
}

interface Tick {
  readonly at: number;
  readonly label: string;
}

const dayMs = 86_400_000;

/** How far back the picture goes, as an address names it. */
export const rangeNames = ['24h', '7d', '30d', 'all'] as const;
export type RangeName = (typeof rangeNames)[number];

/** Null: as far as anything is known. */
const rangesMs: Readonly<Record<RangeName, number | null>> = {
  '24h': dayMs,
  '7d': 7 * dayMs,
  '30d': 30 * dayMs,
  all: null,
};

export interface TimelineFacts {
  /** Newest first. */
  readonly spans: readonly LiveSpan[];
  readonly records: readonly RollbackRecord[];
  readonly nowMs: number;
}

/** What happened to a model, newest first. */
export function eventsOf({ spans, records }: TimelineFacts): readonly TimelineEvent[] {
  const events = [...records.flatMap(eventsOfRecord), ...spans.flatMap(promotionOf)];
  return events.toSorted((a, b) => b.atMs - a.atMs);
}

/** The shortest range that shows the latest events; all of it where nothing happened lately. */
export function fittingRange(facts: TimelineFacts): RangeName {
  const [newest, ...others] = eventsOf(facts);
  const oldestShown = others.slice(0, 6).at(-1) ?? newest;
  const age = facts.nowMs - (oldestShown?.atMs ?? 0);
  return age < dayMs * 0.9 ? '24h' : age < 6.5 * dayMs ? '7d' : age < 28 * dayMs ? '30d' : 'all';
}

export function timelineOf(facts: TimelineFacts, range: RangeName): Timeline {
  const { spans, nowMs } = facts;
  const events = eventsOf(facts);
  const firstMs = Math.min(
    ...spans.map(({ began_by: at }) => Date.parse(at)),
    ...events.map(({ atMs }) => atMs),
    nowMs - dayMs,
  );
  const spanMs = rangesMs[range] ?? (nowMs - firstMs) * 1.03;
  const window = { fromMs: nowMs - spanMs, toMs: nowMs };
  const marks = (isOfRow: (kind: MarkKind) => boolean): readonly Mark[] =>
    marksOf(
      events.filter(({ kind, atMs }) => isOfRow(kind) && atMs >= window.fromMs),
      window,
    );
  const pointers = [...new Set(spans.map(({ pointer }) => pointer))];
  const undone = undosOf(facts.records);
  return {
    ...window,
    lanes: pointers.map((pointer) => ({
      pointer,
      bars: barsOf(
        spans.filter((span) => span.pointer === pointer),
        window,
        undone,
      ),
    })),
    alarms: marks((kind) => kind === 'alarm'),
    ends: marks((kind) => kind !== 'alarm'),
    ticks: ticksOf(window),
  };
}

// ---------------------------------------------------------------------------------------------------

interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

function placeOf(atMs: number, { fromMs, toMs }: Window): number {
  return Math.min(1, Math.max(0, (atMs - fromMs) / (toMs - fromMs)));
}

/** What an undo ended was not bad for that. */
function undosOf(records: readonly RollbackRecord[]): ReadonlySet<string> {
  return new Set(records.flatMap(({ id, request }) => (request.undoes === undefined ? [] : [id])));
}

/** @param spans of one pointer, newest first */
function barsOf(
  spans: readonly LiveSpan[],
  window: Window,
  undos: ReadonlySet<string>,
): readonly Bar[] {
  return spans
    .map((span, index): Bar => {
      const next = spans[index - 1];
      const endMs = span.ended_by === null ? window.toMs : Date.parse(span.ended_by);
      const endedBy = next?.rollback_id ?? null;
      const isRolledBack = endedBy !== null && next?.how === 'made' && !undos.has(endedBy);
      return {
        from: placeOf(Date.parse(span.began_by), window),
        to: placeOf(endMs, window),
        version: span.version,
        state: stateOf(span, isRolledBack),
        hasGap: span.has_gap,
      };
    })
    .filter(({ from, to }) => to > from)
    .toReversed();
}

function stateOf({ version, ended_by: end }: LiveSpan, isRolledBack: boolean): Bar['state'] {
  if (version === null) return 'none';
  if (end === null) return 'live';
  return isRolledBack ? 'rolled-back' : 'past';
}

function promotionOf({ how, version, began_by: at, rollback_id: id }: LiveSpan): TimelineEvent[] {
  if (id !== null || how === 'baseline' || how === 'seen') return [];
  const text = version === null ? 'The pointer named nothing' : `Version ${version} went live`;
  return [{ kind: 'promotion', atMs: Date.parse(at), text, rollbackId: null }];
}

function eventsOfRecord(record: RollbackRecord): TimelineEvent[] {
  const { alarm, id } = record;
  const answer = responseOf(record);
  const [kind, text] = endOf(answer.outcome, record);
  const end = { kind, atMs: Date.parse(answer.timestamp), text, rollbackId: id };
  if (alarm === null) return [end];
  const { ref, atMs } = alarm.transition;
  return [end, { kind: 'alarm', atMs, text: `${ref.name} went to ALARM`, rollbackId: id }];
}

function endOf(
  outcome: string,
  { plan, request, watch }: RollbackRecord,
): readonly [MarkKind, string] {
  const move = `${plan?.from?.version ?? 'none'} to ${plan?.to?.version ?? 'none'}`;
  switch (outcome) {
    case Outcome.ROLLED_BACK:
      return request.undoes === undefined
        ? ['rollback', `Rolled back, from ${move}`]
        : ['undo', `A rollback was undone, from ${move}`];
    case Outcome.PROMOTED:
      return ['promotion', `Promoted, from ${move}`];
    case Outcome.AWAITING_APPROVAL:
      if (watch.kind !== 'closed') {
        return ['waiting', `A rollback from ${move} waits for approval`];
      }
      return watch.why === WatchEnd.REJECTED
        ? ['refusal', `A rollback from ${move} was rejected${watch.by ? ` by ${watch.by}` : ''}`]
        : ['waiting', `A rollback from ${move} waited for approval: ${watch.why}`];
    case Outcome.REFUSED:
      return ['refusal', 'A rollback was refused'];
    case Outcome.OBSERVED:
      return ['refusal', `Observed only: would have rolled back, from ${move}`];
    case Outcome.ALREADY_LIVE:
      return ['refusal', `Version ${plan?.to?.version ?? ''} was live already`];
    case Outcome.NO_TARGET:
      return ['failure', 'No version could be restored'];
    case Outcome.CONTESTED:
      return ['failure', 'The registry changed during a rollback'];
    case Outcome.DEFERRED:
      return ['failure', 'An alarm could not be handled yet'];
    case Outcome.FAILED:
      return ['failure', 'A rollback failed'];
    default:
      return ['waiting', 'A rollback is in progress'];
  }
}

/** The worst first: it gives the sign of several. */
const ranks: readonly MarkKind[] = [
  'failure',
  'waiting',
  'rollback',
  'undo',
  'refusal',
  'promotion',
  'alarm',
];
const nearest = 0.025;

function marksOf(events: readonly TimelineEvent[], window: Window): readonly Mark[] {
  const marks: { at: number; events: TimelineEvent[] }[] = [];
  for (const event of events.toReversed()) {
    const at = placeOf(event.atMs, window);
    const last = marks.at(-1);
    if (last !== undefined && at - last.at < nearest) last.events.push(event);
    else marks.push({ at, events: [event] });
  }
  return marks.map((mark) => {
    const kind = ranks.find((rank) => mark.events.some((event) => event.kind === rank));
    return { ...mark, kind: kind ?? 'alarm' };
  });
}

const hourMs = 3_600_000;
const steps = [1, 3, 6, 24, 48, 168, 336, 720, 2_160, 8_760, 26_280, 87_600].map(
  (hours) => hours * hourMs,
);
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

function ticksOf(window: Window): readonly Tick[] {
  const { fromMs, toMs } = window;
  const step = steps.find((one) => (toMs - fromMs) / one <= 8) ?? steps.at(-1) ?? hourMs;
  const isLong = toMs - fromMs > 300 * dayMs;
  const first = Math.ceil(fromMs / step) * step;
  const count = Math.max(0, Math.floor((toMs - first) / step) + 1);
  return Array.from({ length: count }, (_, index) => first + index * step).map((atMs) => {
    const date = new Date(atMs);
    const day = `${date.getUTCDate()} ${months[date.getUTCMonth()]}`;
    const month = `${months[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
    const hour = `${String(date.getUTCHours()).padStart(2, '0')}:00`;
    return {
      at: placeOf(atMs, window),
      label: step < dayMs && hour !== '00:00' ? hour : isLong ? month : day,
    };
  });
}
