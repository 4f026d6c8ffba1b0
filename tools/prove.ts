import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * `npm run prove`: for each invariant the smallest change that breaks it, made in a temporary copy, turns
 * a named test red. A test that stays green proves nothing, and ends this with exit code 1.
 */
interface Mutation {
  readonly invariant: string;
  readonly breaks: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly suite: string;
  readonly test: string;
}

const rollBackTest = 'test/unit/app/roll-back.test.ts';
const sweepTest = 'test/unit/app/sweep.test.ts';
const simulation = {
  suite: 'test/simulation/rollback.simulation.test.ts',
  test: 'holds every invariant in',
};

const mutations: readonly Mutation[] = [
  {
    invariant: 'I1',
    breaks: 'a final record is not replayed',
    file: 'src/domain/rollback.ts',
    from: 'return status === Outcome.ROLLED_BACK || status === Outcome.CONTESTED;',
    to: 'return status === Outcome.CONTESTED;',
    suite: rollBackTest,
    test: 'gets the first answer, once, whatever happened since',
  },
  {
    invariant: 'I1',
    breaks: 'a store writes over what it did not read',
    file: 'src/adapters/memory/memory-rollback-store.ts',
    from: "if (isStale) return 'conflict';",
    to: '',
    ...simulation,
  },
  {
    invariant: 'I2',
    breaks: 'the cooldown always passes',
    file: 'src/domain/guard.ts',
    from: 'if (nowMs >= clearsAtMs) return passed(',
    to: 'if (nowMs >= 0) return passed(',
    suite: rollBackTest,
    test: 'refuses within the cooldown, and acts after it',
  },
  {
    invariant: 'I2',
    breaks: 'a commit written again carries the time of its first try',
    file: 'src/app/carry-out.ts',
    from: '  for (let attempt = 1; ; attempt += 1) {\n    const ended = end(claimed, deps.clock.nowMs());',
    to: '  const ended = end(claimed, deps.clock.nowMs());\n  for (let attempt = 1; ; attempt += 1) {',
    suite: rollBackTest,
    test: 'at the commit: tried again, since the registry is changed by now',
  },
  {
    invariant: 'I3',
    breaks: 'a lost claim is taken for a claim',
    file: 'src/app/roll-back.ts',
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
    from: 'if (state.active.leaseEndsAtMs > deps.clock.nowMs()) return null;',
    to: '',
    ...simulation,
  },
  {
    invariant: 'I4',
    breaks: 'the move does not archive in the same call',
    file: 'src/adapters/mlflow/mlflow-model-registry.ts',
    from: 'archive_existing_versions: true,',
    to: 'archive_existing_versions: false,',
    suite: 'test/contract/mlflow-model-registry.test.ts',
    test: 'leaves exactly one live version where several were',
  },
  {
    invariant: 'I5',
    breaks: 'the read-back is not looked at',
    file: 'src/domain/verify.ts',
    from: 'if (isAsPlanned(plan, snapshot)) return',
    to: "if (isAnswered) return { kind: 'landed', displacedNewer: [] };\n  if (isAsPlanned(plan, snapshot)) return",
    suite: rollBackTest,
    test: 'a promotion beside our move is contested and quarantines from',
  },
  {
    invariant: 'I5',
    breaks: 'a difference at the later look is not reported',
    file: 'src/domain/follow-up.ts',
    from: 'if (isAsLeft || isSuperseded) {',
    to: 'if (isAsLeft || !isSuperseded) {',
    suite: sweepTest,
    test: 'reports a pointer that is not what the commit left, once',
  },
  {
    invariant: 'I6',
    breaks: 'quarantine is not looked at',
    file: 'src/domain/quarantine.ts',
    from: 'state.quarantine.some(isSame) ||',
    to: 'state.quarantine.some((entry) => isSame(entry) && false) ||',
    suite: 'test/unit/domain/target.test.ts',
    test: 'passes quarantine over in every rule',
  },
  {
    invariant: 'I6',
    breaks: 'the tags of a renamed model are not read',
    file: 'src/domain/rollback-mark.ts',
    from: 'if (row.marks === undefined || isKnown(row, state)) return null;',
    to: "if (row.version !== '' || row.marks === undefined || isKnown(row, state)) return null;",
    suite: 'test/unit/app/rename.test.ts',
    test: 'does not get the version back that it was rolled back from',
  },
  {
    invariant: 'I11',
    breaks: 'a stage that nobody uses is moved beside an alias',
    file: 'src/domain/pointer-guard.ts',
    from: 'if (used === undefined) return passed(',
    to: "if (used === undefined || request.modelName !== '') return passed(",
    suite: 'test/unit/app/aliases.test.ts',
    test: 'is not moved (dry run: false)',
  },
  {
    invariant: 'I7',
    breaks: 'the notice is not saved with the end',
    file: 'src/domain/transition.ts',
    from: '    notice: pendingNotice(nowMs),\n    pointerCheck:',
    to: "    notice: { kind: 'none' },\n    pointerCheck:",
    ...simulation,
  },
  {
    invariant: 'I7',
    breaks: 'a failed notice is forgotten',
    file: 'src/domain/follow-up.ts',
    from: 'if (isSent) return withNotice(',
    to: 'if (isSent || attempts > 0) return withNotice(',
    suite: sweepTest,
    test: 'sends a notice that was not sent, with back-off while it fails',
  },
  {
    invariant: 'I8',
    breaks: 'a run that was cut off is never due',
    file: 'src/domain/rollback.ts',
    from: "if (record.progress.status === 'IN_PROGRESS') return record.progress.leaseEndsAtMs;",
    to: "if (record.progress.status === 'IN_PROGRESS') return null;",
    ...simulation,
  },
  {
    invariant: 'I8',
    breaks: 'a resumed run moves without looking',
    file: 'src/app/carry-out.ts',
    from: "if (judgement.kind !== 'not-landed') return await settle(run, snapshot, judgement);\n  if (whyStale === null)",
    to: "if (judgement.kind === 'contested') return await settle(run, snapshot, judgement);\n  if (whyStale === null)",
    suite: rollBackTest,
    test: 'finishes a run that died after its move',
  },
  {
    invariant: 'I9',
    breaks: 'a dry run goes on',
    file: 'src/app/roll-back.ts',
    from: 'if (request.isDryRun) return dryRun(',
    to: 'if (request.isDryRun && warnings.length > 99) return dryRun(',
    suite: rollBackTest,
    test: 'writes nothing in a dry run',
  },
  {
    invariant: 'I10',
    breaks: 'a deferred alarm is not looked at again',
    file: 'src/domain/planless-end.ts',
    from: "watch: alarm === null ? { kind: 'none' } : watchAfterFailure(looks, nowMs),",
    to: "watch: looks >= 0 ? { kind: 'none' } : watchAfterFailure(looks, nowMs),",
    ...simulation,
  },
  {
    invariant: 'I10',
    breaks: 'an alarm that is red is closed as recovered',
    file: 'src/app/look-again.ts',
    from: "if (now !== 'ALARM') {",
    to: "if (now === 'ALARM') {",
    ...simulation,
  },
  {
    invariant: 'rules for alarms',
    breaks: 'an alarm acts on another version than it spoke of',
    file: 'src/app/end-unclaimed.ts',
    from: 'if (isSame) return undefined;',
    to: 'if (isSame || !isSame) return undefined;',
    ...simulation,
  },
  {
    invariant: 'rules for alarms',
    breaks: 'an old alarm acts without a person',
    file: 'src/domain/attempt.ts',
    from: 'if (nowMs - alarm.transition.atMs >= pendingActMs) return true;',
    to: 'if (nowMs - alarm.transition.atMs >= 100 * pendingActMs) return true;',
    ...simulation,
  },
  {
    invariant: 'rules for alarms',
    breaks: 'a pause stops nobody',
    file: 'src/domain/guard.ts',
    from: "passed('automation is not paused') : refused(pauses.join(' '));",
    to: "passed('automation is not paused') : passed(pauses.join(' '));",
    ...simulation,
  },
  {
    invariant: 'rules for alarms',
    breaks: 'a version that went live after the red time is taken for the cause',
    file: 'src/domain/guard.ts',
    from: "return kind === 'unsure' ? { kind: 'warning', message } : refused(message);",
    to: "return kind === 'unsure' ? { kind: 'warning', message } : passed(message);",
    ...simulation,
  },
  {
    invariant: 'rules for alarms',
    breaks: 'the blast radius has no bound',
    file: 'src/domain/fleet.ts',
    from: 'return radius !== null && othersSince',
    to: 'return radius !== null && nowMs < 0 && othersSince',
    suite: 'test/unit/app/handle-alarm.test.ts',
    test: 'the alarm of a sixth model stops the fleet; requests go on',
  },
  {
    invariant: 'rules for alarms',
    breaks: 'each path of an alarm has a key of its own',
    file: 'src/domain/trigger.ts',
    from: 'export function alarmKey({ arn, atMs, contributor }: AlarmTransition): string {\n  return `alarm:',
    to: 'export function alarmKey({ arn, atMs, contributor, isFromEventBus }: AlarmTransition): string {\n  return `alarm:${isFromEventBus}',
    suite: 'test/unit/app/handle-alarm.test.ts',
    test: 'acts once on an alarm that comes by every path, several times',
  },
];

