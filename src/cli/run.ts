import { parseArgs } from 'node:util';
import type { Env } from '../config/config-from-env.ts';
import { commandText } from '../domain/command-line.ts';
import { InvalidRequestError, isModelRollbackError, messageOf } from '../domain/errors.ts';
import { escapeText, showJson } from '../domain/escape.ts';
import { nearestName } from '../domain/near-name.ts';
import type { Command, CommandContext } from './command.ts';
import { applyCommand, undoCommand } from './commands/apply.ts';
import { approveCommand } from './commands/automation.ts';
import { completionCommand } from './commands/completion.ts';
import { demoCommand } from './commands/demo.ts';
import { doctorCommand } from './commands/doctor.ts';
import {
  freezeCommand,
  pauseCommand,
  quarantineCommand,
  releaseCommand,
  resumeCommand,
  unfreezeCommand,
} from './commands/operations.ts';
import { planCommand } from './commands/plan.ts';
import { policyCommand } from './commands/policy.ts';
import { explainCommand, historyCommand } from './commands/records.ts';
import { statusCommand } from './commands/status.ts';
import {
  canPromoteCommand,
  createTableCommand,
  promotedCommand,
  reindexCommand,
  sweepCommand,
} from './commands/upkeep.ts';
import { ExitCode, exitCodeOfError } from './exit-codes.ts';
import { withFlagNames } from './render/flag-names.ts';
import { styleFor } from './render/style.ts';
import { table } from './render/table.ts';
import { version } from './version.ts';

const commands: readonly Command[] = [
  planCommand,
  applyCommand,
  undoCommand,
  historyCommand,
  explainCommand,
  statusCommand,
  approveCommand,
  freezeCommand,
  unfreezeCommand,
  pauseCommand,
  resumeCommand,
  quarantineCommand,
  releaseCommand,
  policyCommand,
  canPromoteCommand,
  promotedCommand,
  sweepCommand,
  doctorCommand,
  createTableCommand,
  reindexCommand,
  demoCommand,
  completionCommand(() => commands),
];

/** The verbs that there are. */
export const commandNames: readonly string[] = commands.map(({ name }) => name);

/** The process around a verb, so that tests need none. */
export interface Terminal {
  readonly env: Env;
  /** Of stdout; null when it is no terminal. */
  readonly columns: number | null;
  isColoured(stream: 'stdout' | 'stderr'): boolean;
  out(text: string): void;
  err(text: string): void;
  readonly ask: CommandContext['ask'];
}

/** Runs one command line and returns its exit code. Never throws. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<ExitCode> {
  // Also before the verb: whoever asks for JSON gets JSON, errors included.
  const isJson = argv.includes('--json');
  const [verb, ...rest] = argv[0] === '--json' ? [...argv.slice(1), '--json'] : argv;
  if (verb === undefined || verb === '--help' || verb === '-h' || verb === 'help') {
    const wanted = commands.find((command) => command.name === rest[0]);
    terminal.out(wanted === undefined ? overview() : helpOf(wanted));
    return verb === undefined ? ExitCode.USAGE : ExitCode.DONE;
  }
  if (verb === '--version') {
    terminal.out(`${version}\n`);
    return ExitCode.DONE;
  }
  const shown: Shown = { isJson, terminal, state: null };
  try {
    const { command, values, positionals } = parseLine(verb, rest);
    if (values['help'] === true) {
      terminal.out(helpOf(command));
      return ExitCode.DONE;
    }
    return await command.run({
      env: terminal.env,
      positionals,
      options: values,
      isJson,
      style: styleFor(!isJson && terminal.isColoured('stdout')),
      columns: terminal.columns,
      print: (text, json) => terminal.out(`${isJson ? jsonText(shown, json) : text}\n`),
      say: (text) => terminal.err(`${text}\n`),
      showState: (label) => {
        shown.state = escapeText(label);
        if (!isJson) terminal.err(`${stateLine(shown.state)}\n`);
      },
      ask: terminal.ask,
    });
  } catch (error) {
    return report(error, shown);
  }
}

/**
 * The verb of a command line with what was given to it; runs nothing.
 * @throws InvalidRequestError
 */
