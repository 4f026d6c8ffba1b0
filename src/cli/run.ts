import { parseArgs } from 'node:util';
import type { Env } from '../config/config-from-env.ts';
import { InvalidRequestError, isModelRollbackError, messageOf } from '../domain/errors.ts';
import { escapeText, showJson } from '../domain/escape.ts';
import { nearestName } from '../domain/near-name.ts';
import type { Command, CommandContext, Interrupt } from './command.ts';
import { applyCommand, undoCommand } from './commands/apply.ts';
import { approveCommand, rejectCommand } from './commands/automation.ts';
import { compareCommand } from './commands/compare.ts';
import { completionCommand } from './commands/completion.ts';
import { consoleCommand } from './commands/console.ts';
import { demoCommand } from './commands/demo.ts';
import { doctorCommand } from './commands/doctor.ts';
import { drillCommand } from './commands/drill.ts';
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
import { promoteCommand } from './commands/promote.ts';
import { explainCommand, historyCommand } from './commands/records.ts';
import { serveCommand } from './commands/serve.ts';
import { statusCommand } from './commands/status.ts';
import {
  canPromoteCommand,
  createTableCommand,
  promotedCommand,
  reindexCommand,
  sweepCommand,
} from './commands/upkeep.ts';
import { ExitCode, exitCodeOfError } from './exit-codes.ts';
import { helpOf, overview, type VerbGroup } from './help.ts';
import { type Progress, progressOn } from './progress.ts';
import { withFlagNames } from './render/flag-names.ts';
import { styleFor } from './render/style.ts';
import { type Times, timesIn } from './render/times.ts';
import { version } from './version.ts';

/** In the order of the help. */
const groups: readonly VerbGroup[] = [
  {
    title: 'See what is live, and what happened',
    verbs: [statusCommand, planCommand, historyCommand, explainCommand],
  },
  { title: 'Roll back', verbs: [applyCommand, approveCommand, rejectCommand, undoCommand] },
  {
    title: 'Decide what may be rolled back',
    verbs: [
      freezeCommand,
      unfreezeCommand,
      pauseCommand,
      resumeCommand,
      quarantineCommand,
      releaseCommand,
      policyCommand,
    ],
  },
  {
    title: 'Run as a service',
    verbs: [serveCommand, consoleCommand],
  },
  {
    title: 'In pipelines and on a schedule',
    verbs: [compareCommand, canPromoteCommand, promoteCommand, promotedCommand, sweepCommand],
  },
  {
    title: 'Set up and check',
    verbs: [
      demoCommand,
      doctorCommand,
      drillCommand,
      createTableCommand,
      reindexCommand,
      completionCommand(() => commands),
    ],
  },
];
const commands: readonly Command[] = groups.flatMap(({ verbs }) => verbs);

/** The verbs that there are. */
export const commandNames: readonly string[] = commands.map(({ name }) => name);

/** The process around a verb, so that tests need none. */
export interface Terminal {
  readonly env: Env;
  /** Of stdout; null when it is no terminal. */
  readonly columns: number | null;
  readonly rows: number | null;
  /** IANA name of the user's zone. */
  readonly timeZone: string;
  isColoured(stream: 'stdout' | 'stderr'): boolean;
  out(text: string): void;
  err(text: string): void;
  /** Writes over the last line of stderr; an empty text takes it away. Null when stderr is no terminal. */
  readonly line: ((text: string) => void) | null;
  readonly ask: CommandContext['ask'];
  listen(): Interrupt;
}

/** Runs one command line and returns its exit code. Never throws. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const [verb, ...rest] = inOrder(argv);
  if (verb === undefined || verb === '--help' || verb === '-h' || verb === 'help') {
    const wanted = commands.find((command) => command.name === rest[0]);
    terminal.out(wanted === undefined ? overview(groups) : helpOf(wanted));
    return verb === undefined ? ExitCode.USAGE : ExitCode.DONE;
  }
  if (verb === '--version') {
    terminal.out(`${version}\n`);
    return ExitCode.DONE;
  }
  const shown = shownOn(terminal, argv);
  try {
    const { command, values, positionals } = parseLine(verb, rest);
    if (values['help'] === true) {
      terminal.out(helpOf(command));
      return ExitCode.DONE;
    }
    return await command.run(contextOf(shown, values, positionals));
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
  readonly times: Times;
  readonly progress: Progress;
  /** Its output takes the line of progress away first. */
  readonly terminal: Terminal;
  /** Which store the verb works on, once that is known. */
  state: string | null;
}

