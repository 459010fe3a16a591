"""What can be asked of dilemmas on the command line: list, show, generate."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from scenarios.errors import ParleyError, Unreachable

if TYPE_CHECKING:
    from scenarios.dilemmas.dedup import Embed
    from scenarios.dilemmas.dilemma import Stratum
    from scenarios.dilemmas.generate import Generated, Order

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Dilemmas: two principles in conflict, and the clauses that a plan may be made of.",
)

AsJson = Annotated[bool, typer.Option("--json", help="JSON alone on stdout.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Name the dilemmas of the catalogue, each with its stratum, theme, goal and principles."""
    from scenarios.dilemmas.load import catalogue

    found = catalogue().values()
    if as_json:
        fields = {"name", "stratum", "theme", "held_out", "goal"}
        rows = [d.model_dump(include=fields) | {"principles": list(d.principles)} for d in found]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for d in found:
        held = "held out" if d.held_out else ""
        typer.echo(f"{d.name:28} {d.stratum:13} {d.theme:14} {held:8} {d.goal} ({', '.join(d.principles)})")


@app.command()
def show(
    spec: Annotated[str, typer.Argument(help="a name, any:SEED, moralchoice:PATH#ID, or a path: FILE#NAME")],
    as_json: AsJson = False,
) -> None:
    """Print a dilemma: its question, the principles in conflict, and the clauses with what they serve."""
    from scenarios.dilemmas.load import load

    dilemma = load(spec)
    if as_json:
        typer.echo(dilemma.model_dump_json(indent=2))
        return
    held = ", held out" if dilemma.held_out else ""
    typer.echo(f"{dilemma.goal} ({dilemma.name}; {dilemma.stratum}, {dilemma.theme}{held})\n")
    typer.echo(f"{dilemma.prompt}\n")
    for name, says in dilemma.principles.items():
        typer.echo(f"{name}: {says}")
    for name, issue in dilemma.issues.items():
        typer.echo(f"\n{name}: {issue.asks}")
        for option, o in issue.options.items():
            serves = ", ".join(f"{c} {grade:+d}" for c, grade in o.serves.items())
            typer.echo(f"  {option:20} {o.says} ({serves})")


@app.command(
    epilog="Example: generate --model openai:NAME --n 50 --out dilemmas-new · then: show dilemmas-new/THEME.yaml#NAME"
)
def generate(
    model: Annotated[str, typer.Option(help="The model that writes them, such as openai:NAME.")],
    out: Annotated[Path, typer.Option(help="A folder to be made, with a file for each theme.")],
    n: Annotated[int, typer.Option(help="How many.")] = 50,
    base_url: Annotated[str | None, typer.Option(help="Address of a server of your own, up to /v1.")] = None,
    theme: Annotated[
        list[str] | None,
        typer.Option(help="STRATUM:NAME, as often as wanted; a stratum without any has themes proposed."),
    ] = None,
    themes: Annotated[int, typer.Option(help="How many themes are proposed for a stratum.")] = 4,
    held_out: Annotated[
        float, typer.Option(help="Share of the themes that is held out from training.")
    ] = 0.25,
    history: Annotated[
        int, typer.Option(help="How many of the latest goals are shown, not to come again.")
    ] = 20,
    threshold: Annotated[float, typer.Option(help="Cosine from which a dilemma repeats another.")] = 0.85,
    embeddings: Annotated[str | None, typer.Option(help="minilm (the default) or openai:MODEL.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Of what the model writes; sent if set.")] = None,
    seed: Annotated[int, typer.Option(help="Of the split, and sent to the model.")] = 1,
) -> None:
    """Have a model write new dilemmas, none like another; answered calls are kept beside the folder, in OUT.jsonl.

    Stopped, or begun again, it pays for no answer twice.
    """
    from scenarios.dilemmas.generate import Order

    named = _named(theme or [])
    source = f"Written by {model}, asked by Parley's generator."
    order = Order(n, seed, history, held_out, threshold, themes, named, source)
    if temperature is not None and not 0 <= temperature <= 2:
        raise ParleyError(f"--temperature: {temperature:g} is not from 0 to 2; correct it")
    if out.exists():
        raise ParleyError(f"{out}: is there already; move it away, or name another --out")
    done, paths, spent = _generated(order, model, base_url, temperature, embeddings, out)
    counts = f"{done.malformed} malformed, {len(done.repeated)} too like another"
    _tell(f"{len(done.dilemmas)} of {n} taken; dropped: {counts}. {spent}")
    for path in paths:
        typer.echo(str(path))


def _generated(
    order: Order,
    model: str,
    base_url: str | None,
    temperature: float | None,
    embeddings: str | None,
    out: Path,
) -> tuple[Generated, list[Path], str]:
    """Wires the generator to a model and to embeddings.

    Nothing under scenarios imports what stands on it, but for this entrance, and only when somebody comes in by it:
    the generator itself is handed two functions, and knows neither models nor vectors.
    """
    import asyncio

    from negotiators.chat import Chat
    from nodes.table.journal import Journal
    from retrieval.embeddings import embedder
    from scenarios.dilemmas.generate import generate, write
    from scenarios.dilemmas.load import catalogue

    known = list(catalogue().values())
    journal = Journal(out.name, out.parent)
    embed: Embed = embedder(embeddings, base_url).embed_documents

    async def written() -> tuple[Generated, str]:
        async with Chat(model, base_url=base_url) as chat:
            _claim(journal, out)
            writer = _Writer(chat, journal.pay, model, temperature)
            done = await generate(order, known, writer.ask, embed, _tell)
            return done, writer.spent()

    try:
        done, spent = asyncio.run(written())
        return done, write(out, done.dilemmas, order, {d.theme: d.held_out for d in known}), spent
    except KeyboardInterrupt:
        _stop("stopped; every answer is kept. The same command goes on.", 130)
    finally:
        journal.release()


