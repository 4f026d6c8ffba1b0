import type { ComparisonAnswer } from '../../app/compare-models.ts';
import { commandLine } from '../../domain/command-line.ts';
import { escapeText } from '../../domain/escape.ts';
import type { MetricFinding } from '../../domain/evidence/judge.ts';
import type { Style } from './style.ts';

/** A comparison for people: the decision, why, and what to do now. Texts of rules and files are escaped already. */
export function renderFinding(answer: ComparisonAnswer, style: Style): string {
  const { model_name, champion, challenger, decision, confidence } = answer;
  const paint = { PROMOTE: style.good, KEEP: style.bad, INVESTIGATE: style.warn }[decision];
  const head = `${paint(decision)}  ${escapeText(model_name)}: version ${challenger} against version ${champion}, confidence ${confidence.toFixed(2)}`;
  return [
    head,
    ...answer.problems.map((problem) => `${style.warn('!')} ${problem}`),
    ...answer.metrics.map((metric) => line(metric, style)),
    ...sliceLines(answer.slices, style),
    ...(answer.uncertainty === 'unknown'
      ? [
          'Each side is one value for each metric, so how far chance explains the changes is not known.',
        ]
      : []),
    `The evidence is stored; its SHA-256 is ${answer.evidence_sha256}.`,
    ...answer.warnings.map(({ code, message }) => style.warn(`${code}  ${escapeText(message)}`)),
    ...next(answer),
  ].join('\n');
}

// ---------------------------------------------------------------------------------------------------

function line({ result, reason, observe_only: isObserved }: MetricFinding, style: Style): string {
  const marks = {
    passed: style.good('✓'),
    failed: style.bad('✗'),
    unsure: style.warn('?'),
    unknown: style.warn('!'),
  };
  return `${isObserved ? '·' : marks[result]} ${reason}`;
}

/** Those that passed are only counted. */
function sliceLines(slices: readonly MetricFinding[], style: Style): readonly string[] {
  const others = slices.filter(({ passed }) => !passed);
  const passed = slices.length - others.length;
  return [
    ...others.map((one) => {
      const { column = '', value = '' } = one.slice ?? {};
      return `${line(one, style)} (slice ${escapeText(column)} = ${escapeText(value)})`;
    }),
    ...(passed === 0
      ? []
      : [`${style.good('✓')} ${passed} of ${slices.length} tests in slices passed.`]),
  ];
}

function next({ decision, model_name, challenger }: ComparisonAnswer): readonly string[] {
  if (decision !== 'PROMOTE' || challenger === null) return [];
  const command = commandLine('promote', [model_name, challenger]);
  return [`To see the plan of the promotion, and promote it: ${command}`];
}
