#!/usr/bin/env bash
# MLflow 3.17.2 (Python 3.11): renaming a registered model sets last_updated_timestamp of each of its
# versions to one and the same new time, in every stage.
#
# One would guess that only the registered model changes. A tool that reads from these times when a version
# was archived, or which two changed together in a promotion, is misled by any rename.
#
# Seen:
#   before: 3 versions, 2 times (the promotion gave two versions one time, the third has its own)
#   after:  3 versions, 1 times (later than all before)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  mlflow-skinny==3.17.2 sqlalchemy==2.0.44 alembic==1.17.2
cat > "$work/try.py" <<'PY'
import logging, sys, time, warnings

warnings.filterwarnings("ignore")
logging.disable(logging.INFO)
import mlflow

client = mlflow.MlflowClient(tracking_uri=sys.argv[1], registry_uri=sys.argv[1])
client.create_registered_model("churn")
for _ in range(3):
    client.create_model_version("churn", "file:///models/churn")
    time.sleep(0.02)
for version in ("1", "2"):
    client.transition_model_version_stage("churn", version, "Production", archive_existing_versions=True)
    time.sleep(0.02)


def times(name):
    return [row.last_updated_timestamp for row in client.search_model_versions(f"name='{name}'")]


before = times("churn")
client.rename_registered_model("churn", "churn-eu")
after = times("churn-eu")
print(f"MLflow {mlflow.__version__}")
print(f"before: {len(before)} versions, {len(set(before))} times")
print(f"after:  {len(after)} versions, {len(set(after))} times")
assert len(before) == len(after) == 3 and len(set(before)) == 2, before
assert len(set(after)) == 1 and after[0] > max(before), after
PY
"$work/venv/bin/python" "$work/try.py" "sqlite:///$work/mlflow.db"
