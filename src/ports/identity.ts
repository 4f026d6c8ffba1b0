/** Random and derived names, so that a simulation can replay them. */
export interface Identity {
  /** An unguessable token, new at every call. */
  random(): string;
  /** SHA-256 of a text, lower-case hex. */
  digest(text: string): string;
}

/** A number from 0 to below 1, by chance. */
export function chance(identity: Identity): number {
  return Number.parseInt(identity.digest(identity.random()).slice(0, 8), 16) / 2 ** 32;
}
