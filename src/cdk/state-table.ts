import { RemovalPolicy } from 'aws-cdk-lib';
import {
  AttributeType,
  BillingMode,
  ProjectionType,
  Table,
  TableEncryption,
} from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import { tableShape } from '../domain/record/table-shape.ts';

export interface StateTableProps {
  /**
   * @default - a generated name
   */
  readonly tableName?: string;
}

/**
 * The state table. A stack of its own may hold it, so that the function can be replaced around it. It
 * outlives its stack: without it a rollback could be done twice, and nobody would know what was bad.
 */
export class StateTable extends Table {
  constructor(scope: Construct, id: string, props: StateTableProps = {}) {
    super(scope, id, {
      ...props,
      partitionKey: text(tableShape.partitionKey),
      sortKey: text(tableShape.sortKey),
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: tableShape.ttlAttribute,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      encryption: TableEncryption.AWS_MANAGED,
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const { byTime, byTimeSharded, due } = tableShape;
    this.addGlobalSecondaryIndex({
      indexName: byTime.name,
      partitionKey: text(byTime.partitionKey),
      sortKey: text(byTime.sortKey),
      projectionType: ProjectionType.ALL,
    });
    this.addGlobalSecondaryIndex({
      indexName: byTimeSharded.name,
      partitionKey: text(byTimeSharded.partitionKey),
      sortKey: text(byTimeSharded.sortKey),
      projectionType: ProjectionType.KEYS_ONLY,
    });
    this.addGlobalSecondaryIndex({
      indexName: due.name,
      partitionKey: text(due.partitionKey),
      sortKey: { name: due.sortKey, type: AttributeType.NUMBER },
      projectionType: ProjectionType.KEYS_ONLY,
    });
  }
}

// ---------------------------------------------------------------------------------------------------

function text(name: string): { name: string; type: AttributeType } {
  return { name, type: AttributeType.STRING };
}
