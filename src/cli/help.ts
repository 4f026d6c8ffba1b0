import { commandText } from '../domain/command-line.ts';
import type { Command } from './command.ts';
import { table } from './render/table.ts';

/** Verbs that belong together, in the overview. */
export interface VerbGroup {
  readonly title: string;
  readonly verbs: readonly Command[];
}

/** All verbs, by what they are for. */
export function overview(groups: readonly VerbGroup[]): string {
  const rows = groups.flatMap(({ verbs }) => verbs.map(synopsis));
  const lines = table(rows).split('\n');
  return [
    'model-rollback: restores the last good version of an MLflow model, once, and reports what it did.',
    '',
    'Usage: model-rollback COMMAND [ARGUMENTS] [--json] [--utc] [--help]',
    ...groups.flatMap(({ title, verbs }) => ['', `${title}:`, ...lines.splice(0, verbs.length)]),
    '',
    `For the options and examples of a command, run it with --help. To complete them with Tab, see`,
    `${commandText('completion', ['bash'])}.`,
    '',
    'Set MLFLOW_TRACKING_URI to the address of the MLflow server, and MLFLOW_TRACKING_USERNAME and',
    'MLFLOW_TRACKING_PASSWORD if it needs a login. State is kept in a file of this user, or in DynamoDB',
    `if ROLLBACK_STATE_TABLE is set. Try ${commandText('demo')} first: it needs no settings.`,
    '',
    'Exit codes: 0 done or already live, 1 failed, 2 usage or configuration, 3 refused, declined or waiting',
    'for a person, 4 no target, 5 retry later, 6 contested.',
    '',
  ].join('\n');
}

/** The help of one verb. */
export function helpOf(command: Command): string {
  const options = [
    ...Object.entries(command.options).map(([name, option]) => {
      const short = option.short === undefined ? '' : `-${option.short}, `;
      const value = option.type === 'string' ? ' VALUE' : '';
      return [`  ${short}--${name}${value}`, command.optionHelp[name] ?? ''];
    }),
    ['  --json', 'print one JSON value on stdout, and nothing else there'],
    ['  --utc', 'show times in UTC, and not in the zone of this machine'],
    ['  -h, --help', 'this text'],
  ];
  return [
    `Usage: model-rollback ${`${command.name} ${command.usage}`.trim()} [options]`,
    '',
    `${command.summary[0]?.toUpperCase()}${command.summary.slice(1)}.`,
    '',
    'Options:',
    table(options),
    '',
    'Examples:',
    ...command.examples.map((example) => `  ${example}`),
    '',
  ].join('\n');
}

// ---------------------------------------------------------------------------------------------------

function synopsis({ name, usage, summary }: Command): string[] {
  return [`  ${name} ${usage}`, summary];
}
