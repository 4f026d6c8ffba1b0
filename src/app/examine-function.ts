import { isActionOn } from '../domain/alarm/alarm.ts';
import { type Check, failed, ok, problem, warning } from '../domain/answer/check.ts';
import { limits } from '../domain/limits.ts';
import { judgeInvoke, rulesOf } from '../domain/resource-policy.ts';
import { type Deadline, deadlineWithin } from '../ports/deadline.ts';
import type { DeployedFunction, Surroundings } from '../ports/surroundings.ts';
import type { RollbackDeps } from './deps.ts';

/** What a function needs: time and memory for a rollback that has to wait. */
const needed = { timeoutSeconds: 120, memoryMb: 256, runtime: 'nodejs24.x' } as const;
const alarmService = 'lambda.alarms.cloudwatch.amazonaws.com';

/**
 * Is the function there, and made as it should be?
 * @returns the function too, when it could be read
 */
export async function examineFunction(
  { clock }: Pick<RollbackDeps, 'clock'>,
  around: Surroundings,
  name: string,
  deadline: Deadline,
): Promise<{ readonly check: Check; readonly deployed: DeployedFunction | null }> {
  try {
    const within = deadlineWithin(clock, limits.doctorCheckMs, deadline);
    const deployed = await around.function(name, within);
    return { check: shapeCheck(deployed), deployed };
  } catch (error) {
    return { check: failed('function', error), deployed: null };
  }
}

/** Does anything call it: its schedule for the sweep, and the alarms whose action it is? */
export async function examineCallers(
  { clock }: Pick<RollbackDeps, 'clock'>,
  around: Surroundings,
  functionArn: string,
  deadline: Deadline,
): Promise<readonly Check[]> {
  const within = deadlineWithin(clock, limits.doctorCheckMs, deadline);
  return await Promise.all([
    scheduleCheck(around, functionArn, within).catch(unseen('schedule')),
    permissionCheck(around, functionArn, within).catch(unseen('permission')),
  ]);
}

// ---------------------------------------------------------------------------------------------------

/** A missing permission to read it says nothing against the thing itself. */
function unseen(name: string): (error: unknown) => Check {
  return (error) => {
    const { message, fix } = failed(name, error);
    return warning(name, message, fix ?? '');
  };
}

function shapeCheck({ arn, trouble, ...shape }: DeployedFunction): Check {
  if (trouble !== null) {
    return problem(
      'function',
      `${arn}: ${trouble}.`,
      'Deploy it again, then run this check again.',
    );
  }
  const { runtime, timeoutSeconds, memoryMb } = shape;
  const facts = `timeout ${timeoutSeconds ?? '?'} s, memory ${memoryMb ?? '?'} MB, ${runtime ?? 'no runtime'}`;
  const wrong = [
    ...(runtime === null || runtime === needed.runtime ? [] : [`the runtime ${needed.runtime}`]),
    ...((timeoutSeconds ?? 0) >= needed.timeoutSeconds ? [] : [`${needed.timeoutSeconds} s`]),
    ...((memoryMb ?? 0) >= needed.memoryMb ? [] : [`${needed.memoryMb} MB`]),
  ];
  const message = `${arn}: ${facts}.`;
  return wrong.length === 0
    ? ok('function', message)
    : warning('function', message, `Give it ${wrong.join(' and ')}.`);
}

async function scheduleCheck(
  around: Surroundings,
  functionArn: string,
  deadline: Deadline,
): Promise<Check> {
  const [schedules, policy] = await Promise.all([
    around.schedules(unqualified(functionArn), deadline),
    around.functionPolicy(functionArn, deadline).catch(() => null),
  ]);
  const enabled = schedules.filter(({ isEnabled }) => isEnabled);
  if (enabled.length > 0) {
    const names = enabled.map(({ name }) => name).join(', ');
    return ok('schedule', `A schedule calls it: ${names}.`);
  }
  const [disabled] = schedules;
  if (disabled !== undefined) {
    const message = `The schedule ${disabled.name} is disabled: the sweep does not run.`;
    return problem('schedule', message, 'Enable it.');
  }
  const rules = rulesOf(policy);
  return rules.length === 0
    ? problem(
        'schedule',
        'No schedule calls it: the sweep does not run.',
        'Create one, rate(1 minute), with the input {"sweep": true}.',
      )
    : warning(
        'schedule',
        `No schedule calls it. A rule of EventBridge may: ${rules.join(', ')}.`,
        'Check that this rule is enabled and sends {"sweep": true}.',
      );
}

async function permissionCheck(
  around: Surroundings,
  functionArn: string,
  deadline: Deadline,
): Promise<Check> {
  const base = unqualified(functionArn);
  const found = await around.alarms({ functionArn: base, topicArn: null, names: [] }, deadline);
  if (found.kind !== 'answer') {
    const fix = 'Check AWS_REGION and the permission cloudwatch:DescribeAlarms.';
    return warning('permission', found.message, fix);
  }
  // A version and an alias have policies of their own.
  const calls = found.value
    .flatMap(({ alarm, actions }) => actions.map((action) => ({ alarm, action })))
    .filter(({ action }) => isActionOn(action, base));
  const targets = [...new Set(calls.map(({ action }) => action))].slice(0, policiesMax);
  if (targets.length === 0) return ok('permission', 'No alarm calls it directly.');
  const refused: string[] = [];
  const unsure: string[] = [];
  for (const target of targets) {
    const policy = await around.functionPolicy(target, deadline);
    for (const { alarm } of calls.filter(({ action }) => action === target)) {
      const allowance = judgeInvoke(policy, { service: alarmService, sourceArn: alarm.ref.id });
      if (allowance === 'denied') refused.push(alarm.ref.name);
      if (allowance === 'unsure') unsure.push(alarm.ref.name);
    }
  }
  if (refused.length > 0) {
    return problem(
      'permission',
      `The function's policy does not let these alarms call it: ${refused.join(', ')}.`,
      `Allow lambda:InvokeFunction to ${alarmService} (aws lambda add-permission).`,
    );
  }
  if (unsure.length > 0) {
    const message = `Whether these alarms may call it depends on a condition of its policy: ${unsure.join(', ')}.`;
    return warning('permission', message, 'Check the policy of the function.');
  }
  return ok(
    'permission',
    `Its policy lets the alarms call it (${new Set(calls.map(({ alarm }) => alarm.ref.name)).size}).`,
  );
}

const policiesMax = 5;

/** Without a version or an alias. */
function unqualified(functionArn: string): string {
  return functionArn.split(':').slice(0, 7).join(':');
}
