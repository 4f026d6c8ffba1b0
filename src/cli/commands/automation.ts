import {
  approvedRequest,
  closeApproved,
  explainRollback,
  resumeFleetAutomation,
  resumeModelAutomation,
} from '../../app/operate.ts';
import { InvalidRequestError } from '../../domain/errors.ts';
import { parseModelName, parseRequest } from '../../domain/request.ts';
import type { Command } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import { safe } from '../render.ts';
import { requester, withComposed, withStore } from '../session.ts';
import { confirmAndApply, requireAnswerable } from './apply.ts';

/** `approve` and `resume`: what a person says to automation. */
export const approveCommand: Command = {
  name: 'approve',
  usage: 'ID',
  summary: 'say yes to an alarm that waits for a person: show the plan, ask, roll back',
  options: {
    override: { type: 'string', multiple: true },
    yes: { type: 'boolean', short: 'y' },
  },
  optionHelp: {
    override: 'pass a guard on purpose, by its refusal code; may be repeated',
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
    return await withComposed(context, async (composed, startDeadline) => {
      const { deps } = composed;
      const found = await explainRollback(deps.store, id, startDeadline());
      if (found === undefined) {
        throw new InvalidRequestError(
          `There is no record of ${safe(id)}. Run "model-rollback history".`,
        );
      }
      const { record } = found;
      const { overrides } = parseRequest({
        model_name: 'm',
        overrides: context.options['override'],
      }).request;
      const request = approvedRequest(
        record,
        { overrides, requestedBy: requester() },
        deps.clock.nowMs(),
      );
      const answer = await confirmAndApply(context, composed, startDeadline, {
        request,
        warnings: [],
        ...(record.alarm === null ? {} : { alarm: record.alarm }),
      });
      if (answer.isRolledBack) {
        await closeApproved(deps, record.id, request.requestedBy, startDeadline());
      }
      return answer.exitCode;
    });
  },
};

export const resumeCommand: Command = {
  name: 'resume',
  usage: '[MODEL]',
  summary: 'let alarms roll back again, after automation of MODEL (or --fleet) was paused',
  options: { fleet: { type: 'boolean' } },
  optionHelp: { fleet: 'of all models: after ROLLBACK_BLAST_RADIUS stopped them' },
  arity: [0, 1],
  examples: ['model-rollback resume PascalStrategy', 'model-rollback resume --fleet'],
  run: async (context) => {
    const [model] = context.positionals;
    const isFleet = context.options['fleet'] === true;
    if ((model !== undefined) === isFleet) {
      throw new InvalidRequestError('Name a MODEL, or say --fleet: one of the two.');
    }
    const modelName = model === undefined ? null : parseModelName(model);
    const pause = await withStore(context, (store, deadline) =>
      modelName === null
        ? resumeFleetAutomation(store, deadline)
        : resumeModelAutomation(store, modelName, deadline),
    );
    const what = modelName === null ? 'the fleet' : safe(modelName);
    const message =
      pause === null
        ? `Automation of ${what} was not paused. Nothing was done.`
        : `Automation of ${what} goes on. It was paused because: ${safe(pause.message)}`;
    context.print(message, { model_name: modelName, fleet: isFleet, resumed: pause !== null });
    return ExitCode.DONE;
  },
};
