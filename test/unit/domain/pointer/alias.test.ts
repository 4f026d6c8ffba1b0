import { describe, expect, test } from 'vitest';
import { isInUse, leftBehind } from '../../../../src/domain/pointer/alias.ts';

describe('isInUse', () => {
  test.each(['champion', 'prod', 'production', 'live', 'precandidate', '模型'])(
    'takes %s for an alias that consumers use',
    (alias) => expect(isInUse({ alias, version: '1' })).toBe(true),
  );

  test.each([
    'candidate',
    'Candidate-2',
    'challenger',
    'challengers',
    'prod_challenger',
    'shadow',
    'champion-previous',
    'previous-champion',
    'previous_champion',
    'previous',
  ])('takes %s for one that serves nobody', (alias) => {
    expect(isInUse({ alias, version: '1' })).toBe(false);
  });
});

describe('leftBehind', () => {
  const left = (aliases: readonly string[]) =>
    leftBehind(
      {
        modelName: 'the "best"',
        pointer: 'stage:Production',
        from: { version: '3', stage: 'Production' },
        to: '2',
      },
      aliases.map((alias) => ({ alias, version: '3' })),
    );

  test('names the alias, what it keeps, and the command that moves it', () => {
    const [warning, ...more] = left(['champion']);
    expect(more).toEqual([]);
    expect(warning?.code).toBe('ALIAS_LEFT_BEHIND');
    expect(warning?.message).toContain('The alias champion still names version 3');
    expect(warning?.message).toContain('models:/the "best"@champion');
    expect(warning?.message).toContain(
      `model-rollback apply 'the "best"' --to 2 --pointer alias:champion`,
    );
  });

  test('names several in one warning', () => {
    const warnings = left(['champion', 'challenger', 'prod']);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.message).toContain('The aliases champion, prod still name version 3');
  });

  test('has nothing to say without an alias that is in use', () => {
    expect(left([])).toEqual([]);
    expect(left(['challenger', 'champion-previous'])).toEqual([]);
  });
});
