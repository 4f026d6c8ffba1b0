import { assert } from '../assert.ts';
import { commandText } from '../command-line.ts';
import type { Hook } from '../hook.ts';
import {
  defaultPointers,
  type ModelPointer,
  type PointerSettings,
  pointerFor,
} from '../registry/pointer.ts';
import {
  type AlarmMode,
  budgetForm,
  cooldownForm,
  hookForm,
  modeForm,
  type OnOff,
  onOffForm,
  pointerForm,
  type SettingForm,
  type TargetRuleSetting,
  targetAgeForm,
  targetRuleForm,
} from './setting-form.ts';

/**
 * What a person set for one model. It stands in the model's state, so a claim is conditional on it; where it
 * names a field, the variable of that field does not count for the model.
 */

/** The settings that a policy may replace. */
export interface PolicySettings {
  readonly cooldownMs: number;
  readonly targetRule: TargetRuleSetting;
  readonly pointers?: PointerSettings;
  readonly targetMaxAgeMs?: number | null;
  readonly promotionEvidenceMs?: number | null;
  readonly previousAlias?: OnOff;
  readonly smokeCheck?: Hook | null;
  readonly reload?: Hook | null;
  readonly alarms: {
    readonly mode: AlarmMode;
    readonly budget: { readonly commits: number; readonly windowMs: number } | null;
  };
}

/** The fields that a policy may have; by the same names in requests, answers and options. */
export const policyFieldNames = [
  'mode',
  'pointer',
  'cooldown_hours',
  'budget',
  'target_rule',
  'target_max_age',
  'promotion_evidence',
  'previous_alias',
  'smoke_check',
  'reload',
] as const;

export type PolicyFieldName = (typeof policyFieldNames)[number];

/** How each field is read, shown and put in the place of its variable: all that there is to say of it. */
export const policyFields: Readonly<Record<PolicyFieldName, PolicyField>> = {
  mode: field({
    variable: 'ROLLBACK_MODE',
    form: modeForm,
    of: ({ alarms }) => alarms.mode,
    put: (settings, mode) => ({ ...settings, alarms: { ...settings.alarms, mode } }),
  }),
  pointer: field({
    variable: 'ROLLBACK_POINTER',
    form: pointerForm,
    of: ({ pointers = defaultPointers }, modelName) => pointerFor(pointers, modelName),
    put: (settings, pointer) => ({
      ...settings,
      pointers: { default: pointer, byModel: new Map<string, ModelPointer>() },
    }),
  }),
  cooldown_hours: field({
    variable: 'ROLLBACK_COOLDOWN_HOURS',
    form: cooldownForm,
    isNumber: true,
    of: ({ cooldownMs }) => cooldownMs,
    put: (settings, cooldownMs) => ({ ...settings, cooldownMs }),
  }),
  budget: field({
    variable: 'ROLLBACK_BUDGET',
    form: budgetForm,
    of: ({ alarms: { budget } }) => budget && { count: budget.commits, windowMs: budget.windowMs },
    put: (settings, rate) => {
      const budget = rate && { commits: rate.count, windowMs: rate.windowMs };
      return { ...settings, alarms: { ...settings.alarms, budget } };
    },
  }),
  target_rule: field({
    variable: 'ROLLBACK_TARGET_RULE',
    form: targetRuleForm,
    of: ({ targetRule }) => targetRule,
    put: (settings, targetRule) => ({ ...settings, targetRule }),
  }),
  target_max_age: field({
    variable: 'ROLLBACK_TARGET_MAX_AGE',
    form: targetAgeForm,
    of: ({ targetMaxAgeMs = null }) => targetMaxAgeMs,
    put: (settings, targetMaxAgeMs) => ({ ...settings, targetMaxAgeMs }),
  }),
  promotion_evidence: field({
    variable: 'ROLLBACK_PROMOTION_EVIDENCE',
    form: targetAgeForm,
    of: ({ promotionEvidenceMs = null }) => promotionEvidenceMs,
    put: (settings, promotionEvidenceMs) => ({ ...settings, promotionEvidenceMs }),
  }),
  previous_alias: field({
    variable: 'ROLLBACK_PREVIOUS_ALIAS',
    form: onOffForm,
    of: ({ previousAlias = 'off' }) => previousAlias,
    put: (settings, previousAlias) => ({ ...settings, previousAlias }),
  }),
  smoke_check: field({
    variable: 'ROLLBACK_SMOKE_CHECK',
    form: hookForm,
    of: ({ smokeCheck = null }) => smokeCheck,
    put: (settings, smokeCheck) => ({ ...settings, smokeCheck }),
  }),
  reload: field({
    variable: 'ROLLBACK_RELOAD',
    form: hookForm,
    of: ({ reload = null }) => reload,
    put: (settings, reload) => ({ ...settings, reload }),
  }),
};

