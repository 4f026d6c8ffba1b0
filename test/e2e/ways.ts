/** The two ways in, the function and the command, behind one face, so that scenarios run through both. */
import { userInfo } from 'node:os';
import { type CommandResult, runCommand } from './command.ts';
import { type FunctionProcess, type Invocation, startFunction } from './function-process.ts';
import { type Answer, type Failure, isFailure, type Reply } from './reply.ts';
import type { Settings, World } from './world.ts';

/** A request, in the words of the function. */
export interface Ask {
  readonly model_name: string;
  readonly target_version?: string;
  readonly reason?: string;
  readonly alarm_name?: string;
  readonly dry_run?: boolean;
  readonly request_id?: string;
  readonly expected_from_version?: string;
  readonly overrides?: readonly string[];
  readonly pointer?: string;
}

export interface Way {
  readonly name: 'function' | 'command';
  /** Whom a notice names when the request names nobody. */
  readonly requester: string | null;
  ask(request: Ask, settings?: Settings): Promise<Reply>;
  close(): Promise<void>;
}

/** Function processes, one for each set of settings, started when needed. */
export interface FunctionWay extends Way {
  send(event: unknown, settings?: Settings, invocation?: Invocation): Promise<Reply>;
}

/** Through the built bundle. */
export function functionWay(world: World): FunctionWay {
  const processes = new Map<string, Promise<FunctionProcess>>();
  const send: FunctionWay['send'] = async (event, settings = {}, invocation = {}) => {
    const key = JSON.stringify(settings);
    let process = processes.get(key);
    if (process === undefined) {
      process = startFunction(world.env(settings));
      processes.set(key, process);
    }
    return await (await process).invoke(event, invocation);
  };
  return {
    name: 'function',
    requester: null,
    ask: send,
    send,
    close: async () => {
      await Promise.all([...processes.values()].map(async (process) => (await process).kill()));
    },
  };
}

/** Through the built command; checks the exit code and that stdout is one JSON value each time. */
export function commandWay(world: World): Way {
  return {
    name: 'command',
    requester: userInfo().username,
    ask: async (request, settings) =>
      replyOf(await runCommand(commandLine(request), world.env(settings))),
    close: async () => undefined,
  };
}

/** The command line that asks for the same. */
export function commandLine(request: Ask): string[] {
  const isDryRun = request.dry_run === true;
  return [
    isDryRun ? 'plan' : 'apply',
    request.model_name,
    ...option('--to', request.target_version),
    ...option('--reason', request.reason),
    ...option('--pointer', request.pointer),
    ...option('--expect-from', request.expected_from_version),
    ...(request.overrides ?? []).flatMap((code) => option('--override', code)),
    ...(isDryRun ? [] : option('--alarm', request.alarm_name)),
    ...(isDryRun ? [] : option('--request-id', request.request_id)),
    ...(isDryRun ? [] : ['--yes']),
    '--json',
  ];
}

/** What a run of the command with --json says; throws when the exit code does not fit it. */
export function replyOf(result: CommandResult): Reply {
  const { exitCode, json, stderr } = result;
  const reply = toReply(json);
  const expected = isFailure(reply) ? exitCodeOfFailure(reply) : exitCodeOfAnswer(reply);
  if (exitCode !== expected) {
    throw new Error(`exit code ${exitCode}, not ${expected}, for ${JSON.stringify(json)}`);
  }
  if (isFailure(reply) && !stderr.includes(`${reply.errorType}: `)) {
    throw new Error(`stderr does not name ${reply.errorType}:\n${stderr}`);
  }
  return reply;
}

/** The command adds which store it used, and `explain` and `plan` what people read besides; the rest is what the function answers too. */
export function answerOf(json: unknown): Answer {
  const {
    state,
    explanation: _explanation,
    comparison: _comparison,
    ...answer
  } = json as Answer & {
    readonly state?: string;
    readonly explanation?: unknown;
    readonly comparison?: unknown;
  };
  if (/^(dynamodb:[\w.-]+ \([\w-]+\)|sqlite:\/.+)$/.test(state ?? '')) return answer;
  throw new Error(`which store is it? ${JSON.stringify(json)}`);
}

// ---------------------------------------------------------------------------------------------------

/** The promise of the command's reference page, kept apart from the product's own table. */
const EXIT_CODES: Readonly<Record<string, number>> = {
  ROLLED_BACK: 0,
  ALREADY_LIVE: 0,
  FAILED: 1,
  REFUSED: 3,
  AWAITING_APPROVAL: 3,
  OBSERVED: 3,
  NO_TARGET: 4,
  DEFERRED: 5,
  CONTESTED: 6,
  InvalidRequestError: 2,
  ConfigurationError: 2,
  ModelNotFoundError: 1,
  VersionNotFoundError: 1,
  RegistryRefusedError: 1,
  StateCorruptError: 1,
  RegistryUnavailableError: 5,
  StateStoreUnavailableError: 5,
  RollbackInProgressError: 5,
};

function exitCodeOfAnswer({ outcome, plan }: Answer): number | undefined {
  if (outcome !== 'DRY_RUN') return EXIT_CODES[outcome];
  if (plan === null) throw new Error('a dry run shows its plan');
  return EXIT_CODES[plan.verdict];
}

function exitCodeOfFailure({ errorType }: Failure): number | undefined {
  return EXIT_CODES[errorType];
}

function toReply(json: unknown): Reply {
  const { error } = json as {
    readonly error?: { readonly name: string; readonly message: string; readonly code: string };
  };
  if (error === undefined) return answerOf(json);
  return { errorType: error.name, message: error.message, code: error.code };
}

function option(name: string, value: string | undefined): string[] {
  // With "=", so that a value may begin with a dash.
  return value === undefined ? [] : [`${name}=${value}`];
}
