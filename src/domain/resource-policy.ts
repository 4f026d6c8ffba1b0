import * as v from 'valibot';

/** What a resource policy says about one caller. `unsure`: a condition that is not judged here. */
export type Allowance = 'allowed' | 'denied' | 'unsure';

/** Who calls. */
export interface Caller {
  readonly service: string;
  /** Of the alarm or rule that makes the service call. */
  readonly sourceArn: string;
}

/**
 * May a service call a function for one source? As AWS judges it, as far as statements about services go.
 * @param policy JSON; null: there is none, so no service may
 */
export function judgeInvoke(policy: string | null, caller: Caller): Allowance {
  const statements = policy === null ? [] : statementsOf(policy);
  if (statements === null) return 'unsure';
  const answers = statements
    .filter((statement) => isAbout(statement, caller))
    .map((statement) => ({ effect: statement.Effect, fits: judgeCondition(statement, caller) }));
  const has = (effect: string, fits: boolean | null): boolean =>
    answers.some((answer) => answer.effect === effect && answer.fits === fits);
  if (has('Deny', true)) return 'denied';
  if (has('Allow', true)) return has('Deny', null) ? 'unsure' : 'allowed';
  return has('Allow', null) ? 'unsure' : 'denied';
}

/** Rules of EventBridge that a policy lets call, by their ARN or pattern. */
export function rulesOf(policy: string | null): readonly string[] {
  const statements = policy === null ? [] : (statementsOf(policy) ?? []);
  return statements
    .filter(({ Effect, Principal }) => {
      return Effect === 'Allow' && servicesOf(Principal).includes('events.amazonaws.com');
    })
    .flatMap(({ Condition }) => sourcesOf(Condition));
}

// ---------------------------------------------------------------------------------------------------

const texts = v.pipe(
  v.union([v.string(), v.array(v.string())]),
  v.transform((value) => [value].flat()),
);
const conditionSchema = v.record(v.string(), v.record(v.string(), texts));
const policySchema = v.object({
  Statement: v.array(
    v.object({
      Effect: v.string(),
      Principal: v.optional(v.union([v.string(), v.record(v.string(), texts)]), ''),
      Action: v.optional(texts, []),
      Condition: v.optional(conditionSchema, {}),
    }),
  ),
});
type Statement = v.InferOutput<typeof policySchema>['Statement'][number];

/** Null when it is none. */
function statementsOf(policy: string): readonly Statement[] | null {
  try {
    const result = v.safeParse(policySchema, JSON.parse(policy));
    return result.success ? result.output.Statement : null;
  } catch {
    return null;
  }
}

function servicesOf(principal: Statement['Principal']): readonly string[] {
  return typeof principal === 'string' ? [principal] : (principal['Service'] ?? []);
}

function isAbout({ Principal, Action }: Statement, { service }: Caller): boolean {
  const isCalling = Action.some((action) =>
    /^(\*|lambda:(\*|invokefunction|invoke\*))$/i.test(action),
  );
  return isCalling && servicesOf(Principal).some((name) => name === service || name === '*');
}

/** Null: it holds a condition that is not known here. */
function judgeCondition({ Condition }: Statement, { sourceArn }: Caller): boolean | null {
  let isUnsure = false;
  for (const [operator, keys] of Object.entries(Condition)) {
    for (const [key, values] of Object.entries(keys)) {
      const actual = {
        'aws:sourcearn': sourceArn,
        'aws:sourceaccount': sourceArn.split(':')[4] ?? '',
      }[key.toLowerCase()];
      const isPattern = /^(Arn(Like|Equals)|StringLike)$/i.test(operator);
      if (actual === undefined || !(isPattern || /^StringEquals$/i.test(operator))) isUnsure = true;
      else if (!values.some((value) => (isPattern ? isLike(value, actual) : value === actual))) {
        return false;
      }
    }
  }
  return isUnsure ? null : true;
}

function sourcesOf(condition: Statement['Condition']): string[] {
  return Object.values(condition)
    .flatMap((keys) => Object.entries(keys))
    .flatMap(([key, values]) => (key.toLowerCase() === 'aws:sourcearn' ? values : []));
}

/** `*` and `?` of a policy. */
function isLike(pattern: string, text: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(text);
}
