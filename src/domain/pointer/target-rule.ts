/** How a target was found. */
export const TargetRule = {
  /** The request named it. */
  EXPLICIT: 'explicit',
  /** It is live beside the bad one. */
  ALSO_LIVE: 'also-live',
  /** The promotion of the live version archived it. */
  DISPLACED: 'displaced',
  /** Our own history says that it was live before. */
  RECORDED: 'recorded',
  /** The same, and so much time lies between two readings that another version may have been live in between. */
  RECORDED_ACROSS_GAP: 'recorded-across-gap',
  /** The alias `NAME-previous` or `previous-NAME` names it. */
  PREVIOUS_ALIAS: 'previous-alias',
  /** The highest Archived version below the live one. */
  ARCHIVED_BELOW: 'archived-below',
  /** The highest READY version below the one that the alias names: a guess. */
  READY_BELOW: 'ready-below',
  /** The highest Archived version at all (`ROLLBACK_TARGET_RULE=latest-archived`). */
  LATEST_ARCHIVED: 'latest-archived',
} as const;
export type TargetRule = (typeof TargetRule)[keyof typeof TargetRule];

const ruleTexts: Readonly<Record<TargetRule, string>> = {
  [TargetRule.EXPLICIT]: 'the request names it',
  [TargetRule.ALSO_LIVE]: 'it is live beside the live version',
  [TargetRule.DISPLACED]: 'the promotion of the live version replaced it',
  [TargetRule.RECORDED]: 'the record shows that it was live before',
  [TargetRule.RECORDED_ACROSS_GAP]:
    'the record shows that it was live before, and another version may have been live in between',
  [TargetRule.PREVIOUS_ALIAS]: 'the alias of the previous version names it',
  [TargetRule.ARCHIVED_BELOW]: 'it is the highest Archived version below the live one',
  [TargetRule.READY_BELOW]:
    'it is the highest READY version below the live one: a guess, since nothing shows that it was live before',
  [TargetRule.LATEST_ARCHIVED]: 'it is the highest Archived version',
};

/** One phrase for a rule; a rule of a later release is named as it is. */
export function ruleText(rule: string): string {
  const texts: Readonly<Record<string, string>> = ruleTexts;
  return Object.hasOwn(texts, rule) ? (texts[rule] ?? rule) : rule;
}

/** True when the target was taken by its number, without evidence that it was live before. */
export function isGuess(rule: string | null): boolean {
  return (
    rule === TargetRule.ARCHIVED_BELOW || rule === TargetRule.LATEST_ARCHIVED || isMereGuess(rule)
  );
}

/** True when no alarm acts on such a target by itself: nothing shows that it was live just before. */
export function isMereGuess(rule: string | null): boolean {
  return rule === TargetRule.READY_BELOW || rule === TargetRule.RECORDED_ACROSS_GAP;
}
