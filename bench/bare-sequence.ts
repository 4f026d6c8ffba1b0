/**
 * The calls of one rollback without the product: the recorded requests, one step after the other, answers
 * read to their end and not looked at. A process of its own, like the two handlers; `BENCH_CALLS` names the
 * file with the recording, `BENCH_CONNECTIONS` (`kept`, `new`) what becomes of connections to the registry.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';
import {
  BatchGetItemCommand,
  DynamoDBClient,
  PutItemCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import type { RecordedCall, RecordedSteps } from './record-calls.ts';

interface Recording {
  readonly modelName: string;
  readonly steps: RecordedSteps;
}

const registryUrl = new URL(process.env['MLFLOW_TRACKING_URI'] ?? '');
const template = readFileSync(process.env['BENCH_CALLS'] ?? '', 'utf8');
const recorded = JSON.parse(template) as Recording;
const tokens = new Set(template.match(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g));
/** What DynamoDB knows a transaction by; as long as a token, which may stand in its place. */
for (const [, token = ''] of template.matchAll(/"ClientRequestToken":"(\w+)"/g)) tokens.add(token);
const agent = new Agent({ keepAlive: process.env['BENCH_CONNECTIONS'] === 'kept' });
const dynamodb = new DynamoDBClient();
const sns = new SNSClient();

for await (const line of createInterface(process.stdin)) {
  const { model_name: modelName } = JSON.parse(line) as { model_name: string };
  const steps = stepsFor(modelName);
  const startedAtMs = performance.now();
  for (const step of steps) await Promise.all(step.map(makeCall));
  const callMs = performance.now() - startedAtMs;
  const { maxRSS: peakKb } = process.resourceUsage();
  process.stdout.write(`@bench ${JSON.stringify({ isDone: true, callMs, importMs: 0, peakKb })}\n`);
}

// ---------------------------------------------------------------------------------------------------

/** The recorded calls for another model; a transaction must not repeat the token of another one. */
function stepsFor(modelName: string): RecordedSteps {
  let text = template.replaceAll(recorded.modelName, modelName);
  for (const token of tokens) text = text.replaceAll(token, randomUUID());
  return (JSON.parse(text) as Recording).steps;
}

async function makeCall(call: RecordedCall): Promise<void> {
  if (call.to === 'registry') await callRegistry(call.method, call.path, call.body);
  else await callAws(call.command, call.input);
}

async function callAws(command: string, input: object): Promise<void> {
  switch (command) {
    case 'BatchGetItemCommand':
      await dynamodb.send(new BatchGetItemCommand(input as BatchGetItemCommand['input']));
      return;
    case 'TransactWriteItemsCommand':
      await dynamodb.send(
        new TransactWriteItemsCommand(input as TransactWriteItemsCommand['input']),
      );
      return;
    case 'PutItemCommand':
      await dynamodb.send(new PutItemCommand(input as PutItemCommand['input']));
      return;
    case 'PublishCommand':
      await sns.send(new PublishCommand(input as PublishCommand['input']));
      return;
    default:
      throw new Error(`the bare sequence does not know ${command}`);
  }
}

function callRegistry(method: string, path: string, body: object | null): Promise<void> {
  const payload = body === null ? '' : JSON.stringify(body);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const sent = request(
    new URL(path, registryUrl),
    { method, agent, headers: { 'content-type': 'application/json' } },
    (response) => {
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${path} was answered ${response.statusCode}`));
      });
      response.resume();
    },
  );
  sent.on('error', reject);
  sent.end(payload);
  return promise;
}
