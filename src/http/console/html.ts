import { escapeText } from '../../domain/escape.ts';

/**
 * Markup that is safe to send. It is made by `html` alone, and whatever goes into it as text is escaped there: first
 * what nobody sees (controls, marks that turn text around), then what a browser would read as markup.
 */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

/** What may stand in a template: markup as it is, everything else as text; nothing for null. */
export type Part = Html | string | number | null | readonly Part[];

/** Texts stand between tags, or in attributes with double quotes; never in a script or a style. */
export function html(template: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const [first = '', ...others] = template;
  return new Html(
    others.reduce((all, text, at) => all + markupOf(parts[at] ?? null) + text, first),
  );
}

export const nothing: Html = new Html('');

/** Parts with something between each two. */
export function joined(parts: readonly Part[], between: Part): readonly Part[] {
  return parts.flatMap((part, index) => (index === 0 ? [part] : [between, part]));
}

// ---------------------------------------------------------------------------------------------------

function markupOf(part: Part): string {
  if (part === null) return '';
  if (part instanceof Html) return part.markup;
  if (typeof part === 'object') return part.map(markupOf).join('');
  return escapeMarkup(escapeText(String(part)));
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeMarkup(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}
