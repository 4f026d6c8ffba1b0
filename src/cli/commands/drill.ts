import { type DrillReport, type DrillStep, drill } from '../../app/drill.ts';
import { openScratchModels } from '../../compose.ts';
import { escapeText } from '../../domain/escape.ts';
import { pointerFor } from '../../domain/registry/pointer.ts';
import { parseModelName } from '../../domain/request/request.ts';
import type { Command, CommandContext } from '../command.ts';
import { ExitCode, exitCodeOfError } from '../exit-codes.ts';
import { wrap } from '../render/table.ts';
import { requester, withSession } from '../session.ts';

/** `drill`: does it really work here? */
export const drillCommand: Command = {
  name: 'drill',
  usage: '[MODEL]',
  summary:
    'roll back a scratch model that it makes for itself, in your registry, state and channels; with MODEL: by the pointer of MODEL',
  options: {},
  optionHelp: {},
  arity: [0, 1],
  examples: ['model-rollback drill', 'model-rollback drill PascalStrategy'],
  run: async (context) => {
    const [model] = context.positionals;
    const modelName = model === undefined ? null : parseModelName(model);
    return await withSession(context, async ({ deps, config, startDeadline }) => {
      const { pointers } = config;
      const pointer = modelName === null ? pointers.default : pointerFor(pointers, modelName);
      const scratch = await openScratchModels(config);
      const interrupt = context.listen();
      try {
        const { report, error } = await drill(
          deps,
          scratch,
          { pointer, requestedBy: requester() },
          {
            startDeadline,
            isStopped: () => interrupt.signal.aborted,
            onStep: (step) => showStep(context, step),
          },
        );
        const text = endText(context, report);
        context.print(text, { ...report, delete: deletion(report) });
        if (report.result === 'passed') return ExitCode.DONE;
        return error === null ? ExitCode.FAILED : exitCodeOfError(error);
      } finally {
        interrupt.close();
        scratch.close();
      }
    });
  },
};

// ---------------------------------------------------------------------------------------------------

/** Of the mark and the name of a step. */
const indent = ' '.repeat(13);

function showStep(context: CommandContext, { step, ok, ms, message }: DrillStep): void {
  if (context.isJson) return;
  const { style, columns } = context;
  const mark = ok ? style.good('✓') : style.bad('✗');
  const text = escapeText(`${message} (${(ms / 1_000).toFixed(3)} s)`);
  const room = columns === null ? null : columns - indent.length;
  const lines = wrap(text, room).split('\n').join(`\n${indent}`);
  context.print(`${mark} ${step.padEnd(9)}  ${lines}`, null);
}

const verdicts = {
  passed: 'Drill passed: a rollback works here.',
  failed: 'Drill failed: a rollback may fail at the same step.',
  interrupted: 'Drill interrupted.',
} as const;

function endText({ style }: CommandContext, report: DrillReport): string {
  const paint = report.result === 'passed' ? style.good : style.bad;
  return [
    '',
    paint(verdicts[report.result]),
    ...(report.left_behind.length === 0
      ? ['Nothing is left behind.']
      : ['', style.bold('left behind')]),
    ...report.left_behind.map((what) => `  ${escapeText(what)}`),
    ...(report.left_behind.length === 0
      ? []
      : [
          `  To delete the registered model: ${deletion(report)}`,
          '  The record stays: rollbacks are never deleted. No other model counts it.',
        ]),
  ].join('\n');
}

/** MLflow's command has none for this; its library reads the same variables. */
function deletion({ model_name: name }: DrillReport): string {
  return `python3 -c 'import mlflow; mlflow.MlflowClient().delete_registered_model("${name}")'`;
}
