import { limits } from '../limits.ts';
import { FreezeOutcome, type FreezeTopic, type Notice } from '../record/notice-content.ts';
import type { OutboxNotice } from '../record/outbox.ts';
import type { NoticeWrite } from '../record/record.ts';
import { isoTime } from '../registry/model.ts';
import { Reason } from '../request/request.ts';
import { type Freeze, freezeText, unfreezeText } from '../state/operator.ts';
import { subjectText } from './notice.ts';

/** What the notices of a freeze are about: one model, or all. */
export interface FreezeSubject {
  /** Names the notices of all freezes of this subject: a later one replaces those of an earlier one. */
  readonly id: string;
  /** Null: all models. */
  readonly modelName: string | null;
}

/** A notice of a freeze, in place of the one of its topic that stands in the outbox. */
export interface FreezeNoticeFacts {
  readonly previous: OutboxNotice | undefined;
  readonly nowMs: number;
  /** When it is to be sent (epoch ms). */
  readonly dueAtMs: number;
  /** Unguessable. */
  readonly token: string;
  /** Who ended the freeze before its time; absent when nobody did. */
  readonly endedBy?: string | null;
}

export function freezeNotice(
  subject: FreezeSubject,
  freeze: Freeze,
  topic: FreezeTopic,
  facts: FreezeNoticeFacts,
): NoticeWrite {
  const { previous, nowMs, dueAtMs, token } = facts;
  const isSending = dueAtMs <= nowMs;
  const item: OutboxNotice = {
    rollbackId: subject.id,
    topic,
    token,
    createdAtMs: nowMs,
    isKept: false,
    replaces: 0,
    content: contentOf(subject, freeze, topic, facts),
    dueAtMs: isSending ? nowMs + limits.noticeDueMs : dueAtMs,
    leaseEndsAtMs: isSending ? nowMs + limits.noticeTimeoutMs : nowMs,
    attempts: 0,
    channels: {},
  };
  return { item, over: previous?.token ?? null };
}

/** A notice that is not to be sent any more. */
export function withdrawn(notice: OutboxNotice, token: string): NoticeWrite {
  return { item: { ...notice, token, content: null }, over: notice.token };
}

// ---------------------------------------------------------------------------------------------------

function contentOf(
  { id, modelName }: FreezeSubject,
  freeze: Freeze,
  topic: FreezeTopic,
  { nowMs, dueAtMs, endedBy }: FreezeNoticeFacts,
): Notice {
  const atMs = Math.max(nowMs, dueAtMs);
  const name = modelName ?? 'all models';
  return {
    subject: subjectText(` ${words[topic]}`, name),
    message: {
      model_name: modelName,
      from_version: null,
      to_version: null,
      reason: Reason.MANUAL_REQUEST,
      triggered_by: freeze.by ?? 'manual',
      timestamp: isoTime(atMs),
      outcome: outcomes[topic],
      rollback_id: id,
      about: topic,
      text: textOf(freeze, modelName, topic, endedBy),
      requested_by: endedBy === undefined ? freeze.by : endedBy,
      live_versions: [],
      pointer: null,
      refusals: [],
      warnings: [],
      alarm: null,
      replaces: 0,
      sent_at: isoTime(atMs),
    },
    attributes: {
      ...(modelName === null ? {} : { model_name: modelName }),
      outcome: outcomes[topic],
      reason: Reason.MANUAL_REQUEST,
      schema: 'model-rollback/1',
    },
  };
}

const words: Readonly<Record<FreezeTopic, string>> = {
  freeze: 'frozen',
  'freeze-reminder': 'freeze ends soon',
  'freeze-end': 'freeze ended',
};

const outcomes: Readonly<Record<FreezeTopic, string>> = {
  freeze: FreezeOutcome.FROZEN,
  'freeze-reminder': FreezeOutcome.FROZEN,
  'freeze-end': FreezeOutcome.UNFROZEN,
};

function textOf(
  freeze: Freeze,
  modelName: string | null,
  topic: FreezeTopic,
  endedBy: string | null | undefined,
): string {
  const what = `${freezeText(freeze, modelName)}.`;
  const end = unfreezeText(modelName);
  switch (topic) {
    case 'freeze':
      return `${what} No rollback is possible until then, except with the override FROZEN. To end it earlier, run ${end}.`;
    case 'freeze-reminder':
      return `${what} It ends soon. An alarm that is still in ALARM then acts, or asks a person if it has waited for long.`;
    default:
      return endedBy === undefined
        ? `The freeze has ended (it was until ${isoTime(freeze.untilMs)}: ${freeze.reason}). Rollbacks are allowed again.`
        : `${endedBy ?? 'Somebody'} ended the freeze before its time (it was until ${isoTime(freeze.untilMs)}: ` +
            `${freeze.reason}). Rollbacks are allowed again.`;
  }
}
