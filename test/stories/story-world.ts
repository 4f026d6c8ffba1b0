/** The world of a story: a registry in memory, the state in SQLite, and events as Lambda delivers them. */
import { SQLiteRollbackStore } from '../../src/adapters/sqlite/sqlite-rollback-store.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import type { RollbackDeps, RollbackSettings } from '../../src/app/deps.ts';
import { sweep } from '../../src/app/sweep.ts';
import type { SweepReport } from '../../src/app/sweep-report.ts';
import type { AlarmDescription } from '../../src/domain/alarm/alarm.ts';
import type { RollbackResponse } from '../../src/domain/answer/response.ts';
import { answerEvent } from '../../src/lambda/answer-event.ts';
import { type AlarmParts, directAlarm } from '../fakes/alarm-events.ts';
import { putKnownAlarm } from '../fakes/known-alarms.ts';
import { makeWorld, type World } from '../fakes/world.ts';

export const minuteMs = 60_000;
export const hourMs = 3_600_000;
/** The model that the events of alarm-events.ts name. */
export const model = 'PascalStrategy';
export const alarmName = 'high-drawdown-alarm';

export interface StoryWorld extends World {
  /** What the function answers to an event. */
  send(event: object, deps?: RollbackDeps): Promise<unknown>;
  /** A request for the model; each one is an invocation of its own. */
  roll(fields?: object, deps?: RollbackDeps): Promise<RollbackResponse>;
  /**
   * The alarm of the model changes its state, by default to ALARM and now; CloudWatch calls the function.
   * @param more what CloudWatch answers when it is asked about the alarm
   */
  alarm(parts?: AlarmParts, more?: Partial<AlarmDescription>): Promise<unknown>;
  runSweep(): Promise<SweepReport>;
  /** Somebody registers the next version and promotes it, as pipelines do. */
  promoteNext(): string;
  live(): Promise<readonly string[]>;
  subjects(): readonly string[];
}

export function storyWorld(settings: Partial<RollbackSettings> = {}): StoryWorld {
  const store = new SQLiteRollbackStore(':memory:', '', systemClock);
  const world = makeWorld({ cooldownMs: 0, ...settings }, store);
  let invocations = 0;
  const send = async (event: object, deps = world.deps): Promise<unknown> => {
    invocations += 1;
    const invocation = { invocationId: `event-${invocations}`, deadline: world.deadline() };
    return await answerEvent(deps, event, invocation);
  };
  return {
    ...world,
    send,
    roll: async (fields = {}, deps = world.deps) =>
      await world.ask({ model_name: model, ...fields }, { deps }),
    alarm: async (given = {}, more = {}) => {
      const parts = { name: alarmName, model, atMs: world.clock.nowMs(), ...given };
      putKnownAlarm(world.alarms, parts, more);
      return await send(directAlarm(parts));
    },
    runSweep: async () => await sweep(world.deps, world.deadline()),
    promoteNext: () => {
      const version = world.registry.register(model);
      world.clock.advance(1);
      world.registry.transition(model, version, 'Production', true);
      world.clock.advance(minuteMs);
      return version;
    },
    live: async () => (await world.registry.read(model)).live.map(({ version }) => version),
    subjects: () => world.notifier.sent.map(({ subject }) => subject),
  };
}
