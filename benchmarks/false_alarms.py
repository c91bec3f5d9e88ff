"""The seed-variance check: how often it is red by mistake, and what it sees, as tables for docs/statistics.md.

    python -m benchmarks.false_alarms [--draws 50000]

False alarms of one recipe that did not change, in percent: of a first look and of both looks, for location and for
spread, over simulated baselines from a fixed seed; and the bound of a whole check. Then the power for a moved mean and
a multiplied sd, of the first look and of both.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime

import numpy as np

from harness.stats._acceptance import (
    ALPHA_LOCATION,
    ALPHA_SPREAD,
    CONFIRM,
    FRESH,
    GATE_BASELINE,
    GATE_FRESH,
    t_critical,
)
from harness.stats._alarms import (
    ROLLS,
    SEED,
    Draw,
    FalseAlarm,
    false_alarm,
    location_power,
    normal,
    spread_power,
)

RECIPES = 9
BASELINES = (50, 100)
DESIGNS = ((FRESH, CONFIRM), (GATE_FRESH, GATE_FRESH))
IMAGES = 500


def accuracies_97(random, shape):
    """Percent of 500 images at 97 %: an sd of .76 in steps of .2."""
    return random.binomial(IMAGES, 0.97, shape) / (IMAGES / 100)


def accuracies_995(random, shape):
    """Percent of 500 images at 99.5 %: an sd of .32 in steps of .2, and 100 % is less than two sd above the mean."""
    return random.binomial(IMAGES, 0.995, shape) / (IMAGES / 100)


def gamma(random, shape):
    """A tail to the left, with a skewness of -1."""
    return -random.standard_gamma(4.0, shape)


def exponential(random, shape):
    """A longer tail to the left, with a skewness of -2."""
    return -random.standard_exponential(shape)


DATA: dict[str, Draw] = {
    "normal": normal,
    "500 images, 97 %": accuracies_97,
    "500 images, 99.5 %": accuracies_995,
    "left skew -1 (gamma)": gamma,
    "left skew -2 (exponential)": exponential,
}


def check_bound(rate: FalseAlarm, m: int, n: int) -> float:
    gated = m >= GATE_BASELINE and n >= GATE_FRESH
    return RECIPES * (rate.location_both + (rate.spread_both if gated else 0.0))


def false_alarms(draws: int) -> None:
    worst = 100 * (ALPHA_LOCATION / draws) ** 0.5
    print(
        f"{draws:,} baselines, each met by {ROLLS} of {draws:,} fresh samples a look; binomial error of a "
        f"first look's 1 %: {worst:.2f}; spread at n = {FRESH} only warns and is not in the check's bound.\n"
    )
    print(
        "| values | m | n + confirm | location: first look, % | both looks, % | spread: first look, % | both looks, % "
        f"| check of {RECIPES} recipes, at most, % |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, draw in DATA.items():
        for m in BASELINES:
            for n, confirm in DESIGNS:
                rate = false_alarm(m=m, n=n, confirm=confirm, draw=draw, draws=draws)
                cells = [name, f"{m}", f"{n} + {confirm}"]
                for first, both in ((rate.location_first, rate.location_both), (rate.spread_first, rate.spread_both)):
                    cells += [f"{100 * first:.2f}", f"{100 * both:.3f}"]
                print("| " + " | ".join([*cells, f"{100 * check_bound(rate, m, n):.2f}"]) + " |")


def unlucky(*, m: int, n: int, confirm: int, draws: int = 4000, pool: int = 20_000) -> float:
    """Return the rate at which both looks fail by location, at the 95th percentile of normal baselines."""
    random = np.random.default_rng(SEED)
    values = random.standard_normal((draws, m))
    mean, ss = values.mean(axis=1), (m - 1) * values.var(axis=1, ddof=1)
    both = np.ones(draws)
    for size in (n, confirm):
        fresh = random.standard_normal((pool, size))
        fresh_mean, fresh_ss = fresh.mean(axis=1), (size - 1) * fresh.var(axis=1, ddof=1)
        reach = t_critical(m + size - 2, ALPHA_LOCATION) ** 2 * (1 / m + 1 / size) / (m + size - 2)
        for i in range(draws):
            both[i] *= np.mean((fresh_mean - mean[i]) ** 2 > reach * (ss[i] + fresh_ss))
    return float(np.quantile(both, 0.95))


def power() -> None:
    shifts, ratios = (0.5, 1.0, 2.0), (1.5, 2.0)
    print(
        "| m | n + confirm | "
        + " | ".join([f"mean moved by {s:g} sd" for s in shifts] + [f"sd x {r:g}" for r in ratios])
        + " |"
    )
    print("| ---: | ---: | " + " ".join(["---: |"] * (len(shifts) + len(ratios))))
    for m in BASELINES:
        for n, confirm in DESIGNS:
            cells = [
                " / ".join(
                    f"{location_power(shift=s, sd=1, m=m, n=n, confirm=confirm, looks=looks):.2f}" for looks in (1, 2)
                )
                for s in shifts
            ]
            cells += [" / ".join(f"{spread_power(m=m, n=n, ratio=r, looks=k):.2f}" for k in (1, 2)) for r in ratios]
            print(f"| {m} | {n} + {confirm} | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=50_000)
    args = parser.parse_args()
    started = time.process_time()
    today = datetime.now(UTC).date()
    print(f"{today}, alpha {ALPHA_LOCATION:g} for location and {ALPHA_SPREAD:g} for spread, no margin\n")
    false_alarms(args.draws)
    print()
    for n, confirm in DESIGNS:
        average = location_power(shift=0, sd=1, m=GATE_BASELINE, n=n, confirm=confirm)
        high = unlucky(m=GATE_BASELINE, n=n, confirm=confirm)
        print(
            f"normal, m = {GATE_BASELINE}, {n} + {confirm}: both looks fail by location at {100 * average:.3f} % on "
            f"average over baselines (integrated), at {100 * high:.2f} % with the baseline at the 95th percentile"
        )
    print("\nPower, normal values, first look / both looks; spread is confirmed on 20, and at n = 5 only warns:\n")
    power()
    print(f"\n{time.process_time() - started:.0f} s of one core")


if __name__ == "__main__":
    main()