/** What every verb takes may stand before it too. */
function inOrder(argv: readonly string[]): readonly string[] {
  const verbAt = argv.findIndex((word) => word !== '--json' && word !== '--utc');
  return verbAt < 1 ? argv : [...argv.slice(verbAt), ...argv.slice(0, verbAt)];
}

function shownOn(terminal: Terminal, argv: readonly string[]): Shown {
  const progress = progressOn(terminal);
  const behindLine =
    (write: (text: string) => void) =>
    (text: string): void => {
      progress.hide();
      write(text);
    };
  return {
    // Also where the line cannot be parsed: whoever asks for JSON gets JSON, errors included.
    isJson: argv.includes('--json'),
    times: timesIn(argv.includes('--utc') ? 'UTC' : terminal.timeZone),
    progress,
    terminal: { ...terminal, out: behindLine(terminal.out), err: behindLine(terminal.err) },
    state: null,
  };
}

function contextOf(
  shown: Shown,
  options: CommandContext['options'],
  positionals: readonly string[],
): CommandContext {
  const { isJson, terminal, times, progress } = shown;
  return {
    env: terminal.env,
    positionals,
    options,
    isJson,
    style: styleFor(!isJson && terminal.isColoured('stdout'), times),
    columns: terminal.columns,
    rows: terminal.rows,
    print: (text, json) => terminal.out(`${isJson ? jsonText(shown, json) : times.within(text)}\n`),
    say: (text) => terminal.err(`${isJson ? text : times.within(text)}\n`),
    log: (line) => terminal.err(`${line}\n`),
    during: progress.during,
    listen: terminal.listen,
    showState: (label) => {
      shown.state = escapeText(label);
      if (!isJson) terminal.err(`${stateLine(shown.state)}\n`);
    },
    ask: terminal.ask,
  };
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
  const seeHelp = `Run \`model-rollback ${command.name} --help\`.`;
  let parsed: Omit<ParsedLine, 'command'>;
  try {
    parsed = parseArgs({
      args: [...args],
      options: {
        ...command.options,
        json: { type: 'boolean' },
        utc: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: true,
      strict: true,
    }) as typeof parsed;
  } catch (cause) {
    throw new InvalidRequestError(`${optionFault(command, cause)} ${usage}. ${seeHelp}`, { cause });
  }
  const [least, most] = command.arity;
  const count = parsed.positionals.length;
  if (parsed.values['help'] !== true && (count < least || count > most)) {
    const given = count === 1 ? '1 argument was' : `${count} arguments were`;
    throw new InvalidRequestError(`${usage}. ${given} given. ${seeHelp}`);
  }
  return parsed;
}

/** What is wrong with an option; for an unknown one the parser would advise a positional argument. */
function optionFault({ options }: Command, cause: unknown): string {
  const text = messageOf(cause);
  const name = /^Unknown option '--([^']+)'/.exec(text)?.[1];
  if (name === undefined) return `${text}.`;
  const near = nearestName(name, [...Object.keys(options), 'json', 'utc', 'help']);
  const hint = near === undefined ? '' : ` Did you mean "--${near}"?`;
  return `Unknown option "--${name}".${hint}`;
}

function report(error: unknown, shown: Shown): ExitCode {
  const { terminal } = shown;
  const style = styleFor(terminal.isColoured('stderr'));
  const name = error instanceof Error ? error.name : 'Error';
  const message = messageOf(error);
  const text = shown.times.within(escapeText(withFlagNames(message)));
  terminal.err(`${style.bad(name)}: ${text}\n`);
  if (!isModelRollbackError(error) && error instanceof Error) {
    terminal.err(`${(error.stack ?? '').split('\n').map(escapeText).join('\n')}\n`);
  }
  if (shown.isJson) {
    const code = isModelRollbackError(error) ? error.code : null;
    terminal.out(`${jsonText(shown, { error: { name, code, message } })}\n`);
  }
  return exitCodeOfError(error);
}
