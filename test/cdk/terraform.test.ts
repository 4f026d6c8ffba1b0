import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  comparisonPolicy,
  functionPolicy,
  httpPolicy,
  type PolicyResources,
  promotionPolicy,
} from '../../src/cdk/index.ts';
import { synthesizeTemplate } from '../../tools/template.ts';
import { type Block, blocksIn, Expression, parseHcl, type Value, type ValueMap } from './hcl.ts';
import { settingSamples } from './setting-samples.ts';
import type { Resource } from './stacks.ts';

/** The Terraform module against the template: two writings of one thing. Nobody applies it here. */

const files = readdirSync('terraform').filter((name) => name.endsWith('.tf'));
const texts = files.map((name) => readFileSync(join('terraform', name), 'utf8'));
const blocks = texts.flatMap(parseHcl);
const whole = texts.join('\n').replaceAll(/#.*$/gm, '');

const template = synthesizeTemplate({ hasCompanions: true }) as unknown as {
  readonly Parameters: Readonly<Record<string, { readonly Default?: string | number }>>;
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Rules: Readonly<
    Record<string, { readonly Assertions: readonly { readonly AssertDescription: string }[] }>
  >;
};
const properties = (id: string): Readonly<Record<string, unknown>> =>
  template.Resources[id]?.Properties ?? {};

const theOnly = (type: string): Readonly<Record<string, unknown>> => {
  const [found, ...others] = Object.values(template.Resources).filter(({ Type }) => Type === type);
  if (found === undefined || others.length > 0) throw new Error(`not one ${type}`);
  return found.Properties;
};

const resource = (type: string, name: string, kind = 'resource'): Block => {
  const found = blocks.find(
    (block) => block.type === kind && block.labels[0] === type && block.labels[1] === name,
  );
  if (found === undefined) throw new Error(`no ${kind} ${type}.${name}`);
  return found;
};
const inner = (block: Block, ...path: readonly string[]): Readonly<Record<string, Value>> => {
  const last = path.reduce<Block>((outer, type) => {
    const [first] = blocksIn(outer, type);
    if (first === undefined) throw new Error(`${outer.type} has no ${type}`);
    return first;
  }, block);
  return last.attributes;
};
const locals = (): Readonly<Record<string, Value>> =>
  Object.assign({}, ...blocksIn({ blocks }, 'locals').map(({ attributes }) => attributes));
const variables = (): readonly Block[] => blocksIn({ blocks }, 'variable');
const unique = (names: readonly (string | undefined)[]): readonly (string | undefined)[] =>
  [...new Set(names)].toSorted();
const matches = (pattern: RegExp) => unique([...whole.matchAll(pattern)].map((match) => match[1]));

const folder = mkdtempSync(join(tmpdir(), 'model-rollback-terraform-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('parseHcl', () => {
  test.each([
    ['resource "a" "b" {\n', /line last/],
    ['resource "a" "b" {\n  x = [1, 2\n}\n', /line 3: }/],
    ['resource "a" "b" {\n  x = "open\n}\n', /line 2: a text has no end/],
    ['resource "a" "b" {\n  x = 1\n  x = 2\n}\n', /x is there twice/],
    ['resource "a" "b" {\n  x =\n}\n', /line 2: a value is missing/],
  ])('refuses %j', (text, message) => {
    expect(() => parseHcl(text)).toThrow(message);
  });
});

