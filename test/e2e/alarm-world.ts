/** What the suites about alarms share: alarms in CloudWatch, queues under topics, a clock that moves. */
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { SweepReport } from '../../src/app/sweep-report.ts';
import type { AlarmState } from '../../src/domain/alarm/alarm.ts';
import {
  localAlarmArn,
  putMetricAlarm,
  setAlarmState,
  stateChangedAt,
  tagAlarm,
} from '../engines/alarms.ts';
import { localClientConfig } from '../engines/aws.ts';
import { engine, uniqueName } from '../engines/engines.ts';
import { poll } from '../engines/poll.ts';
import type { AlarmParts, JsonObject } from '../fakes/alarm-events.ts';
import { type CommandResult, runCommand } from './command.ts';
import { CLOCK_OFFSET } from './function-process.ts';
import { type Answer, answerIn, type Reply } from './reply.ts';
import { answerOf, type FunctionWay, functionWay } from './ways.ts';
import { createWorld, type Settings, type World } from './world.ts';

/** An answer to a topic. */
export interface TopicReply {
  readonly results: readonly Answer[];
}

/** An answer to a queue. */
export interface QueueReply extends TopicReply {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

/** An alarm in MiniStack. */
export interface LocalAlarm {
  readonly name: string;
  readonly arn: string;
  /** For the builders of events: since when it is in its state, as CloudWatch says it. */
  red(): AlarmParts & { readonly atMs: number };
  set(state: AlarmState): Promise<void>;
}

export interface AlarmWorld extends World {
  readonly way: FunctionWay;
  /** Address of CloudWatch. */
  readonly cloudWatch: string;
  /** The answer to an event whose answer is one; throws, with what was said, when there is none. */
  ask(event: unknown, settings?: Settings): Promise<Answer>;
  askTopic(event: unknown, settings?: Settings): Promise<TopicReply>;
  askQueue(event: unknown, settings?: Settings): Promise<QueueReply>;
  /** Sweeps until nothing is due, and returns what each sweep did; throws when one has a failure. */
  sweep(settings?: Settings): Promise<readonly SweepReport[]>;
  command(args: readonly string[], settings?: Settings): Promise<CommandResult>;
  /** The record of an answer as it is now, by `explain`. */
  recorded(answer: Answer): Promise<Answer>;
  /** An alarm on a metric of a model, in ALARM. */
  alarm(model: string | null, options?: AlarmOptions): Promise<LocalAlarm>;
  close(): Promise<void>;
}

interface AlarmOptions {
  readonly state?: AlarmState;
  readonly name?: string;
  /** Value of the tag that names the model. */
  readonly tag?: string;
  /** ARNs of topics that are told when it goes red or green. */
  readonly topics?: readonly string[];
}

/** A queue under a topic. */
export interface Queue {
  /** What the event source mapping of this queue would deliver next: one message. */
  next(): Promise<JsonObject>;
}

export const minuteMs = 60_000;
export const hourMs: number = 60 * minuteMs;

/** A wall clock that is so much ahead. */
export function ahead(ms: number): Settings {
  return { [CLOCK_OFFSET]: String(ms) };
}

/** @param base on top of the usual variables, for every process of this world */
export async function createAlarmWorld(base: Settings = {}): Promise<AlarmWorld> {
  const inner = await createWorld();
  const world: World = { ...inner, env: (settings) => inner.env({ ...base, ...settings }) };
  const way = functionWay(world);
  const cloudWatch = engine('ministack').url;
  const send = async (event: unknown, settings?: Settings): Promise<Reply> =>
    await way.send(event, settings);
  const command: AlarmWorld['command'] = (args, settings) => runCommand(args, world.env(settings));
  return {
    ...world,
    way,
    cloudWatch,
    command,
    ask: async (event, settings) => answerIn(await send(event, settings)),
    askTopic: async (event, settings) => bodyOf<TopicReply>(await send(event, settings)),
    askQueue: async (event, settings) => bodyOf<QueueReply>(await send(event, settings)),
    sweep: async (settings) => {
      const reports: SweepReport[] = [];
      for (let count = 1; count <= SWEEPS_MAX; count += 1) {
        const report = bodyOf<SweepReport>(await send({ sweep: true }, settings));
        if (report.failed.length > 0) throw new Error(JSON.stringify(report.failed));
        if (report.due === 0) return reports;
        reports.push(report);
      }
      throw new Error(`something is due for ever: ${JSON.stringify(reports)}`);
    },
    recorded: async ({ rollback_id: id }) => {
      const { exitCode, json, stderr } = await command(['explain', id ?? '', '--json']);
      if (exitCode !== 0) throw new Error(stderr);
      return answerOf(json);
    },
    alarm: (model, options) => makeAlarm(cloudWatch, model, options),
    close: () => way.close(),
  };
}

/** Adds up what several sweeps did. */
export function total(
  reports: readonly SweepReport[],
  count: 'alarms_looked_at' | 'recoveries_checked' | 'pointers_checked' | 'notices_sent',
): number {
  return reports.reduce((sum, report) => sum + report[count], 0);
}

/** Makes a queue that receives what is published to a topic. */
export async function openQueue(endpoint: string, topicArn: string): Promise<Queue> {
  const sqs = new SQSClient(localClientConfig(endpoint));
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: uniqueName('alarms') }));
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  const queueArn = Attributes['QueueArn'] ?? '';
  const sns = new SNSClient(localClientConfig(endpoint));
  await sns.send(new SubscribeCommand({ TopicArn: topicArn, Protocol: 'sqs', Endpoint: queueArn }));
  const take = async (): Promise<Message | undefined> => {
    const { Messages: [message] = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, AttributeNames: ['All'] }),
    );
    return message;
  };
  return {
    next: async () => {
      const message = await poll(take, (taken) => taken !== undefined, { timeoutMs: 10_000 });
      if (message === undefined) throw new Error('no message');
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
      return { Records: [delivered(message, queueArn)] };
    },
  };
}

