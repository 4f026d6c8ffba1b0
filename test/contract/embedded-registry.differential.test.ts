/**
 * The embedded registry against a real MLflow 3.17.2: the same calls go to both, and what comes
 * back must be the same: status, kind of content, `error_code`, the shape of the body and every
 * value that does not depend on the moment. Timestamps are compared by their order within an
 * answer, so "these two rows got one timestamp" and "this one is later" are both held.
 */
import { randomBytes } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../src/embedded/registry-server.ts';
import { engine } from '../engines/engines.ts';
import { GUARD_LOGIN } from '../engines/start.ts';

interface Call {
  readonly method: string;
  /** Below the API prefix; with two slashes, from the root of the server. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | readonly string[]>>;
  readonly body?: unknown;
  readonly rawBody?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Reply {
  readonly status: number;
  readonly content: string;
  readonly challenge: string | undefined;
  readonly body: unknown;
}

const API = '/api/2.0/mlflow';
/** Another history: `DIFFERENTIAL_SEED=7 DIFFERENTIAL_RUNS=5000`. */
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? 20_261_123);
const RUNS = Number(process.env['DIFFERENTIAL_RUNS'] ?? 400);
const agent = new Agent({ keepAlive: true });
const run = `diff-${randomBytes(4).toString('hex')}`;

const mlflow = engine('mlflow');
const guarded = engine('guarded');
let embedded: RegistryServer;

beforeAll(async () => {
  // A clock of its own for each write, as two writes of the real server are never in one ms.
  let time = 1_700_000_000_000;
  embedded = await startRegistryServer({
    now: () => {
      time += 1;
      return time;
    },
  });
});

afterAll(async () => {
  agent.destroy();
  await embedded?.close();
});

// --- the calls --------------------------------------------------------------------------------

