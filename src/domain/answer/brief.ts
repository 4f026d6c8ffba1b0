import { commandLine } from '../command-line.ts';
import { escapeText } from '../escape.ts';
import { limits } from '../limits.ts';
import type { Notice, NoticeMessage } from '../record/notice-content.ts';
import { type BriefLevel, newsOf, type StepVerb, testOutcome } from './news.ts';

/**
 * What a notice says to people, for channels that show text and for systems that page: made from the notice alone.
 * Its texts are escaped for a screen; what the format of a channel needs besides is up to the channel.
 */
export interface Brief {
  /** For the rules of subscribers: `Rollback Completed`, `Approval Needed`, … */
  readonly event: string;
  readonly title: string;
  /** What happened. */
  readonly text: string;
  readonly meaning: string;
  readonly steps: readonly Step[];
  /** The data, by the names that people know. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly level: BriefLevel;
}

/** What to do now. */
export interface Step {
  readonly text: string;
  readonly command: string;
}

/** The brief of a notice; also of one that an earlier release stored. */
export function briefOf({ message }: Notice): Brief {
  const { event, level, meaning, verbs } = newsOf(message);
  return {
    event,
    level,
    title: escapeText(`${event}: ${message.model_name ?? message.triggered_by}`),
    text: escapeText(message.text),
    meaning,
    steps: verbs.flatMap((verb) => stepOf(verb, message)),
    facts: factsOf(message),
  };
}

/** The steps whose commands fit into a chat message: one that is cut does not work. The facts name the rollback. */
export function shortSteps(steps: readonly Step[]): readonly Step[] {
  return steps.filter(({ command }) => command.length <= 1_000);
}

/**
 * A notice as one flat document, for machines; its fields are in docs/reference/channels.md.
 * @returns JSON of at most `limits.noticeBytesMax`
 */
export function briefJson(notice: Notice): string {
  const { event, title, meaning, steps } = briefOf(notice);
  const head = { schema: 'model-rollback/1', event, title, meaning, next_steps: steps };
  return boundedJson(notice.message, (message) => ({ ...head, ...message }));
}

/** The JSON of what is made from a message. What is long is cut, what is fixed stays whole. */
export function boundedJson(
  message: NoticeMessage,
  make: (message: NoticeMessage) => object = (same) => same,
): string {
  const whole = JSON.stringify(make(message));
  if (new TextEncoder().encode(whole).length <= limits.noticeBytesMax) return whole;
  const text = `${message.text.slice(0, 500)}… (cut)`;
  return JSON.stringify(make({ ...message, text, refusals: [], warnings: [] }));
}

/** What `doctor --notify` sends. */
export function testNotice(sentAt: string): Notice {
  const name = 'doctor';
  return {
    subject: 'Model Rollback test: doctor',
    message: {
      model_name: null,
      from_version: null,
      to_version: null,
      reason: 'MANUAL_REQUEST',
      triggered_by: 'manual',
      timestamp: sentAt,
      outcome: testOutcome,
      rollback_id: `${name}/${sentAt}`,
      about: 'end',
      text: 'This is a test of the channel. No model was rolled back.',
      requested_by: null,
      live_versions: [],
      pointer: null,
      refusals: [],
      warnings: [],
      alarm: null,
      replaces: 0,
      sent_at: sentAt,
    },
    attributes: { outcome: testOutcome, reason: 'MANUAL_REQUEST', schema: 'model-rollback/1' },
  };
}

// ---------------------------------------------------------------------------------------------------

function stepOf(verb: StepVerb, message: NoticeMessage): Step[] {
  const { model_name: model, rollback_id: id } = message;
  switch (verb) {
    case 'approve':
      return [{ text: 'To approve it, run', command: commandLine('approve', [id]) }];
    case 'undo':
      return [{ text: 'To undo it, run', command: commandLine(verb, [id]) }];
    case 'explain':
      return [{ text: 'To see all that is known about it, run', command: commandLine(verb, [id]) }];
    case 'doctor':
      return [{ text: 'To check the set-up, run', command: commandLine('doctor') }];
    default:
      return model === null ? [] : modelStep(verb, model);
  }
}

function modelStep(verb: 'plan' | 'status' | 'resume', model: string): Step[] {
  switch (verb) {
    case 'plan':
      return [{ text: 'To see what can be done now, run', command: commandLine(verb, [model]) }];
    case 'status':
      return [{ text: 'To see what is live now, run', command: commandLine(verb, [model]) }];
    case 'resume':
      return [{ text: 'When the cause is fixed, run', command: commandLine(verb, [model]) }];
  }
}

function factsOf(message: NoticeMessage): Brief['facts'] {
  const { alarm, warnings, refusals } = message;
  const rows: readonly (readonly [string, string | null | undefined])[] = [
    ['Model', message.model_name],
    ['From version', message.from_version],
    ['To version', message.to_version],
    ['Pointer', message.pointer],
    ['Outcome', message.outcome],
    ['Reason', message.reason],
    ['Triggered by', message.triggered_by],
    ['In ALARM since', alarm?.red_since],
    ['Refusals', refusals.map(({ code }) => code).join(', ')],
    ['Warnings', warnings.map(({ code }) => code).join(', ')],
    ['Time', message.timestamp],
    ['Rollback', message.rollback_id],
  ];
  return rows.flatMap(([name, value]) => (value ? [[name, escapeText(value)] as const] : []));
}
