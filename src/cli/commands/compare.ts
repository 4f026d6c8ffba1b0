import { type ComparisonAnswer, compareModels, keptFor } from '../../app/compare-models.ts';
import { openComparison } from '../../compose.ts';
import { openRows, openRules } from '../../compose-compare.ts';
import { InvalidRequestError, isModelRollbackError } from '../../domain/errors.ts';
import { escapeText } from '../../domain/escape.ts';
import { parseModelName, parseVersion } from '../../domain/request/request.ts';
import { type Command, type CommandContext, textOption } from '../command.ts';
import { ExitCode, exitCodeOfError } from '../exit-codes.ts';
import { renderFinding } from '../render/finding-page.ts';
import { withSession } from '../session.ts';

/** `compare`: whether a challenger is good enough to be promoted. */
export const compareCommand: Command = {
  name: 'compare',
  usage: 'MODEL',
  summary:
    'compare a new version with the live one by rules, and store the evidence; exit code 0 only for PROMOTE',
  options: {
    champion: { type: 'string' },
    challenger: { type: 'string' },
    rules: { type: 'string' },
    'champion-rows': { type: 'string' },
    'challenger-rows': { type: 'string' },
  },
  optionHelp: {
    champion: 'version to compare with (default: the live version)',
    challenger: 'new version to judge (default: the one that promote would take)',
    rules:
      'JSON file with the rules (default: rules for a trading strategy, which need its four metrics)',
    'champion-rows':
      'CSV, JSON lines or Parquet file with the results of the champion, one row per id',
    'challenger-rows':
      'the same for the challenger; without both files, metrics are read from MLflow',
  },
  arity: [1, 1],
  examples: [
    'model-rollback compare PascalStrategy',
    'model-rollback compare PascalStrategy --champion 3 --challenger 4 --rules compare.json',
    'model-rollback compare PascalStrategy --champion-rows v3.parquet --challenger-rows v4.parquet',
  ],
  run: async (context) => {
    const asked = askedOf(context);
    try {
      const answer = await compared(context, asked);
      context.print(renderFinding(answer, context.style), answer);
      return answer.decision === 'PROMOTE' ? ExitCode.DONE : ExitCode.REFUSED;
    } catch (error) {
      if (!isModelRollbackError(error)) throw error;
      if (!context.isJson) {
        context.say('KEEP  The comparison failed, so the champion stays.');
        throw error;
      }
      // Whoever reads the JSON finds a decision in it, also here.
      context.say(`${error.name}: ${escapeText(error.message)}`);
      context.print('', keptFor(error, asked));
      return exitCodeOfError(error);
    }
  },
};

// ---------------------------------------------------------------------------------------------------

interface Asked {
  readonly modelName: string;
  readonly champion: string | null;
  readonly challenger: string | null;
}

function askedOf(context: CommandContext): Asked {
  const version = (name: 'champion' | 'challenger'): string | null => {
    const text = textOption(context, name);
    return text === undefined ? null : parseVersion(text, `--${name}`);
  };
  return {
    modelName: parseModelName(context.positionals[0]),
    champion: version('champion'),
    challenger: version('challenger'),
  };
}

async function compared(context: CommandContext, asked: Asked): Promise<ComparisonAnswer> {
  const rulesPath = textOption(context, 'rules');
  const rules = rulesPath === undefined ? null : await openRules(rulesPath);
  const paths = [textOption(context, 'champion-rows'), textOption(context, 'challenger-rows')];
  const [left, right] = paths;
  if ((left === undefined) !== (right === undefined)) {
    throw new InvalidRequestError(
      'Only one file with rows was passed, and a comparison needs two. Pass both --champion-rows and --challenger-rows.',
    );
  }
  const rows =
    left === undefined || right === undefined
      ? null
      : await context.during('Reading the rows', () => openRows(left, right));
  return await withSession(context, async ({ deps, config, startDeadline }) => {
    const comparison = await openComparison(config, deps);
    try {
      return await context.during('Comparing the two versions', () =>
        compareModels(comparison.deps, { ...asked, rules, rows }, startDeadline),
      );
    } finally {
      comparison.close();
    }
  });
}
