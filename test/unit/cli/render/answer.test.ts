import { describe, expect, test } from 'vitest';
import { type Asked, nextStep } from '../../../../src/cli/next-step.ts';
import { withFlagNames } from '../../../../src/cli/render/flag-names.ts';
import { recordTable } from '../../../../src/cli/render/record-table.ts';
import {
  renderAnswer,
  renderPreview,
  renderQuestion,
} from '../../../../src/cli/render/render-answer.ts';
import { styleFor } from '../../../../src/cli/render/style.ts';
import { widthOf } from '../../../../src/cli/render/text-width.ts';
import { timesIn } from '../../../../src/cli/render/times.ts';
import type { RollbackResponse } from '../../../../src/domain/answer/response.ts';
import { commandLine } from '../../../../src/domain/command-line.ts';
import { escapeText } from '../../../../src/domain/escape.ts';
import { makeWorld } from '../../../fakes/world.ts';

const times = timesIn('UTC');
const view = { style: styleFor(false), hasTopic: true };
const again: Asked = {
  again: (override) => commandLine('apply', ['m'], { override }),
  expectsVersion: false,
};
const shown = (answer: RollbackResponse): string =>
  renderAnswer(answer, view, nextStep(answer, again));

async function answers(): Promise<
  Record<'done' | 'refused' | 'quarantined' | 'plan' | 'none', RollbackResponse>
> {
  const world = makeWorld();
  world.seed('m', ['Archived', 'Archived', 'Production']);
  world.seed('n', ['Production']);
  return {
    done: await world.ask({ model_name: 'm', requested_by: 'ana' }),
    refused: await world.ask({ model_name: 'm', request_id: '2' }),
    quarantined: await world.ask({ model_name: 'm', target_version: '3', request_id: '3' }),
    plan: await world.ask({ model_name: 'm', dry_run: true, overrides: ['COOLDOWN'] }),
    none: await world.ask({ model_name: 'n' }),
  };
}

/** The alias names version 3, and nothing shows what it named before. */
async function guess(): Promise<Record<'plan' | 'wrongPointer', RollbackResponse>> {
  const world = makeWorld();
  world.seed('m', ['None', 'None', 'None']);
  world.registry.setAlias('m', 'champion', '3');
  return {
    plan: await world.ask({ model_name: 'm', pointer: 'alias:champion', dry_run: true }),
    wrongPointer: await world.ask({ model_name: 'm', dry_run: true }),
  };
}

describe('renderAnswer', () => {
  test('shows a refusal in three lines: what, why and until when, what to do now', async () => {
    const { refused } = await answers();
    const lines = shown(refused).split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^REFUSED {2}m {2}\(2 -> 1\) {2}id m\/[0-9a-f]{16}$/);
    expect(lines[1]).toMatch(
      /^ {2}COOLDOWN {2}The last rollback .*; the next one is allowed at .*Z\.$/,
    );
    expect(lines[2]).toBe(
      '  Wait until then; to do it now: model-rollback apply m --override COOLDOWN',
    );
  });

  test('shows several refusals with one command that passes them all', async () => {
    const { quarantined } = await answers();
    const lines = shown(quarantined).split('\n');
    expect(lines.slice(1).map((line) => line.trim().split(' ')[0])).toEqual([
      'COOLDOWN',
      'QUARANTINED',
      'To',
    ]);
    expect(lines[3]).toContain('--override COOLDOWN --override QUARANTINED');
  });

  test('says that the notice was sent only when there is a topic', async () => {
    const { done } = await answers();
    expect(shown(done)).toContain('MANUAL_REQUEST, notice sent');
    const there = renderAnswer(done, { ...view, hasTopic: false });
    expect(there).not.toContain('notice');
  });

  test('leaves out of a warning what the request did already', async () => {
    const { plan } = await answers();
    const [warning] = plan.warnings;
    expect(warning?.code).toBe('OVERRIDDEN_COOLDOWN');
    expect(warning?.message).toMatch(
      / is allowed at \S+Z\. An override in the request passes this guard\.$/,
    );
    const text = renderPreview(plan, view, nextStep(plan, again));
    expect(text.match(/The last rollback/g)).toHaveLength(1);
    expect(text).toMatch(/guards {6}7 of 8 passed\n {2}over COOLDOWN/);
  });

  test('turns only the name of a field into a flag, not a word of a sentence', async () => {
    const { done, plan } = await answers();
    const text = shown({ ...done, warnings: plan.warnings });
    expect(text).toContain('An override in the request passes this guard.');
    const world = makeWorld();
    world.seed('n', ['Archived']);
    const unnamed = await world.ask({ model_name: 'n' });
    expect(shown(unnamed)).toContain('Pass the version to restore: --to VERSION.');
  });

  test('escapes whatever comes from outside', async () => {
    const { done, refused, none } = await answers();
    const evil = 'a\u001b[2J\u202e\u200b\nb';
    for (const answer of [done, refused, none]) {
      const text = JSON.stringify(answer, (key, value) =>
        typeof value === 'string' && !['outcome', 'verdict'].includes(key)
          ? `${value}${evil}`
          : value,
      );
      const spoilt = JSON.parse(text) as RollbackResponse;
      const output = [
        shown(spoilt),
        renderPreview(spoilt, view, null),
        recordTable([spoilt], { hasModels: true, columns: 80, times }),
      ];
      for (const line of output.join('\n').split('\n')) expect(escapeText(line)).toBe(line);
    }
  });
});

