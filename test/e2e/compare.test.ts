/** `compare` by the built command and the built function, on a real MLflow, with the state in DynamoDB and in a file. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DynamoDBEvidenceStore } from '../../src/adapters/dynamodb/dynamodb-evidence-store.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { systemIdentity } from '../../src/adapters/system/system-identity.ts';
import type { ComparisonAnswer } from '../../src/app/compare-models.ts';
import { deadlineAfter } from '../../src/ports/deadline.ts';
import { localClientConfig } from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { engineFolder } from '../engines/install.ts';
import { builtFile } from './built.ts';
import { type CommandResult, runCommand } from './command.ts';
import { startFunction } from './function-process.ts';
import { createWorld, isEngineMissing, type Settings, suiteTitle, type World } from './world.ts';

const trading = { profit_total: 1_200, sharpe_ratio: 1.1, max_drawdown: 0.2, win_rate: 0.6 };
let world: World;
let folder: string;

describe.skipIf(isEngineMissing)(suiteTitle('compare'), () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'model-rollback-compare-'));
    world = await createWorld();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** A model with version 1 live, and a version 2 with the alias challenger. */
  const seed = async (change: Readonly<Record<string, number>>, digest?: string | null) => {
    const model = uniqueName('compared');
    await world.mlflow.createModel(model);
    await world.mlflow.createMeasuredVersion(model, trading);
    await world.mlflow.createMeasuredVersion(model, { ...trading, ...change }, digest);
    await world.mlflow.transition(model, '1', 'Production', true);
    await world.mlflow.setAlias(model, 'challenger', '2');
    return model;
  };
  const compare = async (args: readonly string[], settings: Settings = {}) => {
    const result = await runCommand(['compare', ...args, '--json'], world.env(settings));
    return { ...result, answer: result.json as ComparisonAnswer };
  };
  const file = (name: string, content: string): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };

  test('promotes by the trading rules, stores the evidence, and tags the challenger', async () => {
    const model = await seed({ profit_total: 1_300 });
    const { exitCode, answer } = await compare([model]);
    expect([exitCode, answer.decision, answer.confidence]).toEqual([0, 'PROMOTE', 1]);
    expect([answer.champion, answer.challenger]).toEqual(['1', '2']);
    expect(answer.metrics[0]).toMatchObject({
      name: 'profit_total',
      champion: 1_200,
      challenger: 1_300,
      change: 100,
      interval: null,
      passed: true,
      reason: expect.stringContaining('profit_total is 1300'),
    });
    const [, challenger] = (await world.stored(model)).versions.toSorted((a, b) =>
      a.version < b.version ? -1 : 1,
    );
    expect(challenger?.tags['model_rollback.evidence']).toBe(answer.evidence_sha256);

    const client = new DynamoDBClient(localClientConfig(engine('dynamodb').url));
    const parts = { clock: systemClock, identity: systemIdentity };
    const place = { tableName: world.tableName, workspace: '' };
    const store = new DynamoDBEvidenceStore(client, parts, place);
    const pair = { modelName: model, champion: '1', challenger: '2' };
    const stored = await store.readEvidence(pair, deadlineAfter(systemClock, 20_000));
    store.close();
    expect(stored).toMatchObject({ decision: 'PROMOTE', sha256: answer.evidence_sha256 });
    const digest = createHash('sha256').update(stored?.text ?? '');
    expect(digest.digest('hex')).toBe(answer.evidence_sha256);

    // The same input, elsewhere and later.
    const again = await compare([model], {
      ROLLBACK_STORE: `sqlite:${join(folder, 'state.db')}`,
    });
    expect(again.answer.evidence_sha256).toBe(answer.evidence_sha256);
  });

  test('keeps what is better than its challenger, and investigates what is not comparable', async () => {
    const worse = await compare([await seed({ profit_total: 1_100 })]);
    expect([worse.exitCode, worse.answer.decision]).toEqual([3, 'KEEP']);
    const other = await compare([await seed({ profit_total: 1_300 }, 'another')]);
    expect([other.exitCode, other.answer.decision]).toEqual([3, 'INVESTIGATE']);
    expect(other.answer.problems[0]).toMatch(/different data sets/);
    const unknown = await compare([await seed({ profit_total: 1_300 }, null)]);
    expect(unknown.answer.problems[0]).toMatch(/it is not recorded/);
  });

  test('takes the latest version in Staging where no alias names a challenger', async () => {
    const model = uniqueName('compared');
    await world.mlflow.createModel(model);
    for (const profit of [1, 2, 3, 4]) {
      await world.mlflow.createMeasuredVersion(model, { ...trading, profit_total: profit });
    }
    await world.mlflow.transition(model, '1', 'Production', true);
    const nobody = await compare([model]);
    expect(nobody.answer).toMatchObject({ decision: 'KEEP', error: { code: 'INVALID_REQUEST' } });
    expect(nobody.exitCode).toBe(2);
    for (const version of ['2', '3']) {
      await world.mlflow.transition(model, version, 'Staging', false);
    }
    const { answer } = await compare([model]);
    expect([answer.champion, answer.challenger, answer.decision]).toEqual(['1', '3', 'PROMOTE']);
  });

  test('compares rows in files by rules of a file', async () => {
    const model = await seed({});
    const rows = (right: (index: number) => boolean): string => {
      const lines = Array.from({ length: 300 }, (_, index) => `t${index},${Number(right(index))}`);
      return ['id,right', ...lines].join('\n');
    };
    const champion = file(
      'v1.csv',
      rows((index) => index % 2 === 0),
    );
    const challenger = file(
      'v2.csv',
      rows((index) => index % 2 === 0 || index < 40),
    );
    const rules = file('rules.json', '{"metrics": {"right": {"direction": "higher"}}}');
    const args = [model, '--rules', rules, '--champion-rows', champion];
    const { answer, exitCode } = await compare([...args, '--challenger-rows', challenger]);
    expect(answer).toMatchObject({
      decision: 'PROMOTE',
      uncertainty: 'measured',
      metrics: [{ name: 'right', rows: 300, mcnemar: { gained: 20, lost: 0 } }],
    });
    expect(exitCode).toBe(0);

    const text = await runCommand(
      ['compare', ...args, '--challenger-rows', challenger],
      world.env(),
    );
    expect(text.stdout).toMatch(
      /^PROMOTE {2}compared-\w+: version 2 against version 1, confidence/,
    );
    expect(text.stdout).toMatch(
      /✓ right is 0\.566667, and 0\.5 for the champion: .* from 300 rows/,
    );
  });

  test('compares tables that the Python client logged, of the runs of both versions or of others', async () => {
    const model = uniqueName('compared');
    const [first = '', second = '', other = ''] = await logTables(model);
    await world.mlflow.transition(model, '1', 'Production', true);
    await world.mlflow.setAlias(model, 'challenger', '2');
    const rules = file(
      'tables.json',
      JSON.stringify({
        id_column: 'inputs',
        metrics: { 'exact_match/v1': { direction: 'higher', must_improve: true } },
      }),
    );
    const args = [model, '--rules', rules];
    const table = 'eval_results_table.json';
    const { answer, exitCode } = await compare([...args, '--table', table]);
    expect(answer).toMatchObject({
      decision: 'PROMOTE',
      uncertainty: 'measured',
      problems: [],
      metrics: [{ name: 'exact_match/v1', champion: 0.5, challenger: 0.75, rows: 200 }],
    });
    expect(exitCode).toBe(0);

    const named = await compare([
      ...args,
      ...['--champion-rows', `runs:/${first}/${table}`],
      ...['--challenger-rows', `runs:/${second}/${table}`],
    ]);
    expect(named.answer.evidence_sha256).toBe(answer.evidence_sha256);
    const itself = await compare([
      ...args,
      ...['--champion-rows', `runs:/${first}/${table}`],
      ...['--challenger-rows', `runs:/${first}/${table}`],
    ]);
    expect(itself.answer).toMatchObject({ decision: 'INVESTIGATE' });
    expect(itself.answer.problems.join()).toContain('compared with itself');
    const lacking = await compare([...args, '--table', 'eval.json']);
    expect(lacking).toMatchObject({ exitCode: 2, answer: { decision: 'KEEP' } });
    expect(lacking.answer.error?.message).toMatch(/There is no runs:.*the run has eval_results_t/);
    const both = await compare([...args, '--table', table, '--champion-rows', `runs:/${other}/x`]);
    expect(both).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('not both') });

    const bundle = join(dirname(builtFile('dist/lambda/index.mjs')), '../compare/index.mjs');
    const process = await startFunction(world.env(), bundle);
    try {
      const event = { model_name: model, table, rules: JSON.parse(readFileSync(rules, 'utf8')) };
      expect(await process.invoke(event)).toMatchObject({
        decision: 'PROMOTE',
        evidence_sha256: answer.evidence_sha256,
      });
    } finally {
      await process.kill();
    }
  }, 240_000);

  test('keeps the champion on an error, and says what is wrong', async () => {
    const model = await seed({ profit_total: 1_300 });
    const rules = file('typo.json', '{"metrics": {"auc": {"directoin": "higher"}}}');
    const cases: readonly (readonly [args: readonly string[], code: number, why: RegExp])[] = [
      [['--rules', rules], 2, /typo\.json: metrics\.auc has the unknown field "directoin"/],
      [['--rules', join(folder, 'no.json')], 2, /no\.json cannot be read/],
      [['--challenger', '9'], 1, /has no version 9/],
      [['--champion-rows', rules], 2, /Pass both --champion-rows/],
    ];
    for (const [args, code, why] of cases) {
      const { answer, exitCode, stderr } = await compare([model, ...args]);
      expect(answer).toMatchObject({ decision: 'KEEP', confidence: 0, metrics: [] });
      expect([answer.evidence_sha256, exitCode]).toEqual([null, code]);
      expect(answer.error?.message).toMatch(why);
      expect(stderr).toMatch(why);
    }
    const text: CommandResult = await runCommand(
      ['compare', model, '--challenger', '9'],
      world.env(),
    );
    expect(text.stderr).toMatch(/KEEP {2}The comparison failed, so the champion stays\./);
  });

  test('compares no version with itself', async () => {
    const { answer } = await compare([await seed({}), '--challenger', '1']);
    expect(answer.decision).toBe('INVESTIGATE');
    expect(answer.problems[0]).toMatch(/Version 1 would be compared with itself/);
  });

  test('is a function too, which gives the same evidence and answers an error with KEEP', async () => {
    const model = await seed({ profit_total: 1_300 });
    const { answer } = await compare([model]);
    const bundle = join(dirname(builtFile('dist/lambda/index.mjs')), '../compare/index.mjs');
    const process = await startFunction(world.env(), bundle);
    try {
      const event = { model_name: model, champion_version: '1', challenger_version: '2' };
      const asked = await process.invoke({ ...event, execution: 'of a state machine' });
      expect(asked).toMatchObject({
        decision: 'PROMOTE',
        evidence_sha256: answer.evidence_sha256,
      });
      const rules = { metrics: { profit_total: { direction: 'lower' } } };
      expect(await process.invoke({ model_name: model, rules })).toMatchObject({
        decision: 'KEEP',
        challenger: '2',
      });
      expect(await process.invoke({ model_name: 'no-such-model' })).toMatchObject({
        decision: 'KEEP',
        error: { code: 'MODEL_NOT_FOUND' },
      });
    } finally {
      await process.kill();
    }
  });
});

