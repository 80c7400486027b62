"""The figures of a card: rates with their intervals, thresholds, areas."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]
Z95 = 1.959964


def wilson(hits: int, n: int) -> tuple[float, float, float]:
    """A rate and its 95 % interval (Wilson 1927)."""
    if n == 0:
        return math.nan, math.nan, math.nan
    rate, z2 = hits / n, Z95 * Z95
    middle = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(rate * (1 - rate) / n + z2 / (4 * n * n))
    return rate, max(0.0, middle - half), min(1.0, middle + half)


def area_under(scores: Numbers, is_ill: Truth) -> float:
    """Area under the ROC curve; ties count half."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positives, negatives = is_ill.sum(), (~is_ill).sum()
    return float((ranks[is_ill].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def area_interval(
    scores: Numbers, is_ill: Truth, patients: Sequence[str], draws: int = 1000
) -> tuple[float, float]:
    """95 % interval of the area: patients drawn with replacement, all their films together."""
    names, number = np.unique(np.asarray(patients), return_inverse=True)
    films = [np.flatnonzero(number == n) for n in range(len(names))]
    random = np.random.default_rng(1)
    found = []
    for _ in range(draws):
        drawn = np.concatenate([films[n] for n in random.integers(0, len(films), len(films))])
        if 0 < is_ill[drawn].sum() < len(drawn):
            found.append(area_under(scores[drawn], is_ill[drawn]))
    low, high = np.percentile(found, (2.5, 97.5))
    return float(low), float(high)


def threshold_for_sensitivity(scores: Numbers, is_ill: Truth, wanted: float) -> float:
    """The largest threshold at which at least ``wanted`` of the ill reach it."""
    ill = np.sort(scores[is_ill])[::-1]
    return float(ill[math.ceil(wanted * len(ill)) - 1])


def threshold_for_specificity(scores: Numbers, is_ill: Truth, wanted: float) -> float:
    """The smallest threshold, midway between two scores, that ``wanted`` of the healthy miss."""
    healthy = np.sort(scores[~is_ill])
    last = math.ceil(wanted * len(healthy)) - 1
    above = scores[scores > healthy[last]]
    return float((healthy[last] + (above.min() if above.size else healthy[last] + 1e-3)) / 2)


def balanced_threshold(scores: Numbers, is_ill: Truth) -> float:
    """Where sensitivity and specificity are closest to each other."""
    candidates = np.unique(scores)
    ill, healthy = np.sort(scores[is_ill]), np.sort(scores[~is_ill])
    sensitivity = 1 - np.searchsorted(ill, candidates) / len(ill)
    specificity = np.searchsorted(healthy, candidates) / len(healthy)
    return float(candidates[np.argmin(np.abs(sensitivity - specificity))])


def platt(logits: Numbers, is_ill: Truth) -> tuple[float, float]:
    """Slope and shift of the logit that make it a log odds (Platt 1999, smoothed targets)."""
    positives, negatives = int(is_ill.sum()), int((~is_ill).sum())
    target = np.where(is_ill, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    x = np.stack([logits, np.ones_like(logits)], 1)
    found = np.array([1.0, 0.0])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(x @ found, -40, 40)))
        gradient = x.T @ (chance - target)
        hessian = (x * (chance * (1 - chance))[:, None]).T @ x + 1e-6 * np.eye(2)
        found = found - np.linalg.solve(hessian, gradient)
    return float(found[0]), float(found[1])


def calibration_error(chances: Numbers, is_ill: Truth, bins: int = 10) -> float:
    """Expected calibration error over bins of equal count."""
    parts = np.array_split(np.argsort(chances, kind="stable"), bins)
    gaps = [abs(chances[part].mean() - is_ill[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(chances))
