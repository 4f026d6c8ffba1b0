/** What a challenger has to show, metric by metric (docs/reference/compare.md). */

export const Weight = { high: 3, medium: 2, low: 1 } as const;
export type Weight = keyof typeof Weight;

/** What a rule found of a metric. */
export const Result = {
  PASSED: 'passed',
  FAILED: 'failed',
  /** The rows show neither that it passes nor that it fails. */
  UNSURE: 'unsure',
  /** It could not be judged. */
  UNKNOWN: 'unknown',
} as const;
export type Result = (typeof Result)[keyof typeof Result];

export interface MetricRule {
  /** Of the metric in MLflow, or of the column in files with rows. */
  readonly name: string;
  readonly direction: 'higher' | 'lower';
  /** True: an equal value is not enough. */
  readonly mustImprove: boolean;
  /** How much worse the challenger may be, as a share of the champion's absolute value. */
  readonly margin: number;
  /** The worst value that the challenger may have, whatever the champion has; null: none. */
  readonly floor: number | null;
  readonly weight: Weight;
  /** True: the champion is kept when this metric fails, whatever the others show. */
  readonly isCritical: boolean;
  /** True: shown, and never counted. */
  readonly isObserved: boolean;
}

/** Each value of a column is judged by itself too. */
export interface SliceRule {
  readonly column: string;
  readonly minimumRows: number;
}

export interface Rules {
  readonly metrics: readonly MetricRule[];
  readonly slices: readonly SliceRule[];
  /** The column that says which rows of the two files belong together. */
  readonly idColumn: string;
  /** With fewer rows nothing is decided. */
  readonly minimumRows: number;
  /** The probability of a wrong PROMOTE that is accepted. */
  readonly significance: number;
  /** PROMOTE and KEEP need a confidence of at least this. */
  readonly minimumConfidence: number;
  /** True: both sides must name the same data set. False: they must not name different ones. */
  readonly needsSameData: boolean;
  /** True: both sides were measured after both versions were registered. */
  readonly needsFreshValues: boolean;
}

export const defaultRule: Omit<MetricRule, 'name' | 'direction'> = {
  mustImprove: false,
  margin: 0,
  floor: null,
  weight: 'high',
  isCritical: true,
  isObserved: false,
};

export const defaultRules: Omit<Rules, 'metrics'> = {
  slices: [],
  idColumn: 'id',
  minimumRows: 30,
  significance: 0.05,
  minimumConfidence: 0.7,
  needsSameData: true,
  needsFreshValues: true,
};

/** Those of a trading strategy, which count where no file of rules is given and a version has all four. */
export const tradingRules: Rules = {
  ...defaultRules,
  metrics: [
    { ...defaultRule, name: 'profit_total', direction: 'higher', mustImprove: true },
    { ...defaultRule, name: 'sharpe_ratio', direction: 'higher' },
    { ...defaultRule, name: 'max_drawdown', direction: 'lower', weight: 'medium' },
    {
      ...defaultRule,
      name: 'win_rate',
      direction: 'higher',
      margin: 0.1,
      weight: 'low',
      isCritical: false,
    },
  ],
};
