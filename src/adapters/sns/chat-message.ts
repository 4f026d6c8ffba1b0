import { briefOf, shortSteps } from '../../domain/answer/brief.ts';
import { cutText } from '../../domain/cut-text.ts';
import type { Notice } from '../../domain/record/notice-content.ts';

/**
 * A notice as Amazon Q Developer in chat applications shows it in Slack and Teams: the schema of its custom
 * notifications, with the rollback id as the thread. The first fields of the message are in `additionalContext`, where
 * custom actions (buttons) read them.
 */
export function chatMessage(notice: Notice): string {
  const { event, title, text, meaning, steps, facts, level } = briefOf(notice);
  const { message } = notice;
  const context = {
    rollback_id: message.rollback_id,
    model_name: message.model_name,
    from_version: message.from_version,
    to_version: message.to_version,
    reason: message.reason,
    triggered_by: message.triggered_by,
    timestamp: message.timestamp,
    outcome: message.outcome,
    about: message.about,
  };
  const shownFacts = facts.map(([name, value]) => `${name}: ${plain(cutText(value, 300))}`);
  return JSON.stringify({
    version: '1.0',
    source: 'custom',
    content: {
      textType: 'client-markdown',
      title: cutText(title, titleLengthMax, plain),
      description: [cutText(text, textLengthMax, plain), meaning, shownFacts.join('\n')].join(
        '\n\n',
      ),
      nextSteps: shortSteps(steps).map((step) => `${step.text} \`${plain(step.command)}\``),
      keywords: [event, level],
    },
    metadata: {
      threadId: message.rollback_id,
      summary: cutText(title, titleLengthMax, plain),
      eventType: event,
      relatedResources: message.alarm === null ? [] : [message.alarm.arn],
      additionalContext: Object.fromEntries(
        Object.entries(context).flatMap(([name, value]) => (value === null ? [] : [[name, value]])),
      ),
    },
  });
}

// ---------------------------------------------------------------------------------------------------

const titleLengthMax = 250;
/** With the facts the description stays below 8,000 characters. */
const textLengthMax = 3_000;

/** Text of others must not mention a channel (`<!channel>`) or hide a link behind words, in Slack or Teams. */
function plain(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('](', '] (');
}
