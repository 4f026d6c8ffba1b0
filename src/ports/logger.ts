export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** One line per thing worth knowing. Never a secret, never a whole event. */
export interface Logger {
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: LogFields): void;
}
