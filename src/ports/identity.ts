/** Random and derived names, so that a simulation can replay them. */
export interface Identity {
  /** An unguessable token, new at every call. */
  random(): string;
  /** SHA-256 of a text, lower-case hex. */
  digest(text: string): string;
}
