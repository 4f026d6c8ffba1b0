#!/usr/bin/env bash
# aws-cdk-lib 2.276.0 (Node 20 or newer): a MathExpression over metrics with a period of one minute makes an alarm
# that evaluates five minutes, without a warning.
#
# One would guess that an expression keeps the periods of its metrics, as it names no period itself. Its own default
# of five minutes replaces them, so that the alarm goes off minutes later than the one on the same metric alone.
#
# Seen (both metrics are made with Duration.minutes(1); evaluationPeriods is 3):
#   alarm on the metric: periods [60]
#   alarm on an expression over it: periods [300,300]
#   the same with `period` given to the expression: periods [60,60]
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund aws-cdk-lib@2.276.0 constructs@10.8.1
cat > try.cjs <<'JS'
const { App, Duration, Stack } = require('aws-cdk-lib');
const { Template } = require('aws-cdk-lib/assertions');
const { Alarm, MathExpression, Metric } = require('aws-cdk-lib/aws-cloudwatch');

const period = Duration.minutes(1);
const count = (metricName) => new Metric({ namespace: 'Models', metricName, statistic: 'Sum', period });
const rate = { expression: 'errors / calls', usingMetrics: { errors: count('Errors'), calls: count('Calls') } };
for (const [label, metric, expected] of [
  ['alarm on the metric', count('Errors'), '[60]'],
  ['alarm on an expression over it', new MathExpression(rate), '[300,300]'],
  ['the same with `period` given to the expression', new MathExpression({ ...rate, period }), '[60,60]'],
]) {
  const stack = new Stack(new App({ outdir: `${process.cwd()}/cdk.out` }), 'Stack');
  new Alarm(stack, 'Alarm', { metric, threshold: 0.1, evaluationPeriods: 3 });
  const [alarm] = Object.values(Template.fromStack(stack).findResources('AWS::CloudWatch::Alarm'));
  const { Period, Metrics = [{ MetricStat: { Period } }] } = alarm.Properties;
  const periods = JSON.stringify(Metrics.flatMap(({ MetricStat }) => MetricStat?.Period ?? []));
  console.log(`${label}: periods ${periods}`);
  if (periods !== expected) throw new Error(`expected ${expected}`);
}
JS
node try.cjs
