import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

/**
 * A topic that only TLS reaches, encrypted with a key of its own: CloudWatch cannot publish to one under
 * the key of AWS, whose policy nobody can change, and says so only in the history of the alarm.
 */
export class NoticeTopic extends Topic {
  readonly key: Key;

  constructor(scope: Construct, id: string) {
    const key = new Key(scope, `${id}Key`, {
      description: 'Notices of model-rollback, and alarms on it',
      enableKeyRotation: true,
      // It keeps nothing: a message is under it for as long as it is on its way.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    super(scope, id, { masterKey: key, enforceSSL: true, displayName: 'Model rollback' });
    this.key = key;
    const cloudWatch = new ServicePrincipal('cloudwatch.amazonaws.com');
    const stack = Stack.of(this);
    key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'CloudWatchAlarms',
        principals: [cloudWatch],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
        resources: ['*'],
        conditions: { StringEquals: { 'aws:SourceAccount': stack.account } },
      }),
    );
    this.addToResourcePolicy(
      new PolicyStatement({
        sid: 'CloudWatchAlarms',
        principals: [cloudWatch],
        actions: ['sns:Publish'],
        resources: [this.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': stack.account } },
      }),
    );
  }
}
