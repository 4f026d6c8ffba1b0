import { commandText } from '../command-line.ts';
import type { ModelAlias, RegistrySnapshot } from '../registry/model.ts';
import { type ModelPointer, pointerText } from '../registry/pointer.ts';
import type { Warning } from '../request/request.ts';

/** Pointers beside the one that moves: whether consumers seem to use one, and what the move does not reach. */

/** False for an alias whose name says that no consumer uses it: a version on trial, or one that was live. */
export function isInUse({ alias }: ModelAlias): boolean {
  return !/(^|[-_])(candidate|challenger|shadow|previous)/i.test(alias);
}

/** The aliases by which promoters say what was live before. */
export function previousAliases(pointer: ModelPointer): readonly string[] {
  if (pointer.kind !== 'alias') return [];
  return [`${pointer.alias}-previous`, `previous-${pointer.alias}`];
}

/** A pointer and what it names. */
export interface UsedPointer {
  /** `stage:Production`, `alias:champion` */
  readonly pointer: string;
  readonly version: string;
  /** How consumers load it: `models:/NAME@champion`. */
  readonly uri: string;
}

/**
 * The pointer that consumers plainly use when the chosen one names nothing: a version in Production, or an
 * alias; null when there is none.
 * @param aliases all of the model
 */
export function usedInstead(
  { modelName, pointer, others }: RegistrySnapshot,
  aliases: readonly ModelAlias[],
): UsedPointer | null {
  const staged = others.find((row) => row.stage === 'Production');
  if (staged !== undefined && pointer.kind !== 'stage') {
    const uri = `models:/${modelName}/Production`;
    return { pointer: 'stage:Production', version: staged.version, uri };
  }
  const own = pointerText(pointer);
  const named = aliases.find((one) => isInUse(one) && aliasText(one.alias) !== own);
  if (named === undefined) return null;
  const uri = `models:/${modelName}@${named.alias}`;
  return { pointer: aliasText(named.alias), version: named.version, uri };
}

/** What a move from a version leaves on it. */
export interface LeftBehind {
  readonly modelName: string;
  /** The pointer that moves. */
  readonly pointer: string;
  readonly from: { readonly version: string; readonly stage: string };
  readonly to: string;
}

/**
 * The move takes one pointer away from a version that others still name.
 * @param aliases those of the version `from`
 */
export function leftBehind(move: LeftBehind, aliases: readonly string[]): Warning[] {
  const { modelName, pointer, from } = move;
  const named = aliases.filter(
    (alias) => isInUse({ alias, version: from.version }) && aliasText(alias) !== pointer,
  );
  const [first] = named;
  const hasStage = from.stage === 'Production' && pointer !== 'stage:Production';
  return [
    ...(first === undefined
      ? []
      : [
          {
            code: 'ALIAS_LEFT_BEHIND',
            message: leftText(move, {
              names: `The ${named.length === 1 ? 'alias' : 'aliases'} ${named.join(', ')}`,
              isOne: named.length === 1,
              uri: `models:/${modelName}@${first}`,
              other: aliasText(first),
            }),
          },
        ]),
    ...(hasStage
      ? [
          {
            code: 'STAGE_LEFT_BEHIND',
            message: leftText(move, {
              names: 'The stage Production',
              isOne: true,
              uri: `models:/${modelName}/Production`,
              other: 'stage:Production',
            }),
          },
        ]
      : []),
  ];
}

// ---------------------------------------------------------------------------------------------------

function aliasText(alias: string): string {
  return pointerText({ kind: 'alias', alias });
}

function leftText(
  { modelName, pointer, from, to }: LeftBehind,
  { names, isOne, uri, other }: Record<'names' | 'uri' | 'other', string> & { isOne: boolean },
): string {
  return (
    `${names} still ${isOne ? 'names' : 'name'} version ${from.version}; this rollback moves ${pointer} only. ` +
    `Consumers that load ${uri} keep version ${from.version}. ` +
    `To move ${other} too, run ${commandText('apply', [modelName], { to, pointer: other })}.`
  );
}
