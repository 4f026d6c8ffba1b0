import { randomUUID } from 'node:crypto';
import type { ApprovedCall } from '../../app/approve-rollback.ts';
import { type RollbackCall, rollBack } from '../../app/roll-back.ts';
import { undoRequest } from '../../app/undo.ts';
import type { RollbackResponse } from '../../domain/answer/response.ts';
import { commandLine } from '../../domain/command-line.ts';
import type { ConfirmedPlan } from '../../domain/decide/guard-answer.ts';
import { Outcome } from '../../domain/decide/outcome.ts';
import { InvalidRequestError } from '../../domain/errors.ts';
import { escapeText } from '../../domain/escape.ts';
import { parseRequest, type RollbackRequest, type Warning } from '../../domain/request/request.ts';
import { afterRollback } from '../after-rollback.ts';
import { type Command, type CommandContext, textOption } from '../command.ts';
import { ExitCode, exitCodeOf } from '../exit-codes.ts';
import { type Asked, nextStep } from '../next-step.ts';
import { renderAnswer, renderQuestion } from '../render/render-answer.ts';
import { requester, type Session, withSession } from '../session.ts';
import { askedOptions, askOptionHelp, askOptions, planning } from './plan.ts';

export const applyCommand: Command = {
  name: 'apply',
  usage: 'MODEL',
  summary: 'roll back: show the plan, ask, move the pointer, record it, send the notice',
  options: {
    ...askOptions,
    'request-id': { type: 'string' },
    alarm: { type: 'string' },
    yes: { type: 'boolean', short: 'y' },
  },
  optionHelp: {
    ...askOptionHelp,
    'request-id': 'idempotency key: the same key never acts twice (default: a new one)',
    alarm: 'name of the alarm that is the reason; it is only recorded',
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
    const { modelName } = call.request;
    const { override, ...options } = askedOptions(context);
    const alarm = textOption(context, 'alarm');
    const asked: Asked = {
      again: (more) =>
        commandLine('apply', [modelName], { ...options, alarm, override: [...override, ...more] }),
      expectsVersion: options['expect-from'] !== undefined,
      pointer: options.pointer,
    };
    return await withSession(context, async (session) => {
      const { exitCode } = await confirmAndApply(context, session, call, asked);
      return exitCode;
    });
  },
};

export const undoCommand: Command = {
  name: 'undo',
  usage: 'MODEL|ID',
  summary:
    'undo the latest rollback of MODEL, or the one with this ID: bring back the version before it',
  options: {
    override: { type: 'string', multiple: true },
    pointer: { type: 'string' },
    yes: { type: 'boolean', short: 'y' },
  },
  optionHelp: {
    override: 'further guard to override: FROZEN, TARGET_UNFIT or POINTER_UNUSED; can be repeated',
    pointer: 'of MODEL: stage:Production, or alias:NAME (default: the configured one)',
    yes: 'do not ask; needed where there is no terminal',
  },
  arity: [1, 1],
  examples: [
    'model-rollback undo PascalStrategy',
    'model-rollback undo PascalStrategy/0123456789abcdef --yes --json',
  ],
  run: async (context) => {
    const [what = ''] = context.positionals;
    requireAnswerable(context);
    const pointer = textOption(context, 'pointer');
    const { overrides } = parseRequest({
      model_name: 'm',
      overrides: context.options['override'],
      pointer,
    }).request;
    return await withSession(context, async (session) => {
      const undo = { what, pointer, overrides, requestedBy: requester() };
      const request = await undoRequest(session.deps, undo, session.startDeadline());
      const asked: Asked = {
        again: (more) =>
          commandLine('undo', [what], { pointer, override: [...overrides, ...more] }),
        expectsVersion: true,
        pointer: request.pointer,
      };
      const { exitCode } = await confirmAndApply(
        context,
        session,
        { request, warnings: [] },
        asked,
      );
      return exitCode;
    });
  },
};

/** @throws InvalidRequestError when a question is to be asked and nobody can answer it */
export function requireAnswerable(context: CommandContext, what = 'roll back'): void {
  if (context.options['yes'] !== true && context.ask === null) {
    throw new InvalidRequestError(
      `There is no terminal to ask on. To ${what} without a question, pass --yes.`,
    );
  }
}

/** Shows the plan, asks unless `--yes`, and rolls back exactly what was shown. */
export async function confirmAndApply(
  context: CommandContext,
  session: Session,
  call: Pick<RollbackCall, 'request' | 'warnings'> & Partial<ApprovedCall>,
  asked: Asked,
): Promise<{ readonly exitCode: ExitCode; readonly isRolledBack: boolean }> {
  const { deps, startDeadline } = session;
  const go = async (confirmed: ConfirmedPlan): ReturnType<typeof confirmAndApply> => {
    const answer = await context.during('Rolling back, with the registry and the state', () =>
      rollBack(deps, {
        ...call,
        invocationId: 'command',
        deadline: startDeadline(),
        announcesRefusals: false,
        confirmed,
      }),
    );
    session.answered(answer.rollback_id);
    const next = nextStep(answer, asked);
    const lines = [
      renderAnswer(answer, session.view, next),
      ...(await afterRollback(session, answer)),
    ];
    context.print(lines.join('\n'), answer);
    return { exitCode: exitCodeOf(answer), isRolledBack: answer.rolled_back };
  };
  if (context.options['yes'] === true) return await go({ kind: 'none' });
  const preview = await context.during(planning, () =>
    rollBack(deps, {
      ...call,
      request: { ...call.request, isDryRun: true },
      invocationId: 'plan',
      deadline: startDeadline(),
    }),
  );
  const { plan } = preview;
  // Nothing to ask about: the answer says why.
  if (plan?.verdict !== Outcome.ROLLED_BACK) return await go({ kind: 'no-move' });
  context.say(renderQuestion(preview, context.style));
  if ((await context.ask?.(questionOf(preview, plan.pointer))) !== true) {
    context.print('Declined. Nothing was done.', { ...preview, declined: true });
    return { exitCode: ExitCode.REFUSED, isRolledBack: false };
  }
  return await go({ kind: 'move', live: plan.live_versions[0] ?? null, to: preview.to_version });
}

// ---------------------------------------------------------------------------------------------------

export function questionOf(
  { model_name: model, ...answer }: RollbackResponse,
  pointer: string,
): string {
  const from = answer.from_version === null ? '' : `from ${answer.from_version} `;
  return escapeText(`Move ${pointer} of ${model} ${from}to ${answer.to_version}?`);
}

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
    pointer: textOption(context, 'pointer'),
  });
}
