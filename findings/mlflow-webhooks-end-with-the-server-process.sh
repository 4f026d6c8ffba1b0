#!/usr/bin/env bash
# MLflow 3.17.2 (Python 3.11): a server without MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY takes a webhook with a secret, and
# sends it; after a restart its list of webhooks answers 500, and no webhook is sent any more.
#
# One would guess that the server refuses what it cannot keep, or keeps its key beside its database. It makes a key for
# each process, and with what another process has encrypted it cannot read the list at all. Nothing says so before the
# first restart.
#
# Seen:
#   before the restart: list 200, sent 1
#   after it: list 500, sent 0
set -euo pipefail
work=$(mktemp -d)
pid=
end_server() {
  [ -z "$pid" ] || { kill -- "-$pid" && wait "$pid"; } 2> "$work/end" || true
  pid=
}
trap 'end_server; rm -rf "$work"' EXIT
python3.11 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check mlflow-skinny==3.17.2 sqlalchemy==2.0.44 \
  alembic==1.17.2 flask==3.1.3 flask-cors==6.0.5 aiohttp==3.14.5 graphene==3.4.3 numpy==2.4.6 pandas==3.1.1
python() { "$work/venv/bin/python" "$@"; }
port=$(python -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false
export MLFLOW_WEBHOOK_ALLOWED_SCHEMES=http,https MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS=true
unset MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY
cat > "$work/try.py" <<'PY'
import http.server, json, sys, threading, time, urllib.error, urllib.request

server, is_first = sys.argv[1], sys.argv[2] == "first"
base = f"{server}/api/2.0/mlflow/"
events = []


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        events.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def call(method, path, **body):
    headers = {"Content-Type": "application/json"}
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(base + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


until = time.monotonic() + 120
while True:
    try:
        urllib.request.urlopen(f"{base}registered-models/search", timeout=5).read()
        break
    except OSError:
        if time.monotonic() > until:
            raise
        time.sleep(0.2)
receiver = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[3])), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
if is_first:
    kind = {"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"}
    url = f"http://127.0.0.1:{sys.argv[3]}/"
    assert call("POST", "webhooks", name="aliases", url=url, events=[kind], secret="an example of a secret") == 200
    assert call("POST", "registered-models/create", name="churn") == 200
    assert call("POST", "model-versions/create", name="churn", source="s3://models/churn") == 200
listed = call("GET", "webhooks")
assert call("POST", "registered-models/alias", name="churn", alias="champion", version="1") == 200
until = time.monotonic() + (30 if is_first else 10)
while not events and time.monotonic() < until:
    time.sleep(0.05)
print(f"{'before the restart' if is_first else 'after it'}: list {listed}, sent {len(events)}")
assert (listed, len(events)) == ((200, 1) if is_first else (500, 0))
PY
receiver=$(python -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
for run in first second; do
  setsid "$work/venv/bin/python" -m mlflow server --host 127.0.0.1 --port "$port" --workers 1 \
    --backend-store-uri "sqlite:///$work/mlflow.db" > "$work/log" 2>&1 &
  pid=$!
  python "$work/try.py" "http://127.0.0.1:$port" "$run" "$receiver"
  end_server
done
