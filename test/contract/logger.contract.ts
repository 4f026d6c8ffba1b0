/** What every logger must do; each adapter has a run file beside this one. */
import { describe, expect, test } from 'vitest';
import type { Logger } from '../../src/ports/logger.ts';

type Level = Parameters<Logger['log']>[0];

/** @param make a logger that writes from `least` upwards */
export function describeLogger(
  name: string,
  make: (write: (line: string) => void, least: Level) => Logger,
): void {
  const told = (act: (logger: Logger) => void, least: Level = 'info'): string[] => {
    const lines: string[] = [];
    act(make((line) => lines.push(line), least));
    return lines;
  };
  const parsed = (line: string | undefined): Record<string, unknown> => JSON.parse(line ?? 'null');

  describe(name, () => {
    test('writes a line for each call: level, message, service and the fields as they are', () => {
      const fields = { rollback_id: 'm/1', replayed: false, duration_ms: 0 };
      const [line, ...others] = told((logger) => logger.log('warn', 'rollback ended', fields));
      expect(others).toEqual([]);
      const { level, ...rest } = parsed(line);
      expect(String(level).toLowerCase()).toBe('warn');
      expect(rest).toMatchObject({
        message: 'rollback ended',
        service: 'model-rollback',
        ...fields,
      });
    });

    test('writes one line whatever the texts hold', () => {
      const text = 'a\nb\r\u2028"c\\\u0000\ud800 {"_aws":1}';
      const [line = '', ...others] = told((logger) => logger.log('info', text, { why: text }));
      expect(others).toEqual([]);
      expect(line).not.toMatch(/[\n\r]/);
      expect(parsed(line)).toMatchObject({ message: text, why: text });
    });

    test.each([
      ['debug', ['debug', 'info', 'warn', 'error']],
      ['info', ['info', 'warn', 'error']],
      ['warn', ['warn', 'error']],
      ['error', ['error']],
    ] as const)('writes from %s upwards', (least, expected) => {
      const lines = told((logger) => {
        for (const level of ['debug', 'info', 'warn', 'error'] as const) logger.log(level, level);
      }, least);
      expect(lines.map((line) => parsed(line)['message'])).toEqual(expected);
    });

    test('keeps nothing of a line for the next', () => {
      const [, second] = told((logger) => {
        logger.log('info', 'first', { rollback_id: 'm/1' });
        logger.log('info', 'second');
      });
      expect(parsed(second)).not.toHaveProperty('rollback_id');
    });
  });
}