export function parseLine(verb: string, args: readonly string[]): ParsedLine {
  const command = findCommand(verb);
  return { command, ...parse(command, args) };
}

// ---------------------------------------------------------------------------------------------------

interface ParsedLine {
  readonly command: Command;
  readonly values: CommandContext['options'];
  readonly positionals: readonly string[];
}

/** What the output depends on beside the result. */
interface Shown {
  readonly isJson: boolean;
  readonly terminal: Terminal;
  /** Which store the verb works on, once that is known. */
  state: string | null;
}

function stateLine(label: string): string {
  return `state  ${label}`;
}

/** An object says which store it came from; lists have a fixed shape, so there stderr says it. */
function jsonText({ state, terminal }: Shown, json: unknown): string {
  if (state === null) return showJson(json);
  const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
  if (!isObject) terminal.err(`${stateLine(state)}\n`);
  return showJson(isObject ? { ...json, state } : json);
}

function findCommand(verb: string): Command {
  const found = commands.find((command) => command.name === verb);
  if (found !== undefined) return found;
  const near = nearestName(verb, commandNames);
  const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
  throw new InvalidRequestError(
    `There is no command ${JSON.stringify(verb)}.${hint} Run \`model-rollback --help\`.`,
  );
}

function parse(command: Command, args: readonly string[]): Omit<ParsedLine, 'command'> {
  const usage = `Usage: model-rollback ${`${command.name} ${command.usage}`.trim()} [options]`;
  let parsed: Omit<ParsedLine, 'command'>;
  try {
    parsed = parseArgs({
      args: [...args],
      options: {
        ...command.options,
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: true,
      strict: true,
    }) as typeof parsed;
  } catch (cause) {
    throw new InvalidRequestError(`${messageOf(cause)}. ${usage}. See --help.`, { cause });
  }
  const [least, most] = command.arity;
  const count = parsed.positionals.length;
  if (parsed.values['help'] !== true && (count < least || count > most)) {
    const given = count === 1 ? '1 argument was' : `${count} arguments were`;
    throw new InvalidRequestError(`${usage}. ${given} given. See --help.`);
  }
  return parsed;
}

function report(error: unknown, shown: Shown): ExitCode {
  const { terminal } = shown;
  const style = styleFor(terminal.isColoured('stderr'));
  const name = error instanceof Error ? error.name : 'Error';
  const message = messageOf(error);
  terminal.err(`${style.bad(name)}: ${escapeText(withFlagNames(message))}\n`);
  if (!isModelRollbackError(error) && error instanceof Error) {
    terminal.err(`${(error.stack ?? '').split('\n').map(escapeText).join('\n')}\n`);
  }
  if (shown.isJson) {
    const code = isModelRollbackError(error) ? error.code : null;
    terminal.out(`${jsonText(shown, { error: { name, code, message } })}\n`);
  }
  return exitCodeOfError(error);
}

function overview(): string {
  return [
    'model-rollback: restores the last good version of an MLflow model, once, and reports what it did.',
    '',
    'Usage: model-rollback COMMAND [ARGUMENTS] [--json] [--help]',
    '',
    table(commands.map(({ name, usage, summary }) => [`  ${name} ${usage}`, summary])),
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

function helpOf(command: Command): string {
  const options = [
    ...Object.entries(command.options).map(([name, option]) => {
      const short = option.short === undefined ? '' : `-${option.short}, `;
      const value = option.type === 'string' ? ' VALUE' : '';
      return [`  ${short}--${name}${value}`, command.optionHelp[name] ?? ''];
    }),
    ['  --json', 'print one JSON value on stdout, and nothing else there'],
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
