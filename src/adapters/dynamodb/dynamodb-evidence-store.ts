import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Evidence, EvidencePair } from '../../domain/evidence/evidence.ts';
import { evidenceLimits } from '../../domain/evidence/evidence-limits.ts';
import {
  decodeEvidence,
  decodeEvidenceList,
  type EvidenceList,
  encodeEvidence,
  evidenceName,
} from '../../domain/evidence/stored-evidence.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { EvidenceStore } from '../../ports/evidence-store.ts';
import type { Identity } from '../../ports/identity.ts';
import { type Item, partition } from './rollback-item.ts';
import { TableCalls } from './table-calls.ts';

/** Evidence in the state table, in the partition of its model. No index has it, and no rollback reads it. */
export class DynamoDBEvidenceStore implements EvidenceStore {
  readonly #client: DynamoDBClient;
  readonly #calls: TableCalls;
  readonly #identity: Identity;
  readonly #workspace: string;

  /** @param of `workspace` empty when MLflow has none */
  constructor(
    client: DynamoDBClient,
    { clock, identity }: { readonly clock: Clock; readonly identity: Identity },
    { tableName, workspace }: { readonly tableName: string; readonly workspace: string },
  ) {
    this.#client = client;
    this.#calls = new TableCalls(client, tableName, clock, identity);
    this.#identity = identity;
    this.#workspace = workspace;
  }

  async writeEvidence(evidence: Evidence, deadline: Deadline): Promise<void> {
    const item = {
      pk: { S: partition(this.#workspace, evidence.modelName) },
      sk: { S: `${prefix(evidence)}${String(evidence.createdAtMs).padStart(timeDigits, '0')}` },
      doc: { S: encodeEvidence(evidence) },
      // For people at the console.
      decision: { S: evidence.decision },
    };
    await this.#calls.put([{ item, over: 'anything' }], '', deadline);
  }

  async readEvidence(pair: EvidencePair, deadline: Deadline): Promise<Evidence | undefined> {
    const query = {
      KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
      ExpressionAttributeValues: {
        ':pk': { S: partition(this.#workspace, pair.modelName) },
        ':prefix': { S: prefix(pair) },
      },
      ScanIndexForward: false,
      ConsistentRead: true,
    };
    const { items } = await this.#calls.queryPage(query, 1, deadline);
    const [latest] = items;
    return (
      latest &&
      decodeEvidence(latest['doc']?.S ?? '', evidenceName(pair), (text) =>
        this.#identity.digest(text),
      )
    );
  }

  /** Keys are in the order of pairs, so all are read first, and then the newest items. */
  async listEvidence(modelName: string, limit: number, deadline: Deadline): Promise<EvidenceList> {
    const pk = { S: partition(this.#workspace, modelName) };
    const query = {
      KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
      ExpressionAttributeValues: { ':pk': pk, ':prefix': { S: 'EVIDENCE#' } },
      ProjectionExpression: 'sk',
    };
    const read = (item: Item): string | undefined => item['sk']?.S;
    const most = evidenceLimits.findingsReadMax;
    const keys = await this.#calls.query(query, { limit: most, read }, deadline);
    // Of one pair the latest comes last.
    const latest = new Map(keys.map((sk) => [sk.slice(0, -timeDigits), sk]));
    const newest = [...latest.values()]
      .toSorted((a, b) => (timeOf(a) < timeOf(b) ? 1 : -1))
      .slice(0, limit);
    const items = await this.#calls.get(
      newest.map((sk) => ({ pk, sk: { S: sk } })),
      deadline,
    );
    const docs = new Map(items.map(({ sk, doc }) => [sk?.S, doc?.S ?? '']));
    const inOrder = newest.flatMap((sk) => docs.get(sk) ?? []);
    const list = decodeEvidenceList(inOrder, modelName, (text) => this.#identity.digest(text));
    if (keys.length < most) return list;
    const why = `only ${most} comparisons of a model are searched, so the latest ones of some pairs may be missing`;
    return { ...list, unreadable: [...list.unreadable, { id: `${modelName}/EVIDENCE`, why }] };
  }

  close(): void {
    this.#client.destroy();
  }
}

// ---------------------------------------------------------------------------------------------------

/** Of every time up to the end of the year 9999, so that the order of texts is that of times. */
const timeDigits = 15;

function timeOf(sortKey: string): string {
  return sortKey.slice(-timeDigits);
}

function prefix({ champion, challenger }: EvidencePair): string {
  return `EVIDENCE#${champion}#${challenger}#`;
}
