/**
 * The pages that install the package, pasted into a shell each: docs/start.md, and docs/deploy/cdk.md with the
 * CDK command of that page, which bootstraps and deploys into MiniStack. The package is what `npm pack` makes of
 * this checkout. npm is offline: what it installs is in the cache of the pinned tool.
 */
import { randomInt } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { GetFunctionCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { functionFiles } from '../../src/config/function-files.ts';
import {
  awsAccount,
  createWatchedTopic,
  localClientConfig,
  receiveNotices,
} from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { MLflowAdmin } from '../engines/mlflow-admin.ts';
import { tool } from '../engines/tools.ts';
import { directAlarm } from '../fakes/alarm-events.ts';
import { blocksOf, openPage, withValues } from '../fakes/pages.ts';
import { openShell, type Shell } from './shell.ts';
import { isEngineMissing, suiteTitle } from './world.ts';

const [awscli, cdk] = [await tool('awscli'), await tool('cdk')];
const ministack = engine('ministack');
const account = String(randomInt(1e11, 1e12));
const config = localClientConfig(ministack.url, account);
const lambda = new LambdaClient(config);
const mlflow = engine('mlflow');
const page = openPage('docs/deploy/cdk.md');
const start = openPage('docs/start.md');
const [code = ''] = blocksOf('docs/deploy/cdk.md')
  .filter(({ language }) => language === 'ts')
  .map(({ text }) => text);
const model = uniqueName('PascalStrategy');

let shell: Shell;
let app: string;

describe.skipIf(isEngineMissing || awscli.isMissing || cdk.isMissing)(
  cdk.title(awscli.title(suiteTitle('the CDK page'))),
  () => {
    beforeAll(async () => {
      await new MLflowAdmin(mlflow.url).seedModel(model, ['Archived', 'Archived', 'Production']);
      shell = openShell({ awscli, settings: npm() });
      app = join(shell.folder, 'models');
      cloneInto(join(shell.folder, 'model-rollback'));
      await shell.run('cd model-rollback');
      await shell.run(page.take('Install'));
      await shell.run(page.take('Install'));
      const [, file = ''] = /^\/\/ (\S+)$/m.exec(code) ?? [];
      writeFileSync(join(app, file), ofThisRun(code));
    });
    afterAll(() => shell?.close());

    test('synthesises the stack without an account', async () => {
      const template = await shell.run(page.take('A stack'));
      expect(template).toContain('AlarmName: high-drawdown-alarm');
      // The asset is the function and nothing else.
      const assets = readdirSync(join(app, 'cdk.out')).filter((name) => name.startsWith('asset.'));
      expect(assets).toHaveLength(1);
      const asset = join(app, 'cdk.out', assets[0] ?? '');
      expect(readdirSync(asset).toSorted()).toEqual(functionFiles.toSorted());
      for (const name of functionFiles) {
        const built = readFileSync(join('dist', 'lambda', name));
        expect(readFileSync(join(asset, name)).equals(built)).toBe(true);
      }
    });

    test('works in CommonJS', async () => {
      writeFileSync(join(app, 'app.cjs'), requiresOf(code));
      expect(await shell.run('node app.cjs && echo synthesised')).toContain('synthesised');
    });

    test('works in an app of cdk init in TypeScript', async () => {
      const folder = join(app, 'shop');
      mkdirSync(folder);
      await shell.run('(cd shop && npx cdk init app --language typescript --generate-only)');
      writeFileSync(join(folder, 'lib', 'shop-stack.ts'), stackClassOf(code));
      // The types of jest are not installed here.
      const compilerOptions = { types: [] };
      const settings = { extends: './tsconfig.json', compilerOptions, include: ['bin', 'lib'] };
      writeFileSync(join(folder, 'tsconfig.check.json'), JSON.stringify(settings));
      await shell.run(
        `${join(process.cwd(), 'node_modules/.bin/tsc')} -p shop/tsconfig.check.json`,
      );
      // What tsx does, which its cdk.json calls.
      await build({
        entryPoints: [join(folder, 'bin', 'shop.ts')],
        outfile: join(folder, 'shop.cjs'),
        bundle: true,
        packages: 'external',
        platform: 'node',
        format: 'cjs',
        logLevel: 'error',
      });
      expect(await shell.run('node shop/shop.cjs && echo synthesised')).toContain('synthesised');
    });

    describe('deployed', () => {
      let queueUrl: string;
      beforeAll(async () => {
        await shell.run(
          Object.entries(awsAccount(ministack.url, account))
            .map(([name, value]) => `export ${name}='${value}'`)
            .join('\n'),
        );
        await shell.run(page.take('Deploy'));
        await shell.run(page.take('Deploy'));
        const { Configuration } = await lambda.send(
          new GetFunctionCommand({ FunctionName: 'model-rollback' }),
        );
        const topic = Configuration?.Environment?.Variables?.['ALERT_SNS_TOPIC_ARN'] ?? '';
        const name = topic.split(':').at(-1) ?? '';
        ({ queueUrl } = await createWatchedTopic(ministack.url, name, account));
      });

      test('tells of the test alarm what it would have done; that CloudWatch calls it is not seen here', async () => {
        await shell.run(page.take('A test alarm'));
        const { MetricAlarms: [alarm] = [] } = await new CloudWatchClient(config).send(
          new DescribeAlarmsCommand({ AlarmNames: ['high-drawdown-alarm'] }),
        );
        expect(alarm?.StateValue).toBe('ALARM');
        const [FunctionName] = alarm?.AlarmActions ?? [];

        // The model is named by the tag alone.
        const arn = alarm?.AlarmArn ?? '';
        const event = directAlarm({
          arn,
          name: 'high-drawdown-alarm',
          model: null,
          account,
          atMs: Date.now(),
        });
        await lambda.send(
          new InvokeCommand({
            FunctionName,
            InvocationType: 'Event',
            Payload: JSON.stringify(event),
          }),
        );

        const [notice] = await receiveNotices(queueUrl, { count: 1, timeoutMs: 30_000 });
        expect(notice?.subject).toBe(`Model Rollback observed: ${model}`);
      });

      test('is found in order by the doctor', async () => {
        const checks = await shell.run(ofThisRun(page.take('A test alarm')));
        expect(checks).toMatch(/^ok +registry/m);
        expect(checks).toMatch(/^ok +alarms/m);
        expect(checks).toContain('0 with problems');
      });
    });

    test('runs as it stands, every command of it', () => {
      expect(page.left()).toEqual([]);
    });
  },
);

describe.skipIf(isEngineMissing || awscli.isMissing || cdk.isMissing)(
  cdk.title(awscli.title(suiteTitle('the start page'))),
  () => {
    const name = uniqueName('PascalStrategy');
    const ofThisPage = (text: string): string => text.replaceAll('PascalStrategy', name);
    let terminal: Shell;

    beforeAll(async () => {
      const settings = {
        ...awsAccount(ministack.url, String(randomInt(1e11, 1e12))),
        ...npm(),
        MLFLOW_TRACKING_URI: mlflow.url,
      };
      terminal = openShell({ awscli, settings });
      cloneInto(join(terminal.folder, 'model-rollback'));
      await terminal.run('cd model-rollback; export npm_config_prefix=$HOME/global');
      await terminal.run(start.take('The command'));
      // Where a global installation of npm has its commands, they are found.
      await terminal.run('PATH=$(npm prefix --global)/bin:$PATH; hash -r');
    });
    afterAll(() => terminal?.close());

    test('installs the command', async () => {
      expect(await terminal.run('command -v model-rollback')).toMatch(
        /global\/bin\/model-rollback$/,
      );
    });

    test('makes a model to roll back', async () => {
      await terminal.run(start.take('A first rollback'));
      const api = `${mlflow.url}/api/2.0/mlflow`;
      await terminal.run(ofThisPage(withValues(start.take('A first rollback'), { api })));
      expect(await terminal.run(`model-rollback plan ${name}`)).toMatch(/DRY_RUN .*3 -> 2/);
    });

    test('rolls back once, by the state in a file', async () => {
      expect(await terminal.run(`model-rollback apply ${name} --yes`)).toMatch(
        /^ROLLED_BACK .*3 -> 2/m,
      );
      expect(await terminal.run(`model-rollback apply ${name} --yes || true`)).toMatch(/COOLDOWN /);
    });

    test('makes table and topic, which the doctor finds in order', async () => {
      await terminal.run(start.take('With DynamoDB and SNS'));
      const checks = await terminal.run(start.take('With DynamoDB and SNS'));
      expect(checks).toMatch(/^ok +table/m);
      expect(checks).toMatch(/^ok +topic/m);
      expect(checks).toContain('0 with problems');
    });

    test('with the table is refused by the tags of the rollback that only the file has', async () => {
      expect(await terminal.run(`model-rollback history ${name}`)).toContain(
        'Nothing is on record.',
      );
      expect(await terminal.run(`model-rollback apply ${name} --yes || true`)).toMatch(
        /COOLDOWN {2}The last rollback \(known from the tag model_rollback\.restored on version 2; /,
      );
      expect(await terminal.run(`model-rollback plan ${name} || true`)).toMatch(
        / 3 \(Archived\) {2}in quarantine: .*, as its tag model_rollback\.rolled_back shows/,
      );
    });

    test('runs as it stands, every command of it', () => {
      expect(start.left()).toEqual([]);
    });
  },
);

// ---------------------------------------------------------------------------------------------------

/** npm and the CDK without the network; the CDK asks nobody on a terminal. */
function npm(): Readonly<Record<string, string>> {
  return {
    npm_config_cache: join(cdk.folder, 'cache'),
    npm_config_offline: 'true',
    npm_config_audit: 'false',
    npm_config_update_notifier: 'false',
    CDK_REQUIRE_APPROVAL: 'never',
    CDK_NOTICES: 'false',
    CDK_DISABLE_CLI_TELEMETRY: 'true',
  };
}

/** As much of a clone as goes into the package. */
function cloneInto(folder: string): void {
  const { files } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    readonly files: string[];
  };
  for (const file of ['package.json', ...files]) {
    cpSync(file, join(folder, file), { recursive: true });
  }
}

function ofThisRun(text: string): string {
  return text
    .replaceAll('https://mlflow.example.com', mlflow.url)
    .replaceAll('PascalStrategy', model);
}

/** The page uses no types, so this is all that differs. */
function requiresOf(text: string): string {
  return text.replaceAll(/^import (\{.*\}) from ('.*');$/gm, 'const $1 = require($2);');
}

/** The file that `cdk init` makes, with the lines of the page in its constructor. */
function stackClassOf(text: string): string {
  const imports = text.match(/^import .*(?<!'aws-cdk-lib';)$/gm) ?? [];
  const [, lines = ''] = /^(const rollback [\s\S]*?)^app\.synth/m.exec(text) ?? [];
  return [
    "import * as cdk from 'aws-cdk-lib/core';",
    "import { Construct } from 'constructs';",
    ...imports,
    'export class ShopStack extends cdk.Stack {',
    '  constructor(scope: Construct, id: string, props?: cdk.StackProps) {',
    '    super(scope, id, props);',
    lines.replaceAll(/\bstack\b/g, 'this'),
    '  }',
    '}',
  ].join('\n');
}
