/** How many columns of a terminal a text takes. Node measures so itself, and does not offer it. */

/** Two columns: East Asian wide and full-width characters; emoji too, which Unicode names by itself. */
const wideRanges: readonly (readonly [number, number])[] = [
  [0x11_00, 0x11_5f],
  [0x23_29, 0x23_2a],
  [0x2e_80, 0x30_3e],
  [0x30_41, 0xa4_cf],
  [0xa9_60, 0xa9_7c],
  [0xac_00, 0xd7_a3],
  [0xf9_00, 0xfa_ff],
  [0xfe_10, 0xfe_19],
  [0xfe_30, 0xfe_6b],
  [0xff_01, 0xff_60],
  [0xff_e0, 0xff_e6],
  [0x1_6f_e0, 0x1_8d_08],
  [0x1_af_f0, 0x1_b2_fb],
  [0x1_f2_00, 0x1_f2_65],
  [0x2_00_00, 0x3_ff_fd],
];
/** None: marks that combine with the character before, the later parts of a Korean syllable. */
const narrow = /[\p{Mn}\p{Me}\p{Emoji_Modifier}\u1160-\u11ff]/u;
const flagHalf = /\p{Regional_Indicator}/u;

export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += widthOfOne(character);
  return width;
}

/** The beginning and the end of a text that is too wide. */
export function cutMiddle(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  const room = Math.max(0, width - 1);
  const start = head(text, Math.ceil(room / 2));
  return `${start}…${tail(text, room - widthOf(start))}`;
}

// ---------------------------------------------------------------------------------------------------

function widthOfOne(character: string): number {
  if (narrow.test(character)) return 0;
  if (flagHalf.test(character)) return 1;
  const code = character.codePointAt(0) ?? 0;
  const isWide = wideRanges.some(([first, last]) => code >= first && code <= last);
  return isWide || /\p{Emoji_Presentation}/u.test(character) ? 2 : 1;
}

function head(text: string, width: number): string {
  let [kept, used] = ['', 0];
  for (const character of text) {
    used += widthOfOne(character);
    if (used > width) return kept;
    kept += character;
  }
  return kept;
}

function tail(text: string, width: number): string {
  let [kept, used] = ['', 0];
  for (const character of [...text].toReversed()) {
    used += widthOfOne(character);
    if (used > width) break;
    kept = `${character}${kept}`;
  }
  // A mark without its character would combine with what stands before.
  return kept.replace(/^[\p{Mn}\p{Me}\p{Emoji_Modifier}\u1160-\u11ff]+/u, '');
}
