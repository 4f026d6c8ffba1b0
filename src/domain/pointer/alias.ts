import type { ModelAlias } from '../registry/model.ts';
import type { Warning } from '../request/request.ts';

/**
 * Aliases beside a stage: whether consumers seem to use one, and what a move of the stage does not reach.
 */

/** False for an alias whose name says that no consumer uses it: a version on trial, or one that was live. */
export function isInUse({ alias }: ModelAlias): boolean {
  return !/(^|[-_])(candidate|challenger|shadow|previous)/i.test(alias);
}

/** One sentence on how to move an alias; model-rollback moves stages only. */
export function moveAliasText(modelName: string, alias: string, version: string): string {
  const [name, target] = [JSON.stringify(modelName), JSON.stringify(version)];
  return `MlflowClient().set_registered_model_alias(${name}, ${JSON.stringify(alias)}, ${target})`;
}

/**
 * The move takes the stage away from a version that aliases still name.
 * @param aliases those of the version `from`
 */
export function aliasLeftBehind(
  { modelName, pointer }: { readonly modelName: string; readonly pointer: string },
  { from, to }: { readonly from: string; readonly to: string },
  aliases: readonly string[],
): Warning[] {
  const left = aliases.filter((alias) => isInUse({ alias, version: from }));
  const [first] = left;
  if (first === undefined) return [];
  const isOne = left.length === 1;
  const names = `The ${isOne ? 'alias' : 'aliases'} ${left.join(', ')}`;
  return [
    {
      code: 'ALIAS_LEFT_BEHIND',
      message:
        `${names} still ${isOne ? 'names' : 'name'} version ${from}; this rollback moves ${pointer} only. ` +
        `Consumers that load models:/${modelName}@${first} keep version ${from}. model-rollback cannot move ` +
        `aliases yet. To move it, call MLflow: ${moveAliasText(modelName, first, to)}`,
    },
  ];
}
