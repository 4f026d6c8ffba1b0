/** One change that must make a named test fail. */
export interface Mutation {
  readonly invariant: string;
  readonly breaks: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly suite: string;
  readonly test: string;
}

const promoteTest = 'test/unit/app/promote.test.ts';
const signedTest = 'test/unit/http/signed.test.ts';
const consoleTest = 'test/unit/http/console/console.test.ts';

/** What a promotion promises beside the invariants. */
const promotionMutations: readonly Mutation[] = [
  {
    invariant: 'promotion',
    breaks: 'a comparison with another version counts',
    file: 'src/domain/evidence/stored-evidence.ts',
    from: 'of.champion}',
    to: 'of.modelName}',
    suite: promoteTest,
    test: 'evidence of another pair does not',
  },
  {
    invariant: 'promotion',
    breaks: 'evidence of any age counts',
    file: 'src/domain/decide/promotion-evidence.ts',
    from: 'if (nowMs - createdAtMs <= ageMaxMs) return null;',
    to: 'if (nowMs >= createdAtMs) return null;',
    suite: promoteTest,
    test: 'evidence that is too old does not',
  },
  {
    invariant: 'promotion',
    breaks: 'INVESTIGATE counts as PROMOTE',
    file: 'src/domain/decide/promotion-evidence.ts',
    from: 'if (decision !== Decision.PROMOTE) return',
    to: 'if (decision === Decision.KEEP) return',
    suite: promoteTest,
    test: 'evidence that says INVESTIGATE does not',
  },
  {
    invariant: 'promotion',
    breaks: 'a version that was rolled back is promoted again',
    file: 'src/app/promotion-refusals.ts',
    from: '    ...(cause === null\n',
    to: "    ...(cause === null || version !== ''\n",
    suite: promoteTest,
    test: 'for a version in quarantine, with who rolled it back, when and why',
  },
  {
    invariant: 'promotion',
    breaks: 'one of two live versions counts as promoted',
    file: 'src/domain/decide/promotion.ts',
    from: 'live !== undefined && others.length === 0 && live.version',
    to: 'live !== undefined && others.length >= 0 && live.version',
    suite: promoteTest,
    test: 'leaves one live version where two were',
  },
  {
    invariant: 'promotion',
    breaks: 'a version that was live before is said to be promoted now',
    file: 'src/domain/answer/promotion.ts',
    from: 'already_promoted: isPromoted && !isMoved,',
    to: 'already_promoted: isPromoted && isMoved,',
    suite: promoteTest,
    test: 'says that a version is live already, and moves nothing',
  },
  {
    invariant: 'promotion',
    breaks: 'promotions and rollbacks do not share the claim',
    file: 'src/app/take-claim.ts',
    from: "return result === 'written' ? claimed : null;",
    to: "return result === 'written' || attempt.request.promotes ? claimed : null;",
    suite: 'test/unit/app/promotion-race.test.ts',
    test: 'leave exactly one live version of',
  },
  {
    invariant: 'promotion',
    breaks: 'a promotion replaces what somebody else promoted meanwhile',
    file: 'src/app/decide-promotion.ts',
    from: '...(first.live === live ? [] :',
    to: '...(first.live === live || live !== null ? [] :',
    suite: promoteTest,
    test: 'leaves what somebody else promoted while it was at work, and says who',
  },
  {
    invariant: 'promotion',
    breaks: 'a promotion starts the cooldown, and puts what it replaced into quarantine',
    file: 'src/domain/protocol/move-effects.ts',
    from: '  if (promotes) return withPointerState(state, plan.pointer, { liveHistory });\n',
    to: '',
    suite: promoteTest,
    test: 'is no rollback: no commit, no cooldown, no budget, no quarantine',
  },
  {
    invariant: 'promotion',
    breaks: 'a promotion counts for the budget',
    file: 'src/domain/protocol/transition.ts',
    from: 'settings: request.promotes ? null : settings,',
    to: 'settings,',
    suite: promoteTest,
    test: 'pauses no automation, also where the rollbacks before it are more than a new budget',
  },
  {
    invariant: 'promotion',
    breaks: 'a version whose run is deleted goes live',
    file: 'src/domain/decide/promotion.ts',
    from: 'refusals: unfit.map((message)',
    to: 'refusals: unfit.slice(1).map((message)',
    suite: 'test/unit/app/promotion-fitness.test.ts',
    test: 'refuses a deleted run',
  },
  {
    invariant: 'promotion',
    breaks: 'NAME-previous names the new version',
    file: 'src/app/previous-alias.ts',
    from: 'const { version, status } = plan.from;',
    to: 'const { version, status } = plan.to ?? plan.from;',
    suite: 'test/unit/app/previous-alias.test.ts',
    test: 'names what a promotion, a rollback and an undo left',
  },
];

