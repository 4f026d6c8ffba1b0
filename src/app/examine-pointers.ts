import { type Check, failed, ok, warning } from '../domain/answer/check.ts';
import { quoteForShell } from '../domain/command-line.ts';
import { isModelRollbackError } from '../domain/errors.ts';
import { limits } from '../domain/limits.ts';
import { pointersInUse } from '../domain/pointer/alias.ts';
import type { ModelPointers } from '../domain/pointer/observe.ts';
import {
  defaultPointers,
  type PointerSettings,
  parsePointer,
  pointerFor,
  pointerText,
} from '../domain/registry/pointer.ts';
import { type HeadsItem, headParts } from '../domain/state/live-log.ts';
import type { Deadline } from '../ports/deadline.ts';
import { type RollbackDeps, withPolicyPointers } from './deps.ts';
import { pointerPages } from './pointer-pages.ts';

/** Which pointers the models of the registry use, and whether the settings fit: the first models by name. */
export async function examinePointers(deps: RollbackDeps, deadline: Deadline): Promise<Check> {
  const models: ModelPointers[] = [];
  const pagesMax = limits.surveyPagesMax;
  let next: string | null = null;
  try {
    for await (const page of pointerPages(deps, { from: null, pagesMax }, deadline)) {
      models.push(...page.rows);
      next = page.next;
    }
  } catch (error) {
    if (!isModelRollbackError(error)) throw error;
    if (models.length === 0) return failed('pointers', error);
  }
  const read = `${next === null ? 'Of' : 'Of the first'} ${models.length} registered models`;
  const { settings } = withPolicyPointers(deps, await readHeads(deps, deadline));
  return judge(settings.pointers ?? defaultPointers, models, read);
}

// ---------------------------------------------------------------------------------------------------

/** Where the store cannot be read, another check says so. */
async function readHeads(
  { store }: RollbackDeps,
  deadline: Deadline,
): Promise<readonly HeadsItem[]> {
  try {
    return await store.readHeads(headParts, deadline);
  } catch (error) {
    if (!isModelRollbackError(error)) throw error;
    return [];
  }
}

/** A model, and the pointers by which consumers seem to load it. */
interface UsedModel {
  readonly name: string;
  readonly used: readonly string[];
}

function judge(settings: PointerSettings, models: readonly ModelPointers[], read: string): Check {
  const inUse = models
    .map((model): UsedModel => ({ name: model.modelName, used: pointersInUse(model) }))
    .filter(({ used }) => used.length > 0);
  const counts = countsOf(inUse);
  const [most] = counts;
  if (most === undefined) return ok('pointers', `${read}, none has a pointer that is in use.`);
  const shown = counts.slice(0, limits.surveyPointersShown);
  const more = counts.length - shown.length;
  const texts = shown.map(([pointer, count]) => `${pointer} (${count})`);
  const what = `${read}, ${inUse.length} use a pointer: ${texts.join(', ')}${more > 0 ? ` and ${more} more` : ''}.`;
  const others = inUse.filter((model) => !isFit(settings, model));
  if (others.length < inUse.length) {
    const [first] = others;
    if (first === undefined) return ok('pointers', `${what} The settings fit all of them.`);
    const example = `${first.name} (${first.used.join(', ')})`;
    return ok('pointers', `${what} The settings fit all but ${others.length}, such as ${example}.`);
  }
  return warning(
    'pointers',
    `${what} The pointer that this shell sets (${pointerText(settings.default)}, or by ROLLBACK_MODEL_POINTERS) fits none ` +
      'of them: a rollback would be refused with POINTER_UNUSED.',
    fixFor(settings, inUse, most[0]),
  );
}

/** Pointers by how many models use them, most first. */
function countsOf(models: readonly UsedModel[]): (readonly [pointer: string, count: number])[] {
  const counts = new Map<string, number>();
  for (const pointer of models.flatMap(({ used }) => used)) {
    counts.set(pointer, (counts.get(pointer) ?? 0) + 1);
  }
  return [...counts].toSorted(([a, ofA], [b, ofB]) => ofB - ofA || (a < b ? -1 : 1));
}

function isFit(settings: PointerSettings, { name, used }: UsedModel): boolean {
  return used.includes(pointerText(pointerFor(settings, name)));
}

/** The default, where that helps; else the entries of single models, which come before it. */
function fixFor(settings: PointerSettings, models: readonly UsedModel[], most: string): string {
  const changed = { ...settings, default: parsePointer(most, 'pointer') };
  const where = 'Set the same variable in the function.';
  if (models.some((model) => isFit(changed, model))) {
    return `To move the pointer that most of them use, run \`export ROLLBACK_POINTER=${quoteForShell(most)}\`. ${where}`;
  }
  const known = [...settings.byModel].map(([name, pointer]) => [name, pointerText(pointer)]);
  const own = models
    .slice(0, limits.surveyPointersShown)
    .map(({ name, used }) => [name, used[0] ?? most]);
  const json = JSON.stringify(Object.fromEntries([...known, ...own]));
  return `To move the pointers that they use, run \`export ROLLBACK_MODEL_POINTERS=${quoteForShell(json)}\`. ${where}`;
}