describe.skipIf(mlflow.isMissing)(mlflow.title('the embedded registry'), () => {
  describe('registered models', () => {
    test('are created, read, described and deleted alike', async () => {
      const name = modelName('life');
      await both(post('/registered-models/create', { name }));
      await both(post('/registered-models/create', { name }));
      await both(get('/registered-models/get', { name }));
      await both(patch('/registered-models/update', { name, description: 'a text' }));
      await both(get('/registered-models/get', { name }));
      await both(patch('/registered-models/update', { name }));
      await both(patch('/registered-models/update', { name: modelName('none'), description: 'x' }));
      await both(del('/registered-models/delete', { name }));
      await both(del('/registered-models/delete', { name }));
      await both(get('/registered-models/get', { name }));
      await both(post('/registered-models/create', { name, description: 'again' }));
      await both(get('/registered-models/get', { name }));
    });

    test('take tags and a description at creation', async () => {
      const name = modelName('tagged');
      const tags = [
        { key: 'b', value: '1' },
        { key: 'a', value: '' },
        { key: 'b', value: '2' },
        { key: 'empty' },
      ];
      await both(post('/registered-models/create', { name, description: 'text', tags }));
      await both(get('/registered-models/get', { name }));
      await both(post('/registered-models/create', { name: modelName('t2'), tags: 'no list' }));
      await both(
        post('/registered-models/create', { name: modelName('t3'), tags: [{ value: 'x' }] }),
      );
      await both(post('/registered-models/create', { name: modelName('t4'), tags: ['text'] }));
      await both(post('/registered-models/create', { name: modelName('t5'), tags: [] }));
    });

    test('are renamed with their versions, tags and aliases, which get one time', async () => {
      const name = await modelWith('renamed', 3);
      const newName = `${name}-new`;
      const tag = { key: 'model_rollback.rolled_back', value: 'to 1' };
      await both(post('/registered-models/alias', { name, alias: 'champion', version: '2' }));
      await both(post('/model-versions/set-tag', { name, version: '3', ...tag }));
      await both(post('/registered-models/set-tag', { name, key: 'k', value: 'v' }));
      await both(
        post('/model-versions/transition-stage', { name, version: '2', stage: 'Production' }),
      );
      await both(del('/model-versions/delete', { name, version: '1' }));
      await both(post('/registered-models/rename', { name, new_name: newName }));
      await both(allOf(newName));
      await both(allOf(name));
      await both(get('/registered-models/get', { name: newName }));
      await both(get('/registered-models/get', { name }));
      await both(get('/model-versions/get', { name: newName, version: '2' }));
      await both(get('/registered-models/alias', { name: newName, alias: 'champion' }));
      await both(createVersion(newName));
      await both(
        post('/model-versions/transition-stage', {
          name: newName,
          version: '4',
          stage: 'Production',
          archive_existing_versions: true,
        }),
      );
      await both(allOf(newName));
      await both(post('/registered-models/rename', { name: newName, new_name: newName }));
      await both(allOf(newName));
    });

    test('are not renamed to what is taken or refused', async () => {
      const name = await modelWith('kept', 1);
      const other = await modelWith('taken', 1);
      for (const new_name of [other, 'a/b', 'a:b', '..', '', ' ', 5, null, undefined]) {
        await both(post('/registered-models/rename', { name, new_name }));
      }
      await both(post('/registered-models/rename', { new_name: `${name}-x` }));
      await both(post('/registered-models/rename', { name: `${name}-no`, new_name: `${name}-x` }));
      await both(post('/registered-models/rename', { name: `${name}-no`, new_name: 'a/b' }));
      await both(get('/registered-models/rename', { name }));
      await both(allOf(name));
    });

    test('are deleted with their versions, tags and aliases', async () => {
      const name = await modelWith('whole', 2);
      await both(post('/registered-models/alias', { name, alias: 'champion', version: '2' }));
      await both(post('/model-versions/set-tag', { name, version: '1', key: 'k', value: 'v' }));
      await both(del('/registered-models/delete', { name }));
      await both(get('/model-versions/get', { name, version: '1' }));
      await both(get('/registered-models/alias', { name, alias: 'champion' }));
      await both(post('/registered-models/create', { name }));
      await both(get('/registered-models/get', { name }));
      await both(createVersion(name));
      await both(get('/model-versions/get', { name, version: '1' }));
    });

    test.each([
      'a/b',
      'a:b',
      '.',
      '..',
      '..a',
      'a.',
      '...',
      '. ',
      ' ',
      '',
      ' led and trailed ',
      "it's",
      'say "x"',
      `both ' and "`,
      'ünïcodé-模型',
      'emoji-🚀',
      '100%',
      'a+b&c=d?e#f',
      'back\\slash',
      'line\nbreak',
      'x'.repeat(300),
    ])('named %j are handled alike', async (name) => {
      const marked = /^\s*\.?$/.test(name) || name.startsWith('..') ? name : `${run}${name}`;
      await both(post('/registered-models/create', { name: marked }));
      await both(get('/registered-models/get', { name: marked }));
      await both(createVersion(marked));
      await both(get('/model-versions/get', { name: marked, version: '1' }));
      await both(get('/model-versions/search', { filter: `name='${marked}'` }));
      await both(get('/model-versions/search', { filter: `name="${marked}"` }));
      await both(get('/registered-models/search', { filter: `name='${marked}'` }));
      await both(
        get('/model-versions/search', { filter: `name LIKE '${marked.replaceAll(/['"]/g, '_')}'` }),
      );
      await both(post('/registered-models/get-latest-versions', { name: marked }));
      await both(
        post('/model-versions/transition-stage', {
          name: marked,
          version: '1',
          stage: 'Production',
        }),
      );
      await both(post('/registered-models/set-tag', { name: marked, key: 'k', value: 'v' }));
      await both(post('/registered-models/alias', { name: marked, alias: 'a', version: '1' }));
      await both(get('/registered-models/alias', { name: marked, alias: 'a' }));
    });
  });

  describe('model versions', () => {
    test('are created with what the caller sends', async () => {
      const name = modelName('versions');
      await both(createVersion(name));
      await both(post('/registered-models/create', { name }));
      await both(createVersion(name));
      await both(
        post('/model-versions/create', {
          name,
          source: 's3://bucket/a b/ü',
          run_id: 'abc',
          run_link: 'https://example.test/run',
          description: 'text',
          tags: [
            { key: 'k', value: 'v' },
            { key: 'k', value: 'w' },
          ],
        }),
      );
      await both(get('/model-versions/get', { name, version: '1' }));
      await both(get('/model-versions/get', { name, version: '2' }));
      await both(get('/model-versions/get-download-uri', { name, version: '2' }));
      await both(get('/registered-models/get', { name }));
      for (const source of [
        '',
        '/local/path',
        'relative',
        'file:///tmp/x',
        'mlflow-artifacts:/1/abc',
        'runs:/abc/model',
        's3://bucket/../x',
        's3://bucket/%2e%2e/x',
        's3://bucket',
        'gs://bucket/x',
        'dbfs:/x',
      ]) {
        await both(post('/model-versions/create', { name, source }));
      }
      await both(post('/model-versions/create', { name }));
      await both(post('/model-versions/create', { source: 's3://b/x' }));
      await both(post('/model-versions/create', { name, source: 5 }));
      await both(
        post('/model-versions/create', { name, source: 's3://b/x', tags: [{ key: 'a//b' }] }),
      );
      await both(get('/registered-models/get', { name }));
    });

    test.each([
      '1',
      '02',
      ' 2',
      '2 ',
      '+2',
      '-1',
      '0',
      '1_0',
      '1.0',
      '1e1',
      'x',
      '',
      '0x1',
      '3',
      '99999999999',
      '99999999999999999999',
      '-99999999999999999999',
    ])('with version %j are addressed alike', async (version) => {
      const name = await modelWith(`v-${version.trim()}`, 2);
      await both(get('/model-versions/get', { name, version }));
      await both(patch('/model-versions/update', { name, version, description: 'd' }));
      await both(post('/model-versions/set-tag', { name, version, key: 'k', value: 'v' }));
      await both(del('/model-versions/delete-tag', { name, version, key: 'k' }));
      await both(post('/registered-models/alias', { name, alias: 'a', version }));
      await both(
        post('/model-versions/transition-stage', {
          name,
          version,
          stage: 'Production',
          archive_existing_versions: true,
        }),
      );
      await both(get('/registered-models/get', { name }));
      await both(del('/model-versions/delete', { name, version }));
      await both(allOf(name));
    });

    test('with a version that is no text are refused', async () => {
      const name = await modelWith('typed', 1);
      for (const version of [1, 1.5, true, null, [], ['1'], {}]) {
        await both(patch('/model-versions/update', { name, version }));
        await both(post('/model-versions/transition-stage', { name, version, stage: 'Staging' }));
        await both(post('/model-versions/set-tag', { name, version, key: 'k', value: 'v' }));
        await both(post('/registered-models/alias', { name, alias: 'a', version }));
        await both(del('/model-versions/delete', { name, version }));
      }
      await both(get('/registered-models/get', { name }));
    });

    test('lose their description when PATCH has none, and their timestamp moves', async () => {
      const name = await modelWith('patched', 2);
      await both(patch('/model-versions/update', { name, version: '1', description: 'kept' }));
      await both(allOf(name));
      await both(patch('/model-versions/update', { name, version: '1' }));
      await both(patch('/model-versions/update', { name, version: '2', description: '' }));
      await both(patch('/model-versions/update', { name, version: '2', description: null }));
      await both(patch('/model-versions/update', { name, version: '2', description: 5 }));
      await both(
        patch('/model-versions/update', { name, version: '2', description: 'd'.repeat(6_000) }),
      );
      await both(patch('/model-versions/update', { name, version: '9', description: 'x' }));
      await both(patch('/model-versions/update', { name: `${name}-none`, version: '1' }));
      await both(allOf(name));
      await both(get('/registered-models/get', { name }));
    });

    test('are invisible once deleted, and their number stays used', async () => {
      const name = await modelWith('deleted', 3);
      await both(stage(name, '3', 'Production'));
      await both(post('/registered-models/alias', { name, alias: 'champion', version: '3' }));
      await both(post('/registered-models/alias', { name, alias: 'other', version: '2' }));
      await both(del('/model-versions/delete', { name, version: '3' }));
      await both(del('/model-versions/delete', { name, version: '3' }));
      await both(get('/model-versions/get', { name, version: '3' }));
      await both(get('/model-versions/get-download-uri', { name, version: '3' }));
      await both(get('/registered-models/alias', { name, alias: 'champion' }));
      await both(get('/registered-models/alias', { name, alias: 'other' }));
      await both(get('/registered-models/get', { name }));
      await both(allOf(name));
      await both(get('/model-versions/search', { filter: `name='${name}' AND version_number=3` }));
      await both(stage(name, '3', 'Production'));
      await both(post('/registered-models/alias', { name, alias: 'champion', version: '3' }));
      await both(post('/model-versions/set-tag', { name, version: '3', key: 'k', value: 'v' }));
      await both(patch('/model-versions/update', { name, version: '3', description: 'x' }));
      await both(createVersion(name));
      await both(post('/registered-models/get-latest-versions', { name }));
      for (const version of ['1', '2', '4']) {
        await both(del('/model-versions/delete', { name, version }));
      }
      await both(get('/registered-models/get', { name }));
      await both(get('/registered-models/alias', { name, alias: 'latest' }));
      await both(allOf(name));
    });
  });

  describe('prompts', () => {
    const prompt = { key: 'mlflow.prompt.is_prompt', value: 'true' };

    test('are hidden from a search that does not ask for them', async () => {
      const name = modelName('prompt');
      await both(post('/registered-models/create', { name, tags: [prompt] }));
      for (const source of ['dummy-source', 'prompt-template']) {
        const tags = [prompt, { key: 'mlflow.prompt.text', value: 'Greet {{name}}.' }];
        await both(post('/model-versions/create', { name, source, tags }));
      }
      await both(post('/registered-models/alias', { name, alias: 'champion', version: '2' }));
      await both(get('/registered-models/alias', { name, alias: 'champion' }));
      const asked = `tags.\`${prompt.key}\` = 'true'`;
      for (const filter of [
        `name = '${name}'`,
        `name = '${name}' AND ${asked}`,
        `name = '${name}' AND version_number < 2 AND ${asked}`,
      ]) {
        await both(get('/model-versions/search', { filter, max_results: '1' }));
        await both(get('/registered-models/search', { filter }));
      }
      await both(get('/registered-models/get-latest-versions', { name }));
    });

    test('have a placeholder as their source, and nothing else has', async () => {
      const name = modelName('prompt-source');
      await both(post('/registered-models/create', { name, tags: [prompt] }));
      const tagLists = [[prompt], [{ ...prompt, value: 'True' }], [{ ...prompt, value: 'no' }], []];
      for (const tags of [...tagLists, [prompt, { ...prompt, value: 'false' }]]) {
        for (const source of ['dummy-source', 's3://models/x', 'other']) {
          await both(post('/model-versions/create', { name, source, tags }));
        }
      }
      await both(allOf(name));
    });
  });

  describe('transition-stage', () => {
    test.each([
      'Production',
      'production',
      'PRODUCTION',
      'staging',
      'Archived',
      'archived',
      'None',
      'none',
      'Deleted_Internal',
      'Live',
      '',
      ' Production',
      'Prodüction',
    ])('to %j is the same with every flag', async (wanted) => {
      const name = await modelWith(`to-${wanted.trim()}`, 3);
      await both(stage(name, '1', 'Production'));
      await both(stage(name, '2', 'Staging'));
      for (const archive of [undefined, false, true, null, 'true', 1, 0]) {
        await both(
          post('/model-versions/transition-stage', {
            name,
            version: '3',
            stage: wanted,
            archive_existing_versions: archive,
          }),
        );
        await both(allOf(name));
      }
      await both(get('/registered-models/get', { name }));
    });

    test('gives the promoted and the displaced one timestamp', async () => {
      const name = await modelWith('displaced', 5);
      await both(stage(name, '1', 'Production'));
      await both(stage(name, '2', 'Production'));
      await both(stage(name, '3', 'Production'));
      await both(stage(name, '4', 'Production', true));
      const { body } = await both(allOf(name));
      const rows = (body as { model_versions: Record<string, unknown>[] }).model_versions;
      const times = rows
        .filter((row) => row['version'] !== '5')
        .map((row) => row['last_updated_timestamp']);
      expect(new Set(times).size).toBe(1);
      await both(stage(name, '4', 'Production', true));
      await both(stage(name, '4', 'Production'));
      await both(stage(name, '3', 'production', true));
      await both(allOf(name));
      await both(get('/registered-models/get', { name }));
    });

    test('to a missing target leaves Production as it was', async () => {
      const name = await modelWith('missing', 2);
      await both(stage(name, '2', 'Production'));
      await both(stage(name, '9', 'Production', true));
      await both(stage(name, 'x', 'Production', true));
      await both(stage(`${name}-none`, '1', 'Production', true));
      await both(allOf(name));
      await both(get('/registered-models/get', { name }));
    });

    test('refuses what is missing, and reads camelCase names too', async () => {
      const name = await modelWith('fields', 2);
      await both(post('/model-versions/transition-stage', {}));
      await both(post('/model-versions/transition-stage', { name }));
      await both(post('/model-versions/transition-stage', { name, version: '1' }));
      await both(post('/model-versions/transition-stage', { version: '1', stage: 'Staging' }));
      await both(post('/model-versions/transition-stage', { name, version: '1', stage: 5 }));
      await both(
        post('/model-versions/transition-stage', {
          name,
          version: '1',
          stage: 'Staging',
          comment: 'unknown fields are let through',
        }),
      );
      const camel = { name, version: '2', stage: 'Staging', archiveExistingVersions: true };
      await both(post('/model-versions/transition-stage', camel));
      await both(
        post('/model-versions/transition-stage', { ...camel, archive_existing_versions: false }),
      );
      await both(allOf(name));
    });
  });

  describe('get-latest-versions', () => {
    test('gives the highest number of each stage', async () => {
      const name = await modelWith('latest', 6);
      await both(post('/registered-models/alias', { name, alias: 'champion', version: '4' }));
      await both(stage(name, '1', 'Production'));
      await both(stage(name, '4', 'Production'));
      await both(stage(name, '5', 'Archived'));
      await both(stage(name, '2', 'Archived'));
      for (const stages of [
        undefined,
        [],
        ['Production'],
        ['production', 'Archived'],
        ['Staging'],
        ['None'],
        ['Live'],
        ['Production', 'Production'],
        'Production',
        [5],
        null,
        [null],
      ]) {
        await both(post('/registered-models/get-latest-versions', { name, stages }));
      }
      await both(get('/registered-models/get-latest-versions', { name }));
      await both(get('/registered-models/get-latest-versions', { name, stages: 'Production' }));
      await both(
        get('/registered-models/get-latest-versions', { name, stages: ['Production', 'None'] }),
      );
      await both(get('/registered-models/get-latest-versions', { name: modelName('no-such') }));
      await both(post('/registered-models/get-latest-versions', {}));
      await both(get('/registered-models/alias', { name, alias: 'latest' }));
      await both(get('/registered-models/alias', { name, alias: 'LATEST' }));
    });

    test('of a model without versions is empty', async () => {
      const name = await modelWith('empty', 0);
      await both(post('/registered-models/get-latest-versions', { name }));
      await both(get('/registered-models/get', { name }));
      await both(allOf(name));
      await both(get('/registered-models/alias', { name, alias: 'latest' }));
    });
  });

  describe('aliases', () => {
    test('are set, moved, shown where MLflow shows them, and removed', async () => {
      const name = await modelWith('aliases', 3);
      await both(post('/registered-models/alias', { name, alias: 'champion', version: '1' }));
      await both(post('/registered-models/alias', { name, alias: 'Champion', version: '2' }));
      await both(post('/registered-models/alias', { name, alias: 'second', version: '1' }));
      await both(get('/registered-models/get', { name }));
      await both(get('/model-versions/get', { name, version: '1' }));
      await both(get('/registered-models/alias', { name, alias: 'champion' }));
      await both(get('/registered-models/alias', { name, alias: 'CHAMPION' }));
      await both(allOf(name));
      await both(get('/registered-models/search', { filter: `name='${name}'` }));
      await both(stage(name, '1', 'Production'));
      await both(patch('/model-versions/update', { name, version: '1', description: 'd' }));
      await both(post('/registered-models/alias', { name, alias: 'champion', version: '3' }));
      await both(post('/registered-models/alias', { name, alias: 'champion', version: '3' }));
      await both(post('/registered-models/alias', { name, alias: 'champion', version: '9' }));
      await both(get('/registered-models/alias', { name, alias: 'champion' }));
      await both(get('/registered-models/get', { name }));
      await both(del('/registered-models/alias', { name, alias: 'champion' }));
      await both(del('/registered-models/alias', { name, alias: 'champion' }));
      await both(get('/registered-models/alias', { name, alias: 'champion' }));
      await both(get('/registered-models/get', { name }));
    });

    test.each([
      'latest',
      'Latest',
      'v1',
      'V22',
      'v',
      'v1a',
      'a b',
      'a.b',
      'a/b',
      'a:b',
      'ünï',
      '模型',
      '_-',
      'a\n',
      '',
      'x'.repeat(255),
      'x'.repeat(256),
      '1',
    ])('named %j are handled alike', async (alias) => {
      const name = await modelWith('alias-name', 1);
      await both(post('/registered-models/alias', { name, alias, version: '1' }));
      await both(get('/registered-models/alias', { name, alias }));
      await both(get('/registered-models/get', { name }));
      await both(del('/registered-models/alias', { name, alias }));
      await both(get('/registered-models/alias', { name, alias }));
    });

    test('of what is missing fail alike', async () => {
      const name = await modelWith('alias-missing', 1);
      const none = `${name}-none`;
      await both(get('/registered-models/alias', { name, alias: 'no' }));
      await both(get('/registered-models/alias', { name: none, alias: 'no' }));
      await both(get('/registered-models/alias', { name: none, alias: 'latest' }));
      await both(post('/registered-models/alias', { name: none, alias: 'a', version: '1' }));
      await both(del('/registered-models/alias', { name: none, alias: 'a' }));
      await both(get('/registered-models/alias', { name }));
      await both(get('/registered-models/alias', { alias: 'a' }));
      await both(post('/registered-models/alias', { name, alias: 'a' }));
      await both(post('/registered-models/alias', { name, version: '1' }));
      await both(del('/registered-models/alias', { name }));
      await both({
        method: 'DELETE',
        path: '/registered-models/alias',
        query: { name, alias: 'a' },
      });
    });
  });

  describe('tags', () => {
    test('do not touch the timestamps of a version or a model', async () => {
      const name = await modelWith('tags', 2);
      await both(post('/model-versions/set-tag', { name, version: '1', key: 'k', value: 'v' }));
      await both(post('/model-versions/set-tag', { name, version: '1', key: 'k', value: 'w' }));
      await both(post('/model-versions/set-tag', { name, version: '1', key: 'none' }));
      await both(post('/registered-models/set-tag', { name, key: 'k', value: 'v' }));
      await both(post('/registered-models/set-tag', { name, key: 'none' }));
      await both(allOf(name));
      await both(get('/registered-models/get', { name }));
      await both(del('/model-versions/delete-tag', { name, version: '1', key: 'k' }));
      await both(del('/model-versions/delete-tag', { name, version: '1', key: 'k' }));
      await both(del('/registered-models/delete-tag', { name, key: 'k' }));
      await both(del('/registered-models/delete-tag', { name, key: 'k' }));
      await both(get('/registered-models/get', { name }));
      await both(get('/model-versions/get', { name, version: '1' }));
    });

    test.each([
      'a b',
      'a/b',
      'a:b',
      'a.b',
      '/a',
      'a/',
      'a//b',
      'a/../b',
      './a',
      '.',
      '..',
      '..a',
      '...',
      'a/..b',
      'ü',
      '模',
      "it's",
      'a"b',
      'a\n',
      '',
      ' ',
      'k'.repeat(250),
      'k'.repeat(251),
      'ü'.repeat(250),
      '🚀',
      'mlflow.x',
    ])('with the key %j are handled alike', async (key) => {
      const name = await modelWith('tag-key', 1);
      await both(post('/model-versions/set-tag', { name, version: '1', key, value: 'v' }));
      await both(post('/registered-models/set-tag', { name, key, value: 'v' }));
      await both(get('/registered-models/get', { name }));
      await both(
        get('/model-versions/search', { filter: `name='${name}' AND tags.\`${key}\` = 'v'` }),
      );
      await both(del('/model-versions/delete-tag', { name, version: '1', key }));
      await both(del('/registered-models/delete-tag', { name, key }));
      await both(get('/registered-models/get', { name }));
    });

    test.each([5_000, 5_001, 100_000, 100_001])(
      'of %i characters are handled alike',
      async (size) => {
        const name = await modelWith('tag-size', 1);
        for (const value of ['v'.repeat(size), '🚀'.repeat(size)]) {
          await both(post('/model-versions/set-tag', { name, version: '1', key: 'k', value }));
          await both(post('/registered-models/set-tag', { name, key: 'k', value }));
        }
        await both(get('/registered-models/get', { name }));
      },
    );

    test('of what is missing or wrong fail alike', async () => {
      const name = await modelWith('tag-missing', 1);
      await both(post('/model-versions/set-tag', { name, version: '9', key: 'k', value: 'v' }));
      await both(post('/model-versions/set-tag', { name: `${name}-no`, version: '1', key: 'k' }));
      await both(post('/model-versions/set-tag', { name, version: '1' }));
      await both(post('/model-versions/set-tag', { name, version: '1', key: 5, value: 'v' }));
      await both(post('/model-versions/set-tag', { name, version: '1', key: 'k', value: 5 }));
      await both(post('/model-versions/set-tag', { name, version: '1', key: 'k', value: null }));
      await both(post('/registered-models/set-tag', { name: `${name}-no`, key: 'k', value: 'v' }));
      await both(post('/registered-models/set-tag', { name, value: 'v' }));
      await both(del('/model-versions/delete-tag', { name, version: '9', key: 'k' }));
      await both(del('/model-versions/delete-tag', { name, version: '1' }));
      await both(del('/registered-models/delete-tag', { name: `${name}-no`, key: 'k' }));
      await both(del('/registered-models/delete-tag', { name }));
      await both(get('/registered-models/get', { name }));
    });
  });

  describe('search', () => {
    const a = `${run}-search-a`;
    const b = `${run}-search-B`;

    beforeAll(async () => {
      for (const name of [a, b]) {
        await prepare(post('/registered-models/create', { name }));
        for (let count = 1; count <= 5; count += 1) {
          await prepare(
            post('/model-versions/create', {
              name,
              source: `s3://bucket/${run}/${count}`,
              run_id: `run${count % 2}`,
            }),
          );
        }
        await prepare(post('/registered-models/set-tag', { name, key: 'team', value: name }));
      }
      await prepare(stage(a, '2', 'Production'));
      await prepare(stage(a, '4', 'Production', true));
      for (const [version, key, value] of [
        ['1', 'k', 'v'],
        ['1', 'l', 'w'],
        ['2', 'k', 'V'],
        ['3', 'k', 'w'],
        ['3', 'a b', 'x'],
        ['3', 'a.b', 'x'],
        ['4', 'k', "it's"],
        ['5', 'mlflow.x', '100%'],
      ] as const) {
        await prepare(post('/model-versions/set-tag', { name: a, version, key, value }));
      }
    });

    test(`answers random filters from seed ${SEED} alike`, {
      timeout: 60_000 + 50 * RUNS,
    }, async () => {
      for (const filter of fc.sample(randomFilter(a, b), { seed: SEED, numRuns: RUNS / 2 })) {
        const path =
          filter.length % 2 === 0 ? '/model-versions/search' : '/registered-models/search';
        await both(get(path, { filter }));
      }
    });

    test.each(filters())('answers the filter %s alike', async (filter) => {
      const text = filter.replaceAll('$A', a).replaceAll('$B', b).replaceAll('$R', run);
      await both(get('/model-versions/search', { filter: text }));
      await both(get('/registered-models/search', { filter: text }));
    });

    test.each([
      'name',
      'name ASC',
      'name desc',
      'name  DESC',
      '`name` DESC',
      '`name`',
      '"name" DESC',
      'attribute.name',
      'attribute.name DESC',
      'tags.name',
      'attr.name DESC',
      'version_number',
      'version_number DESC',
      'version_number ASC',
      'version_number DESC NULLS LAST',
      'creation_timestamp asc',
      'creation_timestamp DESC',
      'last_updated_timestamp',
      'last_updated_timestamp DESC',
      'timestamp',
      'timestamp DESC',
      'stage',
      'current_stage DESC',
      'Name',
      'name FOO',
      'name DESC x',
      'name,version_number',
      'name;',
      "'name'",
      '1',
      '',
      ' ',
      ' name',
      'name ',
      'version',
      'run_id',
      'source_path',
    ])('orders by %j alike', async (order) => {
      const filter = `name LIKE '${run}-search-%'`;
      await both(get('/model-versions/search', { filter, order_by: order }));
      await both(get('/registered-models/search', { filter, order_by: order }));
    });

    test.each([
      [['name DESC', 'version_number ASC']],
      [['version_number ASC', 'name DESC']],
      [['last_updated_timestamp ASC', 'version_number ASC']],
      [['name', 'name DESC']],
      [['version_number', 'attribute.version_number']],
      [['timestamp', 'last_updated_timestamp']],
      [['last_updated_timestamp', 'name DESC']],
    ])('orders by %j alike', async (order) => {
      const filter = `name LIKE '${run}-search-%'`;
      await both(get('/model-versions/search', { filter, order_by: order }));
      await both(get('/registered-models/search', { filter, order_by: order }));
    });

    test('gives the changes below a version, with their tags, page by page alike', async () => {
      const name = await modelWith('changes', 9);
      const tag = { name, key: 'model_rollback.rolled_back', value: 'to 1, and so on' };
      await both(post('/model-versions/set-tag', { ...tag, version: '6' }));
      await both(post('/registered-models/alias', { name, alias: 'champion', version: '6' }));
      for (const version of ['4', '6', '8']) {
        await both(
          post('/model-versions/transition-stage', {
            name,
            version,
            stage: 'Production',
            archive_existing_versions: true,
          }),
        );
      }
      await both(patch('/model-versions/update', { name, version: '2', description: 'edited' }));
      // Also after a rename, when all of them share a time.
      const newName = `${name}-new`;
      for (const named of [name, newName]) {
        for (const size of [1, 3, 100]) {
          let token: string | undefined;
          do {
            const { body } = await both(
              get('/model-versions/search', {
                filter: `name = '${named}' AND version_number < 8`,
                max_results: size,
                order_by: 'last_updated_timestamp DESC',
                ...(token && { page_token: token }),
              }),
            );
            token = (body as { next_page_token?: string }).next_page_token;
          } while (token !== undefined);
        }
        if (named === name) {
          await both(post('/registered-models/rename', { name, new_name: newName }));
        }
      }
    });

    test('asks for fewer rows on a later page alike', async () => {
      const name = await modelWith('fewer', 7);
      const query = { filter: `name = '${name}'`, order_by: 'version_number DESC' };
      const first = await both(get('/model-versions/search', { ...query, max_results: 4 }));
      const { next_page_token: token = '' } = first.body as { next_page_token?: string };
      for (const max_results of [1, 2, 3, 100]) {
        await both(get('/model-versions/search', { ...query, max_results, page_token: token }));
      }
    });

    test.each([1, 2, 3, 5, 9, 10, 11])('walks all pages of %i rows alike', async (size) => {
      const filter = `name LIKE '${run}-search-%'`;
      for (const order of ['version_number DESC', 'last_updated_timestamp ASC']) {
        let token: string | undefined;
        const seen: unknown[] = [];
        do {
          const query = {
            filter,
            max_results: size,
            order_by: order,
            ...(token && { page_token: token }),
          };
          const { body } = await both(get('/model-versions/search', query));
          const page = body as { model_versions?: unknown[]; next_page_token?: string };
          seen.push(...(page.model_versions ?? []));
          token = page.next_page_token;
        } while (token !== undefined);
        expect(seen).toHaveLength(10);
      }
      let token: string | undefined;
      do {
        const query = { filter, max_results: size, ...(token && { page_token: token }) };
        const { body } = await both(get('/registered-models/search', query));
        token = (body as { next_page_token?: string }).next_page_token;
      } while (token !== undefined);
    });

    test.each([
      '0',
      '-1',
      '-5',
      '1000',
      '1001',
      '200000',
      '200001',
      'x',
      '',
      '1.0',
      '1.5',
      '1e1',
      '+3',
      ' 3',
      '99999999999999999999',
      'true',
    ])('takes max_results=%j alike', async (size) => {
      const filter = `name LIKE '${run}-search-%'`;
      await both(get('/model-versions/search', { filter, max_results: size }));
      await both(get('/registered-models/search', { filter, max_results: size }));
    });

    test.each([
      '',
      '!',
      'abc',
      'abcd',
      token('{"offset": 2}'),
      token('{"offset":2}'),
      token('{"offset": "2"}'),
      token('{"offset": 0}'),
      token('{"offset": -1}'),
      token('{"offset": 99}'),
      token('{"offset": "x"}'),
      token('{"offset": null}'),
      token('{"offset": 1.5}'),
      token('{}'),
      token('5'),
      token('[]'),
      token('null'),
      token('no json'),
      token('{"offset": true}'),
      token('{"offset": [1]}'),
      token('{"offset": 2}').slice(0, -1),
      ` ${token('{"offset": 2}')}`,
    ])('takes page_token=%j alike', async (page_token) => {
      const filter = `name LIKE '${run}-search-%'`;
      await both(get('/model-versions/search', { filter, max_results: 3, page_token }));
      await both(get('/registered-models/search', { filter, max_results: 1, page_token }));
    });

    test('reads a JSON body when a GET has no query', async () => {
      const path = '/model-versions/search';
      const headers = { 'content-type': 'application/json' };
      const filter = `name='${a}'`;
      await both({ method: 'GET', path, headers, body: { filter, max_results: 2 } });
      await both({ method: 'GET', path, headers, body: { filter, maxResults: 2 } });
      await both({ method: 'GET', path, headers, body: { filter, max_results: '2' } });
      await both({ method: 'GET', path, headers, body: { filter, max_results: 2.5 } });
      await both({ method: 'GET', path, headers, body: { filter, max_results: true } });
      await both({ method: 'GET', path, headers, body: { filter, order_by: 'name' } });
      await both({ method: 'GET', path, headers, body: { filter, order_by: ['version_number'] } });
      await both({ method: 'GET', path, body: { filter } });
      await both({ method: 'GET', path: '/model-versions/get', body: { name: a, version: '1' } });
      await both({
        method: 'GET',
        path: '/model-versions/get',
        query: { other: 1 },
        body: { name: a, version: '1' },
      });
    });
  });

  describe('HTTP', () => {
    test('knows the same routes and methods', async () => {
      const name = await modelWith('http', 1);
      for (const path of [
        '/nonsense',
        '/registered-models',
        '/registered-models/get/',
        '/model-versions/getx',
        '//health',
        '//version',
        '//api/2.0/mlflow',
        '//api/2.0/mlflow/',
        '//api/3.0/mlflow/registered-models/get',
        '//ajax-api/2.0/mlflow/registered-models/get',
        '//nonsense',
      ]) {
        await both({ method: 'GET', path, query: { name } });
      }
      await both(post('/registered-models/get', { name }));
      await both(post('/model-versions/search', {}));
      await both(post('/registered-models/search', {}));
      await both(get('/model-versions/transition-stage', { name }));
      await both(post('/model-versions/update', { name, version: '1' }));
      await both(patch('/model-versions/set-tag', { name, version: '1', key: 'k' }));
      await both(post('/model-versions/delete-tag', { name, version: '1', key: 'k' }));
      await both(del('/registered-models/get', { name }));
      await both(patch('/registered-models/alias', { name }));
      await both({ method: 'PUT', path: '/registered-models/alias', body: { name } });
    });

    test.each([
      undefined,
      'text/plain',
      'application/json',
      'application/json; charset=utf-8',
      'application/json;charset=utf-8',
      'APPLICATION/JSON',
      'application/x-www-form-urlencoded',
      'application/merge-patch+json',
      '',
    ])('checks the content type %j alike', async (type) => {
      const name = await modelWith(`type-${type}`.replaceAll('/', '-'), 1);
      const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
      const tag = { name, version: '1', key: 'k', value: 'v' };
      await both({
        method: 'POST',
        path: '/model-versions/set-tag',
        headers,
        rawBody: JSON.stringify(tag),
      });
      await both({
        method: 'PATCH',
        path: '/model-versions/update',
        headers,
        rawBody: JSON.stringify(tag),
      });
      await both({
        method: 'DELETE',
        path: '/model-versions/delete-tag',
        headers,
        rawBody: JSON.stringify(tag),
      });
      await both(get('/registered-models/get', { name }));
    });

    test('reads odd bodies alike', async () => {
      const name = await modelWith('bodies', 1);
      const tag = { name, version: '1', key: 'k', value: 'v' };
      const headers = { 'content-type': 'application/json' };
      for (const rawBody of [
        '',
        '{',
        'null',
        '[]',
        '[1]',
        '5',
        'true',
        '"text"',
        '{}',
        '"{}"',
        JSON.stringify(JSON.stringify(tag)),
        JSON.stringify(tag),
        ` ${JSON.stringify(tag)}\n`,
      ]) {
        await both({ method: 'POST', path: '/model-versions/set-tag', headers, rawBody });
      }
      await both(get('/registered-models/get', { name }));
    });

    test('reads empty, repeated and unknown parameters alike', async () => {
      const name = await modelWith('query', 1);
      await both({ method: 'GET', path: '/registered-models/get' });
      await both(get('/registered-models/get', { name: '' }));
      await both(get('/registered-models/get', { name: [name, 'other'] }));
      await both(get('/registered-models/get', { name, other: 'x' }));
      await both(get('/registered-models/get', { other: 'x' }));
      await both(get('/model-versions/get', { name }));
      await both(get('/model-versions/get', { version: '1' }));
      await both(get('/model-versions/get', { name, version: '' }));
      await both(get('/model-versions/get', { name: `${name}-no`, version: '1' }));
      await both(get('/model-versions/get', { name, version: '7' }));
    });

    test('says what kind of store it is', async () => {
      const call = { method: 'GET', path: '//api/3.0/mlflow/server-info' };
      const [theirs, ours] = await Promise.all([send(mlflow.url, call), send(embedded.url, call)]);
      expect([ours.status, ours.content]).toEqual([theirs.status, theirs.content]);
      // The real answer has a dozen more fields, about parts that are not here.
      expect(theirs.body).toMatchObject(ours.body as object);
    });

    test('refuses a workspace header', async () => {
      const name = await modelWith('workspace', 1);
      const headers = { 'x-mlflow-workspace': 'default' };
      await both({ method: 'GET', path: '/registered-models/get', query: { name }, headers });
    });
  });

  describe('basic auth', () => {
    const auth = GUARD_LOGIN;

    test('refuses alike', async () => {
      const ourServer = await startRegistryServer({ auth });
      try {
        const right = `${auth.username}:${auth.password}`;
        const logins = [undefined, right, 'admin:wrong', 'nobody:x', 'admin'];
        const calls: Call[] = [
          ...['//health', '//version', '/nonsense'].map((path) => get(path, {})),
          // Other suites have models on that server.
          get('/registered-models/search', { filter: `name = '${run}-nowhere'` }),
        ];
        for (const call of calls) {
          for (const login of logins) {
            const sent = login && `Basic ${Buffer.from(login).toString('base64')}`;
            const asked = { ...call, headers: { ...(sent && { authorization: sent }) } };
            const theirs = await send(guarded.url, asked);
            const ours = await send(ourServer.url, asked);
            expect
              .soft(comparable(asked, ours), `${call.path} ${login}`)
              .toEqual(comparable(asked, theirs));
          }
        }
      } finally {
        await ourServer.close();
      }
    });
  });

  describe('a random history', () => {
    const names = [0, 1].map((index) => `${run}-random-${index}`);
    const calls = fc.sample(randomCall(names), { seed: SEED, numRuns: RUNS });

    test(`of ${calls.length} calls from seed ${SEED} leaves both in one state`, {
      timeout: 60_000 + 50 * RUNS,
    }, async () => {
      for (const [index, call] of calls.entries()) {
        await both(call);
        if (index % 8 === 7) {
          const name = names[index % 16 === 7 ? 0 : 1] ?? '';
          await both(get('/registered-models/get', { name }));
          await both(allOf(name));
        }
      }
    });
  });
});

