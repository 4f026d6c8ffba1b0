/**
 * Messages name the fields of a request, as its API does. A person at the terminal wrote flags: there the
 * same messages name these.
 */
const flags: Readonly<Record<string, string>> = {
  model_name: 'MODEL',
  target_version: '--to',
  expected_from_version: '--expect-from',
  alarm_name: '--alarm',
  request_id: '--request-id',
};
/** Fields whose names are words too: they are meant only where a message begins with them. */
const words: Readonly<Record<string, string>> = { reason: '--reason', overrides: '--override' };
/** A command or a quoted value is left alone: a model may have such a name. */
const pattern = new RegExp(
  [
    '`[^`]*`',
    '"[^"]*"',
    // What the same is called in a request, beside the flag.
    String.raw` \(in a request: [^()]*\)`,
    String.raw`; in a request: [^()]*(?=\))`,
    String.raw`^(?:${Object.keys(words).join('|')})\b`,
    String.raw`\b(?:${Object.keys(flags).join('|')})\b`,
  ].join('|'),
  'g',
);

export function withFlagNames(message: string): string {
  return message.replaceAll(pattern, (found) =>
    /^(?:;| \()/.test(found) ? '' : (words[found] ?? flags[found] ?? found),
  );
}
