import {
  type AlarmDescription,
  type AlarmTransition,
  type ChangeToAlarm,
  cloudWatchRef,
  modelTag,
} from '../domain/alarm/alarm.ts';
import type { AlarmAnswer, AlarmReader } from '../ports/alarm-reader.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { Scheduler } from './scheduler.ts';

/** The account that the simulated function and its alarm are in. */
export const ownAccount = '111122223333';

/** One alarm as CloudWatch holds it: in ALARM or not, and since when. */
export class SimulatedAlarms {
  readonly arn: string = `arn:aws:cloudwatch:eu-west-1:${ownAccount}:alarm:a`;
  /** When it went to ALARM, and when it left it, each time (true time). */
  readonly trippedAtMs: number[] = [];
  readonly recoveredAtMs: number[] = [];
  readonly #modelName: string;
  readonly #hasDimension: boolean;

  /** @param hasDimension false: only a tag names the model, so that CloudWatch has to be asked */
  constructor(modelName: string, hasDimension: boolean) {
    this.#modelName = modelName;
    this.#hasDimension = hasDimension;
  }

  /** Goes to ALARM, and says so. */
  trip(nowMs: number): AlarmTransition {
    if (!this.isInAlarmAt(nowMs)) this.trippedAtMs.push(nowMs);
    return this.transitionAt(this.trippedAtMs.at(-1) ?? nowMs);
  }

  recover(nowMs: number): void {
    if (this.isInAlarmAt(nowMs)) this.recoveredAtMs.push(nowMs);
  }

  isInAlarmAt(atMs: number): boolean {
    return lastBefore(this.trippedAtMs, atMs) > lastBefore(this.recoveredAtMs, atMs);
  }

  /** As CloudWatch itself delivers it. */
  transitionAt(atMs: number): AlarmTransition {
    return { ...this.#subject(), isFromEventBus: false, atMs, previousState: 'OK' };
  }

  /**
   * As one process sees it, over a network that loses answers.
   * @param lateMs its answers show a change only so long after the alarm's actions
   */
  readerFor(actor: string, scheduler: Scheduler, lateMs: number): AlarmReader {
    const ask = async <T>(deadline: Deadline, run: () => T): Promise<AlarmAnswer<T>> => {
      const lost: AlarmAnswer<T> = { kind: 'unreachable', message: 'no answer' };
      if (deadline.leftMs() <= 0) return lost;
      return await scheduler.call<AlarmAnswer<T>>({
        actor,
        label: 'ask CloudWatch',
        isWrite: false,
        run: async () => ({ kind: 'answer', value: run() }),
        lost: async () => lost,
      });
    };
    const seenMs = (): number => scheduler.nowMs - lateMs;
    return {
      read: async (arns, deadline) =>
        await ask(deadline, () => (arns.includes(this.arn) ? [this.#descriptionAt(seenMs())] : [])),
      readChildrenInAlarm: async (_arn, deadline) => await ask(deadline, () => []),
      readContributors: async (_arn, deadline) => await ask(deadline, () => []),
      readChangesToAlarm: async (arn, { fromMs, toMs }, deadline) =>
        await ask(deadline, () =>
          arn === this.arn ? this.#changesWithin(fromMs, Math.min(toMs, seenMs())) : [],
        ),
      readTag: async (arn, key, deadline) =>
        await ask(deadline, () => (arn === this.arn && key === modelTag ? this.#modelName : null)),
      close: () => undefined,
    };
  }

  #descriptionAt(atMs: number): AlarmDescription {
    const { contributor: _, ...subject } = this.#subject();
    const changes = [...this.trippedAtMs, ...this.recoveredAtMs];
    return {
      ...subject,
      state: this.isInAlarmAt(atMs) ? 'ALARM' : 'OK',
      stateChangedAtMs: Math.max(0, lastBefore(changes, atMs)),
      configuredAtMs: 0,
      hasActionsEnabled: true,
      isSuppressed: false,
    };
  }

  #changesWithin(fromMs: number, toMs: number): readonly ChangeToAlarm[] {
    return this.trippedAtMs
      .filter((atMs) => atMs >= fromMs && atMs <= toMs)
      .map((atMs) => ({ atMs, previousState: 'OK', childrenInAlarm: [], attributes: [] }));
  }

  #subject(): Omit<AlarmTransition, 'isFromEventBus' | 'atMs' | 'previousState'> {
    return {
      ref: cloudWatchRef(this.arn, 'a'),
      contributor: null,
      isComposite: false,
      isMultiSeries: false,
      childrenInAlarm: [],
      dimensions: this.#hasDimension ? [{ name: 'ModelName', value: this.#modelName }] : [],
    };
  }
}

// ---------------------------------------------------------------------------------------------------

function lastBefore(timesMs: readonly number[], atMs: number): number {
  return Math.max(Number.NEGATIVE_INFINITY, ...timesMs.filter((timeMs) => timeMs <= atMs));
}