// --- helpers ----------------------------------------------------------------------------------

function randomCall(names: readonly string[]): fc.Arbitrary<Call> {
  const name = fc.constantFrom(...names);
  const version = fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: 1, max: 7 }).map(String) },
    { weight: 1, arbitrary: fc.constantFrom('0', '02', ' 3', 'x', '') },
  );
  const stageName = fc.constantFrom(
    'None',
    'Staging',
    'Production',
    'production',
    'Archived',
    'Live',
  );
  const alias = fc.constantFrom('champion', 'challenger', 'latest', 'a b');
  const key = fc.constantFrom('k', 'l', 'a b', '/');
  const value = fc.constantFrom('', 'v', "it's", 'ü');
  const order = fc.constantFrom(
    'version_number',
    'version_number DESC',
    'last_updated_timestamp',
    'last_updated_timestamp DESC',
    'creation_timestamp',
    'name',
  );
  const write = (path: string, fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Call> =>
    fc.record(fields).map((body) => post(path, body));
  return fc.oneof(
    { weight: 1, arbitrary: write('/registered-models/create', { name }) },
    { weight: 1, arbitrary: write('/registered-models/rename', { name, new_name: name }) },
    { weight: 5, arbitrary: name.map((each) => createVersion(each)) },
    {
      weight: 12,
      arbitrary: write('/model-versions/transition-stage', {
        name,
        version,
        stage: stageName,
        archive_existing_versions: fc.boolean(),
      }),
    },
    { weight: 4, arbitrary: write('/registered-models/alias', { name, alias, version }) },
    { weight: 4, arbitrary: write('/model-versions/set-tag', { name, version, key, value }) },
    { weight: 2, arbitrary: write('/registered-models/set-tag', { name, key, value }) },
    {
      weight: 2,
      arbitrary: fc
        .record({ name, version, description: value }, { requiredKeys: ['name', 'version'] })
        .map((body) => patch('/model-versions/update', body)),
    },
    {
      weight: 1,
      arbitrary: fc.record({ name, version }).map((body) => del('/model-versions/delete', body)),
    },
    {
      weight: 1,
      arbitrary: fc.record({ name, alias }).map((body) => del('/registered-models/alias', body)),
    },
    {
      weight: 1,
      arbitrary: fc
        .record({ name, version, key })
        .map((body) => del('/model-versions/delete-tag', body)),
    },
    {
      weight: 3,
      arbitrary: fc.record({ name, version }).map((query) => get('/model-versions/get', query)),
    },
    {
      weight: 3,
      arbitrary: fc.record({ name, alias }).map((query) => get('/registered-models/alias', query)),
    },
    {
      weight: 3,
      arbitrary: write('/registered-models/get-latest-versions', {
        name,
        stages: fc.array(stageName, { maxLength: 2 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc
        .record({
          name,
          order,
          version: fc.integer({ min: 0, max: 8 }),
          size: fc.integer({ min: 1, max: 5 }),
        })
        .map((each) =>
          get('/model-versions/search', {
            filter: `name='${each.name}' AND version_number <= ${each.version}`,
            order_by: each.order,
            max_results: each.size,
          }),
        ),
    },
  );
}

/** Filters put together from right and wrong pieces; the first clause keeps to our two models. */
function randomFilter(a: string, b: string): fc.Arbitrary<string> {
  const left = fc.constantFrom(
    'name',
    'version_number',
    'run_id',
    'source_path',
    'tags.k',
    'tag.l',
    'tags.`a b`',
    'tags."a.b"',
    'attribute.name',
    'tags.team',
    'current_stage',
    'tags.a.b',
    '`name`',
  );
  const middle = fc.constantFrom(
    '=',
    '!=',
    '<',
    '<=',
    '>',
    '>=',
    'LIKE',
    'ILIKE',
    'like',
    'IN',
    'NOT IN',
    '<>',
    'NOT LIKE',
  );
  const right = fc.constantFrom(
    '1',
    '3',
    '5',
    "'3'",
    "'v'",
    "'V'",
    '"w"',
    `'${a}'`,
    `"${b}"`,
    "'%'",
    "'run1'",
    "'s3://%'",
    "('v', 'w')",
    `("${a}")`,
    'x',
    "'",
    '-1',
    '2.0',
    "'it''s'",
    `"it's"`,
    '()',
  );
  const gap = fc.constantFrom('', ' ', '  ', '\n');
  const clause = fc.oneof(
    { weight: 3, arbitrary: fc.tuple(left, middle, right).map((parts) => parts.join(' ')) },
    {
      weight: 1,
      arbitrary: fc.tuple(left, gap, middle, gap, right).map((parts) => parts.join('')),
    },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 0, max: 6 }).map((each) => `version_number <= ${each}`),
    },
    { weight: 1, arbitrary: fc.constantFrom("tags.k = 'v'", "tags.k LIKE '%'", "run_id = 'run0'") },
  );
  const joint = fc.constantFrom(' AND ', ' AND ', ' AND ', ' and ', ' ', ' OR ', ' AND AND ', ', ');
  const rest = fc.array(fc.tuple(joint, clause), { minLength: 1, maxLength: 3 });
  return rest.map((pairs) => `name IN ('${a}', '${b}')${pairs.flat().join('')}`);
}

/** Filters over `$A` and `$B` (two models) and `$R` (the prefix of their names). */
function filters(): readonly string[] {
  return [
    "name='$A'",
    'name="$A"',
    "name = '$A'",
    "name\t=\n'$A'",
    " name='$A'",
    "name='$A' ",
    "name='$A' name='$A'",
    "AND name='$A'",
    "name='$A' AND",
    "name='$A' AND AND version_number<3",
    "name='$A',name='$B'",
    "name='$A';",
    "name='$A'; ",
    "name='$A';name='$B'",
    "(name='$A')",
    "'$A'=name",
    'name=name',
    "name='it''s'",
    "name = '$A\\' AND source_path = 'x'",
    "name='$A\\'",
    "name='$A' OR name='$B'",
    "name='$A' and version_number>2",
    "name='$A'AND version_number=1",
    "name='$A'ANDversion_number=1",
    "name='$A' extra",
    "name='$A' 'x'",
    "name='$A' 5",
    "name='$A' NOT version_number=1",
    "name='$A' -- c",
    "name='$A' /* c */",
    "name='$A' # c",
    'name',
    "'$A'",
    'name=',
    "name '$A'",
    "name='$A",
    'name="$A\'',
    'name = `$A`',
    'name = %s',
    "`name`='$A'",
    '"name"=\'$A\'',
    "Name='$A'",
    "NAME='$A'",
    "attribute.name='$A'",
    "attr.name='$A'",
    "run.name='$A'",
    "foo.bar='$A'",
    'name=\'\' AND name=""',
    "name like '$R-search-%'",
    "name LIKE '$R-search-%'",
    "name LIKE '$R-SEARCH-%'",
    "name ILIKE '$R-SEARCH-%'",
    "name LIKE '$R-search-b'",
    "name ILIKE '$R-search-b'",
    "name LIKE '$R-search-_'",
    "name NOT LIKE '$A'",
    "name RLIKE '$R.*'",
    "name == '$A'",
    "name <> '$A'",
    "name > '$A'",
    'name=3',
    "name IN ('$A','$B')",
    "name IN ('$A')",
    "name NOT IN ('$A') AND name LIKE '$R-search-%'",
    'name in ("$A", \'$B\')',
    'name IN ()',
    'name IN (1)',
    "name IN ('$A',)",
    "name IN '$A'",
    "name = ('$A')",
    "name != ('$A')",
    "name LIKE ('$A')",
    "name != '$A' AND name LIKE '$R-search-%'",
    "name='$A' AND run_id='run1'",
    "name='$A' AND run_id IN ('run1','x')",
    "name='$A' AND run_id != 'run1'",
    "name='$A' AND run_id LIKE 'run%'",
    "name='$A' AND run_id = ''",
    "source_path='s3://bucket/$R/1'",
    "source_path LIKE 's3://bucket/$R/%'",
    "source_path ILIKE 'S3://BUCKET/$R/%' AND name='$A'",
    "source_path IN ('x')",
    "source_path > 'x'",
    "name='$A' AND version_number = 3",
    "name='$A' AND version_number != 3",
    "name='$A' AND version_number !=3",
    "name='$A' AND version_number<3",
    "name='$A' AND version_number<=3",
    "name='$A' AND version_number>3",
    "name='$A' AND version_number>=3",
    "name='$A' AND version_number<5 AND version_number>2",
    "version_number<3and name='$A'",
    "version_number<3 and name='$A'",
    "name='$A' AND version_number='3'",
    'name=\'$A\' AND version_number="3"',
    "name='$A' AND version_number=' 3'",
    "name='$A' AND version_number='x'",
    "name='$A' AND version_number=3.0",
    "name='$A' AND version_number=1e3",
    "name='$A' AND version_number=-1",
    "name='$A' AND version_number<-3",
    "name='$A' AND version_number = +3",
    "name='$A' AND version_number=03",
    'version_number<- 3',
    'version_number = 0x3',
    'version_number IN (1,2)',
    "version_number LIKE '3'",
    'version_number < name',
    "name='$A' AND version_number < 99999999999",
    'version_number=99999999999999999999',
    "name='$A' AND attribute.version_number=3",
    "current_stage='Production'",
    "status='READY'",
    "aliases='champion'",
    'creation_timestamp>3',
    'last_updated_timestamp > 3',
    "description='x'",
    "name='$A' AND tags.k='v'",
    "name='$A' AND tag.k='v'",
    "name='$A' AND tags.k!='v'",
    "name='$A' AND tags.k LIKE 'v'",
    "name='$A' AND tags.k ILIKE 'v'",
    "name='$A' AND tags.k='v' AND tags.l='w'",
    "name='$A' AND tags.k='v' AND tags.l='x'",
    "name='$A' AND tags.k='v' AND tags.k!='w'",
    "name='$A' AND tags.k LIKE '%' AND tags.k != 'v'",
    "name='$A' AND tags.`a b`='x'",
    "name='$A' AND tags.\"a b\"='x'",
    "name='$A' AND tags.'a b'='x'",
    "name='$A' AND tags.a.b='x'",
    "name='$A' AND tags.`a.b`='x'",
    "name='$A' AND tags.`mlflow.x`='100%'",
    "name='$A' AND tags.mlflow.x LIKE '100_'",
    "name='$A' AND tags.k=\"it's\"",
    "name='$A' AND tags.k='it''s'",
    "tags.a-b='x'",
    "tags. k='v'",
    "name='$A' AND tags.k ='v'",
    "tags .k='v'",
    "tags.k>'a'",
    'tags.k=3',
    "tags.k IN ('a')",
    'tags.k IS NULL',
    'tags.k IS NOT NULL',
    'name IS NULL',
    "tags.ü='x'",
    "tags.1a='x'",
    "tags.1='x'",
    "tags.name='x'",
    "tags.key='x'",
    "tags.value='x'",
    "tags.from='x'",
    "tags.in='x'",
    "tags.current_stage='x'",
    // Of this file alone: other suites make prompts on the same server.
    "name LIKE '$R%' AND tags.`mlflow.prompt.is_prompt` = 'true'",
    "name='$A' AND tags.`mlflow.prompt.is_prompt` != 'true'",
    "tags.team='$A'",
    "tags.team LIKE '$R%' AND name LIKE '%a'",
    "name='ü'",
    "name='%s'",
    '   ',
    '5=5',
    'run_id IN (a)',
    "name='no-such-model'",
    "name='$A' AND (version_number<3)",
    "name='$A' AND(version_number<3)",
  ];
}

function modelName(suffix: string): string {
  return `${run}-${suffix}-${randomBytes(3).toString('hex')}`;
}

function post(path: string, body: unknown): Call {
  return { method: 'POST', path, body };
}

function patch(path: string, body: unknown): Call {
  return { method: 'PATCH', path, body };
}

function del(path: string, body: unknown): Call {
  return { method: 'DELETE', path, body };
}

function get(path: string, query: NonNullable<Call['query']>): Call {
  return { method: 'GET', path, query };
}

function createVersion(name: string): Call {
  return post('/model-versions/create', { name, source: 's3://bucket/model' });
}

function stage(name: string, version: string, to: string, archive?: boolean): Call {
  return post('/model-versions/transition-stage', {
    name,
    version,
    stage: to,
    archive_existing_versions: archive,
  });
}

function allOf(name: string): Call {
  return get('/model-versions/search', { filter: `name="${name}"`, order_by: 'version_number' });
}

function token(text: string): string {
  return Buffer.from(text).toString('base64');
}

async function modelWith(suffix: string, versions: number): Promise<string> {
  const name = modelName(suffix.replaceAll(/[^\w-]/g, '_'));
  await both(post('/registered-models/create', { name }));
  for (let count = 0; count < versions; count += 1) {
    await both(createVersion(name));
  }
  return name;
}

/** Sends a call to both servers outside of a test, where only a hard expectation works. */
async function prepare(call: Call): Promise<void> {
  const [theirs, ours] = await Promise.all([send(mlflow.url, call), send(embedded.url, call)]);
  expect([theirs.status, ours.status], JSON.stringify(call)).toEqual([200, 200]);
}

/** Sends a call to both servers, holds the answers against each other, gives the embedded one's. */
async function both(call: Call): Promise<Reply> {
  const [theirs, ours] = await Promise.all([send(mlflow.url, call), send(embedded.url, call)]);
  const shown = JSON.stringify(call);
  const label = shown.length > 400 ? `${shown.slice(0, 400)}...` : shown;
  expect.soft(comparable(call, ours), label).toEqual(comparable(call, theirs));
  return ours;
}

async function send(base: string, call: Call): Promise<Reply> {
  const url = new URL(call.path.startsWith('//') ? call.path.slice(1) : `${API}${call.path}`, base);
  for (const [key, value] of Object.entries(call.query ?? {})) {
    for (const each of Array.isArray(value) ? value : [value]) {
      url.searchParams.append(key, String(each));
    }
  }
  const text = call.rawBody ?? (call.body === undefined ? undefined : JSON.stringify(call.body));
  const headers = {
    ...(call.body !== undefined && { 'content-type': 'application/json' }),
    ...(text !== undefined && { 'content-length': String(Buffer.byteLength(text)) }),
    ...call.headers,
  };
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, { method: call.method, headers, agent }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const content = (incoming.headers['content-type'] ?? '').split(';')[0] ?? '';
        const received = Buffer.concat(chunks).toString('utf8');
        const body = content === 'application/json' ? JSON.parse(received) : received;
        const challenge = incoming.headers['www-authenticate'];
        resolve({ status: incoming.statusCode ?? 0, content, challenge, body });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(text);
  });
}

