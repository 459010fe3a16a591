"""What is a commons in words: its rules, read off its numbers, as the agents are told them."""

from __future__ import annotations

from scenarios.commons.commons import Commons
from scenarios.commons.contingencies import hidden

_EVENTS = {
    "drought": "a drought: regrowth that month is multiplied by {drought:g}",
    "newcomer": "a newcomer: an outsider takes up to {newcomer} first",
    "price-shock": "a price shock: what is taken that month is worth {price:g} times as much",
    "poacher": "a poacher: up to {poacher} vanish after you have all taken yours",
}


def describe(commons: Commons) -> str:
    """The rules in plain sentences, every number of them the commons' own; `says` comes first where there is one."""
    lines = [
        commons.says,
        f"{commons.agents} agents share a pool of {commons.unit}, for {commons.months} months. It holds "
        f"{commons.stock} now and {commons.capacity} at most.",
        "Each month every agent asks in private for a whole number. Where that is more than there is, it is "
        "dealt out one by one to those who still ask, at random.",
        _regrowth(commons),
        f"If less than {commons.collapse} is left after a month, the pool is gone for good."
        if commons.collapse
        else "",
        *_contingencies(commons),
        _worth(commons),
    ]
    return "\n".join(" ".join(line.split()) for line in lines if line)


def _regrowth(commons: Commons) -> str:
    growth, most = commons.regrowth, commons.capacity
    if growth.kind == "stochastic":
        rates = " or ".join(f"{rate:g}" for rate in growth.rates)
        return f"What is left is then multiplied by {rates}, equally likely, up to {most}; nobody knows beforehand."
    usual = f"What is left is then multiplied by {growth.rate:g}, up to {most}."
    if growth.kind == "deterministic":
        return usual
    return (
        f"{usual} But once less than {growth.falls} is left the pool is degraded, and is multiplied by "
        f"{growth.degraded_rate:g} only, until it has come back to {growth.recovers}."
    )


def _contingencies(commons: Commons) -> list[str]:
    c = commons.contingencies
    if c.chance == 0:
        return []
    kinds = "; ".join(_EVENTS[kind].format(**c.model_dump()) for kind in c.kinds)
    out = [
        f"In any month, with chance {c.chance:g}, something happens that all agents see before they ask, each "
        f"equally likely: {kinds}."
    ]
    untold = sorted(hidden(commons))
    if untold:
        out.append(f"No contract can tell these from a calm month: {', '.join(untold)}.")
    return out


def _worth(commons: Commons) -> str:
    if commons.linear:
        return "Each unit taken is worth 1 to whoever took it."
    table = commons.worth_table
    points = sorted({commons.capacity // commons.agents * k // 2 for k in (1, 2, 4)})
    told = ", ".join(f"{p} are worth {table[p]:.1f}" for p in points if 0 < p <= commons.capacity)
    return f"What an agent takes in a month is worth less for each further unit: {told}, at most {table[-1]:.1f}."
