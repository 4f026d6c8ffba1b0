import {
  type CloudWatchClient,
  DescribeAlarmContributorsCommand,
  DescribeAlarmHistoryCommand,
  DescribeAlarmsCommand,
  type DescribeAlarmsCommandInput,
  ListTagsForResourceCommand,
} from '@aws-sdk/client-cloudwatch';
import {
  type AlarmDescription,
  type ChangeToAlarm,
  type ContributorInAlarm,
  parseAlarmArn,
} from '../../domain/alarm/alarm.ts';
import { messageOf } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import { together } from '../../domain/together.ts';
import type { AlarmAnswer, AlarmReader, HistorySpan } from '../../ports/alarm-reader.ts';
import type { Deadline } from '../../ports/deadline.ts';
import { alarmsOf, alarmTypes, arnsInAlarm, contributorsOf, ruleOf } from './cloudwatch-answer.ts';
import { changesToAlarm } from './cloudwatch-history.ts';

/**
 * Asks CloudWatch, in the region of each alarm, with one client per region. A listing that is not whole
 * is no answer: half of the children could name one model where all of them name two.
 */
export class CloudWatchAlarmReader implements AlarmReader {
  readonly #makeClient: (region: string) => CloudWatchClient;
  /** By region; the one that was unused for longest comes first. */
  readonly #clients = new Map<string, CloudWatchClient>();

  constructor(makeClient: (region: string) => CloudWatchClient) {
    this.#makeClient = makeClient;
  }

  async read(
    arns: readonly string[],
    deadline: Deadline,
  ): Promise<AlarmAnswer<readonly AlarmDescription[]>> {
    const wanted = [...new Set(arns)];
    if (wanted.length > limits.alarmRowsMax) return tooMuch('alarms');
    const places: AlarmPlace[] = [];
    for (const arn of wanted) {
      const place = parseAlarmArn(arn);
      if (place === null) return noArn(arn);
      places.push(place);
    }
    const regions = Map.groupBy(places, ({ region }) => region);
    if (regions.size > limits.alarmRegionsMax) return tooMuch('regions');
    const answers = await together(
      [...regions].map(([region, inRegion]) => this.#describe(region, inRegion, deadline)),
    );
    const gap =
      answers.find(({ kind }) => kind === 'unreachable') ??
      answers.find(({ kind }) => kind === 'silent');
    if (gap !== undefined) return gap;
    const rows = answers.flatMap((answer) => (answer.kind === 'answer' ? answer.value : []));
    const byArn = new Map(rows.map((row) => [row.ref.id, row]));
    return { kind: 'answer', value: wanted.flatMap((arn) => byArn.get(arn) ?? []) };
  }

  async readChildrenInAlarm(
    arn: string,
    deadline: Deadline,
  ): Promise<AlarmAnswer<readonly string[]>> {
    return await this.#ask(arn, 'DescribeAlarms', deadline, async ({ name }, client, to) => {
      const arns = await listAll(async (NextToken) => {
        // No other filter may stand beside this one, so the state is checked here.
        const command = describeAlarms({ ChildrenOfAlarmName: name, NextToken });
        const page = await client.send(command, to);
        return { rows: arnsInAlarm(page), next: page.NextToken };
      });
      if (arns.kind !== 'answer' || arns.value.length === 0) return arns;
      // A child stands in the rule. Whatever else was listed is none.
      const AlarmTypes = [...alarmTypes];
      const own = await client.send(describeAlarms({ AlarmNames: [name], AlarmTypes }), to);
      const rule = ruleOf(own, arn);
      const isChild = (child: string): boolean =>
        rule.includes(parseAlarmArn(child)?.name ?? child);
      return { ...arns, value: [...new Set(arns.value)].filter(isChild) };
    });
  }

  async readContributors(
    arn: string,
    deadline: Deadline,
  ): Promise<AlarmAnswer<readonly ContributorInAlarm[]>> {
    const operation = 'DescribeAlarmContributors';
    return await this.#ask(arn, operation, deadline, ({ name }, client, to) =>
      listAll(async (NextToken) => {
        const command = new DescribeAlarmContributorsCommand({ AlarmName: name, NextToken });
        const page = await client.send(command, to);
        return { rows: contributorsOf(page.AlarmContributors ?? []), next: page.NextToken };
      }),
    );
  }

  async readChangesToAlarm(
    arn: string,
    { fromMs, toMs, contributorId }: HistorySpan,
    deadline: Deadline,
  ): Promise<AlarmAnswer<readonly ChangeToAlarm[]>> {
    return await this.#ask(arn, 'DescribeAlarmHistory', deadline, async ({ name }, client, to) => {
      const changes = await listAll(async (NextToken) => {
        const command = new DescribeAlarmHistoryCommand({
          AlarmName: name,
          AlarmTypes: [...alarmTypes],
          ...(contributorId === null
            ? { HistoryItemType: 'StateUpdate' }
            : {
                HistoryItemType: 'AlarmContributorStateUpdate',
                AlarmContributorId: contributorId,
              }),
          // Some engines keep whole seconds.
          StartDate: new Date(Math.floor(fromMs / 1_000) * 1_000),
          EndDate: new Date(Math.ceil(toMs / 1_000) * 1_000),
          ScanBy: 'TimestampAscending',
          MaxRecords: limits.alarmPageRows,
          NextToken,
        });
        const page = await client.send(command, to);
        return { rows: changesToAlarm(page, name, contributorId), next: page.NextToken };
      });
      if (changes.kind !== 'answer') return changes;
      const within = changes.value.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
      return { ...changes, value: within };
    });
  }

  async readTag(arn: string, key: string, deadline: Deadline): Promise<AlarmAnswer<string | null>> {
    return await this.#ask(arn, 'ListTagsForResource', deadline, async (_, client, to) => {
      const command = new ListTagsForResourceCommand({ ResourceARN: arn });
      const { Tags: tags = [] } = await client.send(command, to);
      const value = tags.find(({ Key }) => Key === key)?.Value ?? '';
      const isUsable = value !== '' && value.length <= limits.alarmTextLengthMax;
      return { kind: 'answer', value: isUsable ? value : null };
    });
  }

  close(): void {
    for (const client of this.#clients.values()) client.destroy();
    this.#clients.clear();
  }

  async #describe(
    region: string,
    places: readonly AlarmPlace[],
    deadline: Deadline,
  ): Promise<AlarmAnswer<readonly AlarmDescription[]>> {
    const names = [...new Set(places.map(({ name }) => name))];
    return await this.#call(region, 'DescribeAlarms', deadline, async (client, to) => {
      const found: AlarmDescription[] = [];
      for (let from = 0; from < names.length; from += limits.alarmPageRows) {
        const AlarmNames = names.slice(from, from + limits.alarmPageRows);
        const answer = await listAll(async (NextToken) => {
          const AlarmTypes = [...alarmTypes];
          const page = await client.send(describeAlarms({ AlarmNames, AlarmTypes, NextToken }), to);
          return { rows: alarmsOf(page), next: page.NextToken };
        });
        if (answer.kind !== 'answer') return answer;
        found.push(...answer.value);
      }
      return { kind: 'answer', value: found };
    });
  }

  async #ask<T>(
    arn: string,
    operation: string,
    deadline: Deadline,
    ask: (place: AlarmPlace, client: CloudWatchClient, to: CallOptions) => Promise<AlarmAnswer<T>>,
  ): Promise<AlarmAnswer<T>> {
    const place = parseAlarmArn(arn);
    if (place === null) return noArn(arn);
    return await this.#call(place.region, operation, deadline, (client, to) =>
      ask(place, client, to),
    );
  }

  /** One time limit over all pages: the SDK's own retries would go on past the deadline. */
  async #call<T>(
    region: string,
    operation: string,
    deadline: Deadline,
    call: (client: CloudWatchClient, to: CallOptions) => Promise<AlarmAnswer<T>>,
  ): Promise<AlarmAnswer<T>> {
    const leftMs = Math.min(deadline.leftMs(), limits.alarmReadTimeoutMs);
    if (leftMs <= 0) {
      return { kind: 'unreachable', message: 'No time was left to ask CloudWatch. Try again.' };
    }
    const abortSignal = AbortSignal.timeout(Math.ceil(leftMs));
    try {
      return await call(this.#client(region), { abortSignal });
    } catch (error) {
      return failureOf(error, `${operation} in ${region}`);
    }
  }

  #client(region: string): CloudWatchClient {
    const client = this.#clients.get(region) ?? this.#makeClient(region);
    this.#clients.delete(region);
    this.#clients.set(region, client);
    const [[oldest, unused] = []] = this.#clients;
    if (this.#clients.size > limits.alarmRegionsMax && oldest !== undefined) {
      unused?.destroy();
      this.#clients.delete(oldest);
    }
    return client;
  }
}

