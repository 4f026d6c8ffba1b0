import type { RollbackResponse } from '../domain/answer/response.ts';
import { commandLine } from '../domain/command-line.ts';
import { messageOf } from '../domain/errors.ts';
import { escapeText } from '../domain/escape.ts';
import { notUndone } from '../domain/pointer/alias.ts';
import { isoTime } from '../domain/registry/model.ts';
import { settingsFor } from '../domain/request/policy.ts';
import type { LastCommit, ModelState } from '../domain/state/model-state.ts';
import { pointerState } from '../domain/state/pointer-state.ts';
import { isQuarantined } from '../domain/state/quarantine.ts';
import { table } from './render/table.ts';
import type { Times } from './render/times.ts';
import type { Session } from './session.ts';

/** What a person has to know once the pointer has moved, as lines; none when it did not move. */
export async function afterRollback(
  { deps, view, startDeadline }: Session,
  answer: RollbackResponse,
): Promise<string[]> {
  const { model_name: model, from_version: from } = answer;
  if (!answer.rolled_back || model === null) return [];
  const rows = [['reload', reloadText(answer)]];
  try {
    const { state } = await deps.store.read(model, null, startDeadline());
    // A replay of an older rollback: what holds now came from a later one.
    const pointer = answer.pointer ?? '';
    const part = state && pointerState(state, pointer);
    const last = part?.lastCommit ?? null;
    if (state !== undefined && last !== null && last.rollbackId === answer.rollback_id) {
      const { cooldownMs } = settingsFor(deps.settings, state);
      rows.push(...stateRows(state, last, cooldownMs, view.style.times));
      if (from !== null && answer.undoes === undefined) {
        rows.push(['undo', commandLine('undo', [last.rollbackId])], ['', notUndone]);
      }
    }
  } catch (error) {
    rows.push([
      'state',
      `The rollback is done. The state could not be read again: ${messageOf(error)}`,
    ]);
  }
  return [table(rows.map(([label = '', text = '']) => [`  ${label}`, escapeText(text)]))];
}

// ---------------------------------------------------------------------------------------------------

export function reloadText({ from_version: from, serving }: RollbackResponse): string {
  if (serving?.state === 'confirmed') return 'Serving has confirmed the version.';
  return from === null
    ? 'Servers that load the model once, at start, need a restart or reload.'
    : `Servers that loaded version ${from} at start still use it: restart or reload them.`;
}

function stateRows(
  state: ModelState,
  { from, atMs }: LastCommit,
  cooldownMs: number,
  times: Times,
): string[][] {
  const { modelName } = state;
  const nextAt = cooldownMs > 0 ? times.full(isoTime(atMs + cooldownMs)) : null;
  const next = [
    'next',
    nextAt === null
      ? 'The next rollback is allowed at once.'
      : `The next rollback is allowed at ${nextAt}.`,
  ];
  if (from === null) return [next];
  const isBad = isQuarantined(state, { version: from, createdAtMs: 0 });
  return [
    ...(isBad
      ? [
          [
            'quarantine',
            `Version ${from} is not chosen again. To allow it: ${commandLine('release', [modelName, from])}`,
          ],
        ]
      : []),
    next,
  ];
}
