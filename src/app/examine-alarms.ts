import { type AlarmTransition, alarmRefText, isActionOn, modelTag } from '../domain/alarm/alarm.ts';
import {
  type Check,
  failed,
  ok,
  problem,
  Verdict,
  warning,
  worstOf,
} from '../domain/answer/check.ts';
import type { RollbackResponse } from '../domain/answer/response.ts';
import { commandText } from '../domain/command-line.ts';
import { limits } from '../domain/limits.ts';
import { pointerDoubtful } from '../domain/pointer/alias.ts';
import { alarmRequest, RefusalCode } from '../domain/request/request.ts';
import type { Deadline } from '../ports/deadline.ts';
import { deadlineWithin } from '../ports/deadline.ts';
import type { AskedAlarms, Surroundings, WiredAlarm } from '../ports/surroundings.ts';
import type { RollbackDeps } from './deps.ts';
import { inParallel } from './in-parallel.ts';
import { type ModelAnswer, resolveModel } from './resolve-model.ts';
import { rollBack } from './roll-back.ts';

/**
 * Would these alarms roll something back now? Which of them call the function, which model each is about,
 * and what a rollback of it would do.
 * @param isReadable false when registry or state cannot be read: then no rollback is planned
 */
export async function examineAlarms(
  deps: RollbackDeps,
  around: Surroundings,
  asked: AskedAlarms,
  { isReadable }: { readonly isReadable: boolean },
  deadline: Deadline,
): Promise<readonly Check[]> {
  const { functionArn, topicArn, names } = asked;
  const wanted = [functionArn, topicArn].filter((arn) => arn !== null);
  if (wanted.length === 0 && names.length === 0) {
    const fix = 'Pass --function NAME, --topic ARN or --alarm NAME.';
    return [
      warning('alarms', 'No alarm was checked: it is not known which ones call the function.', fix),
    ];
  }
  const within = deadlineWithin(deps.clock, limits.doctorCheckMs, deadline);
  const [answer, history] = await Promise.all([
    around.alarms(asked, within),
    historyCheck(around, asked, within),
  ]);
  if (answer.kind !== 'answer') {
    const fix = 'Check AWS_REGION and the permission cloudwatch:DescribeAlarms.';
    return [problem('alarms', answer.message, fix), history];
  }
  const missing = names.filter(
    (name) => !answer.value.some(({ alarm }) => alarm.ref.name === name),
  );
  const checked = answer.value.slice(0, limits.doctorAlarmsMax);
  const checks = new Map<string, Check>();
  await inParallel(checked, deadline, async (wired) => {
    const check = await examineAlarm(deps, around, wired, { wanted, isReadable }, deadline);
    checks.set(alarmRefText(wired.alarm.ref), check);
  });
  return [
    ...(wanted.length === 0 ? [] : [wiringCheck(answer.value, wanted, names)]),
    history,
    ...missing.map((name) =>
      problem(checkName(name), 'There is no alarm of this name.', 'Check the name and AWS_REGION.'),
    ),
    ...checked.map(
      ({ alarm }) =>
        checks.get(alarmRefText(alarm.ref)) ??
        warning(
          checkName(alarm.ref.name),
          'No time was left to check it.',
          'Pass it with --alarm.',
        ),
    ),
  ];
}

// ---------------------------------------------------------------------------------------------------

function checkName(alarmName: string): string {
  return `alarm ${alarmName}`;
}

/** What a topic or a queue brings is compared with CloudWatch: short alarms with their history. */
async function historyCheck(
  around: Surroundings,
  { functionArn, topicArn }: AskedAlarms,
  deadline: Deadline,
): Promise<Check> {
  const name = 'alarm-history';
  const answer = await around.alarmHistory(topicArn ?? functionArn ?? '', deadline);
  if (answer.kind !== 'answer') {
    const message =
      `${answer.message} An alarm that a topic or a queue brings, and that is OK again by then, waits ` +
      'for approval.';
    const fix = 'Allow cloudwatch:DescribeAlarmHistory on *.';
    return topicArn === null ? warning(name, message, fix) : problem(name, message, fix);
  }
  return topicArn === null
    ? ok(name, 'The history of alarms can be read, for those that a topic or a queue brings.')
    : ok(
        name,
        `Alarms come by ${topicArn}: each is compared with CloudWatch, and its history can be read.`,
      );
}

