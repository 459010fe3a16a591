"""What is a catch worth: a unit each, or as far as it meets the needs of a ward of patients."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from scenarios.commons.commons import Commons, Need
from scenarios.commons.contingencies import Event
from scenarios.commons.rationing import Whole
from scenarios.errors import ParleyError
from scenarios.ward import Array


def worth(commons: Commons, taken: Sequence[int] | Whole, event: Event | None = None) -> Array:
    """What each agent's catch of one month is worth, (n,), payoff units, >= 0: price · worths[taken]."""
    table = commons.worth_table
    price = 1.0 if event is None else event.price
    return np.asarray(price * table[np.asarray(taken, dtype=np.int64)], dtype=float)


def split_worth(commons: Commons) -> Array:
    """The most that H units taken in one month are worth to all agents together, (capacity + 1,), at the usual price.

    Worths are concave, so an even split is best: r = H mod n agents take ⌊H/n⌋ + 1, the others ⌊H/n⌋.
    """
    table, n = commons.worth_table, commons.agents
    each, more = np.divmod(np.arange(commons.capacity + 1), n)
    greater = table[np.minimum(each + 1, commons.capacity)]
    return np.asarray((n - more) * table[each] + more * greater, dtype=float)


@lru_cache(maxsize=64)
def worth_table(worths: tuple[float, ...] | None, need: Need | None, capacity: int) -> Array:
    """What a catch of 0..capacity units is worth at the usual price, (capacity + 1,): listed, a need's, or 1 a unit."""
    if worths is not None:
        table = np.array(worths, dtype=float)
    elif need is not None:
        table = need_table(need, capacity)
    else:
        table = np.arange(capacity + 1, dtype=float)
    table.flags.writeable = False  # it is shared
    return table


def need_table(need: Need, capacity: int) -> Array:
    """worths[c] = 100 · (ESG(c) − ESG(0)) / (ESG(d) − ESG(0)), (capacity + 1,), in [0, 100], concave.

    ESG(c) is the most expected survival gain that the ward can reach (`scenarios.optimum`) with c · amount of the
    resource and its other resources as they are, wholes by lot; d is all that the ward demands of it. Ours.

    Raises ParleyError for a ward or resource that is unknown, or that gains nothing by the resource.
    """
    from scenarios.load import load
    from scenarios.objective import Objective
    from scenarios.optimum import Total, maximise, need_gradient
    from scenarios.ward import Ward

    ward = load(need.ward, files=False)
    if need.resource not in ward.resources:
        raise ParleyError(
            f"need.resource: ward '{ward.name}' has no '{need.resource}'; there are {', '.join(ward.resources)}"
        )
    survivors = Objective(ward.arrays.benefit[:, None] * need_gradient(ward.arrays.demand))
    demanded = float(ward.arrays.demand[:, ward.arrays.column[need.resource]].sum())

    def most(amount: float) -> float:
        goods = {
            name: good.model_copy(update={"capacity": amount if name == need.resource else good.capacity})
            for name, good in ward.resources.items()
        }
        kept: dict[str, Any] = {name: getattr(ward, name) for name in Ward.model_fields}
        patients = [
            p.model_copy(update={"holds": {}}) for p in ward.patients
        ]  # what is held is given out anew
        bare = Ward(**kept | {"resources": goods, "patients": patients})
        return maximise(bare, Total(survivors), ex_ante=True).value

    none, all_ = most(0.0), most(demanded)
    if all_ - none <= 1e-9:
        raise ParleyError(
            f"need: ward '{ward.name}' gains nothing by '{need.resource}'; name another resource"
        )
    met = [most(min(demanded, c * need.amount)) for c in range(capacity + 1)]
    table = 100 * (np.array(met) - none) / (all_ - none)
    steps = np.minimum.accumulate(np.maximum(0.0, np.diff(table)))  # concave but for the solver's rounding
    concave: Array = np.concatenate([[0.0], np.cumsum(steps)])
    return concave
