#!/usr/bin/env bash
# MiniStack 1.5.33 (Python 3.11): a table that CloudFormation made has indexes without IndexStatus; the same table
# made by CreateTable has indexes that are ACTIVE.
#
# One would guess that DescribeTable answers the same for both. A waiter that lists a table as ready once each index
# is ACTIVE, as an index that is being added has to be waited for, never ends for a table of a stack.
#
# Seen:
#   made by CreateTable: ACTIVE
#   made by a stack: no IndexStatus
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
import json, sys, time

from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import get_session


def client(service):
    return get_session().create_client(
        service,
        endpoint_url=sys.argv[1],
        region_name="eu-west-1",
        aws_access_key_id="example",
        aws_secret_access_key="example",
        config=Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1}, proxies={}),
    )


dynamodb, stacks = client("dynamodb"), client("cloudformation")
until = time.monotonic() + 60
while True:
    try:
        dynamodb.list_tables()
        break
    except BotoCoreError:
        if time.monotonic() > until:
            raise
        time.sleep(0.2)
table = {
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "day")],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-day",
            "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
}
dynamodb.create_table(TableName="by-call", **table)
resource = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "by-stack", **table}}
stacks.create_stack(StackName="models", TemplateBody=json.dumps({"Resources": {"Table": resource}}))
until = time.monotonic() + 30
while "by-stack" not in dynamodb.list_tables()["TableNames"] and time.monotonic() < until:
    time.sleep(0.2)


def status(name):
    (index,) = dynamodb.describe_table(TableName=name)["Table"]["GlobalSecondaryIndexes"]
    return index.get("IndexStatus", "no IndexStatus")


found = {"CreateTable": status("by-call"), "a stack": status("by-stack")}
for how, seen in found.items():
    print(f"made by {how}: {seen}")
assert found == {"CreateTable": "ACTIVE", "a stack": "no IndexStatus"}
PY
"$work/venv/bin/python" "$work/try.py" "http://127.0.0.1:$port"