function calls({ actions }: WiredAlarm, wanted: readonly string[]): boolean {
  return actions.some((action) => wanted.some((arn) => isActionOn(action, arn)));
}

function wiringCheck(
  alarms: readonly WiredAlarm[],
  wanted: readonly string[],
  names: readonly string[],
): Check {
  const wired = alarms.filter((alarm) => calls(alarm, wanted)).length;
  const whom = wanted.join(' or ');
  if (wired === 0) {
    const fix = 'Add it to the ALARM actions of the alarms that are to roll back.';
    const message = `No alarm calls ${whom} when it goes to ALARM.`;
    // Those that were named may come by the event bus.
    return names.length === 0 ? problem('alarms', message, fix) : warning('alarms', message, fix);
  }
  const message = `${wired} ${wired === 1 ? 'alarm calls' : 'alarms call'} ${whom}.`;
  const left = alarms.length - limits.doctorAlarmsMax;
  if (left <= 0) return ok('alarms', message);
  const fix = 'Pass them with --alarm.';
  return warning('alarms', `${message} The last ${left} were not checked.`, fix);
}

/** Everything about one alarm, as one check. */
async function examineAlarm(
  deps: RollbackDeps,
  around: Surroundings,
  wired: WiredAlarm,
  { wanted, isReadable }: { readonly wanted: readonly string[]; readonly isReadable: boolean },
  deadline: Deadline,
): Promise<Check> {
  const { alarm } = wired;
  const name = checkName(alarm.ref.name);
  const within = deadlineWithin(deps.clock, limits.doctorCheckMs, deadline);
  const found: Check[] = [];
  if (wanted.length > 0 && !calls(wired, wanted)) {
    const fix = 'Add it to the actions, unless a rule of EventBridge brings the alarm.';
    found.push(warning(name, `It does not call ${wanted.join(' or ')}.`, fix));
  } else if (wired.actions.length === 0) {
    const fix = 'Add the function to its actions, unless a rule of EventBridge brings it.';
    found.push(warning(name, 'It has no ALARM action.', fix));
  }
  if (!alarm.hasActionsEnabled) {
    found.push(warning(name, 'Its actions are switched off.', 'Switch them on.'));
  }
  const { ref, isComposite, dimensions, isMultiSeries } = alarm;
  const transition: AlarmTransition = {
    ref,
    isComposite,
    dimensions,
    isMultiSeries,
    // No child is in ALARM when all is well. At an alarm those that are count.
    childrenInAlarm: [],
    isFromEventBus: false,
    atMs: deps.clock.nowMs(),
    previousState: null,
    contributor: null,
  };
  const withAllChildren: RollbackDeps = {
    ...deps,
    alarms: {
      read: (arns, to) => deps.alarms.read(arns, to),
      readChildrenInAlarm: (arn, to) => around.alarmChildren(arn, to),
      readContributors: (arn, to) => deps.alarms.readContributors(arn, to),
      readChangesToAlarm: (arn, of, to) => deps.alarms.readChangesToAlarm(arn, of, to),
      readTag: (arn, key, to) => deps.alarms.readTag(arn, key, to),
      close: () => undefined,
    },
  };
  const model = await resolveModel(withAllChildren, transition, within);
  found.push(
    model.kind === 'model'
      ? await planCheck(deps, transition, model, { name, isReadable }, within)
      : unknownModel(name, transition, model),
  );
  return joined(name, found);
}

