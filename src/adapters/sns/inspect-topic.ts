import { GetTopicAttributesCommand, type SNSClient } from '@aws-sdk/client-sns';
import * as v from 'valibot';
import { type Check, ok, problem, warning } from '../../domain/answer/check.ts';
import { messageOf } from '../../domain/errors.ts';
import type { Deadline } from '../../ports/deadline.ts';

/**
 * Does the topic exist, has it subscribers, and do its policy and its key allow publishing, as far as can
 * be read? Publishes nothing, and never throws.
 * @param use `notices`: we publish to it; `alarms`: CloudWatch does
 */
export async function inspectTopic(
  client: SNSClient,
  { name, arn, use }: { name: string; arn: string; use: 'notices' | 'alarms' },
  deadline: Deadline,
): Promise<Check> {
  try {
    const abortSignal = AbortSignal.timeout(Math.max(1, Math.ceil(deadline.leftMs())));
    const command = new GetTopicAttributesCommand({ TopicArn: arn });
    const { Attributes: attributes = {} } = await client.send(command, { abortSignal });
    return judge({ name, arn, use }, attributes);
  } catch (error) {
    const errorName = error instanceof Error ? error.name : 'Error';
    const [line = ''] = messageOf(error).split('\n', 1);
    if (/NotFound/.test(errorName)) {
      return problem(
        name,
        `The topic ${arn} does not exist.`,
        'Create it, or set the ARN of an existing one.',
      );
    }
    const message = `The topic ${arn} could not be read (${errorName}: ${line}).`;
    const isDenied = /AuthorizationError|AccessDenied/.test(errorName);
    return isDenied
      ? warning(name, message, 'Check the permission sns:GetTopicAttributes.')
      : problem(name, message, 'Check AWS_REGION, the credentials and the network.');
  }
}

// ---------------------------------------------------------------------------------------------------

function judge(
  { name, arn, use }: { name: string; arn: string; use: 'notices' | 'alarms' },
  attributes: Readonly<Record<string, string>>,
): Check {
  const { SubscriptionsConfirmed: confirmed, SubscriptionsPending: pending } = attributes;
  const key = attributes['KmsMasterKeyId'] ?? '';
  const statements = statementsOf(attributes['Policy'] ?? '');
  if (statements === null) {
    const fix = 'Check its access policy.';
    return warning(name, `The policy of the topic ${arn} cannot be read.`, fix);
  }
  if (statements.some((one) => one.effect === 'Deny' && isEverybody(one))) {
    const fix = 'Remove the statement that denies it from its access policy.';
    return problem(name, `The policy of the topic ${arn} denies publishing to everybody.`, fix);
  }
  if (use === 'alarms') {
    if (/(^|\/)aws\/sns$/.test(key)) {
      const message = `CloudWatch cannot publish to ${arn}: it is encrypted with the key of AWS (${key}).`;
      return problem(name, message, 'Use a customer key that cloudwatch.amazonaws.com may use.');
    }
    if (!statements.some((one) => one.effect === 'Allow' && coversCloudWatch(one))) {
      const message = `The policy of the topic ${arn} does not seem to let CloudWatch publish.`;
      const fix = 'Allow sns:Publish to the service cloudwatch.amazonaws.com in its access policy.';
      return warning(name, message, fix);
    }
  }
  if (confirmed === '0') {
    const left = pending === '0' || !pending ? '' : ` (${pending} not confirmed yet)`;
    const fix = use === 'alarms' ? 'Subscribe the function.' : 'Subscribe the people on call.';
    const message = `The topic ${arn} has no subscriber${left}.`;
    return use === 'alarms' ? problem(name, message, fix) : warning(name, message, fix);
  }
  if (statements.some((one) => one.effect === 'Allow' && isEverybody(one))) {
    const fix = 'Restrict who may publish in its access policy.';
    return warning(name, `Anybody may publish to the topic ${arn}.`, fix);
  }
  const encrypted = key === '' ? '' : ` It is encrypted with ${key}, which must allow it too.`;
  const who = use === 'alarms' ? 'CloudWatch' : 'this role';
  const known = confirmed === undefined ? '' : ` has ${confirmed} subscribers;`;
  const message = `${arn}${known} whether ${who} may publish is only known at a message.${encrypted}`;
  return ok(name, message);
}

interface Statement {
  readonly effect: string;
  /** Of those that are AWS accounts or users; `*` is everybody. */
  readonly principals: readonly string[];
  readonly services: readonly string[];
  readonly hasCondition: boolean;
}

const texts = v.union([v.string(), v.array(v.string())]);
const policySchema = v.object({
  Statement: v.array(
    v.object({
      Effect: v.string(),
      Principal: v.optional(
        v.union([v.string(), v.object({ AWS: v.optional(texts), Service: v.optional(texts) })]),
      ),
      Action: v.optional(texts, []),
      Condition: v.optional(v.unknown()),
    }),
  ),
});

/** Those on publishing; null when the policy is not one. */
function statementsOf(policy: string): readonly Statement[] | null {
  if (policy === '') return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(policy);
  } catch {
    return null;
  }
  const result = v.safeParse(policySchema, parsed);
  if (!result.success) return null;
  return result.output.Statement.flatMap(({ Effect, Principal, Action, Condition }) => {
    const isOnPublishing = [Action]
      .flat()
      .some((action) => /^(\*|sns:(\*|publish))$/i.test(action));
    if (!isOnPublishing) return [];
    const named = typeof Principal === 'string' ? { AWS: Principal } : (Principal ?? {});
    return [
      {
        effect: Effect,
        principals: [named.AWS ?? []].flat(),
        services: ['Service' in named ? (named.Service ?? []) : []].flat(),
        hasCondition: Condition !== undefined,
      },
    ];
  });
}

function isEverybody({ principals, hasCondition }: Statement): boolean {
  return principals.includes('*') && !hasCondition;
}

/** The policy that a new topic has covers the alarms of its account; a condition is not judged. */
function coversCloudWatch({ principals, services }: Statement): boolean {
  return principals.includes('*') || services.includes('cloudwatch.amazonaws.com');
}
