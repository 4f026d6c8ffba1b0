import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configFromEnv } from '../../src/config/config-from-env.ts';
import { companionFiles, functionFiles } from '../../src/config/function-files.ts';
import { type JsonObject, synthesizeTemplate } from '../../tools/template.ts';
import { settingSamples } from './setting-samples.ts';
import {
  account,
  flat,
  makeRollback,
  makeStack,
  type Resource,
  region,
  resourcesOf,
  type Statement,
} from './stacks.ts';

interface Parameter {
  readonly Type: string;
  readonly Default?: string | number;
  readonly AllowedPattern?: string;
  readonly AllowedValues?: readonly string[];
  readonly MinValue?: number;
  readonly MaxValue?: number;
}

interface Template {
  readonly Parameters: Readonly<Record<string, Parameter>>;
  readonly Conditions: JsonObject;
  readonly Resources: Readonly<Record<string, Resource & { readonly Condition?: string }>>;
  readonly Outputs: JsonObject;
  readonly Rules: JsonObject;
}

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'model-rollback-package-'));
const contentOf = (name: string): string => `// ${name}\n`;

interface Packed {
  readonly zip: Buffer;
  readonly companions: Buffer;
  readonly template: string;
  /** With the companions. */
  readonly large: string;
}

/** What `npm run package` does after the build, on functions of a few lines. */
const packageInto = async (place: string): Promise<Packed> => {
  const built = [
    ...functionFiles.map((name) => [join('lambda', name), contentOf(name)] as const),
    ...companionFiles.map((name) => [name, contentOf(name)] as const),
    ['lambda/metafile.json', '{}'] as const,
  ];
  for (const [name, content] of built) {
    mkdirSync(dirname(join(place, 'dist', name)), { recursive: true });
    writeFileSync(join(place, 'dist', name), content);
  }
  copyFileSync('package.json', join(place, 'package.json'));
  await run(process.execPath, [join(process.cwd(), 'tools', 'package.mjs')], { cwd: place });
  const made = (name: string): Buffer => readFileSync(join(place, 'dist', `model-rollback${name}`));
  return {
    zip: made('.zip'),
    companions: made('-companions.zip'),
    template: made('.template.json').toString(),
    large: made('-companions.template.json').toString(),
  };
};

/** What the function needs besides. */
const required = {
  MLFLOW_TRACKING_URI: 'https://mlflow.example.com',
  ALERT_SNS_TOPIC_ARN: 'arn:aws:sns:eu-west-1:123456789012:notices',
};

let packed: Awaited<ReturnType<typeof packageInto>>;
let again: typeof packed;
let template: Template;
beforeAll(async () => {
  const places = [folder, join(folder, 'second')] as const;
  [packed, again] = await Promise.all([packageInto(places[0]), packageInto(places[1])]);
  template = JSON.parse(packed.large) as Template;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** All values under this name, anywhere. */
const namedIn = (value: unknown, name: string): unknown[] => {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    ...(key === name ? [inner] : []),
    ...namedIn(inner, name),
  ]);
};
const typed = (type: string): readonly (readonly [id: string, resource: Resource])[] =>
  Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);
/** Of the function that rolls back, or of one of its companions. */
const statements = (id = ''): readonly { condition?: string; statement: Statement }[] => {
  const documents = ['Policy', 'Channels', 'Registry'].map(
    (name) =>
      template.Resources[`${id}${name}`]?.Properties['PolicyDocument'] as
        | { Statement: (Statement & { 'Fn::If'?: [string, Statement] })[] }
        | undefined,
  );
  return documents
    .flatMap((document) => document?.Statement ?? [])
    .map((statement) => {
      const [condition, inner] = statement['Fn::If'] ?? [];
      return inner && condition ? { condition, statement: inner } : { statement };
    });
};

