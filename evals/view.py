"""How is one run looked at: `python -m evals.view RUN` writes a page of it and opens that in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from evals import terminal

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


@app.command(
    epilog="Examples: python -m evals.view one-vent · python -m evals.view runs/RUN_ID.json --no-open · "
    "python -m evals.view ONE OTHER"
)
def view(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN…",
            help="A run's id, the beginning of one, or the path of a record; two stand side by side.",
            show_default=False,
        ),
    ],
    folder: Annotated[
        Path | None, typer.Option("--runs", help="Folder of records (default runs/).", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The page (default RUN_ID.html beside the record).", show_default=False),
    ] = None,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser.")] = True,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="The transcript as JSON on stdout; no page is written (a list of several)."
        ),
    ] = False,
) -> None:
    """Look at one run, of any setting, turn by turn; or at two side by side."""
    from evals.report.files import write_page

    files = _located(runs, folder)
    if as_json:
        terminal.print_json(_as_json(files))
        return
    ids, text = _page(files)
    path = out or files[0].with_name(f"{_name(ids)}.html")
    write_page(path, text)
    address = f"{path.resolve().as_uri()}#{_place(ids)}"
    print(f"written: {path}\n{address}", flush=True)
    if open_:
        import webbrowser

        if not webbrowser.open(address):
            terminal.stop("no browser could be opened here; open that address yourself", 0)


def _located(runs: list[str], folder: Path | None) -> list[Path]:
    """The records of the words, once each."""
    from graphs.command import located
    from graphs.session import lent

    where = lent(runs=folder).runs
    return list(dict.fromkeys(located(run, where) for run in runs))


def _as_json(files: list[Path]) -> Any:
    from evals.records import read
    from evals.report.transcripts import transcript
    from evals.report.transcripts.model import plain

    told = [plain(transcript(read(path, None))) for path in files]
    return told[0] if len(told) == 1 else told


def _page(files: list[Path]) -> tuple[list[str], str]:
    """The ids of the runs, and the page. One run is told without tables, which take a second or two to load."""
    from evals.report.page import assembled, page, told_of

    if len(files) > 1:
        from evals.report.gathering import Named, measured

        made = measured(Named([], [], [str(path) for path in files]), _quiet, quick=True)
        ids = [str(i) for source in made if source.frames is not None for i in source.frames.runs["run_id"]]
        return ids, page(made, _quiet, title=" · ".join(ids))
    from evals.records import read
    from evals.report.listing import Shelf, index_of, listed, of_loose

    shelf = Shelf()
    shelf.add(files[0], listed(read(files[0], None)))
    packs = shelf.packed()
    listings = of_loose(list(shelf.there.values()))
    data = {"index": index_of(listings, packs), "findings": [], "effects": []}
    ids = list(packs.place)
    told = [told_of(source, _quiet, [source]) for source, _ in listings]
    return ids, assembled(told, data, packs, title=ids[0], live=False)


def _quiet(what: str) -> None:
    """Nothing is said of what takes no time."""


def _name(ids: list[str]) -> str:
    return ids[0] if len(ids) == 1 else f"{ids[0]}--{ids[1]}" if len(ids) == 2 else f"{ids[0]}-and-others"


def _place(ids: list[str]) -> str:
    """Where in the page one begins: the run, the two side by side, or the list of them."""
    return f"run={ids[0]}" if len(ids) == 1 else f"pair={ids[0]},{ids[1]}" if len(ids) == 2 else "runs"


if __name__ == "__main__":
    terminal.run(app)
