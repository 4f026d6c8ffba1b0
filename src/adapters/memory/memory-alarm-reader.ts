import {
  type AlarmDescription,
  arnOf,
  type ChangeToAlarm,
  type ContributorInAlarm,
  parseAlarmArn,
} from '../../domain/alarm/alarm.ts';
import type { AlarmAnswer, AlarmReader, HistorySpan } from '../../ports/alarm-reader.ts';
import type { Deadline } from '../../ports/deadline.ts';

/** What belongs to an alarm beside its description. */
export interface MemoryAlarmExtras {
  readonly tags?: Readonly<Record<string, string>>;
  /** The series that are in ALARM. */
  readonly contributors?: readonly ContributorInAlarm[];
  /** ARNs of all children. @default the ones that put it into ALARM */
  readonly children?: readonly string[];
  /** Its changes to ALARM, and those of its series, oldest first. */
  readonly history?: readonly (ChangeToAlarm & { readonly contributorId?: string })[];
}

/** Alarms in this process: for tests, and where there is no CloudWatch. Empty, it knows no alarm. */
export class MemoryAlarmReader implements AlarmReader {
  readonly #alarms = new Map<string, MemoryAlarm>();
  #kind: AlarmAnswer<never>['kind'] = 'answer';

  /** Adds an alarm, or replaces it. Extras that are not named stay as they were. */
  put(description: AlarmDescription, extras: MemoryAlarmExtras = {}): void {
    const arn = arnOf(description.ref);
    this.#alarms.set(arn, { ...this.#alarms.get(arn), ...extras, description });
  }

  remove(arn: string): void {
    this.#alarms.delete(arn);
  }

  /** How every question is answered from now on. */
  answerAs(kind: AlarmAnswer<never>['kind']): void {
    this.#kind = kind;
  }

  async read(
    arns: readonly string[],
    deadline: Deadline,
  ): Promise<AlarmAnswer<readonly AlarmDescription[]>> {
    return this.#answer(arns, deadline, () =>
      [...new Set(arns)].flatMap((arn) => this.#alarms.get(arn)?.description ?? []),
    );
  }

  async readChildrenInAlarm(
    arn: string,
    deadline: Deadline,
  ): Promise<AlarmAnswer<readonly string[]>> {
    return this.#answer([arn], deadline, () => {
      const alarm = this.#alarms.get(arn);
      const children = alarm?.children ?? alarm?.description.childrenInAlarm ?? [];
      return children.filter((child) => this.#alarms.get(child)?.description.state === 'ALARM');
    });
  }

  async readContributors(
    arn: string,
    deadline: Deadline,
  ): Promise<AlarmAnswer<readonly ContributorInAlarm[]>> {
    return this.#answer([arn], deadline, () => this.#alarms.get(arn)?.contributors ?? []);
  }

  async readChangesToAlarm(
    arn: string,
    { fromMs, toMs, contributorId }: HistorySpan,
    deadline: Deadline,
  ): Promise<AlarmAnswer<readonly ChangeToAlarm[]>> {
    return this.#answer([arn], deadline, () =>
      (this.#alarms.get(arn)?.history ?? []).flatMap(({ contributorId: id = null, ...change }) => {
        const isWithin = change.atMs >= fromMs && change.atMs <= toMs;
        return isWithin && id === contributorId ? [change] : [];
      }),
    );
  }

  async readTag(arn: string, key: string, deadline: Deadline): Promise<AlarmAnswer<string | null>> {
    return this.#answer([arn], deadline, () => {
      const tags = this.#alarms.get(arn)?.tags ?? {};
      return Object.hasOwn(tags, key) ? (tags[key] ?? null) : null;
    });
  }

  close(): void {
    // Nothing is held.
  }

  #answer<T>(arns: readonly string[], deadline: Deadline, value: () => T): AlarmAnswer<T> {
    const kind = deadline.leftMs() > 0 ? this.#kind : 'unreachable';
    if (kind !== 'answer') return { kind, message: `The alarms in memory are ${kind}.` };
    const stranger = arns.find((arn) => parseAlarmArn(arn) === null);
    if (stranger === undefined) return { kind, value: value() };
    return { kind: 'silent', message: `"${stranger}" is not the ARN of a CloudWatch alarm.` };
  }
}

// ---------------------------------------------------------------------------------------------------

interface MemoryAlarm extends MemoryAlarmExtras {
  readonly description: AlarmDescription;
}