describe('the Terraform module', () => {
  test('has variables that are all used, and uses none that is not there', () => {
    const declared = unique(variables().map(({ labels }) => labels[0]));
    expect(declared.length).toBeGreaterThan(20);
    // Checks of a variable's own value are no use of it.
    const used = texts
      .filter((_text, index) => files[index] !== 'variables.tf')
      .flatMap((text) => [...text.matchAll(/\bvar\.(\w+)/g)].map((match) => match[1]));
    expect(unique(used)).toEqual(declared);
    for (const { labels, attributes } of variables()) {
      expect(attributes['description'], labels[0]).toMatch(/\.$/);
      expect(attributes['type'], labels[0]).toBeInstanceOf(Expression);
    }
  });

  test('refers only to what it has', () => {
    expect(matches(/\blocal\.(\w+)/g)).toEqual(unique(Object.keys(locals())));
    const has = (kind: string) =>
      blocks.filter(({ type }) => type === kind).map(({ labels }) => labels.join('.'));
    const references = matches(/(?<![\w."])(aws_\w+\.\w+)/g);
    expect(references.length).toBeGreaterThan(8);
    expect(references.filter((name) => !has('resource').includes(name ?? ''))).toEqual([]);
    const read = matches(/\bdata\.(aws_\w+\.\w+)/g);
    expect(read).toEqual(unique(has('data')));
  });

  test('sets the variables of the function that the template sets', () => {
    const environment = locals()['environment'] as ValueMap;
    const { Variables } = properties('Function')['Environment'] as {
      readonly Variables: Readonly<Record<string, unknown>>;
    };
    expect(unique(Object.keys(environment))).toEqual(unique(Object.keys(Variables)));
  });

  test('has the defaults that the template has', () => {
    const plain = (name: string) => name.replaceAll(/[^a-z]/gi, '').toLowerCase();
    const mine = new Map(
      variables().map(({ labels, attributes }) => [plain(labels[0] ?? ''), attributes['default']]),
    );
    const differences = Object.entries(template.Parameters).filter(([name, parameter]) => {
      const own = mine.get(plain(name));
      const said = own instanceof Expression ? own.text : own;
      // Blank is null here, or an empty list; no limit is -1, as the provider says it.
      const isBlank = said === null || said === -1 || (Array.isArray(said) && said.length === 0);
      const text = typeof said === 'object' && !isBlank ? JSON.stringify(said) : said;
      const byDefault = String(parameter.Default);
      return byDefault === '' ? !isBlank && said !== '' : String(text) !== byDefault;
    });
    // The module sees in the address whether it is an ARN; the code comes as a file, not from a bucket.
    expect(differences.map(([name]) => name)).toEqual([
      'MlflowServerArn',
      'CodeKey',
      'CompanionsCodeKey',
    ]);
  });

  test('makes the same function', () => {
    const fn = resource('aws_lambda_function', 'rollback');
    const { Properties } = template.Resources['Function'] as Resource;
    expect(fn.attributes).toMatchObject({
      description: Properties['Description'],
      handler: Properties['Handler'],
      runtime: Properties['Runtime'],
      architectures: Properties['Architectures'],
      memory_size: Properties['MemorySize'],
      timeout: Properties['Timeout'],
    });
    expect(fn.attributes['depends_on']).toEqual([new Expression('aws_iam_role_policy . function')]);
    const invoke = resource('aws_lambda_function_event_invoke_config', 'rollback');
    const config = properties('FunctionEventInvokeConfig');
    expect(invoke.attributes).toMatchObject({
      maximum_retry_attempts: config['MaximumRetryAttempts'],
      maximum_event_age_in_seconds: config['MaximumEventAgeInSeconds'],
    });
    const queue = new Expression('aws_sqs_queue . dead_letters . arn');
    expect(inner(invoke, 'destination_config', 'on_failure')).toEqual({ destination: queue });
    expect(inner(fn, 'dead_letter_config')).toEqual({ target_arn: queue });
    expect(resource('aws_sqs_queue', 'dead_letters').attributes).toMatchObject({
      message_retention_seconds: properties('DeadLetters')['MessageRetentionPeriod'],
      sqs_managed_sse_enabled: properties('DeadLetters')['SqsManagedSseEnabled'],
    });
    expect(resource('aws_lambda_permission', 'alarms').attributes).toMatchObject({
      action: properties('FunctionAlarms')['Action'],
      principal: properties('FunctionAlarms')['Principal'],
      source_account: new Expression('local . account'),
      source_arn: expect.objectContaining({
        text: expect.stringMatching(/alarm_name_prefix\}\*"$/),
      }),
    });
  });

  test('makes the same companions', () => {
    const fn = resource('aws_lambda_function', 'companion');
    const first = resource('aws_lambda_function', 'rollback');
    for (const name of ['runtime', 'architectures', 'memory_size', 'timeout']) {
      expect(fn.attributes[name]).toEqual(first.attributes[name]);
    }
    expect(inner(fn, 'dead_letter_config')).toEqual(inner(first, 'dead_letter_config'));
    expect(blocksIn(fn, 'dynamic')).toEqual(blocksIn(first, 'dynamic'));
    const invoke = (name: string) => {
      const { attributes, blocks: nested } = resource(
        'aws_lambda_function_event_invoke_config',
        name,
      );
      const { function_name: _name, for_each: _each, ...settings } = attributes;
      return { settings, nested };
    };
    expect(invoke('companion')).toEqual(invoke('rollback'));
    const variables = (id: string) => {
      const { Variables } = properties(`${id}Function`)['Environment'] as {
        readonly Variables: Readonly<Record<string, unknown>>;
      };
      return unique(Object.keys(Variables));
    };
    const read = locals()['comparison_variables'] as readonly string[];
    expect(unique(read)).toEqual(variables('Compare'));
    expect(variables('Promote')).toEqual(unique(Object.keys(locals()['environment'] ?? {})));
    const made = texts.join('\n');
    expect(
      unique([...Object.keys(locals()['environment'] ?? {}), 'ROLLBACK_HTTP_SECRET_ARN']),
    ).toEqual(variables('Http'));
    expect(made).toContain('{ ROLLBACK_HTTP_SECRET_ARN = var.http_secret_arn }');
    for (const [id, isOn] of [
      ['Compare', 'var.compare == "on"'],
      ['Promote', 'var.promote == "on"'],
      ['Http', 'var.http_secret_arn != null'],
    ] as const) {
      const name = id.toLowerCase();
      expect(made).toContain(`is_on       = ${isOn}`);
      expect(made).toContain(`description = "${properties(`${id}Function`)['Description']}"`);
      expect(properties(`${id}Function`)['Handler']).toBe(`${name}/index.handler`);
    }
    expect(made).toMatch(/handler += "\$\{each\.key\}\/index\.handler"/);
  });

  test('opens the same address', () => {
    const url = resource('aws_lambda_function_url', 'http').attributes;
    const { AuthType } = theOnly('AWS::Lambda::Url');
    expect(url['authorization_type']).toBe(AuthType);
    const permissions = ['http_url', 'http'].map(
      (name) => resource('aws_lambda_permission', name).attributes,
    );
    const theirs = Object.entries(template.Resources)
      .filter(([id, { Type }]) => id.startsWith('Http') && Type === 'AWS::Lambda::Permission')
      .map(([, { Properties }]) => Properties);
    expect(
      permissions.map((one) => ({
        Action: one['action'],
        Principal: one['principal'],
        FunctionUrlAuthType: one['function_url_auth_type'],
        InvokedViaFunctionUrl: one['invoked_via_function_url'],
      })),
    ).toEqual(
      theirs.map(({ Action, Principal, FunctionUrlAuthType, InvokedViaFunctionUrl }) => ({
        Action,
        Principal,
        FunctionUrlAuthType,
        InvokedViaFunctionUrl,
      })),
    );
    const [self] = blocksIn(resource('aws_iam_policy_document', 'http_self', 'data'), 'statement');
    expect(self?.attributes['actions']).toEqual(['lambda:InvokeFunction']);
  });

  test('makes the same table', () => {
    const table = resource('aws_dynamodb_table', 'state');
    const expected = properties('Table') as {
      readonly AttributeDefinitions: readonly { AttributeName: string; AttributeType: string }[];
      readonly KeySchema: readonly { AttributeName: string }[];
      readonly GlobalSecondaryIndexes: readonly {
        IndexName: string;
        KeySchema: readonly { AttributeName: string }[];
        Projection: { ProjectionType: string };
      }[];
      readonly BillingMode: string;
      readonly TimeToLiveSpecification: { AttributeName: string };
    };
    const keys = (schema: readonly { AttributeName: string }[]) => ({
      hash_key: schema[0]?.AttributeName,
      range_key: schema[1]?.AttributeName,
    });
    expect(table.attributes).toMatchObject({
      ...keys(expected.KeySchema),
      billing_mode: expected.BillingMode,
      deletion_protection_enabled: true,
    });
    expect(blocksIn(table, 'attribute').map(({ attributes }) => attributes)).toEqual(
      expected.AttributeDefinitions.map((one) => ({
        name: one.AttributeName,
        type: one.AttributeType,
      })),
    );
    expect(blocksIn(table, 'global_secondary_index').map(({ attributes }) => attributes)).toEqual(
      expected.GlobalSecondaryIndexes.map((index) => ({
        name: index.IndexName,
        ...keys(index.KeySchema),
        projection_type: index.Projection.ProjectionType,
      })),
    );
    expect(inner(table, 'ttl')).toEqual({
      attribute_name: expected.TimeToLiveSpecification.AttributeName,
      enabled: true,
    });
    expect(inner(table, 'point_in_time_recovery')).toEqual({ enabled: true });
    expect(inner(table, 'server_side_encryption')).toEqual({ enabled: true });
    expect(inner(table, 'lifecycle')).toEqual({ prevent_destroy: true });
  });

  test('grants what the template grants', () => {
    const documents = (...names: readonly string[]) =>
      names.flatMap((name) =>
        blocksIn(resource('aws_iam_policy_document', name, 'data'), 'statement'),
      );
    const granted = (...names: readonly string[]) =>
      documents(...names)
        .map(({ attributes }) => [attributes['sid'], attributes['actions']])
        .toSorted(bySid);
    const all: PolicyResources = {
      table: '',
      topic: '',
      topicRegion: '',
      topicKey: '',
      secret: '',
      secretKey: '',
      registry: '',
      registryRole: '',
      slackSecret: '',
      teamsSecret: '',
      pagerDutySecret: '',
      webhookSecret: '',
      eventBus: '',
      smokeCheck: '',
      reload: '',
      channelKeys: [''],
      alarms: '',
      logGroup: '',
      deadLetters: '',
      region: '',
      isInVpc: true,
    };
    const answering = (resources: PolicyResources) =>
      httpPolicy(resources, { httpSecret: '', httpKey: '' });
    const bySid = (a: readonly unknown[], b: readonly unknown[]) =>
      String(a[0]).localeCompare(String(b[0]));
    for (const [policy, ...names] of [
      [functionPolicy, 'moves', 'alarms', 'function'],
      [promotionPolicy, 'moves', 'companion'],
      [comparisonPolicy, 'compare', 'companion'],
      [answering, 'moves', 'alarms', 'http', 'companion'],
    ] as const) {
      const needed = policy(all).map(({ sid, actions }) => [sid, actions]);
      expect(granted(...names)).toEqual(needed.toSorted(bySid));
    }
    const sources = (name: string) =>
      resource('aws_iam_policy_document', name, 'data').attributes['source_policy_documents'];
    const json = (name: string) =>
      new Expression(`data . aws_iam_policy_document . ${name} . json`);
    expect(sources('function')).toEqual([json('moves'), json('alarms')]);
    expect(locals()['companion_policies']).toEqual({
      compare: [json('compare')],
      promote: [json('moves')],
      http: [json('moves'), json('alarms'), json('http')],
    });
    const wildcards = documents('moves', 'alarms', 'function').filter(({ attributes }) =>
      JSON.stringify(attributes['resources']).includes('["*"]'),
    );
    expect(wildcards.map(({ attributes }) => attributes['sid'])).toEqual(['Network', 'Alarms']);
    // The rights on keys that CloudWatch has are those of the topic's key.
    const ofKey = blocksIn(resource('aws_iam_policy_document', 'notices_key', 'data'), 'statement');
    expect(ofKey.map(({ attributes }) => attributes['actions'])).toEqual([
      ['kms:*'],
      ['kms:Decrypt', 'kms:GenerateDataKey*'],
    ]);
  });

  test('sweeps as the template does', () => {
    const schedule = resource('aws_scheduler_schedule', 'sweep');
    const { ScheduleExpression, Target } = properties('SweepSchedule') as {
      readonly ScheduleExpression: string;
      readonly Target: { readonly Input: string; readonly RetryPolicy: object };
    };
    expect(schedule.attributes['schedule_expression']).toBe(ScheduleExpression);
    expect(Target.Input).toBe('{"sweep":true}');
    expect(inner(schedule, 'target')['input']).toEqual(
      new Expression('jsonencode ( { sweep = true } )'),
    );
    expect(inner(schedule, 'target', 'retry_policy')).toEqual({
      maximum_retry_attempts: 0,
      maximum_event_age_in_seconds: 60,
    });
    expect(Target.RetryPolicy).toEqual({ MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 });
  });

  test('watches itself as the template does', () => {
    const common = resource('aws_cloudwatch_metric_alarm', 'self').attributes;
    const stopped = resource('aws_cloudwatch_metric_alarm', 'sweep_stopped').attributes;
    const { self_alarms: own, http_alarms: ofHttp } = locals();
    const all = { ...(own as ValueMap), ...(ofHttp as ValueMap) };
    const each = Object.values(all) as ValueMap[];
    const alarm = (special: ValueMap, name: Value | undefined, text: Value | undefined) => ({
      AlarmDescription: text,
      Namespace: special['namespace'],
      MetricName: name,
      Statistic: special['statistic'],
      Threshold: special['threshold'],
      Period: special['period'] ?? common['period'],
      EvaluationPeriods: special['evaluation_periods'] ?? common['evaluation_periods'],
      ComparisonOperator: special['comparison_operator'] ?? common['comparison_operator'],
      TreatMissingData: special['treat_missing_data'] ?? common['treat_missing_data'],
    });
    const mine = [
      ...each.map((one) => alarm(one, one['metric'], `model-rollback: ${String(one['text'])}.`)),
      alarm(stopped, stopped['metric_name'], stopped['alarm_description']),
    ];
    const theirs = Object.values(template.Resources)
      .filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm')
      .map(({ Properties }) =>
        Object.fromEntries(Object.keys(mine[0] ?? {}).map((name) => [name, Properties[name]])),
      );
    const byText = (a: object, b: object) => JSON.stringify(a).localeCompare(JSON.stringify(b));
    expect(mine.toSorted(byText)).toEqual(theirs.toSorted(byText));
    expect(stopped['insufficient_data_actions']).toEqual([new Expression('local . topic')]);
  });

  const terraform = spawnSync('terraform', ['version']);
  test.skipIf(terraform.status !== 0)(
    'takes and refuses the settings that the template does, by terraform itself',
    () => {
      // The first sample of each, then the second of each: a plan names every variable that it refuses.
      const most = Math.max(
        ...settingSamples.flatMap(({ sound, wrong }) => [sound.length, wrong.length]),
      );
      for (let index = 0; index < most; index += 1) {
        const nth = (kind: 'sound' | 'wrong') =>
          settingSamples.flatMap(({ parameter, [kind]: values }) =>
            values
              .slice(index, index + 1)
              .map((value) => [variableName(parameter), terraformValue(parameter, value)] as const),
          );
        expect(refusedByTerraform(nth('sound'))).toEqual([]);
        const wrong = nth('wrong');
        expect(refusedByTerraform(wrong)).toEqual(wrong.map(([name]) => name).toSorted());
      }
    },
  );

  test('refuses what belongs together and is not, as the template does', () => {
    const fn = resource('aws_lambda_function', 'rollback');
    const [lifecycle] = blocksIn(fn, 'lifecycle');
    const said = blocksIn(lifecycle ?? { blocks: [] }, 'precondition').map(
      ({ attributes }) => attributes['error_message'],
    );
    const rules = Object.values(template.Rules).map(({ Assertions: [assertion] }) =>
      // The names of the parameters, as they are here.
      assertion?.AssertDescription.replaceAll(/\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b/g, variableName),
    );
    expect(said).toEqual(rules);
  });

  test.skipIf(terraform.status !== 0)('is formatted as terraform does it', () => {
    const { stdout } = spawnSync('terraform', ['fmt', '-check', 'terraform'], { encoding: 'utf8' });
    expect(stdout).toBe('');
  });
});

// ---------------------------------------------------------------------------------------------------

/** `TopicKeyArn` is `topic_key_arn` here. */
function variableName(parameter: string): string {
  return parameter.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}

/** What has commas between its parts in the template is a list here. */
function terraformValue(parameter: string, value: string): string {
  if (parameter !== 'AllowedAccounts') return value;
  return JSON.stringify(value === '' ? [] : value.split(','));
}

/** Variables alone need no provider: terraform has nothing to plan with them, and judges their values. */
function refusedByTerraform(values: readonly (readonly [name: string, value: string])[]): string[] {
  cpSync(join('terraform', 'variables.tf'), join(folder, 'variables.tf'));
  const required = { mlflow_tracking_uri: 'https://mlflow.example.com', package_file: 'a.zip' };
  const settings = Object.entries({ ...required, ...Object.fromEntries(values) });
  const { stdout, stderr } = spawnSync(
    'terraform',
    [
      `-chdir=${folder}`,
      'plan',
      '-input=false',
      '-no-color',
      ...settings.map(([name, value]) => `-var=${name}=${value}`),
    ],
    { encoding: 'utf8' },
  );
  const output = `${stdout}${stderr}`;
  const errors = output.split(/^.*Error: /m).slice(1);
  const refused = errors.map((text) => /variable "?(\w+)"?|var\.(\w+)/.exec(text)?.[1] ?? text);
  if (errors.length === 0) expect(output).toContain('No changes.');
  return refused.toSorted();
}
