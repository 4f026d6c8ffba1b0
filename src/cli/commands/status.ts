import { pointerAsked, registryFor } from '../../app/deps.ts';
import { responseOf } from '../../domain/answer/response.ts';
import { quarantinedWarnings } from '../../domain/decide/plan-text.ts';
import { escapeText } from '../../domain/escape.ts';
import type { RegistrySnapshot } from '../../domain/registry/model.ts';
import { isoTime } from '../../domain/registry/model.ts';
import { pointerText } from '../../domain/registry/pointer.ts';
import { parseModelName, type Warning } from '../../domain/request/request.ts';
import { type FleetState, newFleetState, pauseText } from '../../domain/state/fleet.ts';
import { type ModelState, newModelState } from '../../domain/state/model-state.ts';
import { pointerState } from '../../domain/state/pointer-state.ts';
import type { ListedRecord } from '../../ports/rollback-store.ts';
import type { Command, CommandContext } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import { modelOf } from '../render/record-table.ts';
import { shownTime } from '../render/render-answer.ts';
import { table, wrap } from '../render/table.ts';
import { cutMiddle } from '../render/text-width.ts';
import { warnUnreadable, withSession, withStore } from '../session.ts';

export const statusCommand: Command = {
  name: 'status',
  usage: '[MODEL]',
  summary: 'show what is live, in quarantine and in progress; without MODEL: all models on record',
  options: {},
  optionHelp: {},
  arity: [0, 1],
  examples: ['model-rollback status', 'model-rollback status PascalStrategy'],
  run: async (context) => {
    const [model] = context.positionals;
    if (model === undefined) return await allModels(context);
    const modelName = parseModelName(model);
    return await withSession(context, async ({ deps, startDeadline }) => {
      const deadline = startDeadline();
      const pointer = pointerAsked(deps, { modelName });
      const [snapshot, view] = await Promise.all([
        registryFor(deps, pointer).read(modelName, [], deadline),
        deps.store.read(modelName, null, deadline),
      ]);
      const state = view.state ?? newModelState(modelName, deps.registry.address);
      const json = statusJson(snapshot, state, view.fleet ?? newFleetState);
      context.print(statusText(json, context.columns), json);
      return ExitCode.DONE;
    });
  },
};

// ---------------------------------------------------------------------------------------------------

async function allModels(context: CommandContext): Promise<ExitCode> {
  const list = await withStore(context, (store, deadline) => store.list(null, deadline));
  warnUnreadable(context, list);
  // Newest first, so the first record of each model is its latest.
  const latest = new Map<string, ListedRecord>();
  for (const listed of list.records) {
    if (!latest.has(listed.record.modelName)) latest.set(listed.record.modelName, listed);
  }
  const answers = [...latest.values()].map(({ record, isNotified }) =>
    responseOf(record, { isNotified }),
  );
  const rows = answers.map((answer) => [
    modelOf(answer),
    answer.outcome,
    shownTime(answer.timestamp),
    escapeText(answer.live_versions.join(', ')) || 'none',
  ]);
  const fit = { columns: context.columns, flexible: [0, 3] };
  const text =
    rows.length === 0
      ? 'Nothing is on record. To see what is live, pass the name of a model.'
      : table([['MODEL', 'LATEST OUTCOME', 'TIME', 'LIVE THEN'], ...rows], fit);
  context.print(text, answers);
  return ExitCode.DONE;
}

/** Names and values; what is longer than a line goes on below the value. */
function statusText(json: StatusAnswer, columns: number | null): string {
  const { last_rollback: last, active } = json;
  const quarantined = [
    ...json.quarantined.map(({ version, since }) => `${version} (since ${shownTime(since)})`),
    ...json.quarantined_earlier.map(([low, high]) => `earlier ${low}-${high}`),
  ];
  const rows: readonly (readonly [string, string])[] = [
    ['model', json.model_name],
    ['pointer', json.pointer],
    ['live', json.live_versions.join(', ') || 'none'],
    ['quarantined', quarantined.join(', ') || 'none'],
    ...json.warnings.map(({ message }): [string, string] => ['warning', message]),
    ['rollbacks', String(json.rollback_count)],
    ['last', last === null ? 'never' : lastText(last)],
    ['paused', json.paused ?? 'no'],
    ['fleet', json.fleet_paused === null ? 'not paused' : `paused: ${json.fleet_paused}`],
    [
      'running',
      active === null
        ? 'nothing'
        : `${shortId(active.rollback_id)}, lease until ${shownTime(active.lease_ends_at)}`,
    ],
  ];
  const indent = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows
    .map(([name, value]) => {
      const room = columns === null ? null : columns - indent;
      const lines = wrap(escapeText(value), room)
        .split('\n')
        // A command stays whole: it is there to be copied.
        .map((line) => (room === null || line.includes('`') ? line : cutMiddle(line, room)));
      return lines
        .map((line, index) => `${(index === 0 ? name : '').padEnd(indent)}${line}`)
        .join('\n');
    })
    .join('\n');
}

function lastText(last: NonNullable<StatusAnswer['last_rollback']>): string {
  const by = shortId(last.rollback_id);
  return `${last.from ?? 'none'} -> ${last.to} at ${shownTime(last.at)} (${by})`;
}

/** The id without the model's name, which stands above. */
function shortId(id: string): string {
  return id.split('/').at(-1) ?? id;
}

interface StatusAnswer {
  readonly model_name: string;
  /** The pointer that live versions, rollbacks and the last one are about. */
  readonly pointer: string;
  readonly live_versions: readonly string[];
  readonly quarantined: readonly { version: string; since: string; rollback_id: string }[];
  readonly quarantined_earlier: readonly (readonly [number, number])[];
  /** What is worth knowing of the live version. */
  readonly warnings: readonly Warning[];
  readonly rollback_count: number;
  readonly last_rollback: {
    from: string | null;
    to: string;
    at: string;
    rollback_id: string;
  } | null;
  readonly active: { rollback_id: string; lease_ends_at: string } | null;
  /** Why alarms do not roll it back; null when they may. */
  readonly paused: string | null;
  /** The same for all models together. */
  readonly fleet_paused: string | null;
}

function statusJson(
  snapshot: RegistrySnapshot,
  state: ModelState,
  fleet: FleetState,
): StatusAnswer {
  const { active } = state;
  const pointer = pointerText(snapshot.pointer);
  const { lastCommit, rollbackCount } = pointerState(state, pointer);
  return {
    model_name: snapshot.modelName,
    pointer,
    live_versions: snapshot.live.map((row) => row.version),
    quarantined: state.quarantine.map(({ version, atMs, rollbackId }) => ({
      version,
      since: isoTime(atMs),
      rollback_id: rollbackId,
    })),
    quarantined_earlier: state.quarantineEarlier,
    warnings: quarantinedWarnings(snapshot, state),
    rollback_count: rollbackCount,
    last_rollback:
      lastCommit === null
        ? null
        : {
            from: lastCommit.from,
            to: lastCommit.to,
            at: isoTime(lastCommit.atMs),
            rollback_id: lastCommit.rollbackId,
          },
    active:
      active === null
        ? null
        : { rollback_id: active.rollbackId, lease_ends_at: isoTime(active.leaseEndsAtMs) },
    paused: state.pause && pauseText(state.pause, snapshot.modelName),
    fleet_paused: fleet.pause && pauseText(fleet.pause, null),
  };
}
