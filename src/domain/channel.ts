/** Further channels of notices, beside the SNS topic or the terminal. */
export const channelNames = ['slack', 'teams', 'pagerduty', 'eventbridge', 'webhook'] as const;
export type ChannelName = (typeof channelNames)[number];

/**
 * Why notices cannot be sent to such an address; null when they can. It shows nothing of the address, which is a
 * secret for most services.
 */
export function addressTrouble(text: string): string | null {
  if (!URL.canParse(text)) return 'is not an address';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'holds a login';
  if (url.protocol === 'https:') return null;
  if (url.protocol !== 'http:') return 'is not an https address';
  return isLoopback(url.hostname) ? null : 'is not https, and leads to another machine';
}

/** Why a text is no key; null when it is one. It shows nothing of the text. */
export function keyTrouble(text: string): string | null {
  return /^[\x21-\x7e]{1,1024}$/.test(text)
    ? null
    : 'is not one word of at most 1024 ASCII characters';
}

/**
 * Why a text is no key that a sender signs with; null when it is one. It shows nothing of the text.
 * Who has a signed message can try short keys on it without asking anybody.
 */
export function senderKeyTrouble(text: string): string | null {
  return text.length < senderKeyLengthMin
    ? `has fewer than ${senderKeyLengthMin} characters`
    : keyTrouble(text);
}

// ---------------------------------------------------------------------------------------------------

const senderKeyLengthMin = 16;

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
