/**
 * A text without secrets. A service may repeat what it was sent: the whole, the path of an address, or the key in it.
 * @param lengthMin shorter parts of an address are words, and no secrets
 */
export function masked(text: string, secrets: readonly string[], lengthMin = 6): string {
  const parts = secrets.flatMap((secret) => {
    if (!URL.canParse(secret)) return [secret];
    const { pathname, search } = new URL(secret);
    return [secret, pathname + search, ...`${pathname}${search}`.split(/[/?&=]/)];
  });
  return parts
    .filter((part) => part.length >= lengthMin)
    .toSorted((a, b) => b.length - a.length)
    .reduce((rest, part) => rest.replaceAll(part, '***'), text);
}
