#!/usr/bin/env bash
# MiniStack 1.5.33 (Python 3.11): a Lambda function whose code is in a bucket that does not exist
# is created, and invoking it succeeds with an answer that the engine made up.
#
# One would guess an error at one of the two; Lambda refuses to create such a function. A test that deploys a
# template without uploading its code first, and looks at the status and at FunctionError, passes.
#
# Seen:
#   create: 201
#   invoke: 200, FunctionError None, {"statusCode": 200, "body": "Mock response - no code deployed"}
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
    "lambda",
    endpoint_url=sys.argv[1],
    region_name="eu-west-1",
    aws_access_key_id="example",
    aws_secret_access_key="example",
    config=Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1}, proxies={}),
)
until = time.monotonic() + 60
while True:
    try:
        client.list_functions()
        break
    except BotoCoreError:
        if time.monotonic() > until:
            raise
        time.sleep(0.2)
created = client.create_function(
    FunctionName="roll-back",
    Runtime="nodejs22.x",
    Handler="index.handler",
    Role="arn:aws:iam::000000000000:role/roll-back",
    Code={"S3Bucket": "no-such-bucket", "S3Key": "no-such-object.zip"},
)["ResponseMetadata"]["HTTPStatusCode"]
print(f"create: {created}")
answer = client.invoke(FunctionName="roll-back", Payload=b"{}")
status, error, payload = answer["StatusCode"], answer.get("FunctionError"), answer["Payload"].read().decode()
print(f"invoke: {status}, FunctionError {error}, {payload}")
assert (created, status, error) == (201, 200, None)
assert payload == '{"statusCode": 200, "body": "Mock response - no code deployed"}'
PY
"$work/venv/bin/python" "$work/try.py" "http://127.0.0.1:$port"
