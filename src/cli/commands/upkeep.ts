import { canPromote } from '../../app/can-promote.ts';
import { pointerOf } from '../../app/read-model.ts';
import { reportPromotion } from '../../app/report-promotion.ts';
import { sweep } from '../../app/sweep.ts';
import type { SweepReport } from '../../app/sweep-report.ts';
import { createStateTable, reindexTable } from '../../compose-store.ts';
import { workspaceFromEnv } from '../../config/registry-settings.ts';
import { commandText } from '../../domain/command-line.ts';
import { InvalidRequestError } from '../../domain/errors.ts';
import { escapeText } from '../../domain/escape.ts';
import { pointerText } from '../../domain/registry/pointer.ts';
import { parseModelName, parseRequest, parseVersion } from '../../domain/request/request.ts';
import { type Command, textOption } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import { storeInUse, withSession } from '../session.ts';

/** `can-promote`, `promoted`, `create-table`, `reindex`, `sweep`: what an operator does besides rolling back. */
export const canPromoteCommand: Command = {
  name: 'can-promote',
  usage: 'MODEL VERSION',
  summary: 'check for a pipeline whether VERSION may be promoted: exit code 3 if it may not',
  options: {},
  optionHelp: {},
  arity: [2, 2],
  examples: ['model-rollback can-promote PascalStrategy 4'],
  run: async (context) => {
    const [model, text] = context.positionals;
    const asked = { modelName: parseModelName(model), version: parseVersion(text, 'VERSION') };
    const answer = await withSession(context, ({ deps, startDeadline }) =>
      canPromote(deps, asked, startDeadline()),
    );
    const what = `version ${asked.version} of ${escapeText(asked.modelName)}`;
    const lines = answer.can_promote
      ? [`No reason was found against promoting ${what}.`]
      : [
          `Do not promote ${what}:`,
          ...answer.refusals.map(({ code, message }) => escapeText(`  ${code}  ${message}`)),
        ];
    context.print(lines.join('\n'), answer);
    return answer.can_promote ? ExitCode.DONE : ExitCode.REFUSED;
  },
};

export const promotedCommand: Command = {
  name: 'promoted',
  usage: 'MODEL VERSION',
  summary: 'record that VERSION was promoted, and what it replaced: what a rollback goes back to',
  options: { replaced: { type: 'string' }, pointer: { type: 'string' } },
  optionHelp: {
    replaced: 'version that was live before',
    pointer:
      'stage:Production, or alias:NAME (default: the policy of the model, then ROLLBACK_MODEL_POINTERS, ROLLBACK_POINTER)',
  },
  arity: [2, 2],
  examples: [
    'model-rollback promoted PascalStrategy 4 --replaced 3 --pointer alias:champion',
    'model-rollback promoted PascalStrategy 4',
  ],
  run: async (context) => {
    const [model, text] = context.positionals;
    const modelName = parseModelName(model);
    const version = parseVersion(text, 'VERSION');
    const { request } = parseRequest({
      model_name: modelName,
      pointer: textOption(context, 'pointer'),
    });
    const before = textOption(context, 'replaced');
    const replaced = before === undefined ? null : parseVersion(before, '--replaced');
    const { pointer, isNew } = await withSession(context, async ({ deps, startDeadline }) => {
      const pointer = await pointerOf(deps, request, startDeadline());
      const promotion = { modelName, version, replaced, pointer };
      const isNew = await reportPromotion(deps, promotion, startDeadline());
      return { pointer: pointerText(pointer), isNew };
    });
    const what =
      `${pointer} of ${escapeText(modelName)} names version ${version}` +
      (replaced === null ? '' : `, which replaced version ${replaced}`);
    context.print(isNew ? `Recorded: ${what}.` : `Known already: ${what}.`, {
      model_name: modelName,
      pointer,
      version,
      replaced,
      recorded: isNew,
    });
    return ExitCode.DONE;
  },
};

export const createTableCommand: Command = {
  name: 'create-table',
  usage: '',
  summary: 'create the DynamoDB state table with its indexes, and wait until it is active',
  options: {},
  optionHelp: {},
  arity: [0, 0],
  examples: ['ROLLBACK_STATE_TABLE=tradai-rollback-state model-rollback create-table'],
  run: async (context) => {
    const store = await storeInUse(context, { ROLLBACK_STORE: 'dynamodb', ...context.env });
    if (store.kind !== 'dynamodb') {
      throw new InvalidRequestError(
        'ROLLBACK_STORE names an SQLite file, which is created on first use. Unset it to create a DynamoDB table.',
      );
    }
    const { tableName } = store;
    context.say(`Creating the table ${tableName}, unless it exists …`);
    const { isNew, isIndexAdded, warnings } = await context.during(
      'Waiting until the table is active',
      () => createStateTable(tableName),
    );
    for (const warning of warnings) context.say(`warning: ${escapeText(warning)}`);
    const message = isNew
      ? `The table ${tableName} is ready.`
      : isIndexAdded
        ? `The table ${tableName} exists already. The index that it lacked is added. When no function of release ` +
          `0.1.0 uses the table any more, run ${commandText('reindex')}.`
        : `The table ${tableName} exists already.`;
    context.print(message, {
      table: tableName,
      created: isNew,
      index_added: isIndexAdded,
      warnings,
    });
    return ExitCode.DONE;
  },
};

