"""How is a page taken apart: the text under a heading, the names in the first column of its tables, a row's columns?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any


def section(title: str, page: str) -> str:
    """The text under a heading, up to the next of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL)
    assert found, f"the reference has no heading '{title}'"
    return found[1]


def first_column(text: str) -> set[str]:
    """Names in the first column of the tables of a text."""
    rows = [row.split("|")[1] for row in text.splitlines() if row.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def columns(text: str, table: str) -> set[str]:
    """Names in the last cell of the row of a table, those within parentheses aside."""
    row = next(r for r in text.splitlines() if r.startswith("| `") and f"`{table}`" in r.split("|")[1])
    return set(re.findall(r"`([^`]+)`", re.sub(r"\([^)]*\)", "", row.split("|")[-2])))


def assert_documented(models: Iterable[Any], page: str) -> None:
    """Every model has a section with each of its fields and no other."""
    for model in models:
        documented = first_column(section(f"`{model.__name__}`", page).partition("<!--")[0])
        assert documented == set(model.model_fields), model.__name__


def options_of(app: Any) -> list[tuple[str, str]]:
    """(command, option) of every option that a typer application has, but those of shell completion."""
    import typer

    group: Any = typer.main.get_command(app)
    return [
        (str(each.name), option)
        for each in getattr(group, "commands", {"": group}).values()
        for parameter in each.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("-") and option not in ("--install-completion", "--show-completion")
    ]
