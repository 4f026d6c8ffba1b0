#!/usr/bin/env bash
# DynamoDB Local 3.1.0 (Java 17), by boto3 1.44.5: a TransactWriteItems that was cancelled does not use up its
# ClientRequestToken. The same token is taken again with other parameters, and only from then on held to them.
#
# One would guess from the API ("the same client token but a change in other parameters within the 10-minute
# idempotency window": IdempotentParameterMismatch) that the first use counts, however it ended. A test against
# DynamoDB Local does not notice a program that takes a token for two transactions if the first was cancelled.
#
# Seen:
#   token 1, put "taken" if it is not there: TransactionCanceledException
#   token 1, put "free" if it is not there: carried out
#   token 1, put "third" if it is not there: IdempotentParameterMismatchException
set -euo pipefail
work=$(mktemp -d)
pid=
stop() {
  [ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2> "$work/end" || true
  rm -rf "$work"
}
trap stop EXIT
cat > "$work/pom.xml" <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>example</groupId>
  <artifactId>dynamodb</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>software.amazon.dynamodb</groupId>
      <artifactId>DynamoDBLocal</artifactId>
      <version>3.1.0</version>
    </dependency>
  </dependencies>
</project>
XML
mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$work/lib" \
  > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
python3.11 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check boto3==1.44.5
free='import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])'
port=$("$work/venv/bin/python" -c "$free")
java "-Djava.library.path=$work/lib" -Xmx256m -cp "$work/lib/*" \
  software.amazon.dynamodb.services.local.main.ServerRunner -inMemory -sharedDb -disableTelemetry -port "$port" \
  > "$work/log" 2>&1 &
pid=$!
cat > "$work/try.py" <<'PY'
import sys, time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

client = boto3.client(
    "dynamodb",
    endpoint_url=sys.argv[1],
    region_name="eu-west-1",
    aws_access_key_id="example",
    aws_secret_access_key="example",
    config=Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1}, proxies={}),
)
until = time.monotonic() + 60
while True:
    try:
        client.list_tables()
        break
    except BotoCoreError:
        if time.monotonic() > until:
            raise
        time.sleep(0.2)
client.create_table(
    TableName="claims",
    BillingMode="PAY_PER_REQUEST",
    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
)
client.get_waiter("table_exists").wait(TableName="claims", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
client.put_item(TableName="claims", Item={"id": {"S": "taken"}})
for key, expected in (
    ("taken", "TransactionCanceledException"),
    ("free", "carried out"),
    ("third", "IdempotentParameterMismatchException"),
):
    put = {"TableName": "claims", "Item": {"id": {"S": key}}, "ConditionExpression": "attribute_not_exists(id)"}
    try:
        client.transact_write_items(ClientRequestToken="token 1", TransactItems=[{"Put": put}])
        end = "carried out"
    except ClientError as error:
        end = error.response["Error"]["Code"]
    print(f'token 1, put "{key}" if it is not there: {end}')
    assert end == expected
PY
"$work/venv/bin/python" "$work/try.py" "http://127.0.0.1:$port"
