import { type FleetState, newFleetState, pauseText } from '../../domain/fleet.ts';
import type { RegistrySnapshot } from '../../domain/model.ts';
import { isoTime } from '../../domain/model.ts';
import { parseModelName } from '../../domain/request.ts';
import { responseOf } from '../../domain/response.ts';
import { type ModelState, newModelState } from '../../domain/rollback.ts';
import type { ListedRecord } from '../../ports/rollback-store.ts';
import type { Command, CommandContext } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import { safe, table } from '../render.ts';
import { warnUnreadable, withComposed, withStore } from '../session.ts';

export const statusCommand: Command = {
  name: 'status',
  usage: '[MODEL]',
  summary: 'show what is live, quarantined and in work; without MODEL: all models on record',
  options: {},
  optionHelp: {},
  arity: [0, 1],
  examples: ['model-rollback status', 'model-rollback status PascalStrategy'],
  run: async (context) => {
    const [model] = context.positionals;
    if (model === undefined) return await allModels(context);
    const modelName = parseModelName(model);
    const { snapshot, state, fleet } = await withComposed(
      context,
      async ({ deps }, startDeadline) => {
        const deadline = startDeadline();
        const [snapshot, view] = await Promise.all([
          deps.registry.read(modelName, [], deadline),
          deps.store.read(modelName, null, deadline),
        ]);
        const state = view.state ?? newModelState(modelName, deps.registry.address);
        return { snapshot, state, fleet: view.fleet ?? newFleetState };
      },
    );
    const json = statusJson(snapshot, state, fleet);
    context.print(statusText(json), json);
    return ExitCode.DONE;
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
    safe(answer.model_name ?? `(${answer.alarm_name ?? 'unknown'})`),
    answer.outcome,
    answer.timestamp,
    answer.live_versions.join(', ') || 'none',
  ]);
  const text =
    rows.length === 0
      ? 'Nothing is on record. Name a model to see what is live.'
      : table([['MODEL', 'LATEST OUTCOME', 'TIME', 'LIVE THEN'], ...rows]);
  context.print(text, answers);
  return ExitCode.DONE;
}

function statusText(json: StatusAnswer): string {
  const earlier =
    json.quarantined_earlier.length === 0
      ? []
      : [
          `and earlier ${json.quarantined_earlier.map(([low, high]) => `${low}-${high}`).join(', ')}`,
        ];
  const quarantined = [
    ...json.quarantined.map((entry) => `${entry.version} (since ${entry.since})`),
    ...earlier,
  ];
  const last = json.last_rollback;
  return table([
    ['model', safe(json.model_name)],
    ['live', json.live_versions.join(', ') || 'none'],
    ['quarantined', quarantined.join(', ') || 'none'],
    ['rollbacks', String(json.rollback_count)],
    [
      'last',
      last === null
        ? 'never'
        : `${last.from ?? 'none'} -> ${last.to} at ${last.at} (${safe(last.rollback_id)})`,
    ],
    ['paused', json.paused === null ? 'no' : safe(json.paused)],
    ['fleet', json.fleet_paused === null ? 'not paused' : `paused: ${safe(json.fleet_paused)}`],
    [
      'in work',
      json.active === null
        ? 'nothing'
        : `${safe(json.active.rollback_id)}, lease until ${json.active.lease_ends_at}`,
    ],
  ]);
}

interface StatusAnswer {
  readonly model_name: string;
  readonly live_versions: readonly string[];
  readonly quarantined: readonly { version: string; since: string; rollback_id: string }[];
  readonly quarantined_earlier: readonly (readonly [number, number])[];
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
  const { active, lastCommit } = state;
  return {
    model_name: snapshot.modelName,
    live_versions: snapshot.live.map((row) => row.version),
    quarantined: state.quarantine.map(({ version, atMs, rollbackId }) => ({
      version,
      since: isoTime(atMs),
      rollback_id: rollbackId,
    })),
    quarantined_earlier: state.quarantineEarlier,
    rollback_count: state.rollbackCount,
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
    paused: state.pause && pauseText(state.pause, JSON.stringify(snapshot.modelName)),
    fleet_paused: fleet.pause && pauseText(fleet.pause, '--fleet'),
  };
}
