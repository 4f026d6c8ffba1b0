import { commandText } from '../command-line.ts';
import {
  findVersion,
  isOlder,
  type ModelAlias,
  type ModelVersion,
  type RegistrySnapshot,
} from '../registry/model.ts';
import { type ModelPointer, parsePointer, pointerText, stagePointer } from '../registry/pointer.ts';
import type { RollbackRequest, Warning } from '../request/request.ts';

/** Pointers beside the one that moves: whether consumers seem to use one, and what the move does not reach. */

/** False for an alias whose name says that no consumer uses it: a version on trial, or one that was live. */
export function isInUse({ alias }: ModelAlias): boolean {
  return !/(^|[-_])(candidate|challenger|shadow|previous)/i.test(alias);
}

/** Whom no pointer reaches: in plans and notices of a move. */
export const unreachedText = 'Consumers that load by number or by latest are not reached.';

/** What an undo leaves as it is. */
export const notUndone: string =
  'That moves the pointer back, and nothing else: answers that were served meanwhile stay, and servers that load ' +
  'at start need a reload.';

/** The aliases by which promoters say what was live before; the first is the one that we set. */
export function previousAliases(pointer: ModelPointer): readonly string[] {
  if (pointer.kind !== 'alias') return [];
  return [`${pointer.alias}-previous`, `previous-${pointer.alias}`];
}

/** True for the name of an alias that says what another one named before. */
export function isPreviousAlias(alias: string): boolean {
  return /^previous-|-previous$/.test(alias);
}

/** The pointers of a model by which consumers seem to load it, the stage first. */
export function pointersInUse({
  staged,
  aliases,
}: {
  readonly staged: string | null;
  readonly aliases: readonly ModelAlias[];
}): readonly string[] {
  const named = aliases.filter(isInUse).map(({ alias }) => aliasText(alias));
  return staged !== null ? [pointerText(stagePointer), ...named] : named;
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

/** The code of the warning that makes an alarm ask a person. */
export const pointerDoubtful = 'POINTER_DOUBTFUL';

/**
 * True when some version is above the one that the stage names, and the request leaves the choice of the
 * pointer to the settings: only then an alias can show that the stage was forgotten.
 */
export function mayBeDoubtful(
  { pointer, live, others }: RegistrySnapshot,
  request: Pick<RollbackRequest, 'pointer'>,
): boolean {
  const [highest] = live;
  if (pointer.kind !== 'stage' || request.pointer !== undefined || highest === undefined) {
    return false;
  }
  return others.some(({ version }) => isOlder(highest.version, version));
}

/**
 * The warning for a stage that was perhaps forgotten: an alias that serves consumers names a version above.
 * @param aliases all of the model; from fewer, less is known
 */
export function pointerDoubt(
  snapshot: RegistrySnapshot,
  request: Pick<RollbackRequest, 'pointer'>,
  aliases: readonly ModelAlias[],
): Warning[] {
  const { modelName, pointer, live } = snapshot;
  const [highest] = live;
  if (highest === undefined || !mayBeDoubtful(snapshot, request)) return [];
  const above = aliases.find((one) => isInUse(one) && isOlder(highest.version, one.version));
  if (above === undefined) return [];
  const own = pointerText(pointer);
  const other = aliasText(above.alias);
  const message =
    `${other} names version ${above.version}, above version ${highest.version}, which ${own} names: if ` +
    `consumers load models:/${modelName}@${above.alias}, a move of ${own} changes nothing for them. To move ` +
    `${other}, run ${commandText('apply', [modelName], { pointer: other })}. If consumers load by ${own}, name ` +
    `it: --pointer ${own} (in a request: "pointer").`;
  return [{ code: pointerDoubtful, message }];
}

/** A planned move of one pointer. */
export interface PointerMove {
  readonly modelName: string;
  /** The pointer that moves. */
  readonly pointer: string;
  readonly from: Pick<ModelVersion, 'version' | 'stage'>;
  readonly to: string;
}

/**
 * The warning for a target of our own record that the alias of the previous version contradicts.
 * @param snapshot what the plan was made from; null where it is not at hand
 */
export function previousDiffers(
  { pointer, from, to }: PointerMove,
  aliases: readonly ModelAlias[],
  snapshot: RegistrySnapshot | null,
): Warning[] {
  const names = previousAliases(parsePointer(pointer, 'pointer'));
  const [named] = names.flatMap((name) => aliases.filter(({ alias }) => alias === name));
  if (named === undefined || named.version === to || !isOlder(named.version, from.version)) {
    return [];
  }
  const isGone = snapshot?.isComplete === true && !findVersion(snapshot, named.version);
  if (isGone) return [];
  const message =
    `${aliasText(named.alias)} names version ${named.version}, but by the record version ${to} was live before ` +
    `version ${from.version}. The record decides. To restore version ${named.version} instead, pass it: ` +
    `--to ${named.version} (in a request: "target_version").`;
  return [{ code: 'PREVIOUS_ALIAS_DIFFERS', message }];
}

/**
 * The move takes one pointer away from a version that others still name.
 * @param aliases with those of the version `from`
 */
export function leftBehind(move: PointerMove, aliases: readonly ModelAlias[]): Warning[] {
  const { modelName, pointer, from } = move;
  const named = aliases
    .filter((one) => one.version === from.version && isInUse(one))
    .map(({ alias }) => alias)
    .filter((alias) => aliasText(alias) !== pointer);
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
  { modelName, pointer, from, to }: PointerMove,
  { names, isOne, uri, other }: Record<'names' | 'uri' | 'other', string> & { isOne: boolean },
): string {
  return (
    `${names} still ${isOne ? 'names' : 'name'} version ${from.version}; this run moves ${pointer} only. ` +
    `Consumers that load ${uri} keep version ${from.version}. ` +
    `To move ${other} too, run ${commandText('apply', [modelName], { to, pointer: other })}.`
  );
}
