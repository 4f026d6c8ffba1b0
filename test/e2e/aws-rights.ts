/** Which rights AWS would ask for: of a call that a client made, and of a policy in a template. */
import type { ProxiedRequest } from '../contract/http-proxy.ts';
import { LOCAL_ACCOUNT } from '../engines/alarms.ts';

/** An action on one resource: what AWS looks for in the policy before it serves a call. */
export interface Right {
  /** `dynamodb:PutItem` */
  readonly action: string;
  /** ARN; null where a call names none. */
  readonly resource: string | null;
}

/** A statement of a policy, with ARNs as text. */
export interface Grant {
  readonly sid: string;
  readonly actions: readonly string[];
  /** With `*` and `?` for any text and any character. */
  readonly resources: readonly string[];
}

const REGION = 'eu-west-1';

/** The rights that one call to DynamoDB, SNS, CloudWatch or Secrets Manager needs. */
export function rightsFor({ headers, body }: ProxiedRequest): readonly Right[] {
  const [target = '', operation = ''] = String(headers['x-amz-target'] ?? '').split('.');
  if (target === '') return queryRights(new URLSearchParams(body));
  const input = JSON.parse(body) as Readonly<Record<string, unknown>>;
  switch (target) {
    case 'DynamoDB_20120810':
      return tableRights(operation, input);
    case 'secretsmanager':
      return [{ action: `secretsmanager:${operation}`, resource: String(input['SecretId']) }];
    case 'GraniteServiceVersion20100801':
      return [{ action: `cloudwatch:${operation}`, resource: alarmOf(input) }];
    default:
      throw new Error(`nobody has said which rights ${target}.${operation} needs`);
  }
}

/** Whether a statement allows it. */
export function isGrantedBy({ action, resource }: Right, { actions, resources }: Grant): boolean {
  const isNamed = actions.some((pattern) => matches(action, pattern));
  return isNamed && resources.some((pattern) => pattern === '*' || matches(resource, pattern));
}

// ---------------------------------------------------------------------------------------------------

/** Of SNS, whose protocol is a form. */
function queryRights(form: URLSearchParams): readonly Right[] {
  return [{ action: `sns:${form.get('Action')}`, resource: form.get('TopicArn') }];
}

/** The four writes of a transaction have actions of their own; the transaction itself has none. */
const transactionActions: Readonly<Record<string, string>> = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
  Get: 'GetItem',
};

interface TableCall {
  readonly TableName?: string;
  readonly IndexName?: string;
  readonly RequestItems?: Readonly<Record<string, unknown>>;
  readonly TransactItems?: readonly Readonly<Record<string, { readonly TableName: string }>>[];
}

function tableRights(operation: string, input: TableCall): readonly Right[] {
  const { TableName, IndexName, RequestItems, TransactItems } = input;
  if (TransactItems !== undefined) {
    return TransactItems.flatMap((item) =>
      Object.entries(item).map(([kind, { TableName: name }]) => ({
        action: `dynamodb:${transactionActions[kind] ?? kind}`,
        resource: tableArn(name),
      })),
    );
  }
  const names = RequestItems === undefined ? [TableName ?? ''] : Object.keys(RequestItems);
  const suffix = IndexName === undefined ? '' : `/index/${IndexName}`;
  return names.map((name) => ({
    action: `dynamodb:${operation}`,
    resource: `${tableArn(name)}${suffix}`,
  }));
}

export function tableArn(name: string): string {
  return name.startsWith('arn:')
    ? name
    : `arn:aws:dynamodb:${REGION}:${LOCAL_ACCOUNT}:table/${name}`;
}

/** What is asked for a list of alarms, or for the children of one, is asked for all of them. */
function alarmOf({ ResourceARN, AlarmName }: Readonly<Record<string, unknown>>): string | null {
  if (typeof ResourceARN === 'string') return ResourceARN;
  return typeof AlarmName === 'string'
    ? `arn:aws:cloudwatch:${REGION}:${LOCAL_ACCOUNT}:alarm:${AlarmName}`
    : null;
}

/** As AWS compares: only `*` and `?` are special. */
function matches(value: string | null, pattern: string): boolean {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&');
  const expression = escaped.replaceAll('*', '.*').replaceAll('?', '.');
  return value !== null && new RegExp(`^${expression}$`, 's').test(value);
}