describe('renderPreview', () => {
  test('shows a warning once, with its code', async () => {
    const { plan } = await guess();
    const text = renderPreview(plan, view, nextStep(plan, again));
    expect(text).toContain('\n  alias:champion would move from 3 to 2.\n');
    expect(text.match(/Version 2 is a guess/g)).toHaveLength(1);
    expect(text).toMatch(/^ {2}TARGET_IS_A_GUESS {2}Version 2 is a guess/m);
  });

  test('names consumers that no pointer reaches, where something would move', async () => {
    const { refused } = await answers();
    const world = makeWorld();
    world.seed('m', ['Archived', 'Production']);
    const plan = await world.ask({ model_name: 'm', dry_run: true });
    expect(renderPreview(plan, view, null)).toContain(
      'moves stage:Production. Consumers that load by number or by latest are not reached.',
    );
    expect(renderPreview(refused, view, null)).not.toContain('not reached');
  });
});

describe('renderQuestion', () => {
  test('shows what a plan warns of before a person says yes', async () => {
    const { plan } = await guess();
    const text = renderQuestion(plan, view.style);
    expect(text).toMatch(/^ {2}-> 2 \(None\)/m);
    expect(text).toMatch(/^ {2}TARGET_IS_A_GUESS {2}Version 2 is a guess/m);
  });
});

describe('nextStep', () => {
  test('names the pointer that is in use, rather than how to move the other one', async () => {
    const { wrongPointer } = await guess();
    expect(nextStep(wrongPointer, again)).toEqual({
      words: 'To move alias:champion',
      command: 'model-rollback apply m --pointer alias:champion',
    });
    const refused = { ...wrongPointer, outcome: 'REFUSED' } as const;
    const [, unused] = refused.refusals;
    expect(unused?.code).toBe('POINTER_UNUSED');
    const alone = { ...refused, refusals: unused === undefined ? [] : [unused] };
    expect(nextStep(alone, again)?.words).toBe('To move alias:champion');
  });

  test('gives a command to every answer that leaves something to do', async () => {
    const { done, refused, none } = await answers();
    const step = (answer: Partial<RollbackResponse>): string | null =>
      nextStep({ ...done, ...answer }, again)?.command ?? null;
    expect(step({})).toBeNull();
    expect(step({ outcome: 'ALREADY_LIVE' })).toBeNull();
    expect(step({ outcome: 'FAILED' })).toBe('model-rollback apply m');
    expect(step({ outcome: 'CONTESTED' })).toBe('model-rollback plan m');
    expect(step({ outcome: 'DRY_RUN' })).toBe('model-rollback apply m');
    expect(step({ outcome: 'NO_TARGET' })).toBe('model-rollback plan m');
    // No candidate: nothing that a command could do.
    expect(nextStep(none, again)).toBeNull();
    const [cooldown] = refused.refusals;
    const changed = {
      code: 'LIVE_VERSION_CHANGED',
      message: '',
      clears_at: null as string | null,
      overridable: false,
    };
    const unlive = { ...changed, code: 'NO_LIVE_VERSION' };
    const refusals = (...list: (typeof changed)[]): string | null =>
      step({ outcome: 'REFUSED', refusals: list });
    expect(refusals(changed)).toBe('model-rollback apply m');
    const expecting = { ...again, expectsVersion: true };
    const unexpected = { ...done, outcome: 'REFUSED', refusals: [changed] } as const;
    expect(nextStep(unexpected, expecting)?.command).toBe('model-rollback plan m');
    expect(refusals(unlive)).toBe('model-rollback status m');
    if (cooldown !== undefined) expect(refusals(cooldown, unlive)).toBe('model-rollback status m');
  });
});

describe('withFlagNames', () => {
  test.each([
    ['target_version must be a string', '--to must be a string'],
    ['reason must be one of A, B', '--reason must be one of A, B'],
    ['Use a new request_id for a new request.', 'Use a new --request-id for a new request.'],
    [
      'overrides: "overrides" is not a refusal code',
      '--override: "overrides" is not a refusal code',
    ],
    ['Run `model-rollback apply target_version`.', 'Run `model-rollback apply target_version`.'],
    ['There is a reason for model_names', 'There is a reason for model_names'],
    ['It is late. The request overrides this.', 'It is late. The request overrides this.'],
    ['Pass it: --to V (in a request: target_version).', 'Pass it: --to V.'],
    [
      'Override it (--override X; in a request: "overrides": ["X"]).',
      'Override it (--override X).',
    ],
    ['"a (in a request: b)"', '"a (in a request: b)"'],
  ])('%s', (message, expected) => {
    expect(withFlagNames(message)).toBe(expected);
  });
});

describe('recordTable', () => {
  test.each([80, 120])('fits %i columns, and names each thing once', async (columns) => {
    const { done, refused } = await answers();
    const name = `${'very-long-'.repeat(8)}name`;
    const long = {
      ...refused,
      model_name: name,
      rollback_id: `${name}/0123456789abcdef`,
      requested_by: name,
    };
    const text = recordTable([done, long], { hasModels: true, columns, times });
    for (const line of text.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(columns);
    expect(text).toContain('0123456789abcdef');
    expect(text).not.toContain('/0123456789abcdef');
    const whole = recordTable([long], { hasModels: true, columns: null, times });
    expect(whole).toContain(name);
    expect(recordTable([done], { hasModels: false, columns, times })).not.toContain('MODEL');
  });

  test('says who asked or approved', async () => {
    const { done } = await answers();
    const approved = { ...done, alarm_name: 'high-drawdown-alarm' };
    expect(recordTable([approved], { hasModels: true, columns: 120, times })).toMatch(
      / BY +.*\n.* ana /s,
    );
  });
});
