"""The loss terms' names, what each weighs by default, and what may be given."""

from ..errors import InputError, require

# Vectors, variance and covariance cost 15 % of a step and have shown no gain. Boxes and masks at 1
# spoil for short runs what the regions teach the parts that they share; at 0.1 their own branches
# learn no less, for Adam's steps do not depend on a loss's scale (docs/pretraining.md).
TERMS = dict(vectors=0.0, variance=0.0, covariance=0.0, regions=1.0, boxes=0.1, masks=0.1)
VECTOR_TERMS = ('vectors', 'variance', 'covariance')


def complete_weights(given: dict[str, float]) -> dict[str, float]:
    """``given`` over the defaults.

    Raises:
        InputError: They are no weights by name, a name is unknown, one is negative or all are 0.
    """
    if not isinstance(given, dict):
        raise InputError(
            f'model.weights is {given!r}: give each term its own, model.weights.boxes=0.1'
        )
    weights = TERMS | dict(given)
    for name, weight in weights.items():
        require(f'model.weights.{name}', weight, low=0)
    unknown = [name for name in weights if name not in TERMS]
    if unknown:
        raise InputError(f'model.weights names {unknown[0]!r}, the terms are {", ".join(TERMS)}')
    if not any(weights.values()):
        raise InputError('all of model.weights are 0: there is nothing to learn')
    return weights


def compares_vectors(weights: dict[str, float]) -> bool:
    """Whether region vectors are compared: one of the three terms that read them is on."""
    return any(weights[term] > 0 for term in VECTOR_TERMS)
