import type { RollbackDeps } from './deps.ts';

/** The id holds the model name, so that a record can be found by its id alone. */
export function rollbackIdOf(
  { identity }: Pick<RollbackDeps, 'identity'>,
  modelName: string,
  key: string,
): string {
  return `${modelName}/${identity.digest(`${modelName}\n${key}`).slice(0, 16)}`;
}
