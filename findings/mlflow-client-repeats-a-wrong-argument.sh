#!/usr/bin/env bash
# MLflow 3.17.2 (Python 3.11): a transition with archive_existing_versions to the stage Archived is a mistake in
# the call, and the server answers 500 INTERNAL_ERROR. The Python client takes that for an outage.
#
# One would guess 400 INVALID_PARAMETER_VALUE, once. The client sends the call 8 times with growing pauses (here
# none, by MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR), and what it raises in the end no longer has the reason in it.
#
# Seen:
#   the server: 500 INTERNAL_ERROR, cannot archive existing model versions because 'Archived' is not an Active stage
#   the client: 8 requests; the reason is in its error: False ("too many 500 error responses")
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
import logging, sys, urllib.error, urllib.request, warnings

warnings.filterwarnings("ignore")
import mlflow

server = sys.argv[1]
client = mlflow.MlflowClient(tracking_uri=server, registry_uri=server)
logging.disable(logging.INFO)
client.create_registered_model("churn")
client.create_model_version("churn", "s3://models/churn")
logging.disable(logging.NOTSET)
body = b'{"name": "churn", "version": "1", "stage": "Archived", "archive_existing_versions": true}'
path = "/api/2.0/mlflow/model-versions/transition-stage"
request = urllib.request.Request(server + path, body, {"Content-Type": "application/json"})
try:
    status, text = 200, urllib.request.urlopen(request, timeout=20).read().decode()
except urllib.error.HTTPError as error:
    status, text = error.code, error.read().decode()
reason = "cannot archive existing model versions because 'Archived' is not an Active stage"
code = "INTERNAL_ERROR" if '"INTERNAL_ERROR"' in text else "another code"
print(f"the server: {status} {code}, {reason if reason in text else text}")
assert (status, code) == (500, "INTERNAL_ERROR") and reason in text, text


class Requests(logging.Handler):
    count = 0

    def emit(self, record):
        self.count += " 500 " in record.getMessage()


requests = Requests()
log = logging.getLogger("urllib3.connectionpool")
log.addHandler(requests)
log.setLevel(logging.DEBUG)
log.propagate = False
try:
    client.transition_model_version_stage("churn", "1", "Archived", archive_existing_versions=True)
    message = ""
except mlflow.exceptions.MlflowException as error:
    message = str(error)
is_known = "Active stage" in message
last = "too many 500 error responses"
print(f'the client: {requests.count} requests; the reason is in its error: {is_known} ("{last}")')
assert requests.count == 8 and not is_known and last in message, message
PY
MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR=0 MLFLOW_HTTP_REQUEST_BACKOFF_JITTER=0 python "$work/try.py" "http://127.0.0.1:$port"