/** A call that moved a version, or tried to. */
export interface Move {
  readonly model: string;
  readonly version: string;
}

/** Stands before the registry, passes everything on, and knows every move. */
export interface RegistryGate extends AsyncDisposable {
  readonly url: string;
  /** In the order of arrival. */
  readonly moves: readonly Move[];
  /** Keeps the moves of a model waiting until the returned function is called. */
  hold(model: string): () => void;
}

export async function openRegistryGate(target: string): Promise<RegistryGate> {
  const moves: Move[] = [];
  const held = new Map<string, Promise<void>>();
  const server = createServer(async (incoming, outgoing) => {
    const body = await buffer(incoming);
    const { method = 'GET', url = '/', headers } = incoming;
    if (url.endsWith('/transition-stage')) {
      const { name: model, version } = JSON.parse(body.toString()) as { name: string } & Move;
      moves.push({ model, version });
      await held.get(model);
    }
    const onward = forward(new URL(url, target), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    onward.end(body);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    moves,
    hold: (model) => {
      const gate = Promise.withResolvers<void>();
      held.set(model, gate.promise);
      return gate.resolve;
    },
    [Symbol.asyncDispose]: async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
}

// ---------------------------------------------------------------------------------------------------

const SWEEPS_MAX = 10;

async function makeAlarm(
  endpoint: string,
  model: string | null,
  options: AlarmOptions = {},
): Promise<LocalAlarm> {
  const { state = 'ALARM', name = uniqueName('alarm'), tag, topics = [] } = options;
  const arn = await putMetricAlarm(endpoint, name, {
    dimensions: model === null ? {} : { ModelName: model },
    input: { AlarmActions: [...topics], OKActions: [...topics] },
  });
  if (tag !== undefined) await tagAlarm(endpoint, arn, 'model-rollback:model', tag);
  let atMs = Date.now();
  const set = async (next: AlarmState): Promise<void> => {
    await setAlarmState(endpoint, name, next);
    atMs = await stateChangedAt(endpoint, name);
  };
  if (state !== 'INSUFFICIENT_DATA') await set(state);
  return {
    name,
    arn,
    set,
    red: () => ({ name, arn, model, atMs }),
  };
}

/** A message as Lambda gets it. */
function delivered(message: Message, queueArn: string): JsonObject {
  return {
    messageId: message.MessageId,
    receiptHandle: message.ReceiptHandle,
    body: completed(message.Body ?? ''),
    attributes: message.Attributes ?? {},
    messageAttributes: message.MessageAttributes ?? {},
    md5OfBody: message.MD5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: 'eu-west-1',
  };
}

/** MiniStack's message about an alarm lacks the ARN, which CloudWatch always sends. */
function completed(body: string): string {
  const notification = JSON.parse(body) as JsonObject;
  const message = JSON.parse(String(notification['Message'])) as JsonObject;
  const { AlarmName } = message;
  if (typeof AlarmName !== 'string') return body;
  const whole = { AlarmArn: localAlarmArn(AlarmName), ...message };
  return JSON.stringify({ ...notification, Message: JSON.stringify(whole) });
}

/** An answer of another shape than that to a request; throws when there is an error. */
function bodyOf<T>(reply: Reply): T {
  const body: unknown = answerIn(reply);
  return body as T;
}