// ---------------------------------------------------------------------------------------------------

/** With the columns of `mlflow.evaluate`, which logs its results with log_table as well. */
const logScript = `
import sys, mlflow
from mlflow import MlflowClient
uri, model = sys.argv[1:]
mlflow.set_tracking_uri(uri)
client = MlflowClient()
client.create_registered_model(model)
for right in (100, 150, 150):
    with mlflow.start_run() as run:
        ids = range(200)
        mlflow.log_table({
            'inputs': [f'question {i}' for i in ids],
            'outputs': [f'answer of {run.info.run_id} to {i}' for i in ids],
            'exact_match/v1': [float(i < right) for i in ids],
        }, 'eval_results_table.json')
        client.create_model_version(model, run.info.artifact_uri, run.info.run_id)
        print('run', run.info.run_id)
`;

/** Three versions, each with a table in its run. @returns their runs */
async function logTables(model: string): Promise<readonly string[]> {
  const python = join(engineFolder('mlflow'), 'bin', 'python');
  const env = { ...process.env, MLFLOW_DISABLE_TELEMETRY: 'true', DO_NOT_TRACK: 'true' };
  const args = ['-c', logScript, engine('mlflow').url, model];
  const { stdout } = await promisify(execFile)(python, args, { env });
  return [...stdout.matchAll(/^run (\w+)$/gm)].map(([, id = '']) => id);
}
