import type { RollbackDeps } from '../../app/deps.ts';
import { doctor } from '../../app/doctor.ts';
import { examineFunction } from '../../app/examine-function.ts';
import { clock } from '../../assemble.ts';
import { composeForDoctor } from '../../compose.ts';
import { storeLabel } from '../../compose-store.ts';
import { inspectFunctionSettings } from '../../config/inspect-function-settings.ts';
import { inspectSettings } from '../../config/inspect-settings.ts';
import { type LenientConfig, lenientConfig } from '../../config/lenient-config.ts';
import { type Check, failed, Verdict, worstOf } from '../../domain/answer/check.ts';
import { InvalidRequestError } from '../../domain/errors.ts';
import { escapeText } from '../../domain/escape.ts';
import { limits } from '../../domain/limits.ts';
import { type Deadline, deadlineAfter } from '../../ports/deadline.ts';
import type { Surroundings } from '../../ports/surroundings.ts';
import { type Command, type CommandContext, textOption } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import type { Style } from '../render/style.ts';
import { commandLogger } from '../session.ts';

export const doctorCommand: Command = {
  name: 'doctor',
  usage: '',
  summary:
    'check whether everything is in place for a rollback; reads only, and sends nothing without --notify',
  options: {
    function: { type: 'string' },
    topic: { type: 'string' },
    alarm: { type: 'string', multiple: true },
    notify: { type: 'boolean' },
  },
  optionHelp: {
    function:
      'name or ARN of the Lambda function: check its own settings, its schedule and its alarms',
    topic: 'ARN of the topic of the alarms: check it, and the alarms that publish to it',
    alarm: 'name of an alarm to check; can be repeated',
    notify: 'send a test notice to the topic and to every other channel',
  },
  arity: [0, 0],
  examples: [
    'model-rollback doctor',
    'model-rollback doctor --function model-rollback',
    'model-rollback doctor --alarm high-drawdown-alarm --json',
    'model-rollback doctor --notify',
  ],
  run: async (context) => {
    const asked = askedOf(context);
    const settings = lenientConfig(context.env);
    if (settings.storeError === null) context.showState(await storeLabel(settings.config.store));
    const checks = await context.during('Checking', () => allChecks(context, settings, asked));
    const verdict = worstOf(checks);
    context.print(render(checks, context.style), { checks: checks.map(jsonOf), verdict });
    return verdict === Verdict.PROBLEM ? ExitCode.FAILED : ExitCode.DONE;
  },
};

// ---------------------------------------------------------------------------------------------------

interface Asked {
  /** Name or ARN. */
  readonly functionName: string | null;
  readonly topicArn: string | null;
  readonly names: readonly string[];
}

/** In JSON the fix keeps the name that it had in release 0.1.0. */
function jsonOf({ fix, ...check }: Check): Omit<Check, 'fix'> & { readonly mend: string | null } {
  return { ...check, mend: fix };
}

function askedOf(context: CommandContext): Asked {
  const functionName = textOption(context, 'function') ?? null;
  const topicArn = textOption(context, 'topic') ?? null;
  const names = context.options['alarm'];
  requireForm('--function', 'the name or ARN of a Lambda function', functionName, functionForm);
  requireForm('--topic', 'the ARN of an SNS topic', topicArn, topicForm);
  return { functionName, topicArn, names: Array.isArray(names) ? [...new Set(names)] : [] };
}

const functionForm =
  /^(arn:aws[a-z-]*:lambda:[\w-]+:\d{12}:function:)?[\w-]{1,64}(:[\w$-]{1,128})?$/;
const topicForm = /^arn:aws[a-z-]*:sns:[\w-]+:\d{12}:[\w.-]{1,256}$/;

function requireForm(option: string, what: string, value: string | null, form: RegExp): void {
  if (value === null || form.test(value)) return;
  throw new InvalidRequestError(`${option} must be ${what}, not ${JSON.stringify(value)}.`);
}

function settingsChecks({ config, error }: LenientConfig): readonly Check[] {
  return error === null ? inspectSettings(config, 'This shell') : [failed('settings', error)];
}

async function allChecks(
  context: CommandContext,
  settings: LenientConfig,
  asked: Asked,
): Promise<readonly Check[]> {
  const { config } = settings;
  const { deps, around, close } = await composeForDoctor(config, settings, {
    logger: commandLogger(context),
    writeNotice: (text) => context.say(text.trimEnd()),
  });
  try {
    const deadline = deadlineAfter(clock, limits.doctorBudgetMs);
    const found = await functionChecks(deps, around, settings, asked.functionName, deadline);
    const alarms = { ...asked, functionArn: found.arn };
    const isNotifying = context.options['notify'] === true;
    const questions = { noticeTopicArn: config.topicArn, alarms, isNotifying };
    const checks = await doctor(deps, around, questions, deadline);
    return [
      ...settingsChecks(settings),
      ...found.checks,
      ...checks.filter(({ name }) => !namesOfWrong(settings).includes(name)),
    ];
  } finally {
    close();
  }
}

/** Checks of what is set, and wrong: the check of the settings reports that. */
function namesOfWrong({ topicError, pointersError }: LenientConfig): readonly string[] {
  return [
    ...(topicError === null ? [] : ['topic']),
    ...(pointersError === null ? [] : ['pointers', 'quarantine']),
  ];
}

/** The function's own settings count for alarms; this shell's do for what is typed here. */
async function functionChecks(
  deps: RollbackDeps,
  around: Surroundings,
  { config, error }: LenientConfig,
  name: string | null,
  deadline: Deadline,
): Promise<{ readonly checks: readonly Check[]; readonly arn: string | null }> {
  if (name === null) return { checks: [], arn: null };
  const { check, deployed } = await examineFunction(deps, around, name, deadline);
  // By its ARN the alarms are found although it cannot be read.
  if (deployed === null) return { checks: [check], arn: name.startsWith('arn:') ? name : null };
  const checks = [check, ...inspectFunctionSettings(deployed.env, error === null ? config : null)];
  return { checks, arn: deployed.arn };
}

function render(checks: readonly Check[], style: Style): string {
  const paint = { ok: style.good, warning: style.warn, problem: style.bad };
  const width = Math.max(...checks.map(({ name }) => escapeText(name).length));
  const lines = checks.flatMap(({ name, verdict, message, fix }) => [
    `${paint[verdict](verdict.padEnd(7))}  ${escapeText(name).padEnd(width)}  ${escapeText(message)}`,
    ...(fix === null ? [] : [`${' '.repeat(9 + width)}  -> ${escapeText(fix)}`]),
  ]);
  return [...lines, '', summary(checks)].join('\n');
}

function summary(checks: readonly Check[]): string {
  const count = (verdict: Verdict): number =>
    checks.filter((check) => check.verdict === verdict).length;
  const problems = count(Verdict.PROBLEM);
  const warnings = count(Verdict.WARNING);
  return `${checks.length} checks: ${problems} with problems, ${warnings} with warnings.`;
}
