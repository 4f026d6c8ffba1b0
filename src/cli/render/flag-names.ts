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
  overrides: '--override',
};
/** A command or a quoted value is left alone: a model may have such a name. */
const pattern = new RegExp(
  `\`[^\`]*\`|"[^"]*"|^reason\\b|\\b(?:${Object.keys(flags).join('|')})\\b`,
  'g',
);

export function withFlagNames(message: string): string {
  return message.replaceAll(pattern, (found) =>
    found === 'reason' ? '--reason' : (flags[found] ?? found),
  );
}
