import { rollBack } from '../../app/roll-back.ts';
import { parseRequest } from '../../domain/request.ts';
import { type Command, textOption } from '../command.ts';
import { exitCodeOf } from '../exit-codes.ts';
import { renderAnswer, renderPlan } from '../render.ts';
import { withComposed } from '../session.ts';

export const planCommand: Command = {
  name: 'plan',
  usage: 'MODEL',
  summary: 'show what a rollback would do, with every guard and candidate; writes nothing',
  options: {
    to: { type: 'string' },
    reason: { type: 'string' },
    'expect-from': { type: 'string' },
    override: { type: 'string', multiple: true },
  },
  optionHelp: {
    to: 'version to restore (default: the last good one)',
    reason: 'MANUAL_REQUEST, PERFORMANCE_DEGRADATION, TEST_FAILURE or DRIFT_SEVERE',
    'expect-from': 'refuse unless this version is live',
    override: 'guard to pass on purpose, such as COOLDOWN; may be given several times',
  },
  arity: [1, 1],
  examples: [
    'model-rollback plan PascalStrategy',
    'model-rollback plan PascalStrategy --to 2 --json',
  ],
  run: async (context) => {
    const { request, warnings } = parseRequest({
      model_name: context.positionals[0],
      target_version: textOption(context, 'to'),
      reason: textOption(context, 'reason'),
      expected_from_version: textOption(context, 'expect-from'),
      overrides: context.options['override'],
      dry_run: true,
    });
    const answer = await withComposed(context, ({ deps }, startDeadline) =>
      rollBack(deps, { request, warnings, invocationId: 'plan', deadline: startDeadline() }),
    );
    const text = `${renderPlan(answer, context.style)}\n\n${renderAnswer(answer, context.style)}`;
    context.print(text, answer);
    return exitCodeOf(answer);
  },
};
