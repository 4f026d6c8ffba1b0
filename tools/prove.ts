import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { laterMutations, type Mutation } from './mutations.ts';

/**
 * `npm run prove`: for each invariant the smallest change that breaks it, made in a temporary copy, makes
 * a named test fail. A test that still passes proves nothing, and ends this with exit code 1.
 * `npm run prove access`: those of one invariant.
 */

const rollBackTest = 'test/unit/app/roll-back.test.ts';
const sweepTest = 'test/unit/app/sweep.test.ts';
const observeTest = 'test/unit/app/observe.test.ts';
const simulation = {
  suite: 'test/simulation/rollback.simulation.test.ts',
  test: 'holds every invariant in',
};

const rollbackMutations: readonly Mutation[] = [
  {
    invariant: 'I1',
    breaks: 'an undo has the key of its call',
    file: 'src/app/rollback-id.ts',
    from: '  if (request.undoes !== undefined) return undoKey(request.undoes);',
    to: '',
    suite: 'test/unit/app/undo.test.ts',
    test: 'of the same rollback again answers as before',
  },
  {
    invariant: 'I3',
    breaks: 'a freeze stops nobody',
    file: 'src/domain/decide/guard.ts',
    from: "    if (freeze === null) return passed('nothing is frozen');",
    to: "    if (freeze === null || nowMs > 0) return passed('nothing is frozen');",
    suite: 'test/unit/app/operations.test.ts',
    test: 'of the model refuses a rollback by anybody until its end',
  },
  {
    invariant: 'I3',
    breaks: 'an interrupted run moves into a freeze',
    file: 'src/app/resume-rollback.ts',
    from: 'return !isPassed && decided.some((one) => freezeNow(one, nowMs) !== null);',
    to: 'return !isPassed && decided.length > 2 && nowMs < 0;',
    suite: 'test/unit/app/operations.test.ts',
    test: 'stops a run that was interrupted before its move, and settles one that has moved',
  },
  {
    invariant: 'I2',
    breaks: 'the cooldown of a policy does not count',
    file: 'src/domain/request/policy.ts',
    from: 'put: (settings, cooldownMs) => ({ ...settings, cooldownMs }),',
    to: 'put: (settings) => settings,',
    suite: 'test/unit/app/policy.test.ts',
    test: 'of the policy counts: longer',
  },
  {
    invariant: 'I11',
    breaks: 'the pointer of a policy does not count',
    file: 'src/app/roll-back.ts',
    from: '  if (wanted !== pointer) {',
    to: '  if (planned !== undefined && wanted !== pointer) {',
    suite: 'test/unit/app/policy.test.ts',
    test: 'of the policy is moved where the request names none',
  },
  {
    invariant: 'I3',
    breaks: 'an earlier reader overlooks a policy',
    file: 'src/domain/record/stored-item.ts',
    from: "freeze !== undefined || policy !== undefined || pause?.why === 'operator';",
    to: "freeze !== undefined || pause?.why === 'operator';",
    suite: 'test/unit/domain/record/stored-item.test.ts',
    test: 'raises the least reader while something restricts what may be done',
  },
  {
    invariant: 'I5',
    breaks: 'a move follows a recheck of any age',
    file: 'src/app/carry-out.ts',
    from: 'if (deps.clock.nowMs() - latest.atMs <= limits.recheckAgeMaxMs) break;',
    to: 'if (latest.atMs > 0) break;',
    suite: rollBackTest,
    test: 'is made again when the claim took longer than a reading may be old',
  },
  {
    invariant: 'I1',
    breaks: 'a final record is not replayed',
    file: 'src/domain/record/record.ts',
    from: 'return movesPointer(status) || status === Outcome.CONTESTED;',
    to: 'return status === Outcome.CONTESTED;',
    suite: rollBackTest,
    test: 'gets the first answer, once, whatever happened since',
  },
  {
    invariant: 'I1',
    breaks: 'a store writes over what it did not read',
    file: 'src/adapters/memory/memory-rollback-store.ts',
    from: "if (this.#isStale(change)) return 'conflict';",
    to: '',
    ...simulation,
  },
  {
    invariant: 'I2',
    breaks: 'the cooldown always passes',
    file: 'src/domain/decide/guard.ts',
    from: 'if (nowMs >= clearsAtMs) return passed(',
    to: 'if (nowMs >= 0) return passed(',
    suite: rollBackTest,
    test: 'refuses within the cooldown, and acts after it',
  },
  {
    invariant: 'I2',
    breaks: 'a commit written again carries the time of its first try',
    file: 'src/app/end-run.ts',
    from: '  for (let attempt = 1; ; attempt += 1) {\n    const token = deps.identity.random();\n    tokens.push(token);\n    const ended = end(claimed, { nowMs: deps.clock.nowMs(), token });',
    to: '  const firstMs = deps.clock.nowMs();\n  for (let attempt = 1; ; attempt += 1) {\n    const token = deps.identity.random();\n    tokens.push(token);\n    const ended = end(claimed, { nowMs: firstMs, token });',
    suite: rollBackTest,
    test: 'at the commit: tried again, since the registry is changed by now',
  },
  {
    invariant: 'I3',
    breaks: 'a lost claim is taken for a claim',
    file: 'src/app/take-claim.ts',
    from: "return result === 'written' ? claimed : null;",
    to: 'return result === null ? null : claimed;',
    ...simulation,
  },
  {
    invariant: 'I3',
    breaks: 'the move starts whatever time is left',
    file: 'src/app/carry-out.ts',
    from: 'return deadline.leftMs() >= limits.writeTimeoutMinMs && isAwake;',
    to: 'return isAwake || !isAwake;',
    suite: rollBackTest,
    test: 'does not start without enough time',
  },
  {
    invariant: 'I3',
    breaks: 'a claim is taken over while its lease is alive',
    file: 'src/app/resume-rollback.ts',
    from: 'if (state.active.leaseEndsAtMs > allDeps.clock.nowMs()) return null;',
    to: '',
    ...simulation,
  },
  {
    invariant: 'I4',
    breaks: 'the move does not archive in the same call',
    file: 'src/adapters/mlflow/mlflow-model-registry.ts',
    from: 'archive_existing_versions: true }',
    to: 'archive_existing_versions: false }',
    suite: 'test/contract/mlflow-model-registry.test.ts',
    test: 'leaves exactly one live version where several were',
  },
  {
    invariant: 'I5',
    breaks: 'the read-back is not checked',
    file: 'src/domain/decide/verify.ts',
    from: 'if (isAsPlanned(plan, snapshot)) {',
    to: "if (isAnswered) return { kind: 'landed', displacedNewer: [] };\n  if (isAsPlanned(plan, snapshot)) {",
    suite: rollBackTest,
    test: 'a promotion beside our move is contested and quarantines from',
  },
  {
    invariant: 'I5',
    breaks: 'a difference at the later check is not reported',
    file: 'src/domain/protocol/follow-up.ts',
    from: 'if (isAsLeft || isSuperseded) {',
    to: 'if (isAsLeft || !isSuperseded) {',
    suite: sweepTest,
    test: 'reports a pointer that is not what the commit left, once',
  },
  {
    invariant: 'I6',
    breaks: 'quarantine is not checked',
    file: 'src/domain/state/quarantine.ts',
    from: 'state.quarantine.some(isSame) ||',
    to: 'state.quarantine.some((entry) => isSame(entry) && false) ||',
    suite: 'test/unit/domain/decide/target.test.ts',
    test: 'passes quarantine over in every rule',
  },
  {
    invariant: 'I6',
    breaks: 'the tags of a renamed model are not read',
    file: 'src/domain/state/counting-marks.ts',
    from: 'if (row.marks === undefined || isKnown(row, state)) return null;',
    to: "if (row.version !== '' || row.marks === undefined || isKnown(row, state)) return null;",
    suite: 'test/unit/app/rename.test.ts',
    test: 'does not get the version back that it was rolled back from',
  },
  {
    invariant: 'I11',
    breaks: 'a stage that nobody uses is moved beside an alias',
    file: 'src/domain/decide/pointer-guard.ts',
    from: 'if (used === null) return passed(',
    to: "if (used === null || request.modelName !== '') return passed(",
    suite: 'test/unit/app/aliases.test.ts',
    test: 'is not moved (dry run: false)',
  },
  {
    invariant: 'I11',
    breaks: 'an alarm moves a stage that was perhaps forgotten',
    file: 'src/domain/protocol/attempt.ts',
    from: 'const isDoubtful = isBlind || (attempt.pointerDoubt ?? null) !== null;',
    to: 'const isDoubtful = isBlind;',
    suite: 'test/unit/app/alias-warnings.test.ts',
    test: 'is not moved for an alarm, which asks a person and says why',
  },
  {
    invariant: 'I7',
    breaks: 'the notice is not saved with the end',
    file: 'src/domain/protocol/transition.ts',
    from: '    notice,\n    ...loggedMove(',
    to: '    ...loggedMove(',
    ...simulation,
  },
  {
    invariant: 'I7',
    breaks: 'a failed notice is forgotten',
    file: 'src/domain/record/outbox.ts',
    from: 'if (openChannels(marked, names).length === 0) return',
    to: 'if (openChannels(marked, names).length === 0 || attempts > 0) return',
    suite: sweepTest,
    test: 'sends a notice that was not sent, with back-off while it fails',
  },
  {
    invariant: 'I8',
    breaks: 'a run that was cut off is never due',
    file: 'src/domain/record/due.ts',
    from: "if (progress.status === 'IN_PROGRESS') return [[DueTask.RESUME, progress.leaseEndsAtMs]];",
    to: "if (progress.status === 'IN_PROGRESS') return [];",
    ...simulation,
  },
  {
    invariant: 'I8',
    breaks: 'a resumed run moves without reading first',
    file: 'src/app/carry-out.ts',
    from: "if (judgement.kind !== 'not-landed') return await settle(run, snapshot, judgement);\n  const { plan, modelName }",
    to: "if (judgement.kind === 'contested') return await settle(run, snapshot, judgement);\n  const { plan, modelName }",
    suite: rollBackTest,
    test: 'finishes a run that died after its move',
  },
  {
    invariant: 'I8',
    breaks: 'the move of an alias is not noted before it is sent',
    file: 'src/app/note-sending.ts',
    from: 'if (evidenceFor(plan.pointer).leavesTrace) return run;',
    to: "if (plan.pointer !== '') return run;",
    suite: 'test/unit/app/alias-pointer.test.ts',
    test: 'is not sent again by the sweep: it is not known whether it took effect',
  },
  {
    invariant: 'I3',
    breaks: 'a move is sent on a reading that is old',
    file: 'src/app/carry-out.ts',
    from: '<= limits.recheckAgeMaxMs) break;',
    to: '<= 60_000) break;',
    suite: 'test/unit/app/alias-pointer.test.ts',
    test: 'is read again when the reading is old',
  },
  {
    invariant: 'I9',
    breaks: 'a dry run goes on',
    file: 'src/app/roll-back.ts',
    from: 'if (request.isDryRun) return await preview(',
    to: 'if (request.isDryRun && state.revision < 0) return await preview(',
    suite: rollBackTest,
    test: 'writes nothing in a dry run',
  },
  {
    invariant: 'I10',
    breaks: 'a deferred alarm is not checked again',
    file: 'src/domain/protocol/planless-end.ts',
    from: 'return watchAfterFailure(pending === null ? 0 : pending.looks + 1, nowMs);',
    to: "return { kind: 'none' };",
    ...simulation,
  },
  {
    invariant: 'I10',
    breaks: 'an alarm in ALARM is closed as recovered',
    file: 'src/app/recheck-alarm.ts',
    from: "if (now !== 'ALARM' && !isMadeUp) {",
    to: "if (now === 'ALARM' && !isMadeUp) {",
    ...simulation,
  },
  {
    invariant: 'clocks',
    breaks: 'clocks are compared when the answers are handled, so a slow registry is a wrong clock',
    file: 'src/app/roll-back.ts',
    from: '  const snapshot = await reading();\n  const skews = [snapshot.clockSkewMs, view.clockSkewMs];',
    to: '  const storeMs = deps.clock.nowMs() - (view.clockSkewMs ?? 0);\n  const snapshot = await reading();\n  const skews = [snapshot.clockSkewMs, deps.clock.nowMs() - storeMs];',
    ...simulation,
  },
  {
    invariant: 'clocks',
    breaks: 'a command with a wrong clock takes a run over',
    file: 'src/app/resume-rollback.ts',
    from: '  requireClock(deps, [clockSkewMs, await registrySkewMs(deps, record.modelName, deadline)]);\n',
    to: '',
    suite: sweepTest,
    test: 'keeps a command from taking a run over',
  },
  {
    invariant: 'I10',
    breaks: 'a check waits for the notice of its record',
    file: 'src/app/sweep.ts',
    from: 'async function settleDue(run: Sweep, record: RollbackRecord): Promise<void> {\n',
    to: 'async function settleDue(run: Sweep, record: RollbackRecord): Promise<void> {\n  const { notice } = await run.deps.store.read(record.modelName, record.id, run.deadline);\n  if (notice?.content != null) return;\n',
    ...simulation,
  },
  {
    invariant: 'I12',
    breaks: 'a bug in one record ends the sweep',
    file: 'src/app/sweep.ts',
    from: '    const isBug = !isModelRollbackError(error);',
    to: '    const isBug = !isModelRollbackError(error);\n    if (isBug) throw error;',
    suite: sweepTest,
    test: 'goes on past a bug in one record, and names it',
  },
  {
    invariant: 'I12',
    breaks: 'the notice of a record that cannot be read is not sent',
    file: 'src/app/sweep.ts',
    from: 'if (!(error instanceof StateCorruptError)) throw error;',
    to: 'throw error;',
    suite: sweepTest,
    test: 'sends the notice of a record that cannot be read',
  },
  {
    invariant: 'I12',
    breaks: 'records that fail for ever fill the page of the sweep',
    file: 'src/app/sweep.ts',
    from: '    if (page.length < limit) return false;\n    after',
    to: '    if (page.length <= limit) return page.length === limit;\n    after',
    suite: sweepTest,
    test: 'reads on past a whole page of records that fail for ever',
  },
  {
    invariant: 'I12',
    breaks: 'one unreadable record ends every list',
    file: 'src/domain/record/read-each.ts',
    from: 'if (!(error instanceof StateCorruptError)) throw error;',
    to: 'throw error;',
    suite: 'test/contract/memory-rollback-store.test.ts',
    test: 'is named in the lists when it is a record that',
  },
  {
    invariant: 'I12',
    breaks: 'a channel that is down keeps the others from their notices',
    file: 'src/app/sweep.ts',
    from: '(failures.get(name) ?? 0) < limits.channelFailuresMax',
    to: '[...failures.values()].every((count) => count < limits.channelFailuresMax) && name !== ""',
    suite: sweepTest,
    test: 'leaves a channel that is down alone, and asks the others all the same',
  },
  {
    invariant: 'blast radius',
    breaks: 'a run that moved nothing keeps its slot',
    file: 'src/domain/protocol/transition.ts',
    from: 'if (hasMoved || slotIn === undefined',
    to: 'if (hasMoved || !hasMoved || slotIn === undefined',
    suite: 'test/unit/domain/protocol/transition.test.ts',
    test: 'is given back by a run that moved nothing, with its end',
  },
  {
    invariant: 'rules for alarms',
    breaks: 'an alarm acts on another version than it spoke of',
    file: 'src/app/end-unclaimed.ts',
    from: 'if (isSame) return undefined;',
    to: 'if (isSame || !isSame) return undefined;',
    suite: 'test/unit/app/handle-alarm.test.ts',
    test: 'is closed when another version is live than when it came',
  },
  {
    invariant: 'rules for alarms',
    breaks: 'an old alarm acts without a person',
    file: 'src/domain/protocol/attempt.ts',
    from: 'if (nowMs - alarm.transition.atMs >= pendingActMs) return true;',
    to: 'if (nowMs - alarm.transition.atMs >= 100 * pendingActMs) return true;',
    ...simulation,
  },
  {
    invariant: 'rules for alarms',
    breaks: 'a pause stops nobody',
    file: 'src/domain/decide/guard.ts',
    from: "passed('automation is not paused') : refused(pauses.join(' '));",
    to: "passed('automation is not paused') : passed(pauses.join(' '));",
    ...simulation,
  },
  {
    invariant: 'rules for alarms',
    breaks: 'a version that went live after the alarm is taken for the cause',
    file: 'src/domain/decide/guard.ts',
    from: "return kind === 'unsure' ? { kind: 'warning', message } : refused(message);",
    to: "return kind === 'unsure' ? { kind: 'warning', message } : passed(message);",
    suite: 'test/unit/app/handle-alarm.test.ts',
    test: 'an alarm that went red before the live version went live is refused',
  },
  {
    invariant: 'rules for alarms',
    breaks: 'the blast radius has no bound',
    file: 'src/domain/state/fleet.ts',
    from: 'return radius !== null && othersSince',
    to: 'return radius !== null && nowMs < 0 && othersSince',
    suite: 'test/unit/app/handle-alarm.test.ts',
    test: 'the alarm of a sixth model stops the fleet; requests go on',
  },
  {
    invariant: 'rules for alarms',
    breaks: 'each path of an alarm has a key of its own',
    file: 'src/domain/record/trigger.ts',
    from: 'export function alarmKey({ ref, atMs, contributor }: AlarmTransition): string {\n  return `alarm:',
    to: 'export function alarmKey({ ref, atMs, contributor, isFromEventBus }: AlarmTransition): string {\n  return `alarm:${isFromEventBus}',
    suite: 'test/unit/app/handle-alarm.test.ts',
    test: 'acts once on an alarm that comes by every path, several times',
  },
  {
    invariant: 'hooks',
    breaks: 'a smoke check that gives no answer passes',
    file: 'src/domain/decide/target-guard.ts',
    from: "if (smoke === null || smoke.kind === 'passed') return [];",
    to: "if (smoke === null || smoke.kind !== 'refused') return [];",
    suite: 'test/unit/app/smoke-check.test.ts',
    test: 'that gives no answer refuses too, and says what happened',
  },
  {
    invariant: 'hooks',
    breaks: 'an alarm whose smoke check is down waits an hour',
    file: 'src/domain/protocol/attempt.ts',
    from: "if (outcome === Outcome.REFUSED && smoke?.kind === 'failed') {",
    to: "if (outcome === Outcome.REFUSED && smoke?.kind === 'passed') {",
    suite: 'test/unit/app/smoke-check.test.ts',
    test: 'gave no answer is tried again within a minute, and acts once it says ok',
  },
  {
    invariant: 'hooks',
    breaks: 'a reload that nobody confirmed is never due',
    file: 'src/domain/record/due.ts',
    from: '    [DueTask.SERVING, serving],\n',
    to: '    [DueTask.SERVING, none],\n',
    suite: simulation.suite,
    test: simulation.test,
  },
  {
    invariant: 'hooks',
    breaks: 'servers are sent back to a version that is not live any more',
    file: 'src/app/reload.ts',
    from: '    return live[0]?.version === plan.to?.version;',
    to: '    return live.length >= 0;',
    suite: 'test/unit/app/reload.test.ts',
    test: 'of a version that is not live any more is not tried again',
  },
  {
    invariant: 'what was live when',
    breaks: 'a reading knows nothing of what was recorded since the one before',
    file: 'src/domain/pointer/observe.ts',
    from: 'if (last === undefined || last.atMs < head.atMs) return head;',
    to: 'if (last === undefined || last.atMs < Infinity) return head;',
    suite: observeTest,
    test: 'counts from what was recorded since the reading before',
  },
  {
    invariant: 'what was live when',
    breaks: 'a change is dated by the reading that showed it alone',
    file: 'src/app/observe-model.ts',
    from: 'notBeforeMs: before.atMs,',
    to: 'notBeforeMs: atMs,',
    ...simulation,
    suite: 'test/simulation/rollback-2.simulation.test.ts',
  },
  {
    invariant: 'what was live when',
    breaks: 'a gap between two readings does not count',
    file: 'src/domain/pointer/observe.ts',
    from: 'return atMs - before.atMs > limits.observeGapRounds * roundMs;',
    to: 'return atMs - before.atMs > Infinity * roundMs;',
    suite: observeTest,
    test: 'says so when others may have been live between two readings',
  },
  {
    invariant: 'what was live when',
    breaks: 'what an earlier model of the name had counts',
    file: 'src/domain/state/live-history.ts',
    from: 'return version === row.version && row.createdAtMs <= atMs + limits.clockSkewMaxMs;',
    to: 'return version === row.version;',
    suite: observeTest,
    test: 'does not use what it knows of an earlier model of the same name',
  },
  {
    invariant: 'what was live when',
    breaks: 'a run at work is taken for a promotion',
    file: 'src/app/observe-model.ts',
    from: 'if (state.active !== null) return false;',
    to: '',
    suite: observeTest,
    test: 'leaves a model alone while a run holds it',
  },
  {
    invariant: 'what was live when',
    breaks: 'a reading that is older than a move of ours is believed',
    file: 'src/app/observe-model.ts',
    from: 'if (before !== head && before.atMs + limits.clockSkewMaxMs >= beganAtMs) return false;',
    to: '',
    suite: observeTest,
    test: 'does not take a reading that began before a move of ours',
  },
  {
    invariant: 'what was live when',
    breaks: 'a late delivery stands at the end',
    file: 'src/domain/pointer/webhook.ts',
    from: 'const place = history.findLastIndex((entry) => entry.atMs <= atMs) + 1;',
    to: 'const place = history.length;',
    suite: observeTest,
    test: 'that comes late stands where it happened',
  },
  {
    invariant: 'trust',
    breaks: 'a message is believed as it comes',
    file: 'src/app/handle-alarm.ts',
    from: "if (trust.kind === 'confirm') {",
    to: "if (trust.kind === 'confirm' && trust.source === '') {",
    ...simulation,
  },
  {
    invariant: 'trust',
    breaks: 'the model in a message is believed',
    file: 'src/app/confirm-alarm.ts',
    from: 'const { ref, isComposite, dimensions, isMultiSeries } = alarm;',
    to: 'const { ref, isComposite, dimensions, isMultiSeries } = { ...alarm, dimensions: claimed.dimensions };',
    ...simulation,
  },
  {
    invariant: 'trust',
    breaks: 'each time in a message is a key of its own',
    file: 'src/app/confirm-alarm.ts',
    from: 'const transition = { ...subject, isFromEventBus, atMs,',
    to: 'const transition = { ...subject, isFromEventBus, atMs: claimed.atMs,',
    ...simulation,
  },
  {
    invariant: 'trust',
    breaks: 'a second attempt believes what could not be confirmed at first',
    file: 'src/app/act-on-alarm.ts',
    from: 'transition: pruned(transition, deps, false),',
    to: 'transition: { ...pruned(transition, deps, false), unconfirmedFrom: undefined },',
    ...simulation,
  },
  {
    invariant: 'trust',
    breaks: 'what was read for the message is used for another alarm',
    file: 'src/app/roll-back.ts',
    from: 'attempt === 1 && call.firstReads?.id === run.id',
    to: 'attempt === 1 && call.firstReads != null',
    suite: 'test/unit/app/alarm-trust.test.ts',
    test: 'uses no early read that was for another key',
  },
];

