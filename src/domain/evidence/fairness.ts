import { escapeText } from '../escape.ts';
import { limits } from '../limits.ts';
import { isoTime } from '../registry/model.ts';
import { dataOf, type Evaluation, type ValuePair } from './evaluation.ts';
import type { Rules } from './rules.ts';

/** Why the values of two versions must not be compared as they are; empty when they may. */
export function unfairness(
  champion: Evaluation,
  challenger: Evaluation,
  pairs: readonly ValuePair[],
  rules: Rules,
): readonly string[] {
  return [
    ...sameSource(champion, challenger),
    ...(pairs.length === 0 ? [] : dataProblems(champion, challenger, pairs, rules)),
    ...(rules.needsFreshValues ? staleValues(champion, challenger, pairs) : []),
  ];
}

export function comparedWithItself(version: string): string {
  return `Version ${version} would be compared with itself. Name two different versions.`;
}

// ---------------------------------------------------------------------------------------------------

/** Two versions of one run have the same values: one of them was never evaluated. */
function sameSource(champion: Evaluation, challenger: Evaluation): readonly string[] {
  if (champion.version === challenger.version) return [comparedWithItself(champion.version)];
  const [left, right] = [
    champion.modelId ?? champion.runId,
    challenger.modelId ?? challenger.runId,
  ];
  if (left === null || left !== right) return [];
  return [
    `Versions ${champion.version} and ${challenger.version} have their values from the same ` +
      `${champion.modelId === null ? 'run' : 'logged model'} ${escapeText(left)}: a version would be compared with itself.`,
  ];
}

function dataProblems(
  champion: Evaluation,
  challenger: Evaluation,
  pairs: readonly ValuePair[],
  { needsSameData }: Rules,
): readonly string[] {
  const named = (data: ReturnType<typeof dataOf>): string =>
    pairs
      .filter((pair) => dataOf(pair) === data)
      .map((pair) => escapeText(pair.champion.name))
      .join(', ');
  const [different, unknown] = [named('different'), named('unknown')];
  const problems: string[] = [];
  if (different !== '') {
    const versions = `versions ${champion.version} and ${challenger.version}`;
    problems.push(
      `${different}: ${versions} were measured on different data sets. Evaluate both on the same one.`,
    );
  }
  if (unknown !== '' && needsSameData) {
    problems.push(
      `${unknown}: it is not recorded that both versions were measured on the same data set. Log it with ` +
        'mlflow.log_input on both sides, or set "same_data": false in the rules.',
    );
  }
  return problems;
}

function staleValues(
  champion: Evaluation,
  challenger: Evaluation,
  pairs: readonly ValuePair[],
): readonly string[] {
  const registeredAtMs = Math.max(champion.registeredAtMs, challenger.registeredAtMs);
  const sides = [
    { side: champion, values: pairs.map((pair) => pair.champion) },
    { side: challenger, values: pairs.map((pair) => pair.challenger) },
  ];
  return sides.flatMap(({ side, values }) => {
    // Clocks of two machines may differ by this.
    const stale = values.filter(({ atMs }) => atMs < registeredAtMs - limits.clockSkewMaxMs);
    const [first] = stale;
    if (first === undefined) return [];
    return [
      `Version ${side.version} was measured at ${isoTime(first.atMs)} (${escapeText(first.name)}), before both ` +
        `versions were registered (${isoTime(registeredAtMs)}). Evaluate both versions now, or set ` +
        '"fresh_values": false in the rules.',
    ];
  });
}
