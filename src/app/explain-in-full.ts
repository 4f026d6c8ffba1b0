import { type Explanation, explain } from '../domain/answer/explanation.ts';
import { isApprovable } from '../domain/protocol/watch.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { RecordWithNotice } from './announce.ts';
import type { RollbackDeps } from './deps.ts';
import { explainRollback } from './operate.ts';

/**
 * One record by its id with all that is stored of it, in the order of time, and what follows from it.
 * @throws InvalidRequestError when the id has not the form of one, or is not on record
 */
export async function explainInFull(
  { store, clock }: Pick<RollbackDeps, 'store' | 'clock'>,
  rollbackId: string,
  deadline: Deadline,
): Promise<RecordWithNotice & { readonly explanation: Explanation }> {
  const { record, notice, state } = await explainRollback(store, rollbackId, deadline);
  const later = await Promise.all(
    (['pointer', 'recovery', 'serving'] as const).map((topic) =>
      store.readNotice(rollbackId, topic, deadline),
    ),
  );
  const notices = [notice, ...later].filter((one) => one !== undefined);
  const nowMs = clock.nowMs();
  const isWaiting = isApprovable(record, nowMs) && record.watch.kind !== 'closed';
  const explanation = explain({ record, notices, state, isWaiting, nowMs });
  return { record, notice, explanation };
}
