#!/usr/bin/env bash
# MLflow (Python 3.11): the server of 3.17.2 loads every version of a registered model to set one alias or one
# tag; that of 2.22.5 loads one row at most.
#
# One would guess that writing one row costs the same for every model. In 3.17.2 the handlers read the whole model
# first, to see whether it is a prompt, so that moving an alias gets slower with each version ever registered. The
# transition of a stage does not.
#
# Seen (rows of model versions that one call loads, for models of 10 and of 200 versions):
#   2.22.5: registered-models/alias 1 and 1
#   2.22.5: model-versions/set-tag 1 and 1
#   2.22.5: registered-models/set-tag 0 and 0
#   2.22.5: model-versions/transition-stage 1 and 1
#   3.17.2: registered-models/alias 11 and 201
#   3.17.2: model-versions/set-tag 11 and 201
#   3.17.2: registered-models/set-tag 10 and 200
#   3.17.2: model-versions/transition-stage 1 and 1
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/try.py" <<'PY'
import logging, sys, warnings

warnings.filterwarnings("ignore")
logging.disable(logging.INFO)
import mlflow, sqlalchemy
from mlflow.server import app, handlers
from mlflow.store.model_registry.dbmodels.models import SqlModelVersion

database, expected = sys.argv[1], [tuple(map(int, pair.split(","))) for pair in sys.argv[2:]]
handlers.initialize_backend_stores(database, database, "file:///artifacts")
client = app.test_client()
loaded = 0


@sqlalchemy.event.listens_for(SqlModelVersion, "load")
def count(*_):
    global loaded
    loaded += 1


def post(path, **body):
    answer = client.post(f"/api/2.0/mlflow/{path}", json=body)
    assert answer.status_code == 200, answer.text


def rows_of(path, **body):
    global loaded
    loaded = 0
    post(path, **body)
    return loaded


for name, versions in (("small", 10), ("large", 200)):
    post("registered-models/create", name=name)
    for _ in range(versions):
        post("model-versions/create", name=name, source="s3://models/churn")
calls = {
    "registered-models/alias": {"alias": "champion", "version": "1"},
    "model-versions/set-tag": {"version": "1", "key": "team", "value": "risk"},
    "registered-models/set-tag": {"key": "team", "value": "risk"},
    "model-versions/transition-stage": {"version": "1", "stage": "Production"},
}
for (path, body), pair in zip(calls.items(), expected, strict=True):
    small, large = (rows_of(path, name=name, **body) for name in ("small", "large"))
    print(f"{mlflow.__version__}: {path} {small} and {large}")
    assert (small, large) == pair, pair
PY
try() {
  python3.11 -m venv "$work/$1"
  "$work/$1/bin/pip" install --quiet --disable-pip-version-check "mlflow-skinny==$1" \
    sqlalchemy==2.0.44 alembic==1.17.2 flask==3.1.3 flask-cors==6.0.5 aiohttp==3.14.5 graphene==3.4.3 \
    numpy==2.4.6 pandas==3.1.1
  "$work/$1/bin/python" "$work/try.py" "sqlite:///$work/$1.db" "${@:2}"
}
try 2.22.5 1,1 1,1 0,0 1,1
try 3.17.2 11,201 11,201 10,200 1,1