// ---------------------------------------------------------------------------------------------------

type AlarmPlace = NonNullable<ReturnType<typeof parseAlarmArn>>;

interface CallOptions {
  readonly abortSignal: AbortSignal;
}

/** CloudWatch sends these as a refusal (400), and they pass soon. */
const throttling = /throttl|TooManyRequests|RequestLimitExceeded|SlowDown|RequestTimeout/i;

function describeAlarms(input: DescribeAlarmsCommandInput): DescribeAlarmsCommand {
  return new DescribeAlarmsCommand({ ...input, MaxRecords: limits.alarmPageRows });
}

/** All rows of all pages, or `silent` when they do not end. */
async function listAll<T>(
  readPage: (
    token: string | undefined,
  ) => Promise<{ readonly rows: readonly T[]; readonly next: string | undefined }>,
): Promise<AlarmAnswer<readonly T[]>> {
  let all: readonly T[] = [];
  let token: string | undefined;
  for (let page = 1; page <= limits.alarmPagesMax; page += 1) {
    const { rows, next } = await readPage(token);
    all = [...all, ...rows];
    if (all.length > limits.alarmRowsMax) break;
    if (!next) return { kind: 'answer', value: all };
    token = next;
  }
  return tooMuch('rows');
}

function tooMuch(what: string): AlarmAnswer<never> {
  return { kind: 'silent', message: `There are too many ${what} to ask CloudWatch for.` };
}

function noArn(arn: string): AlarmAnswer<never> {
  const shown = arn.slice(0, limits.textLengthMax);
  return { kind: 'silent', message: `"${shown}" is not the ARN of a CloudWatch alarm.` };
}

/** A refusal stays one. Any other failure may pass. */
function failureOf(error: unknown, what: string): AlarmAnswer<never> {
  const { name, $metadata } = error as Partial<Error> & {
    readonly $metadata?: { readonly httpStatusCode?: number };
  };
  const status = $metadata?.httpStatusCode ?? 0;
  const isRefusal =
    status >= 400 &&
    status < 500 &&
    status !== 408 &&
    status !== 429 &&
    !throttling.test(name ?? '');
  // The first line: below it the SDK explains itself.
  const [reason = ''] = messageOf(error).split('\n', 1);
  const why = `${name}: ${reason}`.slice(0, limits.messageLengthMax);
  return isRefusal
    ? { kind: 'silent', message: `CloudWatch refused ${what} (${why}).` }
    : { kind: 'unreachable', message: `CloudWatch did not answer ${what} (${why}). Try again.` };
}
