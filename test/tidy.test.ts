import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../src/domain/limits.ts';

/** What no tool knows about this repository: the layers hold, and the style does not slip. */

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join('src', name));
const textOf = (path: string): string => readFileSync(path, 'utf8');

describe('the layer rules', () => {
  let copy = '';
  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), 'model-rollback-tidy-'));
    for (const name of ['src', 'package.json', 'biome.json', '.gitignore']) {
      cpSync(name, join(copy, name), { recursive: true });
    }
    symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'));
    execFileSync('git', ['init', '-q'], { cwd: copy });
  });
  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  const lint = (path: string, code: string): string => {
    const file = join(copy, path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, code);
    const biome = join('node_modules', '.bin', 'biome');
    const result = spawnSync(biome, ['lint', '--only=style/noRestrictedImports', path], {
      cwd: copy,
      encoding: 'utf8',
      timeout: 30_000,
    });
    rmSync(file);
    return `${result.status} ${result.stdout}${result.stderr}`;
  };

  // For each layer: an import that it must not have.
  test.each([
    ['src/domain/planted.ts', '../ports/clock.ts'],
    ['src/domain/planted.ts', 'node:fs'],
    ['src/domain/planted.ts', '@aws-sdk/client-sns'],
    ['src/domain/planted.ts', './registry/model.ts'],
    ['src/domain/registry/planted.ts', '../state/fleet.ts'],
    ['src/domain/registry/planted.ts', '../../ports/clock.ts'],
    ['src/domain/registry/planted.ts', 'node:fs'],
    ['src/domain/evidence/planted.ts', '../request/policy.ts'],
    ['src/domain/statistics/planted.ts', '../registry/model.ts'],
    ['src/domain/pointer/planted.ts', '../decide/plan.ts'],
    ['src/domain/decide/planted.ts', '../record/record.ts'],
    ['src/domain/record/planted.ts', '../answer/response.ts'],
    ['src/domain/answer/planted.ts', '../protocol/attempt.ts'],
    ['src/domain/protocol/planted.ts', '../../app/roll-back.ts'],
    ['src/ports/planted.ts', '../app/roll-back.ts'],
    ['src/ports/planted.ts', 'node:fs'],
    ['src/app/planted.ts', '../adapters/memory/memory-rollback-store.ts'],
    ['src/app/planted.ts', '../config/config-from-env.ts'],
    ['src/app/planted.ts', 'node:fs'],
    ['src/app/planted.ts', '@aws-sdk/client-sns'],
    ['src/app/planted.ts', '@aws-lambda-powertools/logger'],
    ['src/config/planted.ts', '../adapters/memory/memory-rollback-store.ts'],
    ['src/config/planted.ts', '../app/roll-back.ts'],
    ['src/adapters/sqlite/planted.ts', '../memory/memory-rollback-store.ts'],
    ['src/adapters/sqlite/planted.ts', '../../app/roll-back.ts'],
    ['src/adapters/sqlite/planted.ts', '../../config/config-from-env.ts'],
    ['src/embedded/planted.ts', '../domain/registry/model.ts'],
    ['src/cdk/planted.ts', '../app/resolve-model.ts'],
    ['src/cdk/planted.ts', '../adapters/dynamodb/dynamodb-table.ts'],
    ['src/cdk/planted.ts', '@aws-sdk/client-sns'],
    ['src/lambda/planted.ts', '../adapters/memory/memory-rollback-store.ts'],
    ['src/lambda/planted.ts', '@aws-sdk/client-sns'],
    ['src/lambda/planted.ts', '@aws-lambda-powertools/logger'],
    ['src/lambda/planted.ts', '../compose.ts'],
    ['src/http/planted.ts', '../adapters/memory/memory-rollback-store.ts'],
    ['src/http/planted.ts', '../compose.ts'],
    ['src/http/planted.ts', '../lambda/function.ts'],
    ['src/http/planted.ts', '@aws-sdk/client-sns'],
    ['src/http/console/planted.ts', '../../adapters/memory/memory-rollback-store.ts'],
    ['src/http/console/planted.ts', '../../compose.ts'],
    ['src/http/console/planted.ts', '../../lambda/function.ts'],
    ['src/lambda/planted.ts', '../http/service.ts'],
    ['src/cli/planted.ts', '../adapters/memory/memory-rollback-store.ts'],
    ['src/cli/commands/planted.ts', '../../adapters/memory/memory-rollback-store.ts'],
    ['src/cli/commands/planted.ts', '@aws-sdk/client-sns'],
  ])('%s may not import %s', (path, imported) => {
    const code = `import * as planted from '${imported}';\nexport const seen = planted;\n`;
    expect(lint(path, code)).toMatch(/^1 [\s\S]*noRestrictedImports/);
  });

  test.each([
    ['src/domain/decide/planted.ts', '../pointer/alias.ts'],
    ['src/domain/protocol/planted.ts', '../answer/notice.ts'],
    ['src/domain/registry/planted.ts', '../limits.ts'],
    ['src/domain/evidence/planted.ts', '../registry/model.ts'],
    ['src/domain/decide/planted.ts', '../evidence/evidence.ts'],
    ['src/ports/planted.ts', '../domain/registry/model.ts'],
    ['src/app/planted.ts', '../ports/clock.ts'],
    ['src/adapters/sqlite/planted.ts', '../../ports/clock.ts'],
    ['src/cli/commands/planted.ts', '../command.ts'],
    ['src/lambda/planted.ts', '../compose-lambda.ts'],
    ['src/http/planted.ts', '../lambda/answer-event.ts'],
    ['src/http/console/planted.ts', '../access.ts'],
    ['src/http/console/planted.ts', '../../app/read-fleet.ts'],
    ['src/cdk/planted.ts', '../config/config-from-env.ts'],
    ['src/cdk/planted.ts', '../domain/record/table-shape.ts'],
  ])('%s may import %s', (path, imported) => {
    const code = `import * as planted from '${imported}';\nexport const seen = planted;\n`;
    expect(lint(path, code)).toMatch(/^0 /);
  });
});

