import { randomUUID } from 'node:crypto';
import { type RollbackCall, rollBack } from '../../app/roll-back.ts';
import type { Composed } from '../../assemble.ts';
import { InvalidRequestError } from '../../domain/errors.ts';
import type { ConfirmedPlan } from '../../domain/guard.ts';
import { parseRequest, type RollbackRequest, type Warning } from '../../domain/request.ts';
import { Outcome } from '../../domain/rollback.ts';
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
    const { request, warnings } = readRequest(context);
    const isAsked = context.options['yes'] !== true;
    if (isAsked && context.ask === null) {
      throw new InvalidRequestError(
        'There is no terminal to ask on. Add --yes to roll back without asking.',
      );
    }
    return await withComposed(context, async (composed, startDeadline) => {
      const go = (confirmed?: ConfirmedPlan | null): Promise<ExitCode> =>
        apply(context, composed, {
          request,
          warnings,
          deadline: startDeadline(),
          ...(confirmed === undefined ? {} : { confirmed }),
        });
      if (!isAsked) return await go();
      const preview = await rollBack(composed.deps, {
        request: { ...request, isDryRun: true },
        warnings,
        invocationId: 'plan',
        deadline: startDeadline(),
      });
      context.say(renderPlan(preview, context.style));
      if (preview.plan.verdict !== Outcome.ROLLED_BACK) {
        return await go(null);
      }
      const question = `Move ${preview.plan.pointer} of ${preview.model_name} from ${preview.from_version} to ${preview.to_version}?`;
      const isConfirmed = await context.ask?.(question);
      if (isConfirmed !== true) {
        context.print('Declined. Nothing was done.', { ...preview, declined: true });
        return ExitCode.REFUSED;
      }
      return await go({ live: preview.plan.live_versions[0] ?? null, to: preview.to_version });
    });
  },
};

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

async function apply(
  context: CommandContext,
  composed: Composed,
  call: Omit<RollbackCall, 'invocationId'>,
): Promise<ExitCode> {
  const answer = await rollBack(composed.deps, { ...call, invocationId: 'command' });
  context.print(renderAnswer(answer, context.style), answer);
  return exitCodeOf(answer);
}
