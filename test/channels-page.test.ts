import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { chatMessage } from '../src/adapters/sns/chat-message.ts';
import { pagerDuty } from '../src/adapters/webhook/pagerduty.ts';
import { signedWebhook } from '../src/adapters/webhook/signed-webhook.ts';
import { slack } from '../src/adapters/webhook/slack.ts';
import { teams } from '../src/adapters/webhook/teams.ts';
import { briefJson, briefOf, testNotice } from '../src/domain/answer/brief.ts';
import type { Notice, NoticeMessage } from '../src/domain/record/notice-content.ts';
import { parseRollbackOperation } from '../src/domain/request/rollback-operation.ts';
import {
  chatNotification,
  pagerDutyEvent,
  slackMessage,
  teamsMessage,
} from './fakes/channel-schemas.ts';
import { blocksOf } from './fakes/pages.ts';

/** docs/reference/channels.md shows what is really sent, and its example of a check works. */
const page = 'docs/reference/channels.md';
const blockIn = (section: string, language: string): string => {
  const block = blocksOf(page).find((one) => one.section === section && one.language === language);
  if (block === undefined) throw new Error(`${section} has no ${language}`);
  return block.text;
};
const shown = (section: string): Record<string, unknown> => JSON.parse(blockIn(section, 'json'));
const address = new URL('https://example.com/');

const detail = shown('EventBridge');
const {
  schema: _schema,
  event: _event,
  title: _title,
  meaning: _meaning,
  next_steps: _steps,
  ...message
} = detail;
const notice: Notice = {
  subject: '',
  attributes: {},
  message: message as unknown as NoticeMessage,
};
const bodyOf = (service: typeof slack, secret: string): string =>
  service.requestsFor(notice, secret)[0]?.body ?? '';

describe('channels.md', () => {
  test('shows what each service gets', () => {
    expect(JSON.parse(briefJson(notice))).toEqual(detail);
    expect(JSON.parse(bodyOf(slack, address.href))).toEqual(shown('Slack'));
    expect(JSON.parse(bodyOf(teams, address.href))).toEqual(shown('Microsoft Teams'));
    const key = '0123456789abcdef0123456789abcdef';
    expect(JSON.parse(bodyOf(pagerDuty(address), key))).toEqual(shown('PagerDuty'));
    expect(JSON.parse(chatMessage(notice))).toEqual(
      shown('Amazon Q Developer in chat applications'),
    );
  });

  test('shows what the services document', () => {
    slackMessage(bodyOf(slack, address.href));
    teamsMessage(bodyOf(teams, address.href));
    pagerDutyEvent(bodyOf(pagerDuty(address), 'key'));
    chatNotification(chatMessage(notice));
  });

  test('lists every kind of notice, and what a pager gets of it', () => {
    const text = readFileSync(page, 'utf8');
    const code = readFileSync('src/domain/answer/news.ts', 'utf8');
    const events = [...code.matchAll(/news\(\s*'([A-Z][A-Za-z ]+)',\s*'(\w+)'/g)];
    expect(events.length).toBeGreaterThan(14);
    for (const [, event = '', level = ''] of events) {
      if (event === 'Rollback Notice') continue;
      const [, pager = ''] =
        new RegExp(`^\\| \`${event}\` \\| .* \\| (.*) \\|$`, 'm').exec(text) ?? [];
      const expected =
        { info: 'nothing', resolved: 'resolves', test: '`info`' }[level] ?? `\`${level}\``;
      expect(`${event}: ${pager}`).toContain(expected);
    }
  });

  const python = spawnSync('python3', ['--version']);
  test.skipIf(python.status !== 0)('has a check of a delivery that works', () => {
    const check = (secret: string, change: (body: string) => string): string => {
      const now = testNotice(new Date().toISOString());
      const [request] = signedWebhook(address).requestsFor(now, secret);
      const input = [secret, request?.headers, change(request?.body ?? '')];
      return execFileSync(
        'python3',
        [
          '-c',
          `${blockIn('Signed webhook', 'python')}\nimport json, sys\n` +
            'secret, headers, body = json.load(sys.stdin)\n' +
            'print(is_genuine(secret, headers, body.encode()))',
        ],
        { input: JSON.stringify(input), encoding: 'utf8' },
      ).trim();
    };
    for (const secret of ['a-secret-of-sixteen-or-more', 'whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=']) {
      expect(check(secret, (body) => body)).toBe('True');
      expect(check(secret, (body) => body.replace('doctor', 'other'))).toBe('False');
    }
  });

  test('has a button that sends a sound approval', () => {
    const block = blockIn('Approval with a button', 'hcl');
    const [, fields = ''] = /jsonencode\((\{.*?\})\)/.exec(block) ?? [];
    const { context } = chatNotification(chatMessage(notice));
    const filled = fields
      .replaceAll(/(\w+) = /g, '"$1": ')
      .replaceAll('$Id', context['rollback_id'] ?? '');
    expect(parseRollbackOperation(JSON.parse(filled))).toMatchObject({
      verb: 'approve',
      what: notice.message.rollback_id,
    });
    expect(briefOf(notice).event).toBe('Approval Needed');
    expect(block).toContain('value = "Approval Needed"');
  });
});
