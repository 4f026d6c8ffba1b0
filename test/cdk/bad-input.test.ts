import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Duration, Stack } from 'aws-cdk-lib';
import { Alarm, type AlarmBase } from 'aws-cdk-lib/aws-cloudwatch';
import { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, test } from 'vitest';
import { bundledCode, bundledCompanions } from '../../src/cdk/function-code.ts';
import type { ModelRollbackProps } from '../../src/cdk/index.ts';
import {
  account,
  home,
  makeAlarm,
  makeComposite,
  makeRollback,
  makeStack,
  region,
} from './stacks.ts';

/** Each is told while the template is made, with what to do; nothing waits for the night to fail. */

const elsewhere = { env: { account, region: 'us-east-1' } };
const messageOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  return 'nothing was thrown';
};

describe('a stack', () => {
  const topicOf = (arn: string) => Topic.fromTopicArn(makeStack(), 'Topic', arn);
  const wrongs: readonly (readonly [what: string, props: object, message: RegExp])[] = [
    [
      'without URI',
      { mlflowTrackingUri: undefined },
      /mlflowTrackingUri: .* is not set\. Set it to/,
    ],
    ['with a blank URI', { mlflowTrackingUri: ' ' }, /mlflowTrackingUri: .* is not set/],
    [
      'whose URI is none',
      { mlflowTrackingUri: 'mlflow.example.com' },
      /it must be an address such/,
    ],
    [
      'whose URI holds a login',
      { mlflowTrackingUri: 'https://rollback:hunter2@mlflow.example.com' },
      /mlflowTrackingUri holds a login.*pass that as credentials\.$/,
    ],
    [
      'whose registry URI is none',
      { mlflowRegistryUri: 'ftp://mlflow.example.com' },
      /mlflowRegistryUri: MLFLOW_REGISTRY_URI is/,
    ],
    [
      'with a FIFO topic',
      { topic: topicOf(`arn:aws:sns:${region}:${account}:notices.fifo`) },
      /FIFO topic.*Pass a standard topic/,
    ],
    [
      'with a topic of another region',
      { topic: topicOf(`arn:aws:sns:us-east-1:${account}:notices`) },
      /topic is not in eu-west-1, .*set selfAlarms to false/,
    ],
    [
      'with a table of another region',
      {
        table: Table.fromTableArn(
          makeStack(),
          'Table',
          `arn:aws:dynamodb:us-east-1:${account}:table/state`,
        ),
      },
      /table is not in eu-west-1, where the function reads it/,
    ],
    [
      'with a name for a table of yours',
      { table: Table.fromTableName(makeStack(), 'Table', 'state'), tableName: 'other' },
      /tableName is for a table that is made/,
    ],
    ['with an empty prefix', { alarmNamePrefix: '' }, /every alarm of the account\. Leave it out/],
    ['with a prefix with a star', { alarmNamePrefix: 'models-*' }, /without \* and \?/],
    ['that never sweeps', { sweepInterval: Duration.hours(1) }, /whole minutes from 1 to 10/],
    ['that sweeps in seconds', { sweepInterval: Duration.seconds(90) }, /whole minutes from 1/],
    ['with subnets of nothing', { vpcSubnets: {} }, /need the vpc/],
    ['with a long cooldown', { cooldown: Duration.days(400) }, /cooldown: .*from 0 to 8760/],
    ['with an unknown mode', { mode: 'auto' }, /mode: ROLLBACK_MODE is "auto"; it must be `act`/],
    [
      'with a pointer of no kind',
      { pointer: 'champion' },
      /: pointer: ROLLBACK_POINTER is "champion"; it must be `stage:Production` or `alias:NAME`/,
    ],
    ['with an alias that MLflow reserves', { pointer: 'alias:V3' }, /: pointer: .*nor like `v3`/],
    [
      'with a model of no pointer',
      { modelPointers: { 'a-*': 'alias:' } },
      /: modelPointers: ROLLBACK_MODEL_POINTERS is "{.*in which each value is `stage:Production` or/,
    ],
    [
      'with a pointer of no model',
      { modelPointers: { 'a*b': 'alias:champion' } },
      /: modelPointers: .*prefixes that end in one \*/,
    ],
    ['with a budget of words', { budget: 'three a week' }, /budget: .*such as `3\/7d`/],
    ['with a horizon in between', { writeHorizon: Duration.millis(1500) }, /a whole number from 1/],
    [
      'with a long dimension',
      { modelDimension: 'a'.repeat(256) },
      /: modelDimension: .*metric dimension/,
    ],
    ['with a model of no name', { modelsByAlarm: { 'a-*': '' } }, /modelsByAlarm: .*"a-\*"/],
    [
      'with more than Lambda has room for',
      {
        modelsByAlarm: Object.fromEntries(
          Array.from({ length: 200 }, (_, index) => [`a-long-alarm-name-${index}`, 'model']),
        ),
      },
      /the settings take \d+ bytes, and Lambda has room for 4096\. Shorten modelsByAlarm or modelPointers: use/,
    ],
  ];

  test.each(wrongs)('%s is refused', (_what, props, message) => {
    const told = messageOf(() => makeRollback(props as Partial<ModelRollbackProps>));
    expect(told).toMatch(message);
    expect(told).toMatch(/^ConfigurationError: Production\/Rollback: /);
    expect(told).not.toContain('hunter2');
  });

  test('without a topic gets one', () => {
    expect(makeRollback().rollback.topic.topicArn).toBeDefined();
  });
});

