#!/usr/bin/env bash
# MLflow 3.17.2 (Python 3.11, SQLite): two transitions to Production at the same time, each with
# archive_existing_versions, both answer 200 and can leave two versions in Production.
#
# One would guess that the flag keeps the stage to one version, as it is carried out in one transaction. Each of
# the two reads the versions in the stage before the other has written, and archives only what it read.
# get-latest-versions then shows the higher version alone.
#
# Seen (up to 40 rounds, until it has happened):
#   both answered [200, 200]; in Production: ['1', '3']; get-latest-versions shows ['3']
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
import json, sys, threading, urllib.parse, urllib.request

base = f"{sys.argv[1]}/api/2.0/mlflow/"


def post(path, **body):
    request = urllib.request.Request(base + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status


def get(path, **query):
    with urllib.request.urlopen(f"{base}{path}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
        return json.load(answer).get("model_versions", [])


def promote(version):
    stage = {"stage": "Production", "archive_existing_versions": True}
    return post("model-versions/transition-stage", name="churn", version=version, **stage)


def promote_both():
    start, statuses = threading.Barrier(2), {}

    def run(version):
        start.wait(timeout=30)
        statuses[version] = promote(version)

    threads = [threading.Thread(target=run, args=(version,)) for version in ("1", "3")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return [statuses.get(version) for version in ("1", "3")]


post("registered-models/create", name="churn")
for _ in range(3):
    post("model-versions/create", name="churn", source="s3://models/churn")
for _ in range(40):
    promote("2")
    statuses = promote_both()
    rows = get("model-versions/search", filter="name = 'churn'")
    live = sorted(row["version"] for row in rows if row["current_stage"] == "Production")
    if len(live) == 2:
        break
latest = [row["version"] for row in get("registered-models/get-latest-versions", name="churn", stages="Production")]
print(f"both answered {statuses}; in Production: {live}; get-latest-versions shows {latest}")
assert (statuses, live, latest) == ([200, 200], ["1", "3"], ["3"])
PY
python "$work/try.py" "http://127.0.0.1:$port"
