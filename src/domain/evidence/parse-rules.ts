import { InvalidRequestError } from '../errors.ts';
import { escapeText } from '../escape.ts';
import { limits } from '../limits.ts';
import { nearestName } from '../near-name.ts';
import { evidenceLimits } from './evidence-limits.ts';
import { defaultRule, defaultRules, type MetricRule, type Rules, type SliceRule } from './rules.ts';

/** The fields of a file of rules; the published schema (docs/reference/compare.schema.json) has the same. */
export const ruleFields = {
  top: [
    '$schema',
    'metrics',
    'slices',
    'id_column',
    'minimum_rows',
    'significance',
    'minimum_confidence',
    'same_data',
    'fresh_values',
  ],
  metric: ['direction', 'must_improve', 'margin', 'floor', 'weight', 'critical', 'observe_only'],
  slice: ['column', 'minimum_rows'],
} as const;

/**
 * Reads the rules of a comparison.
 * @param source what they came from, for messages: `compare.json`, `rules`
 * @throws InvalidRequestError naming the field, and the known one that a misspelt one was meant to be
 */
export function parseRules(value: unknown, source: string): Rules {
  const top = fieldsOf(value, ruleFields.top, source, source);
  const read = reader(top, source, source);
  const metrics = metricsOf(top['metrics'], source);
  const slices = listOf(top['slices'], `${source}: slices`).map((slice, index) =>
    sliceOf(slice, `slices[${index}]`, source),
  );
  if (slices.length > evidenceLimits.compareSlicesMax) {
    throw new InvalidRequestError(
      `${source}: at most ${evidenceLimits.compareSlicesMax} slices are allowed.`,
    );
  }
  return {
    metrics,
    slices,
    idColumn: read.text('id_column', defaultRules.idColumn),
    minimumRows: read.number('minimum_rows', defaultRules.minimumRows, wholeFrom2),
    significance: read.number('significance', defaultRules.significance, betweenExclusive(0, 0.5)),
    minimumConfidence: read.number(
      'minimum_confidence',
      defaultRules.minimumConfidence,
      between(0.5, 1),
    ),
    needsSameData: read.boolean('same_data', defaultRules.needsSameData),
    needsFreshValues: read.boolean('fresh_values', defaultRules.needsFreshValues),
  };
}

/** The rules in the form of a file. */
export function rulesFile(rules: Rules): object {
  return {
    metrics: Object.fromEntries(
      rules.metrics.map((rule) => [
        rule.name,
        {
          direction: rule.direction,
          must_improve: rule.mustImprove,
          margin: rule.margin,
          ...(rule.floor === null ? {} : { floor: rule.floor }),
          weight: rule.weight,
          critical: rule.isCritical,
          observe_only: rule.isObserved,
        },
      ]),
    ),
    slices: rules.slices.map(({ column, minimumRows }) => ({ column, minimum_rows: minimumRows })),
    id_column: rules.idColumn,
    minimum_rows: rules.minimumRows,
    significance: rules.significance,
    minimum_confidence: rules.minimumConfidence,
    same_data: rules.needsSameData,
    fresh_values: rules.needsFreshValues,
  };
}

// ---------------------------------------------------------------------------------------------------

type Fields = Readonly<Record<string, unknown>>;

interface Range {
  readonly text: string;
  has(number: number): boolean;
}

const wholeFrom2: Range = {
  text: 'a whole number from 2',
  has: (number) => Number.isSafeInteger(number) && number >= 2,
};
const anyNumber: Range = { text: 'a number', has: () => true };

function between(least: number, most: number): Range {
  return {
    text: `a number from ${least} to ${most}`,
    has: (number) => number >= least && number <= most,
  };
}

function betweenExclusive(above: number, below: number): Range {
  return {
    text: `a number above ${above} and below ${below}`,
    has: (number) => number > above && number < below,
  };
}

function metricsOf(value: unknown, source: string): readonly MetricRule[] {
  const entries = Object.entries(objectOf(value ?? {}, `${source}: metrics`));
  if (entries.length === 0 || entries.length > evidenceLimits.compareMetricsMax) {
    throw new InvalidRequestError(
      `${source}: metrics must have between 1 and ${evidenceLimits.compareMetricsMax} rules, each under the name of its ` +
        'metric, such as {"metrics": {"accuracy": {"direction": "higher"}}}.',
    );
  }
  return entries.map(([name, rule]) => metricOf(name, rule, source));
}

