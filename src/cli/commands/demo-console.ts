import type { RollbackDeps } from '../../app/deps.ts';
import { freeze } from '../../app/freeze.ts';
import { handleAlert } from '../../app/handle-alert.ts';
import { setPolicy } from '../../app/policy.ts';
import { reportPromotion } from '../../app/report-promotion.ts';
import { rollBack } from '../../app/roll-back.ts';
import { clock } from '../../assemble.ts';
import { parseAlertGroup } from '../../domain/alarm/alert-payload.ts';
import { limits } from '../../domain/limits.ts';
import { isoTime } from '../../domain/registry/model.ts';
import { parseRequest } from '../../domain/request/request.ts';
import type { RegistryServer } from '../../embedded/registry-server.ts';
import { type Deadline, deadlineAfter } from '../../ports/deadline.ts';

/** What the console of the demo shows: three weeks of five models, which were never lived through. */

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** A clock that goes as the real one does, some time ago. */
export interface PastClock {
  /** How long ago it is (ms). */
  agoMs: number;
  nowMs(): number;
}

export function makePastClock(): PastClock {
  const past: PastClock = { agoMs: 0, nowMs: () => clock.nowMs() - past.agoMs };
  return past;
}

/** Makes the story. The registry and the use cases are on the clock of the past meanwhile. */
export async function tellStory(
  composed: RollbackDeps,
  server: RegistryServer,
  past: PastClock,
): Promise<void> {
  const deps = { ...composed, clock: { ...clock, nowMs: past.nowMs } };
  const scene: Scene = { deps, server, past, versions: new Map() };
  for (const [agoMs, event] of story.toSorted(([a], [b]) => b - a)) {
    past.agoMs = agoMs;
    await event(scene);
  }
  past.agoMs = 0;
}

// ---------------------------------------------------------------------------------------------------

interface Scene {
  readonly deps: RollbackDeps;
  readonly server: RegistryServer;
  readonly past: PastClock;
  /** The live version of each model. */
  readonly versions: Map<string, number>;
}

type Event = (scene: Scene) => Promise<void>;

const pascal = 'PascalStrategy';
const fraud = 'FraudScore';
const churn = 'ChurnForecast';
const demand = 'DemandForecast';
const ranker = 'ImageRanker';

/** How long ago, and what happened then. */
const story: readonly (readonly [agoMs: number, event: Event])[] = [
  [20.4 * dayMs, promotion(pascal)],
  [12.1 * dayMs, promotion(pascal)],
  [6.8 * dayMs, promotion(pascal)],
  [5.9 * dayMs, alarm(pascal, 'high-drawdown')],
  [4.2 * dayMs, promotion(pascal)],
  [1.6 * dayMs, promotion(pascal)],
  [9.4 * hourMs, alarm(pascal, 'high-drawdown')],
  [7.2 * hourMs, alarm(pascal, 'order-rejects')],
  [15.5 * dayMs, promotion(fraud)],
  [6.3 * dayMs, promotion(fraud)],
  [6.2 * dayMs, policy(fraud)],
  [1.1 * dayMs, promotion(fraud)],
  [24 * 60_000, alarm(fraud, 'false-positive-rate')],
  [13.2 * dayMs, promotion(churn)],
  [5.1 * dayMs, promotion(churn)],
  [2.9 * dayMs, promotion(churn)],
  [2.4 * dayMs, request(churn, 'ben')],
  [3.1 * hourMs, frozen(churn)],
  [5.4 * dayMs, promotion(demand)],
  [1.05 * dayMs, alarm(demand, 'forecast-bias')],
  [14.4 * dayMs, promotion(ranker)],
  [9.3 * dayMs, promotion(ranker)],
  [5.2 * dayMs, promotion(ranker)],
  [4.7 * dayMs, alarm(ranker, 'latency-p99')],
  [3.3 * dayMs, promotion(ranker)],
];

function promotion(modelName: string): Event {
  return async ({ deps, server, versions }) => {
    const [version = 0] = server.seed(modelName, [
      { aliases: ['champion'], tags: tagsOf(modelName, (versions.get(modelName) ?? 0) + 1) },
    ]);
    const before = versions.get(modelName);
    versions.set(modelName, version);
    const replaced = before === undefined ? null : String(before);
    const named = { modelName, version: String(version), replaced };
    await reportPromotion(
      deps,
      { ...named, pointer: { kind: 'alias', alias: 'champion' } },
      soon(),
    );
  };
}

function alarm(model: string, alertname: string): Event {
  return async ({ deps, past, versions }) => {
    const startsAt = isoTime(past.nowMs() - 95_000);
    const labels = { alertname, model };
    const { alerts, source } = parseAlertGroup({
      alerts: [{ status: 'firing', labels, startsAt, fingerprint: `${model}-${alertname}` }],
    });
    for (const alert of alerts) {
      const answer = await handleAlert(deps, alert, source, soon());
      if (answer.rolled_back) versions.set(model, Number(answer.to_version));
    }
  };
}

function request(modelName: string, by: string): Event {
  return async ({ deps, versions }) => {
    const fields = { model_name: modelName, reason: 'DRIFT_SEVERE', requested_by: by };
    const { request: asked, warnings } = parseRequest(fields);
    const call = { request: asked, warnings, invocationId: 'demo', deadline: soon() };
    const answer = await rollBack(deps, call);
    versions.set(modelName, Number(answer.to_version));
  };
}

function policy(modelName: string): Event {
  return async ({ deps }) => {
    const operator = { by: 'ana', reason: 'a wrong rollback costs more than a bad hour' };
    await setPolicy(deps, modelName, { mode: 'ask' }, operator, soon());
  };
}

function frozen(modelName: string): Event {
  return async ({ deps, past }) => {
    const untilMs = past.nowMs() + 29 * hourMs;
    const reason = 'the feature store is being migrated';
    await freeze(deps, modelName, { untilMs, by: 'ana', reason }, soon());
  };
}

function tagsOf(modelName: string, version: number): Readonly<Record<string, string>> {
  return {
    'trained by': version % 2 === 0 ? 'ben' : 'ana',
    'validation score': (0.9 + ((version * 7 + modelName.length) % 9) / 100).toFixed(3),
    'data until': isoTime(Date.UTC(2026, version, 1)).slice(0, 10),
  };
}

function soon(): Deadline {
  return deadlineAfter(clock, limits.defaultBudgetMs);
}
