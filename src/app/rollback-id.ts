import { assert } from '../domain/assert.ts';
import { alarmKey } from '../domain/record/trigger.ts';
import type { RollbackDeps } from './deps.ts';
import type { RollbackCall } from './roll-back.ts';

/** The id holds the model name, so that a record can be found by its id alone. */
export function rollbackIdOf(
  { identity }: Pick<RollbackDeps, 'identity'>,
  modelName: string,
  key: string,
): string {
  return `${modelName}/${identity.digest(`${modelName}\n${key}`).slice(0, 16)}`;
}

/** The key of a call: the same for everything that asks for the same rollback. */
export function keyOf({
  request,
  invocationId,
  alarm,
  isAutomatic,
}: Pick<RollbackCall, 'request' | 'invocationId' | 'alarm' | 'isAutomatic'>): string {
  if (isAutomatic === true) {
    assert(alarm !== undefined, 'an automatic run has its alarm');
    return alarmKey(alarm.transition);
  }
  // A rollback is undone once, whoever asks for it.
  if (request.undoes !== undefined) return undoKey(request.undoes);
  const { requestId } = request;
  const key = requestId === null ? `invocation:${invocationId}` : `id:${requestId}`;
  // One execution of a state machine may promote a model, and roll it back.
  return request.promotes ? `promote-${key}` : key;
}

/** The key under which a rollback is undone. */
export function undoKey(rollbackId: string): string {
  return `undo:${rollbackId}`;
}
