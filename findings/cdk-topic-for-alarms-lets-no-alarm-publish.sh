#!/usr/bin/env bash
# aws-cdk-lib 2.276.0 (Node 20 or newer): SnsAction adds no permission to the topic of an alarm, and enforceSSL gives
# the topic a policy that holds one Deny and no Allow.
#
# One would guess that the action brings what it needs, as LambdaAction does for a function and the target SnsTopic
# of an EventBridge rule for a topic. Without a policy in the template a topic has the default one of SNS, by which
# the alarms of its account may publish. With enforceSSL the one of the template takes its place, and in that
# nothing lets CloudWatch publish.
#
# Seen (statements of the topic's policy in the template):
#   alarm with SnsAction: no policy
#   alarm with SnsAction, topic with enforceSSL: Deny *
#   rule with the target SnsTopic, topic with enforceSSL: Deny *, Allow events.amazonaws.com
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund aws-cdk-lib@2.276.0 constructs@10.8.1
cat > try.cjs <<'JS'
const { App, Duration, Stack } = require('aws-cdk-lib');
const { Template } = require('aws-cdk-lib/assertions');
const { Alarm, Metric } = require('aws-cdk-lib/aws-cloudwatch');
const { SnsAction } = require('aws-cdk-lib/aws-cloudwatch-actions');
const { Rule, Schedule } = require('aws-cdk-lib/aws-events');
const { SnsTopic } = require('aws-cdk-lib/aws-events-targets');
const { Topic } = require('aws-cdk-lib/aws-sns');

function alarmOn(topic) {
  const metric = new Metric({ namespace: 'Models', metricName: 'Errors' });
  const alarm = new Alarm(topic.stack, 'Alarm', { metric, threshold: 1, evaluationPeriods: 1 });
  alarm.addAlarmAction(new SnsAction(topic));
}

function ruleOn(topic) {
  const schedule = Schedule.rate(Duration.days(1));
  new Rule(topic.stack, 'Rule', { schedule, targets: [new SnsTopic(topic)] });
}

for (const [label, enforceSSL, use, expected] of [
  ['alarm with SnsAction', false, alarmOn, 'no policy'],
  ['alarm with SnsAction, topic with enforceSSL', true, alarmOn, 'Deny *'],
  ['rule with the target SnsTopic, topic with enforceSSL', true, ruleOn, 'Deny *, Allow events.amazonaws.com'],
]) {
  const stack = new Stack(new App({ outdir: `${process.cwd()}/cdk.out` }), 'Stack');
  use(new Topic(stack, 'Topic', { enforceSSL }));
  const policies = Object.values(Template.fromStack(stack).findResources('AWS::SNS::TopicPolicy'));
  const statements = policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
  const texts = statements.map(({ Effect, Principal }) => `${Effect} ${Principal.Service ?? Principal}`);
  const seen = texts.join(', ') || 'no policy';
  console.log(`${label}: ${seen}`);
  if (seen !== expected) throw new Error(`expected ${expected}`);
}
JS
node try.cjs
