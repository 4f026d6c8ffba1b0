import { approveRollback } from '../../app/approve-rollback.ts';
import { resumeFleetAutomation, resumeModelAutomation } from '../../app/operate.ts';
import { commandLine } from '../../domain/command-line.ts';
import { InvalidRequestError } from '../../domain/errors.ts';
import { escapeText } from '../../domain/escape.ts';
import { parseModelName, parseRequest } from '../../domain/request/request.ts';
import type { Command } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import type { Asked } from '../next-step.ts';
import { requester, withSession, withStore } from '../session.ts';
import { confirmAndApply, requireAnswerable } from './apply.ts';

/** `approve` and `resume`: what a person decides about automation. */
export const approveCommand: Command = {
  name: 'approve',
  usage: 'ID',
  summary: 'approve a rollback for which an alarm waits: show the plan, ask, roll back',
  options: {
    override: { type: 'string', multiple: true },
    yes: { type: 'boolean', short: 'y' },
  },
  optionHelp: {
    override:
      'guard to override: COOLDOWN, QUARANTINED, TARGET_UNFIT or POINTER_UNUSED; can be repeated',
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

export const resumeCommand: Command = {
  name: 'resume',
  usage: '[MODEL]',
  summary: 'end a pause: let alarms roll back MODEL (with --fleet: all models) again',
  options: { fleet: { type: 'boolean' } },
  optionHelp: { fleet: 'end the pause of all models, which ROLLBACK_BLAST_RADIUS caused' },
  arity: [0, 1],
  examples: ['model-rollback resume PascalStrategy', 'model-rollback resume --fleet'],
  run: async (context) => {
    const [model] = context.positionals;
    const isFleet = context.options['fleet'] === true;
    if ((model !== undefined) === isFleet) {
      throw new InvalidRequestError('Pass either MODEL or --fleet.');
    }
    const modelName = model === undefined ? null : parseModelName(model);
    const pause = await withStore(context, (store, deadline) =>
      modelName === null
        ? resumeFleetAutomation(store, deadline)
        : resumeModelAutomation(store, modelName, deadline),
    );
    const what = modelName === null ? 'the fleet' : escapeText(modelName);
    const message =
      pause === null
        ? `Automation of ${what} was not paused. Nothing was done.`
        : `Automation of ${what} is resumed. It was paused because: ${escapeText(pause.message)}`;
    context.print(message, { model_name: modelName, fleet: isFleet, resumed: pause !== null });
    return ExitCode.DONE;
  },
};
