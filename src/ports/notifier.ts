import type { Notice } from '../domain/notice.ts';
import type { Deadline } from './deadline.ts';

/** A failed notice never undoes or hides a rollback, so failing is an answer, not an exception. */
export type NoticeResult =
  | { readonly kind: 'sent' }
  | { readonly kind: 'failed'; readonly message: string };

export interface Notifier {
  /** Sends one notice, bounded by `limits.noticeTimeoutMs` and the deadline. Never throws. */
  send(notice: Notice, deadline: Deadline): Promise<NoticeResult>;
}
