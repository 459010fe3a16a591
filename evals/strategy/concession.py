"""How does a seat give way: its offers in both seats' utilities, from its solo over every move to the joint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evals.strategy.played import Played, Row
from evals.strategy.summary import estimates
from nodes.findings.strategy import INDIFFERENCE

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from nodes.record import RunRecord

POINT_COLUMNS = (
    *("run_id", "round", "turn", "what", "seat", "persona", "other", "status"),
    "u_own",
    "u_other",
)
CONCESSION_COLUMNS = (
    *("run_id", "seat", "persona", "other", "moves", "abstained", "u_solo", "u_last", "u_joint"),
    *("total", "rate", "share", "gained_other", "exchange", "lost_by_merge"),
)
BAND_COLUMNS = ("mean", "low", "high", "n", "clusters", "missing", "note")


def curve_of(record: RunRecord) -> list[Row]:
    """The points of the concession curves of one run (POINT_COLUMNS), seat by seat; none for an invalid run.

    `what` is solo (round 0, turn 0), move (its round, its turn in the round, from 1) or joint (the last round, the
    turn after the last). u_own is the seat's declared utility of that allocation, u_other the mean of the other
    seats', each in [0, 1], higher is better, in the ward as it was shown to them. Missing where a seat declares
    nothing usable, and where it abstained: its last valid move stands then, but nothing was offered.
    """
    return curve_points(Played(record))


def concession_of(record: RunRecord) -> list[Row]:
    """What each seat of one run gave up (CONCESSION_COLUMNS), in its declared utility; none for an invalid run.

    total         u_own(solo) − u_own(last valid move); > 0 where it gave way
    rate          total / moves made, utility a move
    share         total / (u_own(solo) − u_own(the other's solo)): 1 where its last offer is as bad for it as what the
                  other would have done alone; missing where that difference is at most .001, and in panels
    gained_other  u_other(last valid move) − u_other(solo)
    exchange      gained_other / total: what the other got for a unit given; missing where |total| <= .001
    lost_by_merge u_own(last valid move) − u_own(joint): what the merge took beyond the offer
    """
    return concessions(Played(record))


def curve_points(run: Played) -> list[Row]:
    """See `curve_of`."""
    if run.record.status == "invalid" or run.joint is None:
        return []
    last = run.record.rounds[-1]
    rows = [_point(run, 0, 0, "solo", s, _status(run, s), run.solos.get(s)) for s in run.seats]
    rows += [_point(run, m.round, m.turn, "move", m.seat, m.status, m.x) for m in run.moves]
    rows += [_point(run, last.round, len(last.moves) + 1, "joint", s, "made", run.joint) for s in run.seats]
    return rows


def concessions(run: Played, points: list[Row] | None = None) -> list[Row]:
    """See `concession_of`; `points` are those of `curve_points` where they are known."""
    points = curve_points(run) if points is None else points
    by_seat: dict[str, list[Row]] = {}
    for point in points:
        by_seat.setdefault(point["seat"], []).append(point)
    return [_concession(run, seat, mine) for seat, mine in by_seat.items()]


def mean_curve(
    points: pd.DataFrame,
    runs: pd.DataFrame,
    *,
    rng: np.random.Generator,
    by: Sequence[str] = ("condition",),
    resamples: int = 2000,
    level: float = 0.95,
) -> pd.DataFrame:
    """The mean concession curve: a row for each of `by` × seat × point (`what`, `round`) × utility, with its band.

    `value` is u_own or u_other; the band is a bootstrap-t interval over wards (missing under 20 wards), pointwise.
    """
    columns = [*by, "seat", "round", "what"]
    frame = estimates(
        points, runs, ["u_own", "u_other"], by=columns, rng=rng, resamples=resamples, level=level
    )
    order = {"solo": 0, "move": 1, "joint": 2}
    frame = frame.sort_values(
        [*by, "seat", "value", "round", "what"],
        key=lambda c: c.map(order) if c.name == "what" else c,
        ignore_index=True,
    )
    return frame[[*columns, "value", *BAND_COLUMNS]]


def _status(run: Played, seat: str) -> str:
    return run.record.solo[seat].move.status if seat in run.record.solo else "abstained"


def _point(
    run: Played, round_: int, turn: int, what: str, seat: str, status: str, x: np.ndarray | None
) -> Row:
    told = (run.record.run_id, round_, turn, what, seat, run.personas[seat], run.opposite(seat), status)
    utilities = (run.utility(seat, x), run.utility_of_others(seat, x))
    return dict(zip(POINT_COLUMNS, (*told, *utilities), strict=True))


def _concession(run: Played, seat: str, points: list[Row]) -> Row:
    solo, *moves, joint = points
    made = [m for m in moves if m["status"] != "abstained"]
    last = made[-1] if made else solo
    total = _minus(solo["u_own"], last["u_own"])
    gained = _minus(last["u_other"], solo["u_other"])
    opposite = [run.solos.get(s) for s in run.seats if s != seat]
    whole = _minus(solo["u_own"], run.utility(seat, opposite[0])) if len(opposite) == 1 else None
    return {
        **{name: solo[name] for name in ("run_id", "seat", "persona", "other")},
        "moves": len(made),
        "abstained": len(moves) - len(made),
        "u_solo": solo["u_own"],
        "u_last": last["u_own"],
        "u_joint": joint["u_own"],
        "total": total,
        "rate": _over(total, len(made)),
        "share": _over(total, whole),
        "gained_other": gained,
        "exchange": _over(gained, total),
        "lost_by_merge": _minus(last["u_own"], joint["u_own"]),
    }


def _minus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _over(a: float | None, b: float | None) -> float | None:
    """a / b; None where either is missing or b is no more than indifference."""
    return None if a is None or b is None or abs(b) <= INDIFFERENCE else a / b
