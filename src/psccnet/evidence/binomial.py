"""The tail of the binomial distribution, for a-contrario counts (Desolneux, Moisan and Morel, IJCV 2000)."""

import math


def log10_tail(trials: int, successes: int, chance: float) -> float:
    """The decimal logarithm of the probability of at least `successes` successes.

    Args:
        trials: number of independent trials.
        successes: lowest number of successes to count.
        chance: probability of success in one trial, above 0 and below 1.

    Examples:
        >>> round(10 ** log10_tail(2, 1, 0.5), 6)
        0.75
    """
    if successes <= 0:
        return 0.0
    if successes > trials:
        return -math.inf
    odds = chance / (1 - chance)
    term = (
        math.lgamma(trials + 1)
        - math.lgamma(successes + 1)
        - math.lgamma(trials - successes + 1)
        + successes * math.log(chance)
        + (trials - successes) * math.log1p(-chance)
    )
    total = factor = 1.0
    for count in range(successes, trials):
        factor *= odds * (trials - count) / (count + 1)
        total += factor
        if factor < 1e-6 * total and count > chance * trials:
            break
    return min(0.0, (term + math.log(total)) / math.log(10))
