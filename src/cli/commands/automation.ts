import { approveRollback } from '../../app/approve-rollback.ts';
import { rejectRollback } from '../../app/reject-rollback.ts';
import { commandLine } from '../../domain/command-line.ts';
import { escapeText } from '../../domain/escape.ts';
import { parseRequest } from '../../domain/request/request.ts';
import { type Command, textOption } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import type { Asked } from '../next-step.ts';
import { requester, withSession } from '../session.ts';
import { confirmAndApply, requireAnswerable } from './apply.ts';

/** `approve` and `reject`: what a person decides when an alarm asks. */
export const approveCommand: Command = {
  name: 'approve',
  usage: 'ID',
  summary:
    'approve a rollback that waits for a person (`status` lists them): show the plan, ask, roll back',
  options: {
    override: { type: 'string', multiple: true },
    yes: { type: 'boolean', short: 'y' },
  },
  optionHelp: {
    override:
      'guard to override: COOLDOWN, FROZEN, QUARANTINED, TARGET_UNFIT or POINTER_UNUSED; can be repeated',
    yes: 'do not ask; needed where there is no terminal',
  },
  arity: [1, 1],
  examples: [
    'model-rollback approve PascalStrategy/0123456789abcdef',
    'model-rollback approve PascalStrategy/0123456789abcdef --override COOLDOWN --yes',
  ],
  run: async (context) => {
    const id = context.positionals[0] ?? '';
    requireAnswerable(context);
    const { overrides } = parseRequest({
      model_name: 'm',
      overrides: context.options['override'],
    }).request;
    return await withSession(context, async (session) => {
      const asked: Asked = {
        again: (more) => commandLine('approve', [id], { override: [...overrides, ...more] }),
        expectsVersion: true,
      };
      const { exitCode } = await approveRollback(
        session.deps,
        { rollbackId: id, overrides, requestedBy: requester() },
        (call) => confirmAndApply(context, session, call, asked),
        session.startDeadline,
      );
      return exitCode;
    });
  },
};

export const rejectCommand: Command = {
  name: 'reject',
  usage: 'ID',
  summary:
    'reject a rollback that waits for a person: nothing moves, and nobody can approve it any more',
  options: { reason: { type: 'string' } },
  optionHelp: { reason: 'why; kept on record, and in the notice' },
  arity: [1, 1],
  examples: [
    'model-rollback reject PascalStrategy/0123456789abcdef --reason "the feed was late, not the model"',
  ],
  run: async (context) => {
    const rollbackId = context.positionals[0] ?? '';
    const reason = textOption(context, 'reason') ?? null;
    const answer = await withSession(context, ({ deps, startDeadline }) =>
      rejectRollback(deps, { rollbackId, by: requester(), reason }, startDeadline()),
    );
    context.print(escapeText(answer.message), answer);
    return ExitCode.DONE;
  },
};
