"""Prints, one a line, the modules of this environment that `mlflow-skinny` and `boto3` do not need.

The benchmark borrows the environment of the MLflow server, which has more in it (pandas, SQLAlchemy,
Flask) than a Lambda function written in Python would. `import mlflow` loads pandas and numpy where it
finds them: 45 MB and half a second that a real function would not pay. `python-handler.py` hides
these modules from itself.
"""

import re
from importlib import metadata


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(roots: list[str]) -> set[str]:
    """The names of the distributions that `roots` require, without optional extras."""
    found: set[str] = set()
    todo = [normalized(name) for name in roots]
    while todo:
        name = todo.pop()
        if name in found:
            continue
        try:
            requirements = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # for another platform
        found.add(name)
        plain = [text for text in requirements if "extra ==" not in text]
        todo += [normalized(re.match(r"[\w.-]+", text).group()) for text in plain]
    return found


wanted = needed(["mlflow-skinny", "boto3"])
for module, distributions in sorted(metadata.packages_distributions().items()):
    if module.isidentifier() and not wanted & {normalized(name) for name in distributions}:
        print(module)
