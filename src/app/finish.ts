import { type RollbackResponse, responseOf } from '../domain/answer/response.ts';
import type { OutboxNotice } from '../domain/record/outbox.ts';
import type { NoticeWrite, RollbackRecord } from '../domain/record/record.ts';
import type { Warning } from '../domain/request/request.ts';
import { together } from '../domain/together.ts';
import type { Deadline } from '../ports/deadline.ts';
import { annotate } from './annotate.ts';
import {
  announce,
  announceIfUnsent,
  isNotified,
  noticeWarnings,
  type RecordWithNotice,
} from './announce.ts';
import type { RollbackDeps } from './deps.ts';
import { reload } from './reload.ts';

/** What follows the end of a run: its notice, which was saved with it, and beside that the tags and the reload. */
export async function finish(
  deps: RollbackDeps,
  record: RollbackRecord,
  notice: OutboxNotice | undefined,
  deadline: Deadline,
): Promise<RollbackResponse> {
  // None of them waits for another. Without a notice of ours another process ended the run, and does the rest.
  const [sent, warnings, now] = await together([
    notice === undefined ? undefined : announce(deps, notice, deadline),
    annotate(deps, record, deadline),
    notice === undefined ? record : reload(deps, record, deadline),
  ]);
  return answerOf({ record: now, notice: sent }, warnings);
}

/**
 * The answer to an end that was just written: its notice is sent, unless it repeats an earlier end of the
 * same key, whose notice it then has.
 */
export async function answerEnd(
  deps: RollbackDeps,
  record: RollbackRecord,
  written: NoticeWrite | undefined,
  deadline: Deadline,
): Promise<RollbackResponse> {
  if (written === undefined) {
    const found = await announceIfUnsent(deps, record.modelName, record.id, deadline);
    return answerOf(found ?? { record, notice: undefined });
  }
  return answerOf({ record, notice: await announce(deps, written.item, deadline) });
}

/** What a record and its notice stand for. */
export function answerOf(
  found: RecordWithNotice,
  warnings: readonly Warning[] = [],
): RollbackResponse {
  return responseOf(found.record, {
    isNotified: isNotified(found),
    warnings: [...noticeWarnings(found), ...warnings],
  });
}
