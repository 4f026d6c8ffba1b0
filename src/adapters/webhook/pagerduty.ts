import { briefOf } from '../../domain/answer/brief.ts';
import { cutText } from '../../domain/cut-text.ts';
import { limits } from '../../domain/limits.ts';
import type { Notice } from '../../domain/record/notice-content.ts';
import type { HttpMessage, HttpService } from './http-notifier.ts';

/**
 * PagerDuty's Events API v2. Its key is the secret. It gets what needs a person, and what ends that; other notices are
 * none of its business.
 */
export function pagerDuty(url: URL): HttpService {
  return {
    channel: 'pagerduty',
    name: 'PagerDuty',
    requestsFor: (notice, key) =>
      eventsFor(notice, key).map(
        (event): HttpMessage => ({ url, headers: {}, body: JSON.stringify(event) }),
      ),
    isReceipt: ({ text }) => /"status"\s*:\s*"success"/.test(text),
  };
}

// ---------------------------------------------------------------------------------------------------

/** PagerDuty's own bounds (characters). */
const dedupKeyLengthMax = 255;
const summaryLengthMax = 1_024;
/** An event may have 512 KB. */
const textLengthMax = 20_000;

function eventsFor(notice: Notice, key: string): readonly object[] {
  const { event, title, text, meaning, steps, facts, level } = briefOf(notice);
  const { message } = notice;
  const resolve = {
    routing_key: key,
    event_action: 'resolve',
    // The end of an id is what makes it the only one of its name.
    dedup_key: message.rollback_id.slice(-dedupKeyLengthMax),
  };
  if (level === 'info') return [];
  if (level === 'resolved') return [resolve];
  const trigger = {
    ...resolve,
    event_action: 'trigger',
    payload: {
      summary: cutText(title, summaryLengthMax),
      source: cutText((message.model_name ?? message.triggered_by) || title, limits.textLengthMax),
      severity: level === 'test' ? 'info' : level,
      timestamp: message.timestamp,
      component: 'model-rollback',
      class: event,
      custom_details: {
        what_happened: cutText(text, textLengthMax),
        what_it_means: meaning,
        what_to_do: steps.map((step) => `${step.text}: ${step.command}`),
        ...Object.fromEntries(facts),
      },
    },
  };
  // A test leaves nothing open.
  return level === 'test' ? [trigger, resolve] : [trigger];
}
