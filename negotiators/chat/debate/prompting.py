"""What does a model read: the messages of one occasion, made from templates, tables and quoted words alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from negotiators.chat.asking import Question
from negotiators.chat.debate.schema import example, reply_schema
from negotiators.chat.debate.tables import allocations_table, bounds_table, ward_tables
from negotiators.chat.quoting import clean, quoted
from negotiators.chat.wording import Prompts, conversation
from negotiators.protocol import Move, Passage, View, move_hash
from scenarios.ward import Array, Ward

PROMPTS = Prompts(Path(__file__).parent / "prompts")
LONGEST_QUOTE = 4_000
LONGEST_PASSAGE = 6_000


@dataclass(frozen=True)
class Asked(Question):
    """A question of the debate: beside its messages and schema, the passages and the moves that it shows."""

    shown: tuple[str, ...]
    seen: tuple[str, ...]


def question(view: View) -> Asked:
    """What a seat is asked on an occasion. Pure: the same view gives the same messages."""
    shown = tuple(dict.fromkeys(p.id for p in view.passages))
    system = PROMPTS.render(
        "system",
        seat=clean(view.seat, 60),
        stance=_stance(view),
        ward=ward_tables(view.ward),
        contract=example(view.ward, shown),
    )
    user = PROMPTS.render(
        view.occasion,
        round=str(view.round),
        rounds=str(view.rounds),
        history=_history(view),
        contested=_contested(view),
        passages=_passages(view.passages),
    )
    schema = reply_schema(view.ward, shown)
    seen = () if view.occasion == "solo" else tuple(move_hash(m) for m in view.moves)
    return Asked(conversation(system, user), schema, PROMPTS, shown, seen)


def merge_question(
    ward: Ward, moves: Sequence[Move], contested: Sequence[str], least: Array, most: Array
) -> Asked:
    """What a mediating model is asked: the seats' last moves, and the bounds that its merge must keep."""
    system = PROMPTS.render("mediator", ward=ward_tables(ward), contract=example(ward, None))
    columns = {f"seat {m.seat}": m.allocation for m in moves if m.allocation is not None}
    parts = [allocations_table(ward, columns, contested), *(_words(m, f"seat {m.seat}") for m in moves)]
    user = PROMPTS.render(
        "merge", history="\n\n".join(["", *parts, ""]), bounds=bounds_table(ward, least, most)
    )
    seen = tuple(move_hash(m) for m in moves)
    return Asked(conversation(system, user), reply_schema(ward, None), PROMPTS, (), seen)


def _stance(view: View) -> str:
    """The brief as it stands, what the persona binds itself to, and how strongly it favours a group, if any.

    The last two stand in fields of their own, which bind a reference seat; a brief in words alone has no dial.
    """
    kept = [text for flag, text in PROMPTS.rows("bounds").items() if getattr(view.persona, flag)]
    says = "\n\n".join([view.persona.says.strip(), *([" ".join(kept)] if kept else [])])
    for attribute, groups in view.persona.favours.items():
        strength = f"{view.persona.strength:g}"
        says += "\n\n" + PROMPTS.render(
            "favours", strength=strength, attribute=attribute, groups=", ".join(groups)
        )
    return says


def _history(view: View) -> str:
    """Allocations as tables made from what was submitted, then what was said, quoted."""
    columns = {"your first, alone": view.solo} if view.solo is not None else {}
    for move in view.moves:
        if move.allocation is not None:
            columns[f"round {move.round}, {_who(view, move)}"] = move.allocation
    if view.joint is not None:
        columns["last merge"] = view.joint
    parts = ["# Allocations so far", allocations_table(view.ward, columns, view.contested)] if columns else []
    if view.moves:
        parts += ["# What was said", *(_words(m, f"{_who(view, m)}, round {m.round}") for m in view.moves)]
    return "\n\n".join(["", *parts, ""]) if parts else ""


def _who(view: View, move: Move) -> str:
    return "you" if move.seat == view.seat else f"seat {move.seat}"


def _words(move: Move, label: str) -> str:
    """What a seat said with a move, as a block of data."""
    said = move.argument or (
        "(no argument)" if move.allocation is not None else "(abstained: no usable answer)"
    )
    named = (("cites", move.citations), ("concedes", move.concedes))
    extra = "".join(f"\n({name}: {', '.join(ids)})" for name, ids in named if ids)
    return quoted(label, clean(said, LONGEST_QUOTE) + extra, 2 * LONGEST_QUOTE)


def _contested(view: View) -> str:
    if view.occasion == "exit_solo" or not view.contested:
        return ""
    return f"Still contested after the last merge: {', '.join(clean(c, 140) for c in view.contested)}.\n"


def _passages(passages: Sequence[Passage]) -> str:
    """The passages that may be cited, each quoted with its id and its source."""
    if not passages:
        return ""
    heads = [p.title + (f" ({p.kind})" if p.kind else "") for p in passages]
    texts = [
        f"{head}\n{clean(p.text, LONGEST_PASSAGE)}\nSource: {p.source}"
        for head, p in zip(heads, passages, strict=True)
    ]
    blocks = [
        quoted(f"passage {p.id}", text, LONGEST_PASSAGE + 2_000)
        for p, text in zip(passages, texts, strict=True)
    ]
    return "\n\n".join(["", "# Passages you may cite by id", *blocks])
