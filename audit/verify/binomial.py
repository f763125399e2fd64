"""Exact binomial bounds: how much may be wrong, given a sample."""

from math import exp, lgamma, log, log1p

_STEPS = 60  # halvings: beyond the precision of a float


def highest_share(wrong: int, looked_at: int, confidence: float = 0.95) -> float:
    """Return the upper bound of the wrong share, when `wrong` of `looked_at` drawn at random are (Clopper-Pearson).

    With none wrong it is 1 - (1 - confidence) ** (1 / looked_at), at 95 % about three divided by the number. The bound
    holds in at least `confidence` of all samples, and more often for samples without replacement. 1.0 for no sample.
    """
    if wrong >= looked_at:
        return 1.0
    low, high = wrong / looked_at, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(wrong, looked_at, middle) > 1 - confidence else (low, middle)
    return high


def _at_most(wrong: int, looked_at: int, share: float) -> float:
    """Return the probability of at most `wrong` in the sample when `share` (above 0, below 1) are wrong."""
    return sum(exp(_log_likely(seen, looked_at, share)) for seen in range(wrong + 1))


def _log_likely(seen: int, looked_at: int, share: float) -> float:
    log_choices = lgamma(looked_at + 1) - lgamma(seen + 1) - lgamma(looked_at - seen + 1)
    return log_choices + seen * log(share) + (looked_at - seen) * log1p(-share)
