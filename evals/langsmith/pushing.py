"""How does a dataset come to hold the examples it should, once each, at LangSmith or in a file?"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import ValidationError

from evals.langsmith.examples import Example, by_id
from evals.langsmith.reaching import reaching
from scenarios.errors import ParleyError
from scenarios.model import Model

if TYPE_CHECKING:
    from langsmith import Client

Json = dict[str, Any]

DESCRIPTION = (
    "Wards for the triage debate, and their counterfactual twins: only protected attributes permuted."
)
AT_ONCE = 50
"""Examples in one update: some 30 kB each, well below what a server takes."""


class Kept(Model):
    """One example as a dataset holds it."""

    id: UUID
    inputs: Json
    outputs: Json | None = None
    metadata: Json | None = None

    @classmethod
    def of(cls, example: Example, dataset: str) -> Kept:
        """An example as it is to be held in a dataset."""
        return cls(
            id=example.id_in(dataset),
            inputs=example.inputs,
            outputs=example.outputs,
            metadata=example.metadata,
        )


@dataclass(frozen=True)
class Pushed:
    """What a push did: ids by what became of them; `others` are in the dataset and were not pushed: left alone."""

    dataset: str
    created: tuple[UUID, ...]
    updated: tuple[UUID, ...]
    unchanged: tuple[UUID, ...]
    others: int
    url: str | None = None

    @property
    def counts(self) -> Json:
        """As numbers."""
        return {
            "created": len(self.created),
            "updated": len(self.updated),
            "unchanged": len(self.unchanged),
            "others": self.others,
        }


def compared(name: str, wanted: Mapping[UUID, Kept], there: Mapping[UUID, Kept]) -> Pushed:
    """What is to become of each example: created, updated, or left as it is."""
    same = {i for i, kept in wanted.items() if i in there and there[i] == kept}
    return Pushed(
        dataset=name,
        created=tuple(i for i in wanted if i not in there),
        updated=tuple(i for i in wanted if i in there and i not in same),
        unchanged=tuple(i for i in wanted if i in same),
        others=len(there.keys() - wanted.keys()),
    )


def push(client: Client, name: str, examples: Sequence[Example], metadata: Json | None = None) -> Pushed:
    """Make a LangSmith dataset hold these examples: creates what is missing, updates what differs, no more.

    Ids are drawn from the dataset's own id, so that a dataset deleted and made anew has new ones. Raises
    ParleyError or Unreachable, in one line and without the key.
    """
    from langsmith.utils import LangSmithNotFoundError

    with reaching(client, f"dataset '{name}'"):
        try:
            dataset = client.read_dataset(dataset_name=name)
        except LangSmithNotFoundError:
            dataset = client.create_dataset(name, description=DESCRIPTION, metadata=metadata)
        own = str(dataset.id)
        wanted = {i: Kept.of(example, own) for i, example in by_id(examples, own).items()}
        there = {e.id: _held(e) for e in client.list_examples(dataset_id=dataset.id)}
        become = compared(name, wanted, there)
        splits = {i: example.split for i, example in by_id(examples, own).items()}
        if become.created:
            client.create_examples(
                dataset_id=dataset.id,
                examples=[_sent(wanted[i], "reference_outputs", splits[i]) for i in become.created],
            )
        for start in range(0, len(become.updated), AT_ONCE):
            some = become.updated[start : start + AT_ONCE]
            client.update_examples(
                dataset_id=dataset.id, updates=[_sent(wanted[i], "outputs", splits[i]) for i in some]
            )
        return replace(become, url=dataset.url)


def _held(example: Any) -> Kept:
    """An example as LangSmith holds it; its split stands in our metadata already."""
    metadata = {k: v for k, v in (example.metadata or {}).items() if k != "dataset_split"}
    split = (example.metadata or {}).get("dataset_split")
    if split is not None and split != [metadata.get("split")]:
        metadata = {**metadata, "split": split}  # moved by hand: no longer what was pushed
    return Kept(id=example.id, inputs=example.inputs or {}, outputs=example.outputs, metadata=metadata)


def _sent(kept: Kept, outputs: str, split: str) -> Json:
    return {
        "id": kept.id,
        "inputs": kept.inputs,
        outputs: kept.outputs,
        "metadata": kept.metadata,
        "split": split,
    }


def push_to_file(path: Path, name: str, examples: Sequence[Example]) -> Pushed:
    """The same into a file of one JSON object a line; what else it holds stays. Sends nothing.

    Raises ParleyError for a file that holds something else, or cannot be written.
    """
    there = {kept.id: kept for kept in read_file(path)} if path.exists() else {}
    wanted = {i: Kept.of(example, name) for i, example in by_id(examples, name).items()}
    become = compared(name, wanted, there)
    if become.created or become.updated:
        _write(path, (there | wanted).values())
    return become


def read_file(path: Path) -> list[Kept]:
    """The examples of a dataset file. Raises ParleyError, with the line, for one that holds something else."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ParleyError(f"{path}: cannot be read ({error.strerror}); name a dataset file") from None
    except UnicodeDecodeError:
        raise ParleyError(f"{path}: not text; name a dataset file that push --to wrote") from None
    kept: dict[UUID, Kept] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            one = Kept.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the line"
            raise ParleyError(
                f"{path}: line {number}: {where}: {first['msg']}; it is no dataset file of push --to"
            ) from None
        if one.id in kept:
            raise ParleyError(f"{path}: line {number}: id {one.id} stands twice; remove one")
        kept[one.id] = one
    return list(kept.values())


def _write(path: Path, kept: Iterable[Kept]) -> None:
    """Write the lines, whole or not at all."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    lines = [json.dumps(k.model_dump(mode="json"), ensure_ascii=False) for k in kept]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ParleyError(f"{path}: cannot write ({error.strerror}); name another file with --to") from None
