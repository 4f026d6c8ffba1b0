import { parseArgs } from 'node:util';
import type { Env } from '../config/config-from-env.ts';
import { InvalidRequestError, isModelRollbackError, messageOf } from '../domain/errors.ts';
import { nearestName } from '../domain/near-name.ts';
import type { Command, CommandContext } from './command.ts';
import { applyCommand } from './commands/apply.ts';
import { approveCommand, resumeCommand } from './commands/automation.ts';
import { demoCommand } from './commands/demo.ts';
import { doctorCommand } from './commands/doctor.ts';
import { planCommand } from './commands/plan.ts';
import { explainCommand, historyCommand } from './commands/records.ts';
import { statusCommand } from './commands/status.ts';
import { createTableCommand, releaseCommand, sweepCommand } from './commands/upkeep.ts';
import { ExitCode, exitCodeOfError } from './exit-codes.ts';
import { safe, styleFor, table } from './render.ts';
import { version } from './version.ts';

const commands: readonly Command[] = [
  planCommand,
  applyCommand,
  historyCommand,
  explainCommand,
  statusCommand,
  releaseCommand,
  approveCommand,
  resumeCommand,
  sweepCommand,
  doctorCommand,
  createTableCommand,
  demoCommand,
];

/** The process around a verb, so that tests need none. */
export interface Terminal {
  readonly env: Env;
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
  try {
    const command = findCommand(verb);
    const { values, positionals } = parse(command, rest);
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
      print: (text, json) => terminal.out(`${isJson ? JSON.stringify(json, null, 2) : text}\n`),
      say: (text) => terminal.err(`${text}\n`),
      ask: terminal.ask,
    });
  } catch (error) {
    return report(error, isJson, terminal);
  }
}

// ---------------------------------------------------------------------------------------------------

function findCommand(verb: string): Command {
  const found = commands.find((command) => command.name === verb);
  if (found !== undefined) return found;
  const near = nearestName(
    verb,
    commands.map((command) => command.name),
  );
  const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
  throw new InvalidRequestError(
    `There is no command ${JSON.stringify(verb)}.${hint} Run "model-rollback --help".`,
  );
}

function parse(
  command: Command,
  args: readonly string[],
): { values: CommandContext['options']; positionals: string[] } {
  const usage = `Usage: model-rollback ${`${command.name} ${command.usage}`.trim()} [options]`;
  let parsed: { values: CommandContext['options']; positionals: string[] };
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
    throw new InvalidRequestError(`${usage}. ${count} arguments were given. See --help.`);
  }
  return parsed;
}

function report(error: unknown, isJson: boolean, terminal: Terminal): ExitCode {
  const style = styleFor(terminal.isColoured('stderr'));
  const name = error instanceof Error ? error.name : 'Error';
  terminal.err(`${style.bad(name)}: ${safe(messageOf(error))}\n`);
  if (!isModelRollbackError(error) && error instanceof Error)
    terminal.err(`${error.stack ?? ''}\n`);
  if (isJson) {
    const code = isModelRollbackError(error) ? error.code : null;
    terminal.out(
      `${JSON.stringify({ error: { name, code, message: messageOf(error) } }, null, 2)}\n`,
    );
  }
  return exitCodeOfError(error);
}

function overview(): string {
  return [
    'model-rollback: puts the last good version of an MLflow model back, once, and says what it did.',
    '',
    'Usage: model-rollback COMMAND [ARGUMENTS] [--json] [--help]',
    '',
    table(commands.map(({ name, usage, summary }) => [`  ${name} ${usage}`, summary])),
    '',
    'It needs MLFLOW_TRACKING_URI (and MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD where the',
    'server asks for a login). State is kept in a file of this user, or in DynamoDB when',
    'ROLLBACK_STATE_TABLE is set. Try "model-rollback demo" first: it needs nothing.',
    '',
    'Exit codes: 0 done or already live, 1 failed, 2 usage or configuration, 3 refused or declined,',
    '4 no target, 5 retry later, 6 contested.',
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
