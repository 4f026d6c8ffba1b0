import type { Notice } from '../domain/record/notice-content.ts';
import type { Deadline } from './deadline.ts';

/** A failed notice never undoes or hides a rollback, so failing is an answer, not an exception. */
export type NoticeResult =
  | { readonly kind: 'sent' }
  | { readonly kind: 'failed'; readonly message: string };

export interface Notifier {
  /** Names the channel, in the notice's marks and for people. */
  readonly channel: string;
  /** Sends one notice, bounded by `limits.noticeTimeoutMs` and the deadline. Never throws. */
  send(notice: Notice, deadline: Deadline): Promise<NoticeResult>;
}
