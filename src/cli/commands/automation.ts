import { approveRollback } from '../../app/approve-rollback.ts';
import { commandLine } from '../../domain/command-line.ts';
import { parseRequest } from '../../domain/request/request.ts';
import type { Command } from '../command.ts';
import type { Asked } from '../next-step.ts';
import { requester, withSession } from '../session.ts';
import { confirmAndApply, requireAnswerable } from './apply.ts';

/** `approve`: what a person decides when an alarm asks. */
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
