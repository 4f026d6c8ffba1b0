import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Evidence, EvidencePair } from '../../domain/evidence/evidence.ts';
import {
  decodeEvidence,
  encodeEvidence,
  evidenceName,
} from '../../domain/evidence/stored-evidence.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { EvidenceStore } from '../../ports/evidence-store.ts';
import type { Identity } from '../../ports/identity.ts';
import { partition } from './rollback-item.ts';
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

  close(): void {
    this.#client.destroy();
  }
}

// ---------------------------------------------------------------------------------------------------

/** Of every time up to the end of the year 9999, so that the order of texts is that of times. */
const timeDigits = 15;

function prefix({ champion, challenger }: EvidencePair): string {
  return `EVIDENCE#${champion}#${challenger}#`;
}
