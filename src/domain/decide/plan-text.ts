import { assertNever } from '../assert.ts';
import { commandText } from '../command-line.ts';
import { isMereGuess, TargetRule } from '../pointer/target-rule.ts';
import { isSameRegistry } from '../registry/address.ts';
import { deletedStatus, type RegistrySnapshot } from '../registry/model.ts';
import { RefusalCode, type Warning } from '../request/request.ts';
import { versionsWithCopiedMarks } from '../state/counting-marks.ts';
import type { ModelState } from '../state/model-state.ts';
import { isQuarantined } from '../state/quarantine.ts';
import { refusalsOf } from './guard.ts';
import { movesPointer, Outcome } from './outcome.ts';
import type { Plan } from './plan.ts';

/** What a plan means, in words: its message, and the warnings that it gives rise to. */

/** Warnings that a plan gives rise to. */
export function planWarnings(
  plan: Plan,
  { state, snapshot }: { readonly state: ModelState; readonly snapshot: RegistrySnapshot },
): Warning[] {
  const guardWarnings = plan.guards
    .filter((guard) => guard.verdict === 'warning' || guard.verdict === 'overridden')
    .map((guard) => ({
      code: guard.verdict === 'warning' ? warningCode(guard.code) : `OVERRIDDEN_${guard.code}`,
      message: guard.message,
    }));
  const copied = versionsWithCopiedMarks([...snapshot.live, ...snapshot.others]);
  return [
    ...guardWarnings,
    ...(plan.from?.status === deletedStatus
      ? [{ code: 'LIVE_VERSION_DELETED', message: deletedText(plan.pointer, plan.from.version) }]
      : []),
    ...quarantinedWarnings(snapshot, state),
    ...(isMereGuess(plan.rule) ? [{ code: 'TARGET_IS_A_GUESS', message: guessText(plan) }] : []),
    ...(plan.unreadBelow === undefined
      ? []
      : [{ code: 'NOT_ALL_VERSIONS_READ', message: unreadText(plan.unreadBelow) }]),
    ...(copied.length === 0 ? [] : [{ code: 'COPIED_TAGS_IGNORED', message: copiedText(copied) }]),
    ...(movesPointer(plan.verdict) ? promptWarnings(snapshot) : []),
    ...(isSameRegistry(state.registry, plan.registry)
      ? []
      : [
          {
            code: 'REGISTRY_ADDRESS_CHANGED',
            message:
              `The state of this model was kept for the registry ${state.registry}; this is ${plan.registry}. ` +
              'Use one state table per registry.',
          },
        ]),
  ];
}

/** A live version that a rollback moved away from: somebody made it live again, which does not release it. */
export function quarantinedWarnings(
  { modelName, live }: Pick<RegistrySnapshot, 'modelName' | 'live'>,
  state: ModelState,
): Warning[] {
  return live
    .filter((row) => isQuarantined(state, row))
    .map(({ version }) => ({
      code: 'LIVE_IS_QUARANTINED',
      message:
        `Version ${version} is live and in quarantine: a rollback moved away from it, and somebody made it live ` +
        'again. An alarm may roll back from it, and no rule restores it. If the version is good now, run ' +
        `${commandText('release', [modelName, version])}.`,
    }));
}

/** One sentence on what a plan means. */
export function planMessage(plan: Plan): string {
  switch (plan.verdict) {
    case Outcome.ROLLED_BACK:
    case Outcome.PROMOTED:
      return moveText(plan);
    case Outcome.REFUSED:
    case Outcome.NO_TARGET:
      return (
        refusalsOf(plan.guards)
          .map((refusal) => refusal.message)
          .join(' ') || noTargetMessage(plan)
      );
    case Outcome.ALREADY_LIVE:
      return `Version ${plan.to?.version} is already the only live version. Nothing to do.`;
    default:
      return assertNever(plan.verdict);
  }
}

/** One sentence on what would be moved; a second one when better targets may not have been read. */
export function moveText(plan: Plan): string {
  const move = `${plan.pointer} would move from ${plan.from?.version ?? 'none'} to ${plan.to?.version}.`;
  const guess = isMereGuess(plan.rule) ? [guessText(plan)] : [];
  const unread = plan.unreadBelow === undefined ? [] : [unreadText(plan.unreadBelow)];
  return [move, ...guess, ...unread].join(' ');
}

// ---------------------------------------------------------------------------------------------------

/** A target about which something could not be read is not unfit for that. */
function warningCode(guardCode: string): string {
  return guardCode === RefusalCode.TARGET_UNFIT ? 'TARGET_NOT_CHECKED' : guardCode;
}

function deletedText(pointer: string, version: string): string {
  return `${pointer} names version ${version}, which was deleted: consumers that load it get an error.`;
}

/** The readers of a prompt are slower than its pointer. */
function promptWarnings({ modelName, live, others }: RegistrySnapshot): Warning[] {
  if (![...live, ...others].some((row) => row.isPrompt)) return [];
  const message =
    `${modelName} is a prompt: an app that has loaded it by an alias uses the version in its cache for up to 60 ` +
    'seconds more (MLFLOW_ALIAS_PROMPT_CACHE_TTL_SECONDS in the app sets another time).';
  return [{ code: 'PROMPT_IN_CACHES', message }];
}

function guessText({ pointer, to, rule }: Plan): string {
  if (rule === TargetRule.RECORDED_ACROSS_GAP) {
    return (
      `Version ${to?.version} is a guess: it was live before, and ${pointer} was not read for so long that ` +
      'another version may have been live in between. If you know it, pass it: --to VERSION (in a request: ' +
      '"target_version").'
    );
  }
  return (
    `Version ${to?.version} is a guess, the highest READY version below the live one: MLflow does not keep what ${pointer} ` +
    'named before, and nothing on record shows it. If you know it, pass it: --to VERSION (in a request: ' +
    '"target_version").'
  );
}

function unreadText(unreadBelow: string): string {
  return (
    `Not every version below ${unreadBelow} was read, so the version that was live before may be one of them. ` +
    'If you know it, pass it: --to VERSION (in a request: "target_version").'
  );
}

function copiedText(versions: readonly string[]): string {
  const names = versions.slice(0, 5).join(', ');
  const more = versions.length > 5 ? ` and ${versions.length - 5} more` : '';
  return (
    `Tags that a rollback leaves (model_rollback.…) are on version ${names}${more}, and are older than the ` +
    'version: they were copied with it. They do not count.'
  );
}

/** What was passed over, and that a person may name it all the same. */
function noTargetMessage(plan: Plan): string {
  const names = plan.candidates.slice(0, 5).map((row) => `${row.version} (${row.why})`);
  const hint =
    names.length === 0
      ? 'The model has no other version.'
      : `Not chosen: ${names.join('; ')}. To restore one of them all the same, pass it as target_version.`;
  const unread = plan.unreadBelow === undefined ? '' : ` ${unreadText(plan.unreadBelow)}`;
  return `No version may be restored in place of ${plan.from?.version ?? 'none'}. ${hint}${unread}`;
}
