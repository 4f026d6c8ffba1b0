#!/usr/bin/env bash
# MLflow 3.17.2 on uvicorn 0.54.0 (Python 3.11, Linux): with more than one worker, and 4 are the default, each
# answer on a kept connection takes 40 ms more than one on a new connection.
#
# One would guess that keeping the connection saves time. The socket that uvicorn hands to its workers is made
# without a protocol number, so that asyncio does not set TCP_NODELAY: the body of an answer waits for the
# client's delayed acknowledgement of the headers.
#
# Seen (fastest of 40 reads of /health, with 2 workers; checked is a difference of 20 ms or more):
#   new connections: 2 ms; a kept connection: 42 ms
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
  alembic==1.17.2 flask==3.1.3 flask-cors==6.0.5 aiohttp==3.14.5 graphene==3.4.3 numpy==2.4.6 pandas==3.1.1 \
  uvicorn==0.54.0
python() { "$work/venv/bin/python" "$@"; }
port=$(python -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false
setsid "$work/venv/bin/python" -m mlflow server --host 127.0.0.1 --port "$port" --workers 2 \
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
import http.client, sys, time

port = int(sys.argv[1])


def connect():
    return http.client.HTTPConnection("127.0.0.1", port, timeout=30)


def read(connection):
    start = time.perf_counter()
    connection.request("GET", "/health")
    connection.getresponse().read()
    return (time.perf_counter() - start) * 1000


kept = connect()
for _ in range(40):
    # The first answers on a connection are acknowledged at once, and a server that has just begun is slow.
    read(kept), read(connect())
kept_ms = min(read(kept) for _ in range(40))
fresh_ms = min(read(connect()) for _ in range(40))
print(f"new connections: {fresh_ms:.0f} ms; a kept connection: {kept_ms:.0f} ms")
assert kept_ms > fresh_ms + 20
PY
python "$work/try.py" "$port"
