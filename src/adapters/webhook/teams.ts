import { type Brief, briefOf, shortSteps } from '../../domain/answer/brief.ts';
import { cutText } from '../../domain/cut-text.ts';
import type { HttpService } from './http-notifier.ts';

/** An incoming webhook of Microsoft Teams, as its Workflows make them. Its address is the secret. */
export const teams: HttpService = {
  channel: 'teams',
  name: 'Microsoft Teams',
  requestsFor: (notice, address) => [
    { url: new URL(address), headers: {}, body: JSON.stringify(messageOf(briefOf(notice))) },
  ],
  // A workflow answers 202 and nothing; connectors, which it replaced, 200 with `1`, or with an error in words.
  isReceipt: ({ contentType, text }) =>
    !/\bhtml\b/i.test(contentType) && !/\b(error|failed)\b/i.test(text),
};

// ---------------------------------------------------------------------------------------------------

/** Together below the 28 KB that a message of Teams may have. */
const textLengthMax = 2_000;
const factLengthMax = 200;

function messageOf({ title, text, meaning, steps, facts }: Brief): object {
  const body = [
    block(run(cutText(title, factLengthMax), { size: 'Large', weight: 'Bolder' })),
    ...[text, meaning].flatMap((part) =>
      part === '' ? [] : [block(run(cutText(part, textLengthMax)))],
    ),
    ...shortSteps(steps).flatMap((step) => [
      block(run(step.text)),
      block(run(step.command, { fontType: 'Monospace' })),
    ]),
    ...facts.map(([name, value]) =>
      block(run(`${name}: `, { weight: 'Bolder' }), run(cutText(value, factLengthMax))),
    ),
  ];
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.2',
          msteams: { width: 'Full' },
          body,
        },
      },
    ],
  };
}

function block(...inlines: readonly object[]): object {
  return { type: 'RichTextBlock', inlines };
}

/** Markdown has no meaning in a run: text of others makes no link and no mention. */
function run(text: string, look: Readonly<Record<string, string>> = {}): object {
  return { type: 'TextRun', text, ...look };
}
