"""Are passages read as written, and is a wrong one refused in a line that names file, passage and mend?"""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.passages import MEASURE_NAMES, Passage, corpus, corpus_hash, load_passages
from scenarios.errors import ParleyError
from scenarios.measures import MEASURES

GOOD = """\
framework: rawlsian
passages:
  - id: rawlsian-difference-principle
    kind: holds
    title: The difference principle
    text: Inequalities are just only if they benefit the worst off.
    source: Rawls, A Theory of Justice, rev. ed. (1999), §13
    principles: {worst_off: 0.8, equality: 0.2}
  - {id: rawlsian-two, kind: reply, title: Two, text: More., source: Same}
"""


def written(folder: Path, content: str, name: str = "rawlsian.yaml") -> Path:
    (folder / name).write_text(content, encoding="utf-8")
    return folder


def test_a_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    first, second = load_passages(written(tmp_path, GOOD))
    assert first.principles == {"worst_off": 0.8, "equality": 0.2}
    assert first.framework == second.framework == "rawlsian"
    assert (second.kind, second.principles) == ("reply", {})


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("kind: holds", "kind: claims", "passage 'rawlsian-difference-principle': kind"),
        ("worst_off: 0.8", "worst: 0.8", "'worst' is no measure; use one of survival"),
        ("worst_off: 0.8", "worst_off: -1", "give a finite number of at least 0"),
        ("worst_off: 0.8", "worst_off: .nan", "give a finite number of at least 0"),
        ("id: rawlsian-two", "id: Rawls Two", "passage 'Rawls Two': id: 'Rawls Two' is no slug"),
        ("source: Same", "origin: Same", "passage 'rawlsian-two': source: Field required"),
        ("text: More.", "text: ' '", "passage 'rawlsian-two': text"),
        ("text: More.", 'text: "a\\0b"', "NUL character"),
        (
            "id: rawlsian-two",
            "id: rawlsian-difference-principle",
            "already in rawlsian.yaml; give it another id",
        ),
        ("passages:", "passage:", "must hold exactly 'framework'"),
        ("framework: rawlsian", "framework: [", "is not valid YAML"),
    ],
)
def test_a_wrong_one_is_one_line_that_names_it(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(ParleyError) as refusal:
        load_passages(written(tmp_path, GOOD.replace(old, new)))
    message = str(refusal.value)
    assert "rawlsian.yaml" in message
    assert says in message
    assert "\n" not in message


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParleyError, match="holds no \\*.yaml file"):
        load_passages(tmp_path)


def test_the_hash_follows_content_not_order(tmp_path: Path) -> None:
    first, second = load_passages(written(tmp_path, GOOD))
    assert corpus_hash([first, second]) == corpus_hash([second, first])
    for field, value in (("text", "Other."), ("title", "Other"), ("principles", {"worst_off": 0.9})):
        changed = Passage.model_validate({**first.model_dump(), field: value})
        assert corpus_hash([changed, second]) != corpus_hash([first, second])


def test_principles_are_weights_over_the_measures_there_are() -> None:
    assert set(MEASURE_NAMES) == set(MEASURES)


def test_the_shipped_corpus_is_whole() -> None:
    frameworks: dict[str, list[Passage]] = {}
    for entry in corpus():
        frameworks.setdefault(entry.framework, []).append(entry)
    assert len(frameworks.pop("policy")) >= 20
    assert {"utilitarian", "rawlsian", "egalitarian", "prioritarian", "care-ethics", "equal-chance", "kantian",
            "libertarian", "capability"} <= set(frameworks)  # fmt: skip
    for framework, entries in frameworks.items():
        assert len(entries) >= 12, framework
        assert {"holds", "scarcity", "objection", "reply"} <= {entry.kind for entry in entries}, framework
