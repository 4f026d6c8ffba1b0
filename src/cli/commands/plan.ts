import { compareVersions } from '../../app/compare-versions.ts';
import type { RollbackDeps } from '../../app/deps.ts';
import { rollBack } from '../../app/roll-back.ts';
import type { Comparison } from '../../domain/answer/comparison.ts';
import type { RollbackResponse } from '../../domain/answer/response.ts';
import { commandLine } from '../../domain/command-line.ts';
import { parseRequest } from '../../domain/request/request.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { type Command, type CommandContext, screenOf, textOption } from '../command.ts';
import { exitCodeOf } from '../exit-codes.ts';
import { nextStep } from '../next-step.ts';
import { comparisonTable } from '../render/comparison-table.ts';
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
      const callsSmokeCheck = context.options['smoke'] === true;
      const about = { request, warnings, invocationId: 'plan', callsSmokeCheck };
      const call = { ...about, deadline: startDeadline() };
      const answer = await context.during(planning, () => rollBack(deps, call));
      const next = nextStep(answer, {
        again: (more) => {
          const override = [...asked.override, ...more];
          return commandLine('apply', [request.modelName], { ...asked, override });
        },
        expectsVersion: asked['expect-from'] !== undefined,
        pointer: asked.pointer,
      });
      const comparison = await compared(context, deps, answer, startDeadline());
      const table =
        comparison === null ? '' : `${comparisonTable(comparison, screenOf(context))}\n\n`;
      const json = comparison === null ? answer : { ...answer, comparison };
      context.print(`${table}${renderPreview(answer, view, next)}`, json);
      return exitCodeOf(answer);
    });
  },
};

/** What a terminal shows while a plan is made. */
export const planning = 'Reading the registry and the state';

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

// ---------------------------------------------------------------------------------------------------

/** Null where there are no two versions to compare. */
async function compared(
  context: CommandContext,
  deps: RollbackDeps,
  { model_name: model, from_version: from, to_version: to }: RollbackResponse,
  deadline: Deadline,
): Promise<Comparison | null> {
  if (model === null || from === null || to === null || from === to) return null;
  return await context.during('Comparing the two versions', () =>
    compareVersions(deps, model, { from, to }, deadline),
  );
}
