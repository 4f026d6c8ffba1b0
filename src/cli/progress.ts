import { escapeText } from '../domain/escape.ts';
import type { CommandContext } from './command.ts';
import { cutMiddle } from './render/text-width.ts';

/** One line at the bottom of a terminal, while something takes long; nothing elsewhere. */
export interface Progress {
  readonly during: CommandContext['during'];
  /** Before anything else is written. */
  hide(): void;
}

/** @param line of stderr; null when that is no terminal */
export function progressOn({
  line,
  columns,
}: {
  readonly line: ((text: string) => void) | null;
  readonly columns: number | null;
}): Progress {
  let isShown = false;
  const hide = (): void => {
    if (isShown) line?.('');
    isShown = false;
  };
  const during: Progress['during'] = async (what, work) => {
    let [label, seconds] = [what, 0];
    if (line === null) return await work(() => undefined);
    const show = (): void => {
      isShown = true;
      // The last column stays free: some terminals begin a new line there.
      line(cutMiddle(`${escapeText(label)} … ${seconds} s`, (columns ?? 80) - 1));
    };
    // What is done within a second needs no line.
    const timer = setInterval(() => {
      seconds += 1;
      show();
    }, 1_000);
    try {
      return await work((next) => {
        label = next;
      });
    } finally {
      clearInterval(timer);
      hide();
    }
  };
  return { during, hide };
}
