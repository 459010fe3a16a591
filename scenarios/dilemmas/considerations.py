"""What may count in a dilemma: the considerations that options serve or cost and that personas weigh."""

from __future__ import annotations

CONSIDERATIONS: dict[str, str] = {
    "care": "people's feelings and wellbeing are looked after",
    "candour": "the truth is told, in full and in time",
    "fairness": "like cases are treated alike, and burdens are shared",
    "liberty": "people decide for themselves, and their privacy is kept",
    "loyalty": "promises hold, and those who are close come first",
    "community": "the many come before the one who decides",
    "caution": "what could go wrong and cannot be undone is avoided",
    "pace": "it is done soon",
    "quality": "it is done thoroughly and to a high standard",
    "thrift": "it costs little money, time or effort",
    "order": "rules, custom and what was planned are kept to",
    "novelty": "something new is tried",
    "evidence": "facts and figures decide, not feelings",
    "consensus": "all who are concerned are heard and go along",
}
"""Consideration -> what it is for it to be served. Ours; fourteen, so that each opposing pair has some to differ on."""

GRADES = (-2, -1, 0, 1, 2)
"""How far an option serves a consideration (2 greatly, 1 somewhat) or costs it (−1, −2)."""