function unknownModel(
  name: string,
  { isComposite, isMultiSeries }: AlarmTransition,
  model: Exclude<ModelAnswer, { kind: 'model' }>,
): Check {
  if (model.kind === 'unreachable') return problem(name, model.why, 'Try again.');
  if (isComposite && model.names.length > 1) {
    const models = model.names.slice(0, 5).join(', ');
    const message = `Its children are of several models (${models}): it acts only when those in ALARM are of one.`;
    return warning(name, message, `Set the tag ${modelTag} on the alarm, or make one per model.`);
  }
  if (isMultiSeries) {
    const message = 'Its model is named by the series that goes to ALARM; none is in ALARM now.';
    return warning(
      name,
      message,
      'Check that its query groups by the dimension that names the model.',
    );
  }
  return problem(name, model.why, model.fix ?? 'Set the name of its model.');
}

/** What a rollback of it would do now: the dry run of the alarm itself, with all that holds for alarms. */
async function planCheck(
  deps: RollbackDeps,
  transition: AlarmTransition,
  model: Extract<ModelAnswer, { kind: 'model' }>,
  { name, isReadable }: { readonly name: string; readonly isReadable: boolean },
  deadline: Deadline,
): Promise<Check> {
  const about = `${model.name} (${model.source})`;
  if (!isReadable) {
    const message = `${about}: it is not known whether there is a target.`;
    return warning(name, message, 'Fix the registry and the state first.');
  }
  try {
    const answer = await rollBack(deps, {
      request: { ...alarmRequest(model.name, transition.ref.name), isDryRun: true },
      warnings: [],
      invocationId: 'doctor',
      deadline,
      alarm: { transition, modelSource: model.source, liveVersions: null },
      isAutomatic: true,
    });
    const { plan, refusals, message, from_version, to_version } = answer;
    const text = `${about}: ${message}`;
    switch (plan?.verdict) {
      case 'ROLLED_BACK':
        return (
          askingCheck(answer, { name, about }) ??
          ok(name, `${about}: would move from ${from_version} to ${to_version}.`)
        );
      case 'REFUSED':
        return refusals.every(({ code }) => passing.includes(code))
          ? warning(name, text, 'An alarm would be refused now; the message says why.')
          : problem(name, text, `To see the plan, run ${commandText('plan', [model.name])}.`);
      default: {
        const fix = 'Promote a version that can be restored, or release one from quarantine.';
        return problem(name, text, fix);
      }
    }
  } catch (error) {
    const check = failed(name, error);
    return { ...check, message: `${about}: ${check.message}` };
  }
}

/** An alarm that would not act by itself, although nothing refuses the rollback; null when it would. */
function askingCheck(
  { model_name: model, from_version: from, to_version: to, pointer, warnings }: RollbackResponse,
  { name, about }: { readonly name: string; readonly about: string },
): Check | null {
  if (model === null || from === null || to === null) return null;
  const found = (code: string): string | undefined =>
    warnings.find((warning) => warning.code === code)?.message;
  const doubt = found(pointerDoubtful);
  if (doubt !== undefined) {
    const fix =
      `If consumers load by that alias, set it for ${model} in ROLLBACK_MODEL_POINTERS. If they do not, give it ` +
      'a name that begins with candidate, challenger or shadow.';
    return warning(name, `${about}: would wait for a person. ${doubt}`, fix);
  }
  const guess = found('TARGET_IS_A_GUESS');
  if (guess === undefined) return null;
  const command = commandText('promoted', [model, from], {
    replaced: to,
    pointer: pointer ?? undefined,
  });
  const fix = `If version ${to} was live before version ${from}, run ${command}.`;
  return warning(name, `${about}: would wait for a person. ${guess}`, fix);
}

/** Refusals that end by themselves, or that a person set on purpose. */
const passing: readonly string[] = [
  RefusalCode.COOLDOWN,
  RefusalCode.FROZEN,
  RefusalCode.PAUSED,
  RefusalCode.NOT_THE_CAUSE,
];

function joined(name: string, found: readonly Check[]): Check {
  const fixes = found.flatMap(({ fix }) => (fix === null ? [] : [fix]));
  const verdict = worstOf(found);
  return {
    name,
    verdict,
    message: found.map(({ message }) => message).join(' '),
    fix: verdict === Verdict.OK ? null : fixes.join(' '),
  };
}