describe('npm run package', () => {
  test('writes the same bytes each time', () => {
    expect(again.zip.equals(packed.zip)).toBe(true);
    expect(again.companions.equals(packed.companions)).toBe(true);
    expect([again.template, again.large]).toEqual([packed.template, packed.large]);
    expect(JSON.parse(packed.template)).toEqual(synthesizeTemplate({ hasCompanions: false }));
    expect(JSON.parse(packed.large)).toEqual(synthesizeTemplate({ hasCompanions: true }));
  });

  test('packs the files of the functions alone, among them those that the handlers name', () => {
    expect(filesIn(packed.zip)).toEqual(functionFiles.map((name) => [name, contentOf(name)]));
    expect(filesIn(packed.companions)).toEqual(
      companionFiles.map((name) => [name, contentOf(name)]),
    );
    const handlers = typed('AWS::Lambda::Function').map(([, { Properties }]) =>
      String(Properties['Handler']).replace('.handler', '.mjs'),
    );
    expect(handlers).toEqual(['index.mjs', ...companionFiles]);
  });
});

describe('the template without the companions', () => {
  test('is small enough for a request', () => {
    // CloudFormation takes a larger one from a bucket only.
    expect(Buffer.byteLength(packed.template)).toBeLessThan(51_200);
    expect(Buffer.byteLength(packed.large)).toBeLessThan(1_000_000);
  });

  test('is a part of the one with them, so that a stack can change from one to the other', () => {
    const small = JSON.parse(packed.template) as Template;
    const { ROLLBACK_PROMOTION_EVIDENCE: _, ...variables } = environment();
    const { Function: large, ...others } = template.Resources;
    const { Function: ours, ...same } = small.Resources;
    expect(others).toMatchObject(same);
    const Environment = { Variables: variables };
    expect(ours).toEqual({ ...large, Properties: { ...large?.Properties, Environment } });
    for (const part of ['Parameters', 'Conditions', 'Outputs', 'Rules'] as const) {
      expect(template[part]).toMatchObject(small[part]);
    }
    const added = Object.keys(others).filter((id) => !(id in same));
    expect(added.filter((id) => !/^(Compare|Promote|Http)[A-Z]/.test(id))).toEqual([]);
  });
});

