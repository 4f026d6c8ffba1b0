import { type Brief, briefOf, shortSteps } from '../../domain/answer/brief.ts';
import { cutText } from '../../domain/cut-text.ts';
import type { HttpService } from './http-notifier.ts';

/** An incoming webhook of Slack. Its address is the secret. */
export const slack: HttpService = {
  channel: 'slack',
  name: 'Slack',
  requestsFor: (notice, address) => [
    { url: new URL(address), headers: {}, body: JSON.stringify(messageOf(briefOf(notice))) },
  ],
  isReceipt: ({ text }) => text.trim() === 'ok',
};

// ---------------------------------------------------------------------------------------------------

/** Slack's own bounds (characters). */
const headerLengthMax = 150;
const sectionLengthMax = 3_000;

function messageOf(brief: Brief): object {
  const { title, text, meaning, steps, facts } = brief;
  return {
    // For notifications, and for those who see no blocks.
    text: cutText(title, sectionLengthMax, escaped),
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      { type: 'header', text: plainText(title, headerLengthMax) },
      ...[text, meaning]
        // Slack refuses an empty section.
        .filter((part) => part !== '')
        .map((part) => ({ type: 'section', text: plainText(part, sectionLengthMax) })),
      ...shortSteps(steps).map((step) => ({
        type: 'section',
        text: {
          type: 'mrkdwn',
          text: `${escaped(step.text)}\n\`\`\`${escaped(step.command)}\`\`\``,
          verbatim: true,
        },
      })),
      {
        type: 'section',
        text: plainText(facts.map((fact) => fact.join(': ')).join('\n'), sectionLengthMax),
      },
    ],
  };
}

/** Without formatting: text of others makes no link, mentions nobody and looks like what it is. */
function plainText(text: string, lengthMax: number): object {
  return { type: 'plain_text', text: cutText(text, lengthMax, escaped), emoji: false };
}

/** The three characters that Slack takes for its own: `<!channel>` would wake everybody. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
