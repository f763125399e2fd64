"""How wrong something may be of which a sample was looked at: exact binomial bounds."""

from math import exp, lgamma, log, log1p

_STEPS = 60  # halvings: closer than numbers of this kind can tell


def highest_share(wrong: int, looked_at: int, confidence: float = 0.95) -> float:
    """Return the share that is wrong at most, when `wrong` of `looked_at` drawn at random are (Clopper and Pearson).

    With none wrong it is 1 - (1 - confidence) ** (1 / looked_at), of which "three divided by the number" is the well
    known rule of thumb at 95 %. It holds in at least `confidence` of all samples, whatever the true share is; for
    samples drawn without putting back it holds all the more. 1.0 when nothing was looked at.
    """
    if wrong >= looked_at:
        return 1.0
    low, high = wrong / looked_at, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(wrong, looked_at, middle) > 1 - confidence else (low, middle)
    return high


def _at_most(wrong: int, looked_at: int, share: float) -> float:
    """Return how likely it is to see at most `wrong` when `share` are, which is neither none nor all."""
    return sum(exp(_log_likely(seen, looked_at, share)) for seen in range(wrong + 1))


def _log_likely(seen: int, looked_at: int, share: float) -> float:
    ways = lgamma(looked_at + 1) - lgamma(seen + 1) - lgamma(looked_at - seen + 1)
    return ways + seen * log(share) + (looked_at - seen) * log1p(-share)