export const reindexCommand: Command = {
  name: 'reindex',
  usage: '',
  summary: 'spread the index entries of a DynamoDB table of release 0.1.0 over many partitions',
  options: { back: { type: 'boolean' } },
  optionHelp: { back: 'move them back to where 0.1.0 finds them, before a downgrade' },
  arity: [0, 0],
  examples: ['model-rollback reindex', 'model-rollback reindex --back'],
  run: async (context) => {
    const store = await storeInUse(context, context.env);
    if (store.kind !== 'dynamodb') {
      throw new InvalidRequestError(
        'The state is in an SQLite file, which has no partitions: there is nothing to do. For a DynamoDB ' +
          'table, set ROLLBACK_STORE=dynamodb and ROLLBACK_STATE_TABLE.',
      );
    }
    const { moved, layout, isComplete } = await reindexTable({
      tableName: store.tableName,
      workspace: workspaceFromEnv(context.env) ?? '',
      layout: context.options['back'] === true ? 'single' : 'sharded',
      onProgress: everySoOften((count) => context.say(`${count} entries moved …`)),
    });
    const where =
      layout === 'sharded' ? 'spread over many partitions' : 'where release 0.1.0 finds them';
    const message = isComplete
      ? `${moved} entries moved. All entries are ${where}.`
      : `${moved} entries moved, and there are new ones in the old place: a function of another release writes ` +
        `them. Update it, then run ${commandText('reindex', [], layout === 'single' ? { back: true } : {})} again.`;
    context.print(message, { table: store.tableName, layout, moved, complete: isComplete });
    return isComplete ? ExitCode.DONE : ExitCode.RETRY_LATER;
  },
};

export const sweepCommand: Command = {
  name: 'sweep',
  usage: '',
  summary:
    'do what is due, once: finish interrupted runs, send notices, check alarms, observe pointers',
  options: {},
  optionHelp: {},
  arity: [0, 0],
  examples: ['model-rollback sweep', 'model-rollback sweep --json'],
  run: async (context) => {
    const report = await withSession(context, ({ deps, startDeadline }) =>
      context.during('Doing what is due', () => sweep(deps, startDeadline())),
    );
    const lines = [
      ...sweepLines(report),
      ...report.failed.map(
        (failure) => `  ${escapeText(failure.rollback_id)}  ${escapeText(failure.error)}`,
      ),
      ...(report.has_more ? ['There is more to do. Run it again.'] : []),
    ];
    context.print(lines.join('\n'), report);
    return report.failed.length === 0 ? ExitCode.DONE : ExitCode.RETRY_LATER;
  },
};

// ---------------------------------------------------------------------------------------------------

/** For each further thousand. */
function everySoOften(say: (count: number) => void): (count: number) => void {
  let said = 0;
  return (count) => {
    if (count - said < 1_000) return;
    said = count;
    say(count);
  };
}

/** What was due and what became of it, then what was read besides; whatever is none is left out. */
function sweepLines(report: SweepReport): readonly string[] {
  const differ = report.pointers_differ === 0 ? '' : ` (${report.pointers_differ} differ)`;
  const done = [
    counted(report.resumed, 'run', 'finished'),
    counted(report.notices_sent, 'notice', 'sent'),
    counted(report.pointers_checked, 'pointer', `checked${differ}`),
    counted(report.alarms_looked_at, 'alarm', 'checked'),
    counted(report.recoveries_checked, 'recovery check', 'done'),
    counted(report.reloads_retried, 'reload', 'called again'),
    ...(report.skipped === 0 ? [] : [`${report.skipped} left to another run`]),
    ...(report.failed.length === 0 ? [] : [`${report.failed.length} failed`]),
  ].filter((text) => text !== '');
  const changes = counted(report.changes_observed, 'change', 'of a pointer') || 'no change';
  return [
    `${report.due} due${done.length === 0 ? '' : `: ${done.join(', ')}`}.`,
    ...(report.models_observed === 0
      ? []
      : [`${counted(report.models_observed, 'model', 'observed')}: ${changes}.`]),
  ];
}

function counted(count: number, noun: string, what: string): string {
  return count === 0 ? '' : `${count} ${noun}${count === 1 ? '' : 's'} ${what}`;
}
