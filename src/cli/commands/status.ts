import { readLatest, readStatus } from '../../app/read-status.ts';
import type { StatusAnswer } from '../../domain/answer/status.ts';
import { escapeText } from '../../domain/escape.ts';
import { policyText } from '../../domain/request/policy.ts';
import { parseModelName } from '../../domain/request/request.ts';
import type { Command, CommandContext } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import { pageOf, pageOptionHelp, pageOptions, sayNextPage } from '../list-page.ts';
import { modelOf } from '../render/record-table.ts';
import { shownTime } from '../render/render-answer.ts';
import { table, wrap } from '../render/table.ts';
import { cutMiddle } from '../render/text-width.ts';
import { warnUnreadable, withSession, withStore } from '../session.ts';

export const statusCommand: Command = {
  name: 'status',
  usage: '[MODEL]',
  summary: 'show what is live, in quarantine and in progress; without MODEL: all models on record',
  options: pageOptions,
  optionHelp: pageOptionHelp,
  arity: [0, 1],
  examples: [
    'model-rollback status',
    'model-rollback status --limit 20',
    'model-rollback status PascalStrategy',
  ],
  run: async (context) => {
    const [model] = context.positionals;
    if (model === undefined) return await allModels(context);
    const modelName = parseModelName(model);
    return await withSession(context, async ({ deps, startDeadline }) => {
      const status = await readStatus(deps, modelName, startDeadline());
      context.print(statusText(status, context.columns), status);
      return ExitCode.DONE;
    });
  },
};

// ---------------------------------------------------------------------------------------------------

async function allModels(context: CommandContext): Promise<ExitCode> {
  const page = pageOf(context);
  const { answers, next, ...list } = await withStore(context, (store, deadline) =>
    readLatest(store, deadline, page),
  );
  warnUnreadable(context, list);
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
  sayNextPage(context, 'status', next);
  return ExitCode.DONE;
}

/** Names and values; what is longer than a line goes on below the value. */
function statusText(status: StatusAnswer, columns: number | null): string {
  const { last_rollback: last, active } = status;
  const quarantined = [
    ...status.quarantined.map(({ version, since }) => `${version} (since ${shownTime(since)})`),
    ...status.quarantined_earlier.map(([low, high]) => `earlier ${low}-${high}`),
  ];
  const rows: readonly (readonly [string, string])[] = [
    ['model', status.model_name],
    ['pointer', status.pointer],
    ['live', status.live_versions.join(', ') || 'none'],
    ['quarantined', quarantined.join(', ') || 'none'],
    ...status.warnings.map(({ message }): [string, string] => ['warning', message]),
    ['rollbacks', String(status.rollback_count)],
    ['last', last === null ? 'never' : lastText(last)],
    ['frozen', status.frozen ?? status.fleet_frozen ?? 'no'],
    ['paused', status.paused ?? 'no'],
    ['fleet', status.fleet_paused === null ? 'not paused' : `paused: ${status.fleet_paused}`],
    ['policy', shownPolicy(status)],
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

function shownPolicy({ policy }: StatusAnswer): string {
  return policy === undefined ? 'none' : policyText(policy);
}

function lastText(last: NonNullable<StatusAnswer['last_rollback']>): string {
  const by = shortId(last.rollback_id);
  return `${last.from ?? 'none'} -> ${last.to} at ${shownTime(last.at)} (${by})`;
}

/** The id without the model's name, which stands above. */
function shortId(id: string): string {
  return id.split('/').at(-1) ?? id;
}
