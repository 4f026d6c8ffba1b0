import { isoTime } from '../../domain/registry/model.ts';
import { type Html, html, type Part } from './html.ts';

/** A time: in UTC as sent; the script of the page shows it in the zone of the reader. */
export function timeText(at: string | number): Html {
  const iso = typeof at === 'number' ? isoTime(at) : at;
  return html`<time datetime="${iso}">${utcText(iso)}</time>`;
}

/** `2026-01-31 08:00 UTC`, as far as it is a time. */
export function utcText(iso: string): string {
  const [, day, clock] = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)/.exec(iso) ?? [];
  return day === undefined ? iso : `${day} ${clock} UTC`;
}

/** A message of ours: its times and its commands, which stand in backticks, are set off. */
export function prose(text: string): readonly Part[] {
  return text.split(/(`[^`]+`|\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/).map((part, index) => {
    if (index % 2 === 0) return part;
    return part.startsWith('`') ? html`<code>${part.slice(1, -1)}</code>` : timeText(part);
  });
}

/** A command line, with a button that copies it where there is a script. */
export function commandCopy(command: string): Html {
  return html`<span class="command"><code>${command}</code><button type="button" class="copy" hidden
    data-copy="${command}">Copy<span class="unseen"> ${command}</span></button></span>`;
}

/** The name of a model, which may be written from right to left, within other text. */
export function nameText(name: string): Html {
  return html`<bdi>${name}</bdi>`;
}

/** How long ago, roughly: `3 min`, `5 h`, `12 days`. */
export function roughly(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1) return 'less than a minute';
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}
