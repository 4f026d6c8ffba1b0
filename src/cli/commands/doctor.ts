import { doctor } from '../../app/doctor.ts';
import { clock, jsonLogger } from '../../assemble.ts';
import { composeForDoctor } from '../../compose.ts';
import { inspectSettings } from '../../config/inspect-settings.ts';
import { type LenientConfig, lenientConfig } from '../../config/lenient-config.ts';
import { type Check, failed, Verdict, worstOf } from '../../domain/check.ts';
import { InvalidRequestError } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import { deadlineAfter } from '../../ports/deadline.ts';
import type { AskedAlarms } from '../../ports/surroundings.ts';
import { type Command, type CommandContext, textOption } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import { type Style, safe } from '../render.ts';

export const doctorCommand: Command = {
  name: 'doctor',
  usage: '',
  summary: 'look whether everything is in place tonight; reads only, and sends no notice',
  options: {
    function: { type: 'string' },
    topic: { type: 'string' },
    alarm: { type: 'string', multiple: true },
  },
  optionHelp: {
    function: 'ARN of the function: look at the alarms that call it',
    topic: 'ARN of the topic of the alarms: look at those that publish to it',
    alarm: 'name of an alarm to look at; may be given several times',
  },
  arity: [0, 0],
  examples: [
    'model-rollback doctor',
    'model-rollback doctor --function arn:aws:lambda:eu-west-1:123456789012:function:model-rollback',
    'model-rollback doctor --alarm high-drawdown-alarm --json',
  ],
  run: async (context) => {
    const alarms = askedAlarms(context);
    const settings = lenientConfig(context.env);
    const checks = [...settingsChecks(settings), ...(await lookAround(context, settings, alarms))];
    const verdict = worstOf(checks);
    context.print(render(checks, context.style), { checks, verdict });
    return verdict === Verdict.PROBLEM ? ExitCode.FAILED : ExitCode.DONE;
  },
};

// ---------------------------------------------------------------------------------------------------

function askedAlarms(context: CommandContext): AskedAlarms {
  const functionArn = textOption(context, 'function') ?? null;
  const topicArn = textOption(context, 'topic') ?? null;
  const names = context.options['alarm'];
  requireForm(
    '--function',
    functionArn,
    /^arn:aws[a-z-]*:lambda:[\w-]+:\d{12}:function:[\w-]{1,64}(:[\w$-]{1,128})?$/,
  );
  requireForm('--topic', topicArn, /^arn:aws[a-z-]*:sns:[\w-]+:\d{12}:[\w.-]{1,256}$/);
  return { functionArn, topicArn, names: Array.isArray(names) ? [...new Set(names)] : [] };
}

function requireForm(option: string, arn: string | null, form: RegExp): void {
  if (arn === null || form.test(arn)) return;
  const what = option === '--function' ? 'a Lambda function' : 'an SNS topic';
  throw new InvalidRequestError(
    `${option} must be the ARN of ${what}, not ${JSON.stringify(arn)}.`,
  );
}

function settingsChecks({ config, error }: LenientConfig): readonly Check[] {
  return error === null ? inspectSettings(config) : [failed('settings', error)];
}

async function lookAround(
  context: CommandContext,
  { config, topicError, ...broken }: LenientConfig,
  alarms: AskedAlarms,
): Promise<readonly Check[]> {
  const { deps, around, close } = await composeForDoctor(config, broken, {
    logger: jsonLogger((line) => context.say(line), 'warn'),
    writeNotice: (text) => context.say(text.trimEnd()),
  });
  try {
    const deadline = deadlineAfter(clock, limits.doctorBudgetMs);
    const questions = { noticeTopicArn: config.topicArn, alarms };
    const checks = await doctor(deps, around, questions, deadline);
    // It is set, and wrong: the settings say so.
    return topicError === null ? checks : checks.filter(({ name }) => name !== 'topic');
  } finally {
    close();
  }
}

function render(checks: readonly Check[], style: Style): string {
  const paint = { ok: style.good, warning: style.warn, problem: style.bad };
  const width = Math.max(...checks.map(({ name }) => safe(name).length));
  const lines = checks.flatMap(({ name, verdict, message, mend }) => [
    `${paint[verdict](verdict.padEnd(7))}  ${safe(name).padEnd(width)}  ${safe(message)}`,
    ...(mend === null ? [] : [`${' '.repeat(9 + width)}  -> ${safe(mend)}`]),
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
