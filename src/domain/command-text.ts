import type { RefusalCode } from './request.ts';

/** Commands that messages name. A name is quoted, so that the command can be pasted as it stands. */

export function planCommand(modelName: string): string {
  return `model-rollback plan ${shellWord(modelName)}`;
}

export function applyCommand(
  modelName: string,
  { to, overrides }: { readonly to: string | null; readonly overrides: readonly RefusalCode[] },
): string {
  const target = to === null ? '' : ` --to ${to}`;
  return `model-rollback apply ${shellWord(modelName)}${target}${overrides.map((code) => ` --override ${code}`).join('')}`;
}

export function releaseCommand(modelName: string, version: string): string {
  return `model-rollback release ${shellWord(modelName)} ${version}`;
}

// ---------------------------------------------------------------------------------------------------

/** In single quotes where a shell would read more than text in double ones. */
function shellWord(text: string): string {
  return /["$`\\!]/.test(text) ? `'${text.replaceAll("'", String.raw`'\''`)}'` : `"${text}"`;
}