describe('the sources', () => {
  test('stand in known folders only', () => {
    const known =
      /^src\/(domain(\/(registry|statistics|evidence|request|alarm|state|pointer|decide|record|answer|protocol))?|ports|app|config|lambda|http(\/console)?|cdk|embedded|testing|cli(\/(commands|render))?|adapters\/(mlflow|eventbridge|webhook|cloudwatch|lambda|dynamodb|postgres|sqlite|secrets-manager|sns|memory|console|canned|powertools|sigv4|files|system|alertmanager))\/[a-z0-9-]+\.ts$|^src\/(index|assemble|compose|compose-aws|compose-channels|compose-compare|compose-databricks|compose-hooks|compose-inspect|compose-lambda|compose-lambda-compare|compose-lambda-http|compose-promotion|compose-rehearsal|compose-store|http-function)\.ts$/;
    expect(sources.filter((path) => !known.test(path))).toEqual([]);
  });

  test('are small: median at most 100 lines, none over 300', () => {
    const lines = sources.map((path) => textOf(path).split('\n').length).toSorted((a, b) => a - b);
    expect(lines[Math.floor(lines.length / 2)]).toBeLessThanOrEqual(100);
    expect(lines.at(-1)).toBeLessThanOrEqual(301);
  });

  test('hold no line over 120 columns and no leftover mark', () => {
    const problems = sources.flatMap((path) =>
      textOf(path)
        .split('\n')
        .flatMap((line, index) => {
          const isLong = line.length > 120 && !/['"`].{60}/.test(line);
          const isMarked = /\b(TODO|FIXME|XXX|HACK)\b/.test(line);
          return isLong || isMarked ? [`${path}:${index + 1}`] : [];
        }),
    );
    expect(problems).toEqual([]);
  });

  test('read the real clock in one place only', () => {
    const readers = sources.filter((path) => /\bDate\.now\(|performance\.now\(/.test(textOf(path)));
    expect(readers.filter((path) => !path.startsWith('src/embedded/'))).toEqual([
      'src/adapters/system/system-clock.ts',
    ]);
  });

  test('take chance from Identity only, so that a simulation can replay it', () => {
    expect(sources.filter((path) => /\bMath\.random\(/.test(textOf(path)))).toEqual([]);
  });

  test('use every limit', () => {
    const all = sources.map(textOf).join('\n');
    const unused = Object.keys(limits).filter((name) => !all.includes(`limits.${name}`));
    expect(unused).toEqual([]);
  });

  test('set every error name literally, since a minifier renames classes', () => {
    const errors = textOf('src/domain/errors.ts');
    const classes = [...errors.matchAll(/class (\w+) extends ModelRollbackError/g)];
    expect(classes.length).toBeGreaterThan(5);
    for (const [, name] of classes) expect(errors).toContain(`override readonly name = '${name}'`);
  });
});

describe('the contracts', () => {
  test('run on every adapter of a port', () => {
    const suites = readdirSync('test/contract').filter((name) => name.endsWith('.test.ts'));
    const ported = sources.filter((path) =>
      /adapters\/.*-(rollback-store|model-registry|notifier|alarm-reader|credentials|logger)\.ts$/.test(
        path,
      ),
    );
    expect(ported.length).toBeGreaterThan(5);
    const missing = ported
      .map((path) => basename(path, '.ts'))
      .filter((name) => !suites.some((suite) => suite.startsWith(name)));
    expect(missing).toEqual([]);
  });

  test('of evidence runs on every store', () => {
    const stores = sources.filter((path) => /adapters\/.*-evidence-store\.ts$/.test(path));
    expect(stores).toHaveLength(4);
    const suite = textOf('test/contract/evidence-store.test.ts');
    const missing = stores.filter((path) => !suite.includes(`${basename(path)}'`));
    expect(missing).toEqual([]);
  });
});

describe('the bundle', () => {
  test('stays below its budget', () => {
    const file = 'dist/lambda/index.mjs';
    expect(readFileSync(file).byteLength, `${file}: run "npm run build" first`).toBeLessThan(
      600_000,
    );
  });

  test('loads no module of Node that it does not need at start', () => {
    const needed =
      'async_hooks|console|crypto|fs|http|https|module|os|path|process|sqlite|stream|timers/promises|vm';
    const used = textOf('dist/lambda/index.mjs').matchAll(/\("(node:[a-z_/]+)"\)/g);
    const names = new Set([...used].map(([, name = '']) => name.replace('node:', '')));
    expect([...names].filter((name) => !needed.split('|').includes(name))).toEqual([]);
  });

  test('holds nothing that only the command calls', () => {
    const { inputs } = JSON.parse(textOf('dist/lambda/metafile.json')) as { inputs: object };
    const foreign = Object.keys(inputs).filter((path) =>
      /@aws-sdk\/client-(?!cloudwatch|dynamodb|secrets-manager|sns)|adapters\/lambda\/(?!invoke-function|lambda-hook)|src\/cli\/|scratch-models|app\/drill|explanation|read-fleet/.test(
        path,
      ),
    );
    expect(foreign).toEqual([]);
  });

  test('leaves the user agent of the SDK alone', () => {
    expect(textOf('dist/lambda/index.mjs')).not.toContain('/PTEnv/');
  });
});
