import { assertNever } from '../assert.ts';
import { limits } from '../limits.ts';
import type { RollbackRecord } from '../record/record.ts';
import { isoTime } from '../registry/model.ts';
import type { Warning } from '../request/request.ts';

/** Whether servers confirmed the version of a rollback, as answers show it. */
export interface ServingAnswer {
  readonly state: 'pending' | 'confirmed' | 'given-up' | 'superseded';
  /** What serving named; null where it named none. */
  readonly version: string | null;
  /** Calls so far. */
  readonly tries: number;
  /** Since when it is so; null while it is pending (ISO 8601, UTC). */
  readonly at: string | null;
  /** When it is called again; null unless it is pending. */
  readonly next_try_at: string | null;
}

/** The code of the warning that servers did not confirm the version. */
export const servingNotConfirmed = 'SERVING_NOT_CONFIRMED';

/** As a field of the answer; nothing where nothing makes servers reload. */
export function servingOf({ serving }: Pick<RollbackRecord, 'serving'>): {
  readonly serving?: ServingAnswer;
} {
  if (serving === undefined) return {};
  const isPending = serving.kind === 'pending';
  return {
    serving: {
      state: serving.kind,
      version: serving.kind === 'confirmed' ? serving.version : null,
      tries: serving.kind === 'superseded' ? 0 : serving.tries,
      at: isPending ? null : isoTime(serving.atMs),
      next_try_at: isPending ? isoTime(serving.dueAtMs) : null,
    },
  };
}

/** What the servers of a model know of a move that is done. */
export function reloadText({
  from_version: from,
  serving,
}: {
  readonly from_version: string | null;
  readonly serving?: ServingAnswer;
}): string {
  if (serving?.state === 'confirmed') return 'Serving has confirmed the version.';
  return from === null
    ? 'Servers that load the model once, at start, need a restart or reload.'
    : `Servers that loaded version ${from} at start still use it: restart or reload them.`;
}

/** What is not confirmed although somebody was asked. */
export function servingWarnings(record: RollbackRecord): Warning[] {
  const { serving } = record;
  const isOpen = serving?.kind === 'pending' && serving.why !== null;
  return isOpen || serving?.kind === 'given-up'
    ? [{ code: servingNotConfirmed, message: servingText(record) }]
    : [];
}

/** One sentence or more on where it stands. */
export function servingText({ serving, plan }: RollbackRecord): string {
  const version = plan?.to?.version ?? 'none';
  switch (serving?.kind) {
    case undefined:
      return '';
    case 'pending':
      return serving.why === null
        ? 'Servers are asked to reload.'
        : `The registry changed, and serving did not confirm version ${version}: ${serving.why}. ` +
            `It is tried again from ${isoTime(serving.dueAtMs)} on. Until then servers may still use the version before.`;
    case 'given-up': {
      const hours = limits.servingTimeMaxMs / 3_600_000;
      return (
        `The registry changed, and serving did not confirm version ${version} within ${hours} h, in ` +
        `${serving.tries} calls: ${serving.why}. It is not tried again. Check which version your servers use, and ` +
        'restart or reload them.'
      );
    }
    case 'confirmed':
      return `Serving confirmed version ${version} at ${isoTime(serving.atMs)}.`;
    case 'superseded':
      return 'The pointer was moved again before serving confirmed the version.';
    default:
      return assertNever(serving);
  }
}
