/**
 * The one way in which text from outside is shown: names of models and alarms, answers of servers. A
 * character that a terminal would obey, that turns text around, or that nobody sees, becomes an escape.
 *
 * Controls (C0, DEL, C1), line and paragraph separators, format characters (bidirectional controls, tags,
 * zero width), whatever Unicode calls default ignorable, and lone halves of a character.
 */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/** The text on one line, all of it visible. What was escaped once stays as it is. */
export function escapeText(text: string): string {
  return text.replaceAll(unseen, escapeCharacter);
}

/** JSON, indented for people, with the same escapes: it parses to the same value. */
export function showJson(value: unknown): string {
  // Within strings JSON has escaped the ends of lines already.
  return JSON.stringify(value, null, 2).split('\n').map(escapeText).join('\n');
}

// ---------------------------------------------------------------------------------------------------

/** Per code unit, as in JSON, so that one form serves text and JSON. */
function escapeCharacter(character: string): string {
  let escaped = '';
  for (let index = 0; index < character.length; index += 1) {
    escaped += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
  }
  return escaped;
}