describe('addAlarm', () => {
  test('refuses an alarm of another region, and says how it gets here', () => {
    const app = new App();
    const { rollback } = makeRollback({}, new Stack(app, 'Production', home));
    const alarm = makeAlarm(new Stack(app, 'Far', elsewhere));
    expect(messageOf(() => rollback.addAlarm(alarm, { model: 'PascalStrategy' }))).toMatch(
      /Far\/Drawdown: the alarm is in the region us-east-1, the function in eu-west-1.*modelsByAlarm/,
    );
    expect(messageOf(() => alarm.addAlarmAction(rollback.rollbackAction()))).toMatch(/us-east-1/);
  });

  test('refuses an alarm of another account', () => {
    const app = new App();
    const { rollback } = makeRollback({}, new Stack(app, 'Production', home));
    const other = new Stack(app, 'Other', { env: { account: '210987654321', region } });
    expect(messageOf(() => rollback.addAlarm(makeComposite(other)))).toMatch(
      /the account 210987654321, the function in 123456789012/,
    );
  });

  test('refuses an alarm that is made elsewhere', () => {
    const { rollback, stack } = makeRollback();
    const arn = `arn:aws:cloudwatch:${region}:${account}:alarm:drawdown`;
    const imported = Alarm.fromAlarmArn(stack, 'Imported', arn) as unknown as AlarmBase;
    expect(messageOf(() => rollback.addAlarm(imported))).toMatch(
      /made elsewhere gets no action here/,
    );
  });

  test('refuses an alarm that its permission does not cover', () => {
    const { rollback, stack } = makeRollback({ alarmNamePrefix: 'models-' });
    const alarm = makeAlarm(stack, 'Drawdown', 'high-drawdown');
    expect(messageOf(() => rollback.addAlarm(alarm))).toMatch(
      /the alarm "high-drawdown" may not call the function.*begins with "models-"/,
    );
  });

  test('refuses a second model for one alarm', () => {
    const { rollback, stack } = makeRollback();
    const alarm = makeAlarm(stack);
    rollback.addAlarm(alarm, { model: 'PascalStrategy' });
    expect(messageOf(() => rollback.addAlarm(alarm, { model: 'churn-scorer' }))).toMatch(
      /is about the model PascalStrategy already/,
    );
  });

  test.each([
    ['', /model: /],
    ['churn#1', /cannot be named by a tag.*modelsByAlarm/],
    ['x'.repeat(257), /model: /],
  ])('refuses the model %j', (model, message) => {
    const { rollback, stack } = makeRollback();
    expect(messageOf(() => rollback.addAlarm(makeAlarm(stack), { model }))).toMatch(message);
  });
});

describe('addEventRule', () => {
  test.each(['', ' '])('refuses the prefix %j, which would mean every alarm', (prefix) => {
    const { rollback } = makeRollback();
    expect(messageOf(() => rollback.addEventRule({ alarmNamePrefix: prefix }))).toMatch(
      /alarmNamePrefix is empty.*Name the alarms that may ask/,
    );
  });
});

describe('bundledCode', () => {
  const companions = ['compare/index.mjs', 'http/index.mjs'] as const;
  test.each([
    ['index.mjs', (folders: readonly string[]) => bundledCode(makeStack(), folders)],
    [
      'compare/index.mjs and http/index.mjs',
      (folders: readonly string[]) => bundledCompanions(makeStack(), companions, folders),
    ],
  ])('says what to do where %s was not built', (file, code) => {
    const empty = mkdtempSync(join(tmpdir(), 'model-rollback-empty-'));
    try {
      expect(messageOf(() => code([empty]))).toMatch(
        new RegExp(`ConfigurationError: Production: ${file}, .* in none of .*npm run build`),
      );
    } finally {
      rmSync(empty, { recursive: true });
    }
  });
});
