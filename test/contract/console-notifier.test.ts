import { describe, expect, test } from 'vitest';
import { ConsoleNotifier } from '../../src/adapters/console/console-notifier.ts';
import { noticeOf } from '../../src/domain/answer/notice.ts';
import { describeNotifier, ENDS, type ReceivedNotice } from './notifier.contract.ts';
import { NOON_MS } from './rollback-samples.ts';

const HEAD = 'notice: ';

describeNotifier('ConsoleNotifier', async () => {
  const written: string[] = [];
  return {
    notifier: new ConsoleNotifier((text) => written.push(text)),
    received: async () => written.map(parse),
    close: async () => undefined,
  };
});

describe('ConsoleNotifier', () => {
  const record = ENDS.ROLLED_BACK;

  test('shows control characters escaped, those of eight bits too', async () => {
    const written: string[] = [];
    const alarmName = '\u001b[2J\u009b31m\u007f\u0000\r\u0085end';
    const request = { ...record.request, alarmName };
    const notice = noticeOf({ ...record, request }, 'end', 0, NOON_MS);
    await new ConsoleNotifier((text) => written.push(text)).send(notice);
    const text = written.join('');
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    expect(parse(text).message).toMatchObject({ triggered_by: alarmName });
  });

  test('answers that it failed when the terminal is gone', async () => {
    const gone = new ConsoleNotifier(() => {
      throw new Error('write EPIPE');
    });
    const { kind, ...rest } = await gone.send(noticeOf(record, 'end', 0, NOON_MS));
    expect(kind).toBe('failed');
    expect(JSON.stringify(rest)).toContain('EPIPE');
  });
});

// ---------------------------------------------------------------------------------------------------

function parse(text: string): ReceivedNotice {
  const [head = '', ...lines] = text.split('\n');
  expect(head.startsWith(HEAD)).toBe(true);
  return {
    subject: head.slice(HEAD.length),
    message: JSON.parse(lines.join('\n')),
    attributes: null,
    shown: null,
  };
}