/** Each field that is set, in the form that its variable has too: `cooldown_hours` is `6`. */
export type ModelPolicy = Readonly<Partial<Record<PolicyFieldName, string>>>;

/** What is stored of a model that may have a policy; absent while no field is set. */
export interface WithPolicy {
  readonly policy?: ModelPolicy;
}

/** The settings that count for a model: its policy first. */
export function settingsFor<Settings extends PolicySettings>(
  settings: Settings,
  { policy }: WithPolicy,
): Settings {
  if (policy === undefined) return settings;
  const replaced = setFields(policy).reduce<PolicySettings>(
    (before, [name, text]) => policyFields[name].put(before, text),
    settings,
  );
  return { ...settings, ...replaced };
}

/** The fields that are set, in the order of the table. */
function setFields(policy: ModelPolicy): readonly (readonly [PolicyFieldName, string])[] {
  return policyFieldNames.flatMap((name) => {
    const text = policy[name];
    return text === undefined ? [] : [[name, text] as const];
  });
}

/** A policy as callers get it: numbers as numbers, and nothing secret. */
export type PolicyAnswer = Readonly<Partial<Record<PolicyFieldName, string | number>>>;

export function policyAnswer(policy: ModelPolicy): PolicyAnswer {
  return Object.fromEntries(
    setFields(policy).map(([name, text]) => [name, policyFields[name].shown(text)]),
  );
}

/** `mode ask, cooldown_hours 6` */
export function policyText(policy: PolicyAnswer): string {
  return Object.entries(policy)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

/** The state with another policy; one without a field is none. */
export function withPolicy<State extends WithPolicy>(state: State, policy: ModelPolicy): State {
  const { policy: _, ...rest } = state;
  return (setFields(policy).length === 0 ? rest : { ...rest, policy }) as State;
}

/** What sets a field of a model, for a sentence: its variable, or the policy with the command that shows it. */
export function sourceText(
  { modelName, policy }: WithPolicy & { readonly modelName: string },
  name: PolicyFieldName,
): string {
  const { variable } = policyFields[name];
  return policy?.[name] === undefined
    ? variable
    : `${name} in the policy of the model (${commandText('policy', ['get', modelName])})`;
}

// ---------------------------------------------------------------------------------------------------

/** One field, with its values as text. */
export interface PolicyField {
  /** Its default for all models. */
  readonly variable: string;
  /** What is allowed, as the end of a sentence. */
  readonly allowed: string;
  /** True where JSON has a number. */
  readonly isNumber: boolean;
  /** True where a value may hold a secret. */
  readonly isSecret: boolean;
  /** What people may see of a value that is kept. */
  shown(text: string): string | number;
  /** The value as it is kept; undefined for what is not allowed. */
  check(text: string): string | undefined;
  /** What counts by the settings. */
  of(settings: PolicySettings, modelName: string): string;
  /** The settings with this value. */
  put(settings: PolicySettings, text: string): PolicySettings;
}

interface FieldParts<Value> {
  readonly variable: string;
  readonly form: SettingForm<Value>;
  readonly isNumber?: boolean;
  of(settings: PolicySettings, modelName: string): Value;
  put(settings: PolicySettings, value: Value): PolicySettings;
}

function field<Value>({
  variable,
  form,
  isNumber = false,
  of,
  put,
}: FieldParts<Value>): PolicyField {
  const read = (text: string): Value => {
    const value = form.parse(text);
    assert(value !== undefined, 'a policy is checked when it is read');
    return value;
  };
  return {
    variable,
    allowed: form.allowed,
    isNumber,
    isSecret: form.mask !== undefined,
    shown: (text) => (isNumber ? Number(text) : (form.mask?.(read(text)) ?? text)),
    check: (text) => {
      const value = form.parse(text);
      return value === undefined ? undefined : form.show(value);
    },
    of: (settings, modelName) => form.show(of(settings, modelName)),
    put: (settings, text) => put(settings, read(text)),
  };
}
