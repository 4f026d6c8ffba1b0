import { type Times, timesIn } from './times.ts';

/** How a person sees it: the colours of a terminal, and times of a zone. */
export interface Style {
  readonly times: Times;
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
}

/** Colours, or plain text. */
export function styleFor(hasColours: boolean, times: Times = timesIn('UTC')): Style {
  const paint = (code: number) => (text: string) =>
    hasColours ? `\u001b[${code}m${text}\u001b[0m` : text;
  return {
    times,
    bold: paint(1),
    dim: paint(2),
    good: paint(32),
    bad: paint(31),
    warn: paint(33),
  };
}
