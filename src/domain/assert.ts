/** Crashes on a bug of ours. Operating errors are typed (errors.ts); expected outcomes are values. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`model-rollback has a bug: ${message}`);
}

/** Ends a switch over a union, so that the compiler finds the missing case. */
export function assertNever(value: never): never {
  throw new Error(`model-rollback has a bug: unexpected ${JSON.stringify(value)}`);
}
