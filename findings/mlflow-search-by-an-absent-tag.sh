#!/usr/bin/env bash
# MLflow 3.17.2 (Python 3.11): search_model_versions with tags.x != 'y' leaves out every version that does not
# have the tag x at all.
#
# One would guess that a version without a tag has not that value. The filter for "all that are not marked as bad"
# finds nothing as long as no version is marked, and only those that are marked otherwise later on.
#
# Seen (three versions):
#   no version has the tag: tags.bad != 'yes' finds []
#   version 1 has bad=yes, version 2 bad=no: tags.bad != 'yes' finds [2]
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  mlflow-skinny==3.17.2 sqlalchemy==2.0.44 alembic==1.17.2
cat > "$work/try.py" <<'PY'
import logging, sys, warnings

warnings.filterwarnings("ignore")
logging.disable(logging.INFO)
import mlflow

client = mlflow.MlflowClient(tracking_uri=sys.argv[1], registry_uri=sys.argv[1])
client.create_registered_model("churn")
for _ in range(3):
    client.create_model_version("churn", "file:///models/churn")


def found():
    return sorted(int(row.version) for row in client.search_model_versions("name = 'churn' AND tags.bad != 'yes'"))


untagged = found()
print(f"no version has the tag: tags.bad != 'yes' finds {untagged}")
client.set_model_version_tag("churn", "1", "bad", "yes")
client.set_model_version_tag("churn", "2", "bad", "no")
tagged = found()
print(f"version 1 has bad=yes, version 2 bad=no: tags.bad != 'yes' finds {tagged}")
assert (untagged, tagged) == ([], [2])
PY
"$work/venv/bin/python" "$work/try.py" "sqlite:///$work/mlflow.db"
