import type { AlarmDescription, AlarmTransition } from '../domain/alarm.ts';
import { modelTag } from '../domain/alarm.ts';
import type { AlarmAnswer, AlarmReader } from '../ports/alarm-reader.ts';
import type { Deadline } from '../ports/deadline.ts';
import type { Scheduler } from './scheduler.ts';

/** One alarm as CloudWatch holds it: red or not, and since when. */
export class SimulatedAlarms {
  readonly arn = 'arn:aws:cloudwatch:eu-west-1:111122223333:alarm:a';
  isRed = false;
  /** When it stopped being red, each time (true time). */
  readonly recoveredAtMs: number[] = [];
  readonly #modelName: string;
  readonly #hasDimension: boolean;

  /** @param hasDimension false: only a tag names the model, so that CloudWatch has to be asked */
  constructor(modelName: string, hasDimension: boolean) {
    this.#modelName = modelName;
    this.#hasDimension = hasDimension;
  }

  /** Goes red, and tells it. */
  trip(nowMs: number): AlarmTransition {
    this.isRed = true;
    return { ...this.#subject(), isFromEventBus: false, atMs: nowMs, previousState: 'OK' };
  }

  recover(nowMs: number): void {
    if (this.isRed) this.recoveredAtMs.push(nowMs);
    this.isRed = false;
  }

  /** As one process sees it, over a network that loses answers. */
  readerFor(actor: string, scheduler: Scheduler): AlarmReader {
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
    return {
      read: async (_arns, deadline) => await ask(deadline, () => [this.#description()]),
      readChildrenInAlarm: async (_arn, deadline) => await ask(deadline, () => []),
      readContributors: async (_arn, deadline) => await ask(deadline, () => []),
      readTag: async (_arn, key, deadline) =>
        await ask(deadline, () => (key === modelTag ? this.#modelName : null)),
      close: () => undefined,
    };
  }

  #description(): AlarmDescription {
    return {
      ...this.#subject(),
      state: this.isRed ? 'ALARM' : 'OK',
      configuredAtMs: 0,
      hasActionsEnabled: true,
    };
  }

  #subject(): Omit<AlarmTransition, 'isFromEventBus' | 'atMs' | 'previousState'> {
    return {
      arn: this.arn,
      name: 'a',
      contributor: null,
      isComposite: false,
      isMultiSeries: false,
      childrenInAlarm: [],
      dimensions: this.#hasDimension ? [{ name: 'ModelName', value: this.#modelName }] : [],
    };
  }
}