export const mutations: readonly Mutation[] = [...rollbackMutations, ...laterMutations];

if (import.meta.main) {
  const copy = mkdtempSync(join(tmpdir(), 'model-rollback-prove-'));
  const [only] = process.argv.slice(2);
  try {
    for (const name of [
      'src',
      'test',
      'tools',
      'package.json',
      'tsconfig.json',
      'vitest.config.ts',
    ]) {
      cpSync(name, join(copy, name), { recursive: true });
    }
    execFileSync('git', ['init', '-q'], { cwd: copy });
    for (const name of ['node_modules', '.engines'])
      symlinkSync(join(process.cwd(), name), join(copy, name));
    const isWanted = ({ invariant }: Mutation): boolean => only === undefined || invariant === only;
    process.exitCode = proveAll(copy, mutations.filter(isWanted)) ? 0 : 1;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

// ---------------------------------------------------------------------------------------------------

function proveAll(copy: string, wanted: readonly Mutation[]): boolean {
  const passed = new Set<string>();
  // None is a misspelt name.
  let isProven = wanted.length > 0;
  for (const mutation of wanted) {
    const key = `${mutation.suite} ${mutation.test}`;
    if (!passed.has(key) && runTest(copy, mutation) !== 'passed') {
      process.stdout.write(`${mutation.invariant}  DID NOT PASS BEFORE  ${key}\n`);
      isProven = false;
      continue;
    }
    passed.add(key);
    const path = join(copy, mutation.file);
    const text = readFileSync(path, 'utf8');
    if (text.split(mutation.from).length !== 2) {
      process.stdout.write(
        `${mutation.invariant}  NOT FOUND ONCE in ${mutation.file}: ${mutation.from}\n`,
      );
      isProven = false;
      continue;
    }
    writeFileSync(
      path,
      text.replace(mutation.from, () => mutation.to),
    );
    const result = runTest(copy, mutation);
    writeFileSync(path, text);
    if (result !== 'failed') isProven = false;
    const verdict = result === 'failed' ? 'caught' : `NOT CAUGHT (${result})`;
    process.stdout.write(
      `${mutation.invariant}  ${verdict}  ${mutation.breaks}  (${mutation.file})  ->  ${mutation.suite}: ${mutation.test}\n`,
    );
  }
  process.stdout.write(isProven ? `${wanted.length} mutations, all caught\n` : 'NOT PROVEN\n');
  return isProven;
}

function runTest(copy: string, { suite, test }: Mutation): 'passed' | 'failed' | 'not run' {
  const pattern = test.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const report = join(copy, '.reports', 'vitest.json');
  rmSync(report, { force: true });
  spawnSync(join('node_modules', '.bin', 'vitest'), ['run', suite, '-t', pattern], {
    cwd: copy,
    encoding: 'utf8',
    timeout: 300_000,
    env: { ...process.env, SIMULATION_RUNS: '4000' },
  });
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8')) as {
    numPassedTests: number;
    numFailedTests: number;
  };
  if (numFailedTests > 0) return 'failed';
  return numPassedTests > 0 ? 'passed' : 'not run';
}
