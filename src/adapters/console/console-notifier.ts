import { messageOf } from '../../domain/errors.ts';
import { escapeText, showJson } from '../../domain/escape.ts';
import type { Notice } from '../../domain/record/notice-content.ts';
import type { NoticeResult, Notifier } from '../../ports/notifier.ts';

/** Shows notices to the person at the terminal; for one machine, where nobody listens to a topic. */
export class ConsoleNotifier implements Notifier {
  readonly channel = 'console';
  readonly #write: (text: string, notice: Notice) => void;
  readonly #notEnough: string | null;

  /**
   * @param write takes the notice as text, and as it is for those who show less of it
   * @param notEnough where others share the state, a terminal is not enough: the notice is shown, and stays
   * pending for a reason that this names
   */
  constructor(write: (text: string, notice: Notice) => void, notEnough: string | null = null) {
    this.#write = write;
    this.#notEnough = notEnough;
  }

  async send(notice: Notice): Promise<NoticeResult> {
    try {
      this.#write(`notice: ${escapeText(notice.subject)}\n${showJson(notice.message)}\n`, notice);
      if (this.#notEnough !== null) return { kind: 'failed', message: this.#notEnough };
      return { kind: 'sent' };
    } catch (error) {
      return { kind: 'failed', message: `the terminal could not show it: ${messageOf(error)}` };
    }
  }
}
