#!/usr/bin/env bash
# MiniStack 1.5.33 (Python 3.11): an alarm on a metric with a dimension goes off on a datapoint of
# another value of that dimension.
#
# One would guess that an engine that evaluates alarms looks at the metric that the alarm names; in CloudWatch
# each combination of dimensions is a metric of its own. A test in which only one model is bad sees the alarms
# of all models go off.
#
# Seen (two alarms, on ErrorRate of the models churn and fraud; one datapoint, of fraud):
#   churn: ALARM
#   fraud: ALARM
set -euo pipefail
work=$(mktemp -d)
pid=
stop() {
  [ -z "$pid" ] || { kill -- "-$pid" && wait "$pid"; } 2> "$work/end" || true
  rm -rf "$work"
}
trap stop EXIT
python3.11 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check ministack==1.5.33
free='import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])'
port=$("$work/venv/bin/python" -c "$free")
cd "$work"
BIND_HOST=127.0.0.1 GATEWAY_PORT=$port setsid "$work/venv/bin/ministack" > "$work/log" 2>&1 &
pid=$!
cat > "$work/try.py" <<'PY'
import sys, time

from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import get_session

client = get_session().create_client(
    "cloudwatch",
    endpoint_url=sys.argv[1],
    region_name="eu-west-1",
    aws_access_key_id="example",
    aws_secret_access_key="example",
    config=Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1}, proxies={}),
)
until = time.monotonic() + 60
while True:
    try:
        client.describe_alarms()
        break
    except BotoCoreError:
        if time.monotonic() > until:
            raise
        time.sleep(0.2)
metric = {"Namespace": "Models", "MetricName": "ErrorRate"}
for model in ("churn", "fraud"):
    client.put_metric_alarm(
        AlarmName=model,
        **metric,
        Dimensions=[{"Name": "ModelName", "Value": model}],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0.5,
        ComparisonOperator="GreaterThanThreshold",
    )
datum = {"MetricName": "ErrorRate", "Dimensions": [{"Name": "ModelName", "Value": "fraud"}], "Value": 1.0}
client.put_metric_data(Namespace="Models", MetricData=[datum])


def states():
    return {alarm["AlarmName"]: alarm["StateValue"] for alarm in client.describe_alarms()["MetricAlarms"]}


until = time.monotonic() + 30
while states()["fraud"] != "ALARM" and time.monotonic() < until:
    time.sleep(0.2)
found = states()
for model in ("churn", "fraud"):
    print(f"{model}: {found[model]}")
assert found == {"churn": "ALARM", "fraud": "ALARM"}
PY
"$work/venv/bin/python" "$work/try.py" "http://127.0.0.1:$port"
