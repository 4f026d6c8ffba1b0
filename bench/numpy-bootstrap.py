"""The other side of bench/measure-compare.ts: the same resamples by NumPy, on one core. Prints milliseconds."""

import sys
import time

import numpy as np

rows, resamples = int(sys.argv[1]), int(sys.argv[2])
rng = np.random.default_rng(1)
champion = rng.normal(0, 1, rows)
challenger = champion + rng.normal(0.01, 0.3, rows)


def means(count):
    change = challenger - champion
    result = np.empty(count)
    for index in range(count):
        result[index] = change[rng.integers(0, rows, rows)].mean()
    return np.quantile(result, [0.05, 0.95])


means(50)
started = time.perf_counter()
means(resamples)
print(1_000 * (time.perf_counter() - started))
