"""The shared cases of test/contract/statistics.test.ts, by SciPy and statsmodels, as JSON on stdout."""

import json

import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

rng = np.random.default_rng(20260101)
columns = {
    "normal": rng.normal(0.1, 1, 200),
    "skewed": rng.exponential(1, 80) - 0.8,
    "heavy": rng.standard_t(3, 500),
    "few values": rng.choice([-1.0, 0.0, 1.0], 300, p=[0.2, 0.5, 0.3]),
    "large": rng.normal(1e6, 1e3, 100),
}


def bootstrap(column, level):
    result = stats.bootstrap(
        (column,),
        np.mean,
        confidence_level=level,
        n_resamples=9_999,
        method="BCa",
        rng=np.random.default_rng(7),
    )
    interval = result.confidence_interval
    return {
        "column": column.tolist(),
        "level": level,
        "means": result.bootstrap_distribution.tolist(),
        "low": interval.low,
        "high": interval.high,
        "error": result.standard_error,
    }


pairs = [(12, 30), (3, 0), (0, 1), (25, 25), (4_900, 5_100), (60_000, 61_000)]
families = [[0.01, 0.04, 0.03, 0.005], [0.5, 0.9], [1e-6, 0.2, 0.2, 0.049, 0.05], [0.03]]
points = [-37.5, -12, -8, -6.9, -3, -1e-3, 0, 0.5, 1.96, 7.5]
shares = [1e-300, 1e-20, 1e-9, 0.01, 0.3, 0.5, 0.77, 0.999999]

print(
    json.dumps(
        {
            "bootstrap": {
                name: bootstrap(column, 0.95 if name == "skewed" else 0.9)
                for name, column in columns.items()
            },
            "mcnemar": [
                {
                    "gained": gained,
                    "lost": lost,
                    "twoSided": float(
                        mcnemar([[0, gained], [lost, 0]], exact=True).pvalue
                    ),
                    "better": float(stats.binom.sf(gained - 1, gained + lost, 0.5)),
                    "worse": float(stats.binom.sf(lost - 1, gained + lost, 0.5)),
                }
                for gained, lost in pairs
            ],
            "holm": [
                {"raw": raw, "adjusted": multipletests(raw, method="holm")[1].tolist()}
                for raw in families
            ],
            "normal": [
                {"x": x, "below": float(stats.norm.cdf(x))} for x in points
            ],
            "quantile": [
                {"p": p, "x": float(stats.norm.ppf(p))} for p in shares
            ],
        }
    )
)
