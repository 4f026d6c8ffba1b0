#!/usr/bin/env bash
# MiniStack 1.5.33 (Python 3.11): a state machine in JSONata that ends in a Succeed state with an Output has the input
# of that state as its output; a Pass state that ends it has what its Output says.
#
# One would guess that Output counts in both, as the language of Step Functions defines it for every state. A state
# machine whose ends are told apart by their output passes here as one that says nothing of its end.
#
# Seen:
#   Succeed: {"version": "3"}
#   Pass: {"outcome": "PROMOTED"}
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

client = get_session().create_client(
    "stepfunctions",
    endpoint_url=sys.argv[1],
    region_name="eu-west-1",
    aws_access_key_id="example",
    aws_secret_access_key="example",
    config=Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1}, proxies={}),
)
until = time.monotonic() + 60
while True:
    try:
        client.list_state_machines()
        break
    except BotoCoreError:
        if time.monotonic() > until:
            raise
        time.sleep(0.2)
output = "{% {'outcome': 'PROMOTED'} %}"
ends = {
    "Succeed": ({"Type": "Succeed", "Output": output}, {"version": "3"}),
    "Pass": ({"Type": "Pass", "Output": output, "End": True}, {"outcome": "PROMOTED"}),
}
for kind, (state, expected) in ends.items():
    machine = client.create_state_machine(
        name=f"promote-{kind}",
        roleArn="arn:aws:iam::000000000000:role/promote",
        definition=json.dumps({"QueryLanguage": "JSONata", "StartAt": "Promoted", "States": {"Promoted": state}}),
    )["stateMachineArn"]
    run = client.start_execution(stateMachineArn=machine, input='{"version": "3"}')["executionArn"]
    until = time.monotonic() + 30
    while (ended := client.describe_execution(executionArn=run))["status"] == "RUNNING" and time.monotonic() < until:
        time.sleep(0.1)
    print(f"{kind}: {ended['output']}")
    assert ended["status"] == "SUCCEEDED" and json.loads(ended["output"]) == expected
PY
"$work/venv/bin/python" "$work/try.py" "http://127.0.0.1:$port"
