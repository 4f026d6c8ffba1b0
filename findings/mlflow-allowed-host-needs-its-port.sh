#!/usr/bin/env bash
# MLflow 3.17.2 (Python 3.11): `mlflow server --allowed-hosts mlflow.example.com` refuses every call that comes by
# that name and a port, but for /version.
#
# One would guess that a name in the list stands for the host, as in ALLOWED_HOSTS of Django. It is compared with
# the whole Host header, which has the port in it unless that is 80 or 443: a server on its default port 5000
# refuses all its clients, while /version, which is not checked, says that it is well.
#
# Seen:
#   Host mlflow.example.com: search 200, version 200
#   Host mlflow.example.com:5000: search 403, version 200
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
  --allowed-hosts "mlflow.example.com,127.0.0.1:*" \
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
import http.client, sys

port = int(sys.argv[1])


def status(host, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Host": host})
    return connection.getresponse().status


for host, expected in (("mlflow.example.com", (200, 200)), ("mlflow.example.com:5000", (403, 200))):
    search, version = status(host, "/api/2.0/mlflow/registered-models/search"), status(host, "/version")
    print(f"Host {host}: search {search}, version {version}")
    assert (search, version) == expected
PY
python "$work/try.py" "$port"