def _claim(journal: Any, out: Path) -> None:
    """Keep another process from paying for the same; raises ParleyError if one does, or nothing can be written."""
    try:
        journal.claim()
    except ParleyError as error:
        if error.__cause__ is not None:  # no place to write: that line says so
            raise
        raise ParleyError(
            f"{out}: is being made by another process; wait for it, or name another --out"
        ) from None


class _Writer:
    """Asks a chat model for the generator, and keeps count of what was paid for now and before."""

    def __init__(self, chat: Any, pay: Any, model: str, temperature: float | None) -> None:
        from negotiators.chat.asking import Account

        self._chat = chat
        self._pay = pay
        self._model = model
        self._sampling = {} if temperature is None else {"temperature": temperature}
        self._account = Account("writer", "generate", 0)
        self._called = 0

    async def ask(self, asked: Any, read: Callable[[Mapping[str, Any]], Any]) -> Any:
        """The generator's `Ask`: the draft of the first answer that stands, of at most two."""
        from negotiators.chat.asking import Question
        from negotiators.chat.wording import Prompts
        from scenarios.dilemmas.drafting import PROMPTS

        question = Question(
            asked.messages,
            asked.schema,
            Prompts(PROMPTS),
            tool=f"submit_{asked.key}",
            sampling=self._sampling,
        )

        def reading(text: str, finish_reason: str | None) -> _Reading:
            return _Reading.of(text, finish_reason, asked.key, read)

        first, second = await self._chat.ask(question, reading, asked.seed, self._account, pay=self._kept)
        last = second or first
        return None if last.problems else last.draft

    async def _kept(self, request: dict[str, Any], call: Any) -> dict[str, Any]:
        """From the journal if this model was asked this before: another's answer is not its own."""

        async def counted(_: dict[str, Any]) -> dict[str, Any]:
            self._called += 1
            answer: dict[str, Any] = await call(request)
            return answer

        kept: dict[str, Any] = await self._pay(request | {"model": self._model}, counted)
        return kept

    def spent(self) -> str:
        """Calls now and before, and the tokens of all, in words."""
        usage = self._account.usage(None)
        tokens = (
            f"{usage.input_tokens} tokens in, {usage.output_tokens} out"
            if usage.input_tokens is not None and usage.output_tokens is not None
            else "tokens unknown"
        )
        before = usage.calls - self._called
        return f"{self._called} calls, {before} answered before; {tokens}"


class _Reading:
    """What was made of a reply: a draft, or what is wrong."""

    def __init__(self, draft: Any, problems: Sequence[str], *, truncated: bool = False) -> None:
        self.draft = draft
        self.problems = tuple(problems)
        self.truncated = truncated

    @property
    def complete(self) -> bool:
        """Whether there was an object to read at all."""
        return self.draft is not None

    @classmethod
    def of(
        cls, text: str, finish_reason: str | None, key: str, read: Callable[[Mapping[str, Any]], Any]
    ) -> _Reading:
        """The reading of a reply; never raises for what it says."""
        from negotiators.chat.finding import cut_off, outermost

        if cut_off(finish_reason):
            return cls(None, ["the answer was cut off before it ended"], truncated=True)
        found, problem = outermost(text, key)
        if found is None:
            return cls(None, [problem])
        draft = read(found)
        return cls(draft, draft.problems)


def _named(themes: Sequence[str]) -> dict[Stratum, tuple[str, ...]]:
    from scenarios.dilemmas.dilemma import SHARES
    from scenarios.dilemmas.drafting import slug

    out: dict[Stratum, tuple[str, ...]] = {}
    for given in themes:
        stratum, _, name = given.partition(":")
        known = next((s for s in SHARES if s == stratum), None)
        if known is None or not name or slug(name) != name:
            raise ParleyError(
                f"--theme '{given}': write STRATUM:NAME, as in everyday:etiquette; strata are {', '.join(SHARES)}"
            )
        out[known] = (*out.get(known, ()), name)
    return out


def _tell(text: str) -> None:
    typer.echo(text, err=True)


def _stop(said: str, code: int) -> NoReturn:
    plain = "".join(c if c.isprintable() else " " for c in said)  # a server's words may hold anything
    _tell(" ".join(plain.split()))
    raise SystemExit(code)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line. Expected failures are one line and an exit code: 2 input, 3 model, 130 Ctrl-C."""
    try:
        try:
            app(
                args=list(sys.argv[1:] if arguments is None else arguments),
                prog_name="python -m scenarios.dilemmas",
            )
        finally:
            sys.stdout.flush()  # here, and not at the interpreter's end: a reader may have gone
    except ParleyError as error:
        _stop(str(error), 2)
    except Unreachable as error:
        _stop(f"{error}. Nothing answered is lost: the same command goes on.", 3)
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
