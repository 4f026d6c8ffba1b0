#!/usr/bin/env bash
# MLflow 3.17.2 (Python 3.11): when the answer to create_model_version is lost on the way (502 of a proxy), the
# Python client sends the POST again, and one call leaves two versions.
#
# One would guess that a client repeats only what may be repeated, or sends a token with it. For a registered
# model the same repetition is an error instead: create_registered_model fails, and the model was created by it.
#
# Seen (each first answer to a create is replaced by 502, after the server carried it out):
#   create_registered_model: RESOURCE_ALREADY_EXISTS; the model exists: True
#   create_model_version: answered version 2; the model has versions ['1', '2']
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
import http.server, logging, sys, threading, urllib.error, urllib.request, warnings

warnings.filterwarnings("ignore")
logging.disable(logging.INFO)
import mlflow

server = sys.argv[1]


class Proxy(http.server.BaseHTTPRequestHandler):
    lost = set()

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(server + self.path, body or None, headers, method=self.command)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        if self.path.endswith("/create") and self.path not in self.lost:
            self.lost.add(self.path)
            status, text = 502, b"Bad Gateway"
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_POST = do_GET

    def log_message(self, *_):
        pass


proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
threading.Thread(target=proxy.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{proxy.server_port}"
client = mlflow.MlflowClient(tracking_uri=address, registry_uri=address)
try:
    client.create_registered_model("churn")
    code = "an answer"
except mlflow.exceptions.MlflowException as error:
    code = error.error_code
exists = [model.name for model in client.search_registered_models()] == ["churn"]
print(f"create_registered_model: {code}; the model exists: {exists}")
assert (code, exists) == ("RESOURCE_ALREADY_EXISTS", True)
answered = client.create_model_version("churn", "s3://models/churn").version
versions = sorted(row.version for row in client.search_model_versions("name = 'churn'"))
print(f"create_model_version: answered version {answered}; the model has versions {versions}")
assert (answered, versions) == ("2", ["1", "2"])
PY
MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR=0 python "$work/try.py" "http://127.0.0.1:$port"
