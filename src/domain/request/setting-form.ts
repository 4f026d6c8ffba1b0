import { durationMs } from '../duration.ts';
import { InvalidRequestError } from '../errors.ts';
import { type Hook, hookName, parseHook } from '../hook.ts';
import { limits } from '../limits.ts';
import { type ModelPointer, parsePointer, pointerText } from '../registry/pointer.ts';

/**
 * How the value of a setting is written, as text: the same in a variable, which holds for all models, and in the
 * policy of one model.
 */
export interface SettingForm<Value> {
  /** What is allowed, as the end of a sentence. */
  readonly allowed: string;
  /** Undefined for what is not allowed. */
  parse(text: string): Value | undefined;
  /** The text that `parse` reads. */
  show(value: Value): string;
  /** What people may see of it, where that is not the whole text. */
  mask?(value: Value): string;
}

/** So many in so much time. */
export interface Rate {
  readonly count: number;
  readonly windowMs: number;
}

const timeUnitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const windowDaysMax = 90;
const ageDaysMax = 36_500;

/** One of a few words. */
export function wordForm<const Words extends readonly [string, ...string[]]>(
  words: Words,
): SettingForm<Words[number]> {
  return {
    allowed: words.map((known) => `\`${known}\``).join(' or '),
    parse: (text) => words.find((known) => known === text),
    show: (word) => word,
  };
}

/** A time in hours or minutes, decimals allowed, in whole milliseconds. */
export function timeForm(
  unit: 'hours' | 'minutes',
  { example, most }: { readonly example: number; readonly most: number },
): SettingForm<number> {
  const unitMs = unit === 'hours' ? timeUnitMs.h : timeUnitMs.m;
  return {
    allowed: `${unit} from 0 to ${most}, such as ${example} or 0.5`,
    parse: (text) =>
      /^(\d+\.?\d*|\.\d+)$/.test(text) && Number(text) <= most
        ? Math.round(Number(text) * unitMs)
        : undefined,
    // To the millisecond, without an exponent.
    show: (ms) => String(Number((ms / unitMs).toFixed(8))),
  };
}

/** `3/7d`: so many in so long. Null: off. */
export function rateForm(example: string, countMax: number): SettingForm<Rate | null> {
  return {
    allowed:
      `\`off\`, or a number from 1 to ${countMax} and a time of at most ${windowDaysMax} days in m, h or d, ` +
      `such as \`${example}\``,
    parse: (text) => {
      if (text === 'off') return null;
      const [, countText, timeText = ''] = /^(\d{1,4})\/(.+)$/.exec(text) ?? [];
      const count = Number(countText);
      const windowMs = durationMs(timeText) ?? 0;
      const isCount = count >= 1 && count <= countMax;
      const isTime = windowMs >= 1 && windowMs <= windowDaysMax * timeUnitMs.d;
      return isCount && isTime ? { count, windowMs } : undefined;
    },
    show: (rate) => (rate === null ? 'off' : `${rate.count}/${shownDuration(rate.windowMs)}`),
  };
}

/** What an alarm may do by itself. */
export type AlarmMode = 'act' | 'ask' | 'observe';
export const modeForm: SettingForm<AlarmMode> = wordForm(['act', 'ask', 'observe']);

/** By which rules a target is chosen. */
export type TargetRuleSetting = 'last-good' | 'latest-archived';
export const targetRuleForm: SettingForm<TargetRuleSetting> = wordForm([
  'last-good',
  'latest-archived',
]);

export type OnOff = 'off' | 'on';
export const onOffForm: SettingForm<OnOff> = wordForm(['off', 'on']);

export const cooldownForm: SettingForm<number> = timeForm('hours', { example: 24, most: 8_760 });

// More than state keeps could never be counted.
export const budgetForm: SettingForm<Rate | null> = rateForm('3/7d', limits.recentCommitsMax);

export const pointerForm: SettingForm<ModelPointer> = {
  allowed:
    '`stage:Production` or `alias:NAME`; an alias holds letters, digits, _ and -, and is neither `latest` nor like `v3`',
  parse: (text) => {
    try {
      return parsePointer(text, 'it');
    } catch (error) {
      if (!(error instanceof InvalidRequestError)) throw error;
      return undefined;
    }
  },
  show: pointerText,
};

/** `90d`; null: of any age. */
export const targetAgeForm: SettingForm<number | null> = {
  allowed: `\`off\`, or a time of at most ${ageDaysMax} days in m, h or d, such as \`90d\``,
  parse: (text) => {
    if (text === 'off') return null;
    const ageMs = durationMs(text) ?? 0;
    return ageMs > 0 && ageMs <= ageDaysMax * timeUnitMs.d ? ageMs : undefined;
  },
  show: (ageMs) => (ageMs === null ? 'off' : shownDuration(ageMs)),
};

/** What is called before or after a move; null: nothing. */
export const hookForm: SettingForm<Hook | null> = {
  allowed:
    '`off`, an https address without a login (http only for this machine itself), or the name or ARN of a Lambda function',
  parse: (text) => {
    if (text === 'off') return null;
    try {
      return parseHook(text, 'it');
    } catch (error) {
      if (!(error instanceof InvalidRequestError)) throw error;
      return undefined;
    }
  },
  show: (hook) => (hook === null ? 'off' : hook.kind === 'http' ? hook.url : hook.functionName),
  // The path of an address may be a secret.
  mask: (hook) => (hook === null ? 'off' : hookName(hook)),
};

// ---------------------------------------------------------------------------------------------------

/** In the largest unit that gives a whole number, else in minutes. */
function shownDuration(timeMs: number): string {
  const unit = (['d', 'h'] as const).find((one) => timeMs % timeUnitMs[one] === 0) ?? 'm';
  return `${Number((timeMs / timeUnitMs[unit]).toFixed(8))}${unit}`;
}