const copy = mkdtempSync(join(tmpdir(), 'model-rollback-prove-'));
try {
  for (const name of ['src', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts']) {
    cpSync(name, join(copy, name), { recursive: true });
  }
  execFileSync('git', ['init', '-q'], { cwd: copy });
  for (const name of ['node_modules', '.engines'])
    symlinkSync(join(process.cwd(), name), join(copy, name));
  process.exitCode = proveAll() ? 0 : 1;
} finally {
  rmSync(copy, { recursive: true, force: true });
}

// ---------------------------------------------------------------------------------------------------

function proveAll(): boolean {
  const green = new Set<string>();
  let isProven = true;
  for (const mutation of mutations) {
    const key = `${mutation.suite} ${mutation.test}`;
    if (!green.has(key) && runTest(mutation) !== 'green') {
      process.stdout.write(`${mutation.invariant}  NOT GREEN BEFORE  ${key}\n`);
      isProven = false;
      continue;
    }
    green.add(key);
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
    const result = runTest(mutation);
    writeFileSync(path, text);
    if (result !== 'red') isProven = false;
    const verdict = result === 'red' ? 'red ' : `STAYS ${result.toUpperCase()}`;
    process.stdout.write(
      `${mutation.invariant}  ${verdict}  ${mutation.breaks}  (${mutation.file})  ->  ${mutation.suite}: ${mutation.test}\n`,
    );
  }
  process.stdout.write(isProven ? `${mutations.length} mutations, all red\n` : 'NOT PROVEN\n');
  return isProven;
}

function runTest({ suite, test }: Mutation): 'green' | 'red' | 'not run' {
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
  if (numFailedTests > 0) return 'red';
  return numPassedTests > 0 ? 'green' : 'not run';
}