/** What must be equal: everything but the wording of a refusal and the moment. */
function comparable(call: Call, reply: Reply): Reply {
  if (reply.content !== 'application/json') {
    return reply.content === 'text/html' && reply.status >= 400
      ? { ...reply, body: 'a page' }
      : reply;
  }
  const times = [...new Set(timestampsIn(reply.body))].sort((first, second) => first - second);
  const isUnordered = call.path.endsWith('/get-latest-versions');
  return { ...reply, body: normalise(reply.body, times, isUnordered) };
}

const UNORDERED = new Set(['tags', 'aliases', 'latest_versions']);

function normalise(value: unknown, times: readonly number[], isUnordered: boolean): unknown {
  if (Array.isArray(value)) {
    return value.map((each) => normalise(each, times, isUnordered));
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const entries = Object.entries(value).map(([key, each]) => {
    if (key.endsWith('_timestamp')) {
      return [key, `time ${times.indexOf(each)}`];
    }
    const part = normalise(each, times, isUnordered);
    const sorts = UNORDERED.has(key) || (isUnordered && key === 'model_versions');
    return [
      key,
      sorts && Array.isArray(part) ? part.map((item) => JSON.stringify(item)).sort() : part,
    ];
  });
  const normal = Object.fromEntries(entries);
  if (['INVALID_PARAMETER_VALUE', 'BAD_REQUEST'].includes(String(normal['error_code']))) {
    normal['message'] = typeof normal['message'];
  }
  if (normal['error_code'] === 'RESOURCE_ALREADY_EXISTS') {
    // A rename shows the statement that the database refused, too.
    normal['message'] = String(normal['message']).replace(/ Error: .*$/s, '');
  }
  return normal;
}

function timestampsIn(value: unknown): number[] {
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  return Object.entries(value).flatMap(([key, each]) =>
    key.endsWith('_timestamp') ? [each as number] : timestampsIn(each),
  );
}
