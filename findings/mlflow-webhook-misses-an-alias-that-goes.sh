#!/usr/bin/env bash
# MLflow 3.17.2 (Python 3.11): webhooks send an event for deleting an alias that was never set, and for setting an
# alias to the version that it has; they send none when an alias goes away together with its version.
#
# One would guess one event for each change of an alias. Whoever keeps a copy of the aliases from these events is
# sent changes that are none, and misses the one that takes an alias from its users.
#
# Seen:
#   set to version 1: ['created champion 1']
#   set to version 1 again: ['created champion 1']
#   delete of an alias that was never set: ['deleted nobody']
#   delete of version 1, and the alias is gone: []
set -euo pipefail
work=$(mktemp -d)
pid=
stop() {
  [ -z "$pid" ] || { kill -- "-$pid" && wait "$pid"; } 2> "$work/end" || true
  rm -rf "$work"
}
trap stop EXIT
python3.11 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check mlflow-skinny==3.17.2 sqlalchemy==2.0.44 \
  alembic==1.17.2 flask==3.1.3 flask-cors==6.0.5 aiohttp==3.14.5 graphene==3.4.3 numpy==2.4.6 pandas==3.1.1
python() { "$work/venv/bin/python" "$@"; }
port=$(python -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false
export MLFLOW_WEBHOOK_ALLOWED_SCHEMES=http,https MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS=true
setsid "$work/venv/bin/python" -m mlflow server --host 127.0.0.1 --port "$port" --workers 1 \
  --backend-store-uri "sqlite:///$work/mlflow.db" > "$work/log" 2>&1 &
pid=$!
cat > "$work/ready.py" <<'PY'
import sys, time, urllib.request

until = time.monotonic() + 120
while True:
    try:
        urllib.request.urlopen(f"{sys.argv[1]}/api/2.0/mlflow/registered-models/search", timeout=5).read()
        break
    except OSError:
        if time.monotonic() > until:
            raise
        time.sleep(0.2)
PY
python "$work/ready.py" "http://127.0.0.1:$port"
cat > "$work/try.py" <<'PY'
import http.server, json, sys, threading, time, urllib.error, urllib.request

base = f"{sys.argv[1]}/api/2.0/mlflow/"
events = []


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        events.append(" ".join([event["action"], event["data"]["alias"], event["data"].get("version", "")]).strip())
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def call(method, path, **body):
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(base + path, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def check(label, expected, method, path, **body):
    """Waits for a later event as well, and then a little: what was to come has come by then."""
    events.clear()
    call(method, path, name="churn", **body)
    call("POST", "registered-models/alias", name="other", alias="later", version="1")
    until = time.monotonic() + 30
    while "created later 1" not in events and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(2)
    seen = [event for event in events if event != "created later 1"]
    print(f"{label}: {seen}")
    assert seen == expected and "created later 1" in events, events


receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
kinds = [{"entity": "MODEL_VERSION_ALIAS", "action": action} for action in ("CREATED", "DELETED")]
call("POST", "webhooks", name="aliases", url=f"http://127.0.0.1:{receiver.server_port}/", events=kinds)
for name in ("churn", "other"):
    call("POST", "registered-models/create", name=name)
    call("POST", "model-versions/create", name=name, source="s3://models/churn")
alias = "registered-models/alias"
check("set to version 1", ["created champion 1"], "POST", alias, alias="champion", version="1")
check("set to version 1 again", ["created champion 1"], "POST", alias, alias="champion", version="1")
check("delete of an alias that was never set", ["deleted nobody"], "DELETE", alias, alias="nobody")
check("delete of version 1, and the alias is gone", [], "DELETE", "model-versions/delete", version="1")
with urllib.request.urlopen(f"{base}registered-models/get?name=churn", timeout=30) as answer:
    assert "aliases" not in json.load(answer)["registered_model"]
PY
python "$work/try.py" "http://127.0.0.1:$port"
