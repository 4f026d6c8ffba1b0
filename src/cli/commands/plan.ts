import { rollBack } from '../../app/roll-back.ts';
import { commandLine } from '../../domain/command-line.ts';
import { parseRequest } from '../../domain/request/request.ts';
import { type Command, type CommandContext, textOption } from '../command.ts';
import { exitCodeOf } from '../exit-codes.ts';
import { nextStep } from '../next-step.ts';
import { renderPreview } from '../render/render-answer.ts';
import { withSession } from '../session.ts';

/** What a person may ask for; `apply` takes the same. */
export const askOptions = {
  to: { type: 'string' },
  reason: { type: 'string' },
  'expect-from': { type: 'string' },
  override: { type: 'string', multiple: true },
  pointer: { type: 'string' },
} as const;

export const askOptionHelp = {
  to: 'version to restore (default: the last good one)',
  reason: 'MANUAL_REQUEST, PERFORMANCE_DEGRADATION, TEST_FAILURE or DRIFT_SEVERE',
  'expect-from': 'refuse unless this version is live',
  override:
    'guard to override: COOLDOWN, FROZEN, QUARANTINED, TARGET_UNFIT or POINTER_UNUSED; can be repeated',
  pointer:
    'stage:Production, or alias:NAME (default: the policy of the model, then ROLLBACK_MODEL_POINTERS, ROLLBACK_POINTER)',
} as const;

export const planCommand: Command = {
  name: 'plan',
  usage: 'MODEL',
  summary: 'show what a rollback would do, and why; writes nothing',
  options: { ...askOptions, smoke: { type: 'boolean' } },
  optionHelp: {
    ...askOptionHelp,
    smoke: 'call the smoke check too (ROLLBACK_SMOKE_CHECK), as a real request does',
  },
  arity: [1, 1],
  examples: [
    'model-rollback plan PascalStrategy',
    'model-rollback plan PascalStrategy --to 2 --json',
    'model-rollback plan PascalStrategy --pointer alias:champion',
  ],
  run: async (context) => {
    const asked = askedOptions(context);
    const { request, warnings } = parseRequest({
      model_name: context.positionals[0],
      target_version: asked.to,
      reason: asked.reason,
      expected_from_version: asked['expect-from'],
      overrides: context.options['override'],
      pointer: asked.pointer,
      dry_run: true,
    });
    return await withSession(context, async ({ deps, view, startDeadline }) => {
      const answer = await rollBack(deps, {
        request,
        warnings,
        invocationId: 'plan',
        deadline: startDeadline(),
        callsSmokeCheck: context.options['smoke'] === true,
      });
      const next = nextStep(answer, {
        again: (more) => {
          const override = [...asked.override, ...more];
          return commandLine('apply', [request.modelName], { ...asked, override });
        },
        expectsVersion: asked['expect-from'] !== undefined,
        pointer: asked.pointer,
      });
      context.print(renderPreview(answer, view, next), answer);
      return exitCodeOf(answer);
    });
  },
};

/** What the person asked for, so that a command that is shown next asks for the same. */
export function askedOptions(context: CommandContext): {
  readonly to: string | undefined;
  readonly reason: string | undefined;
  readonly 'expect-from': string | undefined;
  readonly override: readonly string[];
  readonly pointer: string | undefined;
} {
  const { override } = context.options;
  return {
    to: textOption(context, 'to'),
    reason: textOption(context, 'reason'),
    'expect-from': textOption(context, 'expect-from'),
    override: Array.isArray(override) ? override : [],
    pointer: textOption(context, 'pointer'),
  };
}