/** Who may act by HTTP. */
const serviceMutations: readonly Mutation[] = [
  {
    invariant: 'access',
    breaks: 'any token is known',
    file: 'src/http/tokens.ts',
    from: 'if (timingSafeEqual(token.digest, digest)) found = token;',
    to: 'if (token.digest.length === digest.length) found = token;',
    suite: 'test/unit/http/tokens.test.ts',
    test: 'finds exactly the token that was sent',
  },
  {
    invariant: 'access',
    breaks: 'a viewer may act',
    file: 'src/http/access.ts',
    from: "if (needed === 'operator' && caller.role !== 'operator') {",
    to: "if (needed !== 'operator' && caller.role !== 'operator') {",
    suite: 'test/unit/http/service.test.ts',
    test: 'with tokens: none, an unknown one and a viewer may not act',
  },
  {
    invariant: 'access',
    breaks: 'a page of another site acts',
    file: 'src/http/access.ts',
    from: 'if (!isCrossSite && (origin === null || hostOf(origin) === host)) return;',
    to: 'if (!isCrossSite) return;',
    suite: 'test/unit/http/service.test.ts',
    test: 'a page of another site cannot act',
  },
  {
    invariant: 'access',
    breaks: 'a name of another site leads here',
    file: 'src/http/access.ts',
    from: 'if (hosts.includes(host)) return;',
    to: "if (host !== '') return;",
    suite: 'test/unit/http/service.test.ts',
    test: 'a name of another site does not lead here (DNS rebinding)',
  },
  {
    invariant: 'signatures',
    breaks: 'any signature of MLflow fits',
    file: 'src/http/signatures.ts',
    from: 'if (!isEqual(sent, expected)) {',
    to: 'if (sent.length !== expected.length) {',
    suite: signedTest,
    test: 'is refused with the secret of somebody else, and with a body that was changed',
  },
  {
    invariant: 'signatures',
    breaks: 'any signature of Grafana fits',
    file: 'src/http/signatures.ts',
    from: "if (!isEqual(Buffer.from(headers.get(grafanaSignature) ?? '', 'hex'), expected)) {",
    to: 'if (!headers.has(grafanaSignature) || expected.length === 0) {',
    suite: signedTest,
    test: 'is refused when the signature does not fit, also with a token and on loopback',
  },
  {
    invariant: 'signatures',
    breaks: 'an old delivery is taken again',
    file: 'src/http/signatures.ts',
    from: 'if (ageMs <= ageMaxMs && ageMs >= -httpLimits.signedAgeMaxMs) return;',
    to: 'if (ageMs >= -httpLimits.signedAgeMaxMs) return;',
    suite: signedTest,
    test: 'ms from now gets 401',
  },
  {
    invariant: 'console',
    breaks: 'a form needs no proof that it is ours',
    file: 'src/http/console/console.ts',
    from: "if (session !== null && isFormOf(session, form.get('form_token'))) return session;",
    to: 'if (session !== null) return session;',
    suite: consoleTest,
    test: 'do nothing for another site, another session, or no session',
  },
  {
    invariant: 'console',
    breaks: 'the session of a viewer acts',
    file: 'src/http/console/console.ts',
    from: "  if (caller.role !== 'operator') {",
    to: "  if (caller.role !== 'operator' && caller.role !== 'viewer') {",
    suite: consoleTest,
    test: 'give an operator what a viewer is refused',
  },
  {
    invariant: 'console',
    breaks: 'the signature of a session is not checked',
    file: 'src/http/console/session.ts',
    from: 'if (caller === null || !isEqual(signature, sign(caller, `session ${id}`))) return null;',
    to: 'if (caller === null || signature === id) return null;',
    suite: 'test/unit/http/console/console.test.ts',
    test: 'cannot be made up',
  },
  {
    invariant: 'function-url',
    breaks: 'an alert that nobody has taken is answered as taken',
    file: 'src/http/alerts.ts',
    from: 'await Promise.all(parts.map((part) => handOver(part, call.deadline)));',
    to: 'await Promise.allSettled(parts.map((part) => handOver(part, call.deadline)));',
    suite: 'test/unit/http/hand-over.test.ts',
    test: 'is not answered as taken when nobody has taken it',
  },
  {
    invariant: 'function-url',
    breaks: 'what was handed over and failed is not tried again',
    file: 'src/http/alerts.ts',
    from: 'if (left.length === 0) return;',
    to: 'if (left.length >= 0) return;',
    suite: 'test/unit/http/hand-over.test.ts',
    test: 'throws while a retry can cure one of them',
  },
  {
    invariant: 'console',
    breaks: 'a session never ends',
    file: 'src/http/console/session.ts',
    from: 'untilMs > clock.nowMs() && !ended.has(id) ? sessionOf(caller, id) : null',
    to: 'sessionOf(caller, id)',
    suite: consoleTest,
    test: 'end after their time, when they are ended, and with the token',
  },
  {
    invariant: 'console',
    breaks: 'a form that is sent twice acts twice',
    file: 'src/http/console/session.ts',
    from: '  if (before !== undefined) return await before;\n',
    to: '',
    suite: consoleTest,
    test: 'send a form twice, and act once',
  },
];

/** Those of what was added to rollbacks. */
export const laterMutations: readonly Mutation[] = [...promotionMutations, ...serviceMutations];
