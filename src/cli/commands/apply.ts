import { randomUUID } from 'node:crypto';
import { type RollbackCall, rollBack } from '../../app/roll-back.ts';
import type { Composed } from '../../assemble.ts';
import { InvalidRequestError } from '../../domain/errors.ts';
import type { ConfirmedPlan } from '../../domain/guard.ts';
import { parseRequest, type RollbackRequest, type Warning } from '../../domain/request.ts';
import { Outcome } from '../../domain/rollback.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { type Command, type CommandContext, textOption } from '../command.ts';
import { ExitCode, exitCodeOf } from '../exit-codes.ts';
import { renderAnswer, renderPlan } from '../render.ts';
import { requester, withComposed } from '../session.ts';
import { planCommand } from './plan.ts';

export const applyCommand: Command = {
  name: 'apply',
  usage: 'MODEL',
  summary: 'roll back: show the plan, ask, move the pointer, record it, tell people',
  options: {
    ...planCommand.options,
    'request-id': { type: 'string' },
    alarm: { type: 'string' },
    yes: { type: 'boolean', short: 'y' },
  },
  optionHelp: {
    ...planCommand.optionHelp,
    'request-id': 'idempotency key: the same key never acts twice (default: a new one)',
    alarm: 'name of the alarm that asks for it, for the record',
    yes: 'do not ask; needed where there is no terminal',
  },
  arity: [1, 1],
  examples: [
    'model-rollback apply PascalStrategy',
    'model-rollback apply PascalStrategy --to 2 --reason DRIFT_SEVERE --yes --json',
  ],
  run: async (context) => {
    const call = readRequest(context);
    requireAnswerable(context);
    return await withComposed(context, async (composed, startDeadline) => {
      const { exitCode } = await confirmAndApply(context, composed, startDeadline, call);
      return exitCode;
    });
  },
};

/** @throws InvalidRequestError when a question is to be asked and nobody can answer it */
export function requireAnswerable(context: CommandContext): void {
  if (context.options['yes'] !== true && context.ask === null) {
    throw new InvalidRequestError(
      'There is no terminal to ask on. Add --yes to roll back without asking.',
    );
  }
}

/** Shows the plan, asks unless `--yes`, and rolls back exactly what was shown. */
export async function confirmAndApply(
  context: CommandContext,
  composed: Composed,
  startDeadline: () => Deadline,
  call: Pick<RollbackCall, 'request' | 'warnings' | 'alarm'>,
): Promise<{ readonly exitCode: ExitCode; readonly isRolledBack: boolean }> {
  const go = async (confirmed?: ConfirmedPlan | null): ReturnType<typeof confirmAndApply> => {
    const answer = await rollBack(composed.deps, {
      ...call,
      invocationId: 'command',
      deadline: startDeadline(),
      ...(confirmed === undefined ? {} : { confirmed }),
    });
    context.print(renderAnswer(answer, context.style), answer);
    return { exitCode: exitCodeOf(answer), isRolledBack: answer.rolled_back };
  };
  if (context.options['yes'] === true) return await go();
  const preview = await rollBack(composed.deps, {
    ...call,
    request: { ...call.request, isDryRun: true },
    invocationId: 'plan',
    deadline: startDeadline(),
  });
  context.say(renderPlan(preview, context.style));
  const { plan } = preview;
  if (plan?.verdict !== Outcome.ROLLED_BACK) return await go(null);
  const question = `Move ${plan.pointer} of ${preview.model_name} from ${preview.from_version} to ${preview.to_version}?`;
  const isConfirmed = await context.ask?.(question);
  if (isConfirmed !== true) {
    context.print('Declined. Nothing was done.', { ...preview, declined: true });
    return { exitCode: ExitCode.REFUSED, isRolledBack: false };
  }
  return await go({ live: plan.live_versions[0] ?? null, to: preview.to_version });
}

// ---------------------------------------------------------------------------------------------------

function readRequest(context: CommandContext): { request: RollbackRequest; warnings: Warning[] } {
  return parseRequest({
    model_name: context.positionals[0],
    target_version: textOption(context, 'to'),
    reason: textOption(context, 'reason'),
    alarm_name: textOption(context, 'alarm'),
    expected_from_version: textOption(context, 'expect-from'),
    overrides: context.options['override'],
    request_id: textOption(context, 'request-id') ?? `cli:${randomUUID()}`,
    requested_by: requester(),
  });
}
