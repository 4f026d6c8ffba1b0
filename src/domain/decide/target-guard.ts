import { hookName } from '../hook.ts';
import { isoTime } from '../registry/model.ts';
import { sourceText } from '../request/policy.ts';
import { RefusalCode } from '../request/request.ts';
import { type Guard, type GuardFacts, passed, refused } from './guard-answer.ts';

/** Whether the target can be served: everything that speaks against it is named. */
export const targetUnfit: Guard = {
  code: RefusalCode.TARGET_UNFIT,
  check: (facts) => {
    const { target, fitness } = facts;
    if (target === null) return passed('there is no target to check');
    const { version, status } = target;
    const reasons = [
      ...(status === 'READY' ? [] : [`Version ${version} has status ${status}, not READY.`]),
      ...tooOld(facts),
      ...fitness.unfit,
      ...fitness.misfit,
      ...smokeRefusals(facts),
    ];
    if (reasons.length > 0) return refused(reasons.join(' '), fixOf(facts));
    if (fitness.unchecked.length > 0) {
      return { kind: 'warning', message: fitness.unchecked.join(' ') };
    }
    return passed(`the target is READY${smokeText(facts)}`);
  },
};

// ---------------------------------------------------------------------------------------------------

function tooOld({ target, state, nowMs, targetMaxAgeMs }: GuardFacts): string[] {
  // A registry that names no time says nothing about the age.
  if (target === null || targetMaxAgeMs === null || target.createdAtMs === 0) return [];
  if (nowMs - target.createdAtMs <= targetMaxAgeMs) return [];
  const days = Number((targetMaxAgeMs / 86_400_000).toFixed(2));
  const created = isoTime(target.createdAtMs);
  return [
    `Version ${target.version} was created at ${created}, which is more than ${days} days ago (${sourceText(state, 'target_max_age')}).`,
  ];
}

function smokeRefusals({ target, fitness: { smoke } }: GuardFacts): string[] {
  if (smoke === null || smoke.kind === 'passed') return [];
  const { kind, hook, why } = smoke;
  if (kind === 'skipped') return [`The smoke check (${hook}) was not called.`];
  return kind === 'refused'
    ? [
        `The smoke check (${hook}) refused version ${target?.version}${why === '' ? '' : `: ${why}`}.`,
      ]
    : [`The smoke check (${hook}) could not say whether version ${target?.version} works: ${why}.`];
}

function fixOf({ fitness: { smoke } }: GuardFacts): string {
  const fix = smoke?.kind === 'failed' ? 'Fix the smoke check, choose' : 'Choose';
  return (
    `${fix} another version, or override this guard (--override TARGET_UNFIT; in a request: ` +
    '"overrides": ["TARGET_UNFIT"]).'
  );
}

function smokeText({ smokeCheck, fitness: { smoke } }: GuardFacts): string {
  if (smoke !== null) return `, and the smoke check (${smoke.hook}) said ok`;
  return smokeCheck === null
    ? ''
    : `; the smoke check (${hookName(smokeCheck)}) is called right before a move`;
}
