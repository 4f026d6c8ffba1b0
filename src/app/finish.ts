import { type RollbackResponse, responseOf } from '../domain/answer/response.ts';
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
import type { RunEnd } from './end-run.ts';
import { noteWarning, setPreviousAlias } from './previous-alias.ts';
import { reload } from './reload.ts';

/** What follows the end of a run: its notice, which was saved with it, and beside that the tags and the reload. */
export async function finish(
  deps: RollbackDeps,
  { record, notice, previousAlias }: RunEnd,
  deadline: Deadline,
): Promise<RollbackResponse> {
  const isOurs = notice !== undefined;
  // None of them waits for another. Without a notice of ours another process ended the run, and does the rest.
  const [sent, warnings, now, previous] = await together([
    isOurs ? announce(deps, notice, deadline) : undefined,
    annotate(deps, record, deadline),
    isOurs ? reload(deps, record, deadline) : record,
    isOurs && previousAlias === 'on' ? setPreviousAlias(deps, record, deadline) : null,
  ]);
  const found = previous === null ? now : await noteWarning(deps, now, previous, deadline);
  return answerOf({ record: found, notice: sent }, warnings);
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
