import type { Notice } from '../../domain/notice.ts';
import type { NoticeResult, Notifier } from '../../ports/notifier.ts';

/** Tells the person at the terminal; for one machine, where nobody listens to a topic. */
export class ConsoleNotifier implements Notifier {
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  async send(notice: Notice): Promise<NoticeResult> {
    // JSON escapes control characters, so a name cannot play tricks on the terminal.
    this.#write(`notice: ${notice.subject}\n${JSON.stringify(notice.message, null, 2)}\n`);
    return { kind: 'sent' };
  }
}
