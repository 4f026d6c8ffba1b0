import { messageOf } from '../../domain/errors.ts';
import type { Notice } from '../../domain/notice-content.ts';
import type { NoticeResult, Notifier } from '../../ports/notifier.ts';

/** Tells the person at the terminal; for one machine, where nobody listens to a topic. */
export class ConsoleNotifier implements Notifier {
  readonly channel = 'console';
  readonly #write: (text: string) => void;
  readonly #notEnough: string | null;

  /**
   * @param notEnough where others share the state, a terminal is not enough: the notice is shown, and stays
   * pending for a reason that this names
   */
  constructor(write: (text: string) => void, notEnough: string | null = null) {
    this.#write = write;
    this.#notEnough = notEnough;
  }

  async send(notice: Notice): Promise<NoticeResult> {
    // Escaped, so that a name cannot play tricks on the terminal.
    const message = escapeControls(JSON.stringify(notice.message, null, 2));
    try {
      this.#write(`notice: ${notice.subject}\n${message}\n`);
      if (this.#notEnough !== null) return { kind: 'failed', message: this.#notEnough };
      return { kind: 'sent' };
    } catch (error) {
      return { kind: 'failed', message: `the terminal took no notice: ${messageOf(error)}` };
    }
  }
}

// ---------------------------------------------------------------------------------------------------

/** JSON escapes the control characters of seven bits, but for DEL; terminals obey those of eight too. */
function escapeControls(json: string): string {
  return json.replaceAll(
    /[\u007f-\u009f]/g,
    (control) => `\\u00${control.charCodeAt(0).toString(16)}`,
  );
}
