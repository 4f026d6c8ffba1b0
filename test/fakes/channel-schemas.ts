/**
 * What each service documents about the messages that it takes, written down from its documentation. The services
 * themselves are not here: what only they check is not covered.
 */
import * as v from 'valibot';

/** A message as its service takes it; each function throws for one that it would refuse. */
export interface ShownMessage {
  /** What people see, as they see it. */
  readonly texts: readonly string[];
}

export function slackMessage(
  body: string,
): ShownMessage & { readonly formatted: readonly string[] } {
  const { text, blocks } = v.parse(slackSchema, JSON.parse(body));
  const unescaped = (one: string): string =>
    one.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
  const formatted = blocks.flatMap((block) =>
    block.text.type === 'mrkdwn' ? [block.text.text] : [],
  );
  return { texts: [text, ...blocks.map((block) => block.text.text)].map(unescaped), formatted };
}

export function teamsMessage(body: string): ShownMessage {
  within(body, 28 * 1_024);
  const { attachments } = v.parse(teamsSchema, JSON.parse(body));
  const runs = attachments[0].content.body.flatMap(({ inlines }) => inlines);
  return { texts: runs.map(({ text: shown }) => shown) };
}

export function pagerDutyEvent(body: string): ShownMessage & {
  readonly action: string;
  readonly dedupKey: string;
  readonly severity: string;
} {
  within(body, 512 * 1_024);
  const event = v.parse(pagerDutySchema, JSON.parse(body));
  const { event_action: action, dedup_key: dedupKey } = event;
  if (event.event_action === 'resolve') return { action, dedupKey, severity: '', texts: [] };
  const { summary, severity, custom_details: details } = event.payload;
  return { action, dedupKey, severity, texts: [summary, ...Object.values(details).flat()] };
}

export function chatNotification(body: string): ShownMessage & {
  readonly threadId: string;
  readonly context: Readonly<Record<string, string>>;
} {
  const { content, metadata } = v.parse(chatSchema, JSON.parse(body));
  const { title, description, nextSteps } = content;
  const texts = [title, description, ...nextSteps].map((one) =>
    one.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
  );
  return { texts, threadId: metadata.threadId, context: metadata.additionalContext };
}

// ---------------------------------------------------------------------------------------------------

function within(body: string, bytesMax: number): void {
  const bytes = Buffer.byteLength(body);
  if (bytes > bytesMax) throw new Error(`${bytes} bytes are more than ${bytesMax}`);
}

const text = (lengthMax: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(lengthMax));

/** Block Kit: an incoming webhook takes `text` and at most 50 blocks. No raw `<` or `>`: both are markup there. */
const unmarked = (lengthMax: number) => v.pipe(text(lengthMax), v.regex(/^[^<>]*$/));
const plainText = (lengthMax: number) =>
  v.strictObject({
    type: v.literal('plain_text'),
    text: unmarked(lengthMax),
    emoji: v.literal(false),
  });
const slackSchema = v.strictObject({
  text: unmarked(40_000),
  unfurl_links: v.literal(false),
  unfurl_media: v.literal(false),
  blocks: v.pipe(
    v.array(
      v.variant('type', [
        v.strictObject({ type: v.literal('header'), text: plainText(150) }),
        v.strictObject({
          type: v.literal('section'),
          text: v.variant('type', [
            plainText(3_000),
            v.strictObject({
              type: v.literal('mrkdwn'),
              text: unmarked(3_000),
              verbatim: v.literal(true),
            }),
          ]),
        }),
      ]),
    ),
    v.maxLength(50),
  ),
});

/** Adaptive Cards 1.2: markdown has no meaning in a TextRun, so nothing else holds text of others. */
const textRun = v.strictObject({
  type: v.literal('TextRun'),
  text: text(28_000),
  size: v.optional(v.picklist(['Default', 'Small', 'Medium', 'Large', 'ExtraLarge'])),
  weight: v.optional(v.picklist(['Default', 'Lighter', 'Bolder'])),
  fontType: v.optional(v.picklist(['Default', 'Monospace'])),
});
const teamsSchema = v.strictObject({
  type: v.literal('message'),
  attachments: v.tuple([
    v.strictObject({
      contentType: v.literal('application/vnd.microsoft.card.adaptive'),
      contentUrl: v.null(),
      content: v.strictObject({
        $schema: v.literal('http://adaptivecards.io/schemas/adaptive-card.json'),
        type: v.literal('AdaptiveCard'),
        version: v.literal('1.2'),
        msteams: v.strictObject({ width: v.literal('Full') }),
        body: v.pipe(
          v.array(
            v.strictObject({
              type: v.literal('RichTextBlock'),
              inlines: v.pipe(v.array(textRun), v.minLength(1)),
            }),
          ),
          v.minLength(1),
        ),
      }),
    }),
  ]),
});

const eventParts = { routing_key: text(1_024), dedup_key: text(255) };
/** PagerDuty's Events API v2 (PD-CEF). */
const pagerDutySchema = v.variant('event_action', [
  v.strictObject({ ...eventParts, event_action: v.literal('resolve') }),
  v.strictObject({
    ...eventParts,
    event_action: v.literal('trigger'),
    payload: v.strictObject({
      summary: text(1_024),
      source: text(1_024),
      severity: v.picklist(['critical', 'error', 'warning', 'info']),
      timestamp: v.pipe(v.string(), v.isoTimestamp()),
      component: v.string(),
      class: v.string(),
      custom_details: v.record(v.string(), v.union([v.string(), v.array(v.string())])),
    }),
  }),
]);

/** Custom notifications of Amazon Q Developer in chat applications. */
const chatSchema = v.strictObject({
  version: v.literal('1.0'),
  source: v.literal('custom'),
  content: v.strictObject({
    textType: v.literal('client-markdown'),
    title: text(250),
    description: text(8_000),
    nextSteps: v.array(text(8_000)),
    keywords: v.array(v.string()),
  }),
  metadata: v.strictObject({
    threadId: v.string(),
    summary: text(250),
    eventType: v.string(),
    relatedResources: v.array(v.string()),
    additionalContext: v.record(v.string(), v.string()),
  }),
});