function metricOf(name: string, value: unknown, source: string): MetricRule {
  const shown = escapeText(name);
  if (name === '' || name.length > limits.textLengthMax) {
    throw new InvalidRequestError(
      `${source}: the name of a metric has 1 to ${limits.textLengthMax} characters.`,
    );
  }
  const where = `metrics.${shown}`;
  const fields = fieldsOf(value, ruleFields.metric, where, source);
  const read = reader(fields, where, source);
  const rule: MetricRule = {
    name,
    direction: read.choice('direction', ['higher', 'lower']),
    mustImprove: read.boolean('must_improve', defaultRule.mustImprove),
    margin: read.number('margin', defaultRule.margin, between(0, 10)),
    floor: fields['floor'] === undefined ? null : read.number('floor', 0, anyNumber),
    weight: read.choice('weight', ['high', 'medium', 'low'], defaultRule.weight),
    isCritical: read.boolean('critical', defaultRule.isCritical),
    isObserved: read.boolean('observe_only', defaultRule.isObserved),
  };
  if (rule.mustImprove && rule.margin > 0) {
    throw new InvalidRequestError(
      `${source}: ${where} has both must_improve and a margin: what must improve may not be worse. Remove one of them.`,
    );
  }
  return rule;
}

function sliceOf(value: unknown, where: string, source: string): SliceRule {
  const fields = fieldsOf(value, ruleFields.slice, where, source);
  const read = reader(fields, where, source);
  return {
    column: read.text('column', null),
    minimumRows: read.number('minimum_rows', defaultRules.minimumRows, wholeFrom2),
  };
}

/** One field at a time, each with its name in the error. */
function reader(fields: Fields, where: string, source: string) {
  const wrong = (name: string, allowed: string): InvalidRequestError => {
    const at = where === source ? `${source}: ${name}` : `${source}: ${where}.${name}`;
    const held = fields[name] === undefined ? 'missing' : shownValue(fields[name]);
    return new InvalidRequestError(`${at} must be ${allowed}; it is ${held}.`);
  };
  return {
    number: (name: string, fallback: number, range: Range): number => {
      const value = fields[name] ?? fallback;
      if (typeof value !== 'number' || !Number.isFinite(value) || !range.has(value)) {
        throw wrong(name, range.text);
      }
      return value;
    },
    boolean: (name: string, fallback: boolean): boolean => {
      const value = fields[name] ?? fallback;
      if (typeof value !== 'boolean') throw wrong(name, 'true or false');
      return value;
    },
    text: (name: string, fallback: string | null): string => {
      const value = fields[name] ?? fallback;
      if (typeof value !== 'string' || value === '' || value.length > limits.textLengthMax) {
        throw wrong(name, `a text of 1 to ${limits.textLengthMax} characters`);
      }
      return value;
    },
    choice: <T extends string>(name: string, allowed: readonly T[], fallback?: T): T => {
      const value = fields[name] ?? fallback;
      const found = allowed.find((one) => one === value);
      if (found === undefined) throw wrong(name, allowed.map((one) => `"${one}"`).join(' or '));
      return found;
    },
  };
}

function fieldsOf(value: unknown, known: readonly string[], where: string, source: string): Fields {
  const at = where === source ? source : `${source}: ${where}`;
  const fields = objectOf(value, at);
  for (const name of Object.keys(fields)) {
    if (known.includes(name)) continue;
    const near = nearestName(name, known);
    const hint = near === undefined ? `Known are ${known.join(', ')}.` : `Did you mean "${near}"?`;
    throw new InvalidRequestError(`${at} has the unknown field "${escapeText(name)}". ${hint}`);
  }
  return fields;
}

function objectOf(value: unknown, at: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new InvalidRequestError(`${at} must be a JSON object; it is ${shownValue(value)}.`);
}

function listOf(value: unknown, at: string): readonly unknown[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw new InvalidRequestError(`${at} must be a list; it is ${shownValue(value)}.`);
}

function shownValue(value: unknown): string {
  return escapeText((JSON.stringify(value) ?? String(value)).slice(0, 80));
}
