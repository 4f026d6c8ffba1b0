import { pointerAsked } from '../app/deps.ts';
import type { RollbackResponse } from '../domain/answer/response.ts';
import { commandLine } from '../domain/command-line.ts';
import { messageOf } from '../domain/errors.ts';
import { escapeText } from '../domain/escape.ts';
import { isoTime } from '../domain/registry/model.ts';
import { pointerText } from '../domain/registry/pointer.ts';
import { RefusalCode } from '../domain/request/request.ts';
import type { ModelState } from '../domain/state/model-state.ts';
import { pointerState } from '../domain/state/pointer-state.ts';
import { isQuarantined } from '../domain/state/quarantine.ts';
import { shownTime } from './render/render-answer.ts';
import { table } from './render/table.ts';
import type { Session } from './session.ts';

/** What a person has to know once the pointer has moved, as lines; none when it did not move. */
export async function afterRollback(
  { deps, startDeadline }: Session,
  answer: RollbackResponse,
): Promise<string[]> {
  const { model_name: model, from_version: from } = answer;
  if (!answer.rolled_back || model === null) return [];
  const rows = [['reload', reloadText(from)]];
  try {
    const { state } = await deps.store.read(model, null, startDeadline());
    // A replay of an older rollback: what holds now came from a later one.
    const pointer = answer.pointer ?? '';
    const part = state && pointerState(state, pointer);
    if (state !== undefined && part?.lastCommit?.rollbackId === answer.rollback_id) {
      const isDefault = pointer === pointerText(pointerAsked(deps, { modelName: model }));
      const about = { from, atMs: part.lastCommit.atMs, pointer: isDefault ? undefined : pointer };
      rows.push(...stateRows(state, about, deps.settings.cooldownMs));
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

function reloadText(from: string | null): string {
  return from === null
    ? 'Servers that load the model once, at start, need a restart or reload.'
    : `Servers that loaded version ${from} at start still use it: restart or reload them.`;
}

interface Move {
  readonly from: string | null;
  readonly atMs: number;
  /** Undefined where the settings say it. */
  readonly pointer: string | undefined;
}

function stateRows(
  state: ModelState,
  { from, atMs, pointer }: Move,
  cooldownMs: number,
): string[][] {
  const { modelName } = state;
  const isCooling = cooldownMs > 0;
  const nextAt = isCooling ? shownTime(isoTime(atMs + cooldownMs)) : null;
  const next = [
    'next',
    nextAt === null
      ? 'The next rollback is allowed at once.'
      : `The next rollback is allowed at ${nextAt}.`,
  ];
  if (from === null) return [next];
  const isBad = isQuarantined(state, { version: from, createdAtMs: 0 });
  const override = [
    ...(isCooling ? [RefusalCode.COOLDOWN] : []),
    ...(isBad ? [RefusalCode.QUARANTINED] : []),
  ];
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
    ['undo', commandLine('apply', [modelName], { to: from, override, pointer })],
  ];
}
