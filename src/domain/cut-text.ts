/**
 * A text that is not longer than a service takes, as the service counts it. What is cut ends with a whole word, and
 * reports that it was cut.
 * @param shown what the text becomes in the format of the service, where that makes it longer
 */
export function cutText(
  text: string,
  lengthMax: number,
  shown: (text: string) => string = (same) => same,
): string {
  const whole = shown(text);
  if (whole.length <= lengthMax) return whole;
  let room = Math.min(text.length, lengthMax - mark.length);
  for (;;) {
    const short = shown(wholeWords(text.slice(0, room)));
    if (short.length + mark.length <= lengthMax) return short + mark;
    room = Math.floor((room * (lengthMax - mark.length)) / short.length) - 1;
  }
}

// ---------------------------------------------------------------------------------------------------

const mark = ' … (cut)';

/** Up to the last space, if one is near; never half a character. */
function wholeWords(text: string): string {
  const space = text.lastIndexOf(' ');
  const end = space > text.length - 80 && space > 0 ? space : text.length;
  return text.slice(0, end).replace(/[\ud800-\udbff]$/, '');
}
