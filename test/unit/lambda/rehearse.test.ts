/** The rehearsal before the first event: it plays a rollback and an alarm, and reaches nobody. */
import { Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { RollbackDeps } from '../../../src/app/deps.ts';
import { lambdaLogger } from '../../../src/compose-lambda.ts';
import { composeRehearsal } from '../../../src/compose-rehearsal.ts';
import { defaultAlarmSettings } from '../../../src/domain/alarm/alarm-settings.ts';
import { type ModelPointer, stagePointer } from '../../../src/domain/registry/pointer.ts';
import { initProblemLine, initProblems } from '../../../src/lambda/metrics.ts';
import { isCallSlow, type RehearsedEvent, rehearse } from '../../../src/lambda/rehearse.ts';
import { makeWorld } from '../../fakes/world.ts';

const settings = (pointer: ModelPointer): RollbackDeps['settings'] => ({
  ...makeWorld().deps.settings,
  pointers: { default: pointer, byModel: new Map() },
});
const both: readonly RehearsedEvent[] = ['request', 'alarm'];
const pointers: readonly ModelPointer[] = [stagePointer, { kind: 'alias', alias: 'champion' }];

afterEach(() => {
  vi.restoreAllMocks();
});

describe('isCallSlow', () => {
  test.each([
    ['128', true],
    ['256', true],
    ['1769', false],
    ['10240', false],
    ['', false],
    [undefined, false],
  ])('of %s MB is %s', (memory, isSlow) => {
    const env = memory === undefined ? {} : { AWS_LAMBDA_FUNCTION_MEMORY_SIZE: memory };
    expect(isCallSlow(env)).toBe(isSlow);
  });
});

describe('rehearse', () => {
  test.each(pointers)('rolls back by the $kind, and opens no connection', async (pointer) => {
    const connect = vi.spyOn(Socket.prototype, 'connect');
    expect(await rehearse(settings(pointer), both)).toBeNull();
    expect(connect).not.toHaveBeenCalled();
  });

  test('plays the alarm to its end too, whatever the function is set to do with one', async () => {
    const ends: string[] = [];
    const watched = (given: RollbackDeps['settings']): ReturnType<typeof composeRehearsal> => {
      const deps = composeRehearsal(given);
      const { store } = deps;
      const write = store.write.bind(store);
      store.write = async (change, deadline) => {
        const status = change.record?.progress.status;
        if (status !== undefined) ends.push(`${change.record?.isAutomatic} ${status}`);
        return await write(change, deadline);
      };
      return deps;
    };
    const observing = { ...defaultAlarmSettings, mode: 'observe' } as const;
    expect(
      await rehearse({ ...settings(stagePointer), alarms: observing }, both, watched),
    ).toBeNull();
    expect(ends).toEqual([
      'false IN_PROGRESS',
      'false ROLLED_BACK',
      'true IN_PROGRESS',
      'true ROLLED_BACK',
    ]);
  });

  test('does not use the login of the function, nor its clock offset', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'of-the-function');
    const seen: string[] = [];
    const watched = (given: RollbackDeps['settings']): ReturnType<typeof composeRehearsal> =>
      composeRehearsal(given, (request) => seen.push(JSON.stringify(request.headers)));
    expect(await rehearse(settings(stagePointer), both, watched)).toBeNull();
    expect(seen.length).toBeGreaterThan(10);
    expect(seen.join()).toContain('Credential=rehearsal/');
    expect(seen.join()).not.toContain('of-the-function');
    vi.unstubAllEnvs();
  });

  test('says why it failed, and throws nothing', async () => {
    const broken = (): never => {
      throw new Error('no parts');
    };
    expect(await rehearse(settings(stagePointer), both, broken)).toBe('Error: no parts');
    const mute = (given: RollbackDeps['settings']): ReturnType<typeof composeRehearsal> => ({
      ...composeRehearsal(given),
      registry: makeWorld().registry,
    });
    expect(await rehearse(settings(stagePointer), both, mute)).toContain('rehearsal');
  });

  test('writes no log line, and leaves the first call of the function its cold start', async () => {
    const write = vi.spyOn(process.stdout, 'write');
    vi.stubEnv('AWS_LAMBDA_INITIALIZATION_TYPE', 'on-demand');
    const lines: string[] = [];
    const logger = lambdaLogger((line) => lines.push(line));
    expect(await rehearse(settings(stagePointer), both)).toBeNull();
    expect(write).not.toHaveBeenCalled();
    logger.forInvocation('first').log('info', 'first');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ cold_start: true });
    vi.unstubAllEnvs();
  });
});

describe('initProblemLine', () => {
  test.each(initProblems)('counts %s', (name) => {
    expect(initProblemLine(name, 0)).toMatchObject({
      [name]: 1,
      _aws: { CloudWatchMetrics: [{ Metrics: [{ Name: name, Unit: 'Count' }] }] },
    });
  });
});