describe('the template', () => {
  test('needs no bootstrap, no assets and no upload of its own', () => {
    expect(Object.keys(template).toSorted()).toEqual([
      'Conditions',
      'Description',
      'Metadata',
      'Outputs',
      'Parameters',
      'Resources',
      'Rules',
    ]);
    expect(packed.large).not.toMatch(/bootstrap|CDKMetadata|cdk-hnb|AssetParameters/i);
    expect(template.Resources['Function']?.Properties['Code']).toEqual({
      S3Bucket: { Ref: 'CodeBucket' },
      S3Key: { Ref: 'CodeKey' },
    });
  });

  test('asks for the address and the code, and has a default for the rest', () => {
    const required = Object.entries(template.Parameters).filter(
      ([, { Default }]) => Default === undefined,
    );
    expect(required.map(([name]) => name)).toEqual(['MlflowTrackingUri', 'CodeBucket']);
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(template.Parameters['CodeKey']?.Default).toBe(`model-rollback-${version}.zip`);
  });

  test('uses each parameter and each condition, and has each that it uses', () => {
    const { Parameters, Conditions, Resources, Outputs } = template;
    const refs = new Set(namedIn({ Conditions, Resources, Outputs }, 'Ref'));
    expect(Object.keys(Parameters).filter((name) => !refs.has(name))).toEqual([]);
    const known = new Set([...Object.keys(Parameters), ...Object.keys(Resources)]);
    const unknown = [...refs].filter(
      (ref) => !String(ref).startsWith('AWS::') && !known.has(String(ref)),
    );
    expect(unknown).toEqual([]);
    const asked = new Set([
      ...namedIn({ Resources, Outputs }, 'Fn::If').map((branch) => (branch as unknown[])[0]),
      ...Object.values(Resources).flatMap(({ Condition }) => Condition ?? []),
      ...namedIn(Conditions, 'Condition'),
    ]);
    expect([...asked].toSorted()).toEqual(Object.keys(Conditions).toSorted());
  });

  test('has defaults of the type of their allowed values, and among them', () => {
    for (const [name, { Default: byDefault, AllowedValues: allowed }] of Object.entries(
      template.Parameters,
    )) {
      if (allowed !== undefined) expect(allowed, name).toContain(byDefault);
    }
  });

  test('has the defaults that the function has', () => {
    const variables = Object.entries(environment()).flatMap(([name, value]) => {
      const { Ref: parameter = '' } = value as { readonly Ref?: string };
      const byDefault = template.Parameters[parameter]?.Default;
      return byDefault === undefined ? [] : [[name, String(byDefault)]];
    });
    expect(variables.length).toBeGreaterThan(10);
    const set = configFromEnv({ ...Object.fromEntries(variables), ...required }, 'lambda');
    expect(set).toEqual(configFromEnv(required, 'lambda'));
  });

  test('has samples of every parameter whose value the function judges', () => {
    const judged = Object.values(environment()).flatMap((value) => {
      const { Ref: parameter = '' } = value as { readonly Ref?: string };
      return template.Parameters[parameter] === undefined ? [] : [parameter];
    });
    // Any text is a dimension, no pattern tells whether a text is JSON, and an ARN is checked below.
    const free = [
      ...['ModelDimension', 'ModelPointers', 'AlarmModels', 'CredentialsSecretArn'],
      ...['SlackSecretArn', 'TeamsSecretArn', 'PagerDutySecretArn', 'PagerDutyUrl'],
      ...['EventBusArn', 'WebhookUrl', 'WebhookSecretArn'],
    ];
    const sampled = settingSamples.map(({ parameter }) => parameter);
    expect([...sampled, ...free].toSorted()).toEqual(judged.toSorted());
  });

  test.each(settingSamples)(
    'refuses $parameter before anything is made, and takes what the function takes',
    ({ parameter, sound, wrong }) => {
      expect(sound.filter((value) => !takes(parameter, value))).toEqual([]);
      expect(wrong.filter((value) => takes(parameter, value))).toEqual([]);
      const [variable = ''] =
        Object.entries(environment()).find(
          ([, value]) => (value as { readonly Ref?: string }).Ref === parameter,
        ) ?? [];
      for (const value of sound) {
        expect(() => configFromEnv({ ...required, [variable]: value }, 'lambda')).not.toThrow();
      }
    },
  );

  test.each([
    [
      'TopicArn',
      ['', 'arn:aws:sns:eu-west-1:123456789012:a-b'],
      ['a', 'arn:aws:sns:eu-west-1:123456789012:a.fifo'],
    ],
    [
      'CredentialsSecretArn',
      ['', 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf'],
      ['a'],
    ],
    [
      'SlackSecretArn',
      ['', 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf'],
      ['a', 'https://hooks.slack.com/services/x'],
    ],
    ['PagerDutyUrl', ['', 'https://events.eu.pagerduty.com/v2/enqueue'], ['a', 'http://a']],
    ['EventBusArn', ['', 'arn:aws:events:eu-west-1:123456789012:event-bus/a'], ['default']],
    ['WebhookUrl', ['', 'https://hooks.example.com/a?b=c'], ['http://a', 'https://a:b@c.com']],
    [
      'SmokeCheckFunctionArn',
      ['', 'arn:aws:lambda:eu-west-1:123456789012:function:smoke-check:live'],
      ['smoke-check', 'https://a.example.com'],
    ],
    ['ReloadUrl', ['', 'https://serving.example.com/reload'], ['http://a', 'reload']],
    ['AlarmNamePrefix', ['', 'models-'], ['models-*']],
    ['CodeBucket', ['example-model-rollback'], ['', 's3://example', 'a']],
    ['StateTableName', ['', 'state'], ['a b']],
    [
      'MlflowServerArn',
      ['', 'arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/churn-1'],
      ['https://mlflow.example.com', 'arn:aws:s3:::bucket'],
    ],
    ['SubnetIds', ['', 'subnet-1', 'subnet-1,subnet-2'], ['a', 'subnet-1,']],
    ['ReservedConcurrency', ['', '0', '20'], ['many']],
    ['ModelPointers', ['{}', '{"a-*":"alias:champion"}'], ['', '[]']],
    ['AlarmModels', ['{}', '{"a-*":"m"}'], ['', '[]']],
  ])('checks %s', (name, sound, wrong) => {
    expect(sound.filter((value) => !takes(name, value))).toEqual([]);
    expect(wrong.filter((value) => takes(name, value))).toEqual([]);
  });

  test('has the resources of the construct, in the same form', () => {
    const made = makeStack({});
    const eventBus = new EventBus(made, 'Events');
    const registry = { mlflowTrackingUri: `arn:aws:sagemaker:${region}:${account}:mlflow-app/a` };
    const httpSecret = Secret.fromSecretAttributes(made, 'HttpSecret', {
      secretCompleteArn: `arn:aws:secretsmanager:${region}:${account}:secret:http-AbCdEf`,
      encryptionKey: Key.fromKeyArn(made, 'Key', `arn:aws:kms:${region}:${account}:key/1`),
    });
    const companions = { compareFunction: true, promoteFunction: true, httpSecret };
    const settings = { functionName: 'x', snsFormat: 'chat', ...companions, ...registry } as const;
    const { stack } = makeRollback({ ...settings, eventBus }, made);
    const types = Object.values(template.Resources).map(({ Type }) => Type);
    for (const type of new Set(types)) {
      const ofConstruct = Object.values(resourcesOf(stack, type));
      const ofTemplate = typed(type).map(([, resource]) => resource);
      expect(ofTemplate, type).toHaveLength(ofConstruct.length);
      // Ids differ, and what a parameter decides.
      const shape = ({ Properties }: Resource) =>
        Object.keys(Properties)
          .filter((name) => !/^(FunctionName|VpcConfig|ReservedConcurrentExecutions)$/.test(name))
          .toSorted();
      expect(ofTemplate.map(shape), type).toEqual(ofConstruct.map(shape));
    }
    const same = ['AWS::DynamoDB::Table', 'AWS::SQS::Queue'];
    for (const type of same) {
      const [ofConstruct] = Object.values(resourcesOf(stack, type));
      expect(typed(type)[0]?.[1].Properties).toEqual(ofConstruct?.Properties);
    }
    const metrics = (resources: readonly Resource[]) =>
      resources.map(({ Properties: { Dimensions: _own, AlarmActions: _topic, ...rest } }) => ({
        ...rest,
        InsufficientDataActions: rest['InsufficientDataActions'] !== undefined,
      }));
    const alarms = typed('AWS::CloudWatch::Alarm').map(([, resource]) => resource);
    expect(metrics(alarms)).toEqual(
      metrics(Object.values(resourcesOf(stack, 'AWS::CloudWatch::Alarm'))),
    );
  });

  test('grants what is optional only with the parameter that calls for it', () => {
    const conditional = statements().flatMap(({ condition, statement }) =>
      condition === undefined ? [] : [[statement.Sid, condition]],
    );
    expect(conditional).toEqual([
      ['Credentials', 'HasCredentials'],
      ['NoticesKey', 'HasNoticesKey'],
      ['CredentialsKey', 'HasCredentialsKey'],
      ['Network', 'IsInNetwork'],
      ['Slack', 'HasSlack'],
      ['Teams', 'HasTeams'],
      ['PagerDuty', 'HasPagerDuty'],
      ['Webhook', 'HasWebhook'],
      ['EventBus', 'HasEventBus'],
      ['SmokeCheck', 'HasSmokeCheck'],
      ['Reload', 'HasReload'],
      ['ChannelsKey', 'HasChannelsKey'],
      ['RegistryRole', 'HasMlflowRole'],
      ['Registry', 'HasMlflowServer'],
    ]);
    expect(statements().map(({ statement }) => statement.Sid)).toEqual([
      'State',
      'Sweep',
      'Notices',
      'Alarms',
      'AlarmTags',
      'Logs',
      'DeadLetters',
      'Credentials',
      'NoticesKey',
      'CredentialsKey',
      'Network',
      'Slack',
      'Teams',
      'PagerDuty',
      'Webhook',
      'EventBus',
      'SmokeCheck',
      'Reload',
      'ChannelsKey',
      'RegistryRole',
      'Registry',
    ]);
  });

  test('makes table and topic only where none is given', () => {
    const { Resources } = template;
    const conditional = Object.entries(Resources).flatMap(([id, { Condition }]) =>
      Condition === undefined ? [] : [[id, Condition]],
    );
    const ofCompanions = /^(Compare|Promote|Http)/;
    expect(conditional.filter(([id = '']) => !ofCompanions.test(id))).toEqual([
      ['Table', 'MakesTable'],
      ['NoticesKey', 'MakesTopic'],
      ['Notices', 'MakesTopic'],
      ['NoticesPolicy', 'MakesTopic'],
      ['Channels', 'HasChannels'],
      ['Registry', 'HasRegistryRights'],
      ['ApprovalButton', 'IsChat'],
    ]);
    expect(Resources['Table']?.DeletionPolicy).toBe('Retain');
    const choices = new Set(namedIn(Resources, 'Fn::If').map((choice) => JSON.stringify(choice)));
    expect(choices).toContain('["MakesTable",{"Ref":"Table"},{"Ref":"StateTableName"}]');
    expect(choices).toContain('["MakesTopic",{"Ref":"Notices"},{"Ref":"TopicArn"}]');
  });

  test('lets alarms with the prefix in', () => {
    const [, permission] = typed('AWS::Lambda::Permission')[0] ?? [];
    expect(flat(permission?.Properties['SourceArn'])).toMatch(/:alarm:<AlarmNamePrefix>\*$/);
  });

  test('tells what people need next', () => {
    expect(Object.keys(template.Outputs)).toEqual([
      'FunctionName',
      'FunctionArn',
      'StateTable',
      'Topic',
      'DeadLetterQueue',
      'ApprovalButtonArn',
      'CompareFunctionArn',
      'PromoteFunctionArn',
      'HttpFunctionArn',
      'HttpUrl',
    ]);
  });
});

describe('the companions in the template', () => {
  test('are made only with the parameter of each, which is off', () => {
    const { Parameters, Conditions, Resources } = template;
    const isOn = (id: string) => ({ 'Fn::Equals': [{ Ref: id }, 'on'] });
    const isSet = { 'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'HttpSecretArn' }, ''] }] };
    for (const [id, condition] of [
      ['Compare', isOn('Compare')],
      ['Promote', isOn('Promote')],
      ['Http', isSet],
    ] as const) {
      expect(Parameters[id === 'Http' ? 'HttpSecretArn' : id]?.Default).toMatch(/^(off)?$/);
      expect(Conditions[`Has${id}`]).toEqual(condition);
      const own = Object.entries(Resources).filter(([name]) => name.startsWith(id));
      expect(own.length).toBeGreaterThan(4);
      for (const [name, { Condition }] of own) {
        const rest = ['Channels', 'Registry'].find((part) => name === `${id}${part}`);
        expect(Condition, name).toBe(
          rest === 'Channels'
            ? `${id}HasChannels`
            : rest === 'Registry'
              ? `${id}HasRegistryRights`
              : `Has${id}`,
        );
      }
    }
    expect(Conditions['PromoteHasChannels']).toEqual({
      'Fn::And': [{ Condition: 'HasPromote' }, { Condition: 'HasChannels' }],
    });
  });

  test('are set as the function that rolls back is', () => {
    const variables = (id: string): JsonObject => environment(`${id}Function`);
    expect(variables('Promote')).toEqual(environment());
    expect(variables('Http')).toEqual({
      ...environment(),
      ROLLBACK_HTTP_SECRET_ARN: { Ref: 'HttpSecretArn' },
    });
    const { ROLLBACK_PROMOTION_EVIDENCE: evidence } = environment();
    expect(evidence).toEqual({ Ref: 'PromotionEvidence' });
    expect(environment()).toMatchObject(variables('Compare'));
    expect(variables('Compare')).toMatchObject({ ROLLBACK_MODEL_POINTERS: expect.anything() });
    const properties = (id: string) => template.Resources[`${id}Function`]?.Properties;
    const { VpcConfig, ReservedConcurrentExecutions } = properties('') ?? {};
    expect(properties('Promote')).toMatchObject({ VpcConfig, ReservedConcurrentExecutions });
    expect(properties('Http')).toMatchObject({ VpcConfig, ReservedConcurrentExecutions });
    expect(properties('Compare')).toMatchObject({ VpcConfig });
    expect(properties('Compare')).not.toHaveProperty('ReservedConcurrentExecutions');
  });

  test('have their rights under the conditions of the function that rolls back', () => {
    const rights = (id: string) =>
      statements(id).map(({ condition, statement: { Sid } }) => [Sid, condition]);
    const all = rights('');
    expect(all).toEqual(expect.arrayContaining(rights('Promote')));
    expect(all).toEqual(expect.arrayContaining(rights('Compare')));
    const sids = (id: string) => rights(id).map(([sid]) => sid);
    const ofHttp = ['HttpSecret', 'HttpSecretKey'];
    expect(rights('Http').filter(([sid]) => !ofHttp.includes(sid ?? ''))).toEqual(all);
    expect(rights('Http')).toContainEqual(['HttpSecretKey', 'HasHttpSecretKey']);
    const ofAlarms = ['Sweep', 'Alarms', 'AlarmTags'];
    expect(sids('Promote')).toEqual(sids('').filter((sid) => !ofAlarms.includes(sid ?? '')));
    expect(sids('Compare')).toEqual([
      ...['State', 'Logs', 'DeadLetters', 'Credentials', 'CredentialsKey', 'Network'],
      ...['RegistryRole', 'Registry'],
    ]);
  });
});

// ---------------------------------------------------------------------------------------------------

/** What CloudFormation does with a value of a parameter. */
function takes(name: string, value: string): boolean {
  const parameter = template.Parameters[name];
  if (parameter === undefined) throw new Error(`no parameter ${name}`);
  const { Type, AllowedPattern = '', AllowedValues, MinValue, MaxValue } = parameter;
  if (AllowedValues !== undefined) return AllowedValues.includes(value);
  if (Type !== 'Number') return new RegExp(AllowedPattern).test(value);
  const number = Number(value);
  return number >= (MinValue ?? -Infinity) && number <= (MaxValue ?? Infinity);
}

/** The names and contents of the files in an archive. */
function filesIn(zip: Buffer): readonly (readonly [name: string, content: string])[] {
  const end = zip.length - 22;
  expect(zip.readUInt32LE(end)).toBe(0x06054b50);
  let at = 0;
  return Array.from({ length: zip.readUInt16LE(end + 10) }, () => {
    const nameEnd = at + 30 + zip.readUInt16LE(at + 26);
    const name = zip.toString('utf8', at + 30, nameEnd);
    const start = nameEnd + zip.readUInt16LE(at + 28);
    const contentEnd = start + zip.readUInt32LE(at + 18);
    at = contentEnd;
    return [name, zip.toString('utf8', start, contentEnd)] as const;
  });
}

function environment(id = 'Function'): JsonObject {
  const { Environment: environment } = template.Resources[id]?.Properties ?? {};
  return (environment as { readonly Variables: JsonObject }).Variables;
}
