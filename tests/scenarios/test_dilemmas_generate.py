"""Are new dilemmas well made, of all strata, like no other, held out by theme, and paid for once?"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scenarios.dilemmas import SHARES, Dilemma, catalogue
from scenarios.dilemmas.__main__ import main
from scenarios.dilemmas.dedup import Seen
from scenarios.dilemmas.drafting import Asked, Draft, ask_dilemma, faults, read_dilemma, read_themes, slug
from scenarios.dilemmas.generate import Generated, Order, generate, held_out, next_stratum, write
from scenarios.dilemmas.load import load, read_theme
from scenarios.errors import ParleyError
from tests.loopback import Answer, Heard, Loopback, completion, embedding, failing

Json = dict[str, Any]

KEY = "sk-parley-test-0c1d77aa55e0"


def answer(number: int, **changes: Any) -> Json:
    """A well-made dilemma in the form asked for; two of different numbers share few words."""
    word = f"w{number}"
    options = {
        "give": [("care", 2), ("pace", -1)],
        "keep": [("pace", 2), ("care", -2)],
        "ask": [("consensus", 1)],
    }
    issue = {
        "asks": "What first?",
        "options": [
            {
                "name": name,
                "says": f"You {name} it now.",
                "serves": [{"consideration": c, "grade": g} for c, g in serves],
            }
            for name, serves in options.items()
        ],
    }
    return {
        "name": f"Case {number}",
        "goal": f"Settle {word}a {word}b",
        "prompt": f"You run {word}c {word}d {word}e in {word}f. {word}g {word}h waits. {word}i {word}j or {word}k?",
        "principles": [
            {"consideration": "care", "asks": "They are hurt."},
            {"consideration": "pace", "asks": "Time runs."},
        ],
        "issues": [{"name": "first", **issue}, {"name": "second", **issue}],
    } | changes


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Words hashed into bins, as the loopback server does."""
    return np.array([embedding(text) for text in texts], np.float32)


def writer(answers: Callable[[int], Json], asked: list[Asked] | None = None) -> Any:
    """An `Ask` without a wire: the answer by number of the question for a dilemma; None where it does not stand."""
    count = iter(range(10_000))

    async def ask(question: Asked, read: Callable[[Mapping[str, Any]], Draft]) -> Draft | None:
        if asked is not None:
            asked.append(question)
        if question.key == "themes":
            stratum = question.messages[1]["content"].split("\n\n")[1].split()[0]
            return read({"themes": [f"{stratum} {i}" for i in range(9)]})
        draft = read(answers(next(count)))
        return None if draft.problems else draft

    return ask


def got(order: Order, answers: Callable[[int], Json] = answer, asked: list[Asked] | None = None) -> Generated:
    """What an order comes to."""
    return asyncio.run(generate(order, list(catalogue().values()), writer(answers, asked), embed))


class TestAnAnswer:
    def test_well_made_becomes_a_dilemma_and_fits_the_schema(self) -> None:
        schema = ask_dilemma("everyday", "queues", [], 1).schema
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(answer(1), schema)
        made = read_dilemma(answer(1), "everyday", "queues", "these tests")
        assert made.problems == () and made.dilemma is not None
        assert (made.dilemma.name, made.dilemma.theme, made.dilemma.held_out) == ("case-1", "queues", False)
        assert made.dilemma.issues["first"].options["give"].serves == {"care": 2, "pace": -1}

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"goal": "Do"}, "goal: "),
            ({"goal": "Settle it"}, "goal: 2 words; give three to five"),
            ({"prompt": "You run a stall with some friends?"}, "prompt: 1 sentences; give two or three"),
            ({"prompt": "You run a stall. It rains."}, "prompt: ends in no question"),
            ({"prompt": None}, "prompt: "),
            ({"principles": "care"}, "principles: no list of objects"),
            ({"principles": answer(1)["principles"][:1]}, "principles: "),
            ({"principles": [answer(1)["principles"][0]] * 2}, "principles: 'care' stands twice"),
            ({"principles": [{"consideration": c, "asks": "It."} for c in ("care", "honour")]}, "no consideration"),
            ({"principles": [{"consideration": c, "asks": "It."} for c in ("care", "thrift")]}, "principle thrift"),
            ({"issues": []}, "issues: 0; give two to four"),
            ({"issues": [answer(1)["issues"][0]] * 2}, "issues: 'first' stands twice"),
            ({"issues": {"first": {}}}, "issues: no list of objects"),
            ({"name": "", "goal": "… … …"}, "name: "),
            ({"prompt": "You\u202e run a stall. It rains. Do you go?"}, "control character"),
        ],
        ids=str,
    )  # fmt: skip
    def test_that_is_not_is_named(self, changes: Json, problem: str) -> None:
        made = read_dilemma(answer(1, **changes), "everyday", "queues", "these tests")
        assert made.dilemma is None and problem in made.problems[0], made.problems

    def test_with_an_option_that_beats_all_others_has_nothing_to_negotiate(self) -> None:
        data = answer(1)
        data["issues"][0]["options"][0]["serves"] = [
            {"consideration": c, "grade": 2} for c in ("care", "pace", "consensus")
        ]
        made = read_dilemma(data, "everyday", "queues", "these tests")
        assert "issue first: option give is at least as good as all others" in made.problems[0]

    @settings(max_examples=50)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["name", "asks", "options", "serves", "grade"]), inner)
            ),
            max_leaves=8,
        ),
        st.sampled_from(["name", "goal", "prompt", "principles", "issues", "themes"]),
    )
    def test_is_read_whatever_it_holds(self, value: Any, key: str) -> None:
        made = read_dilemma(answer(1) | {key: value}, "everyday", "queues", "these tests")
        assert (made.dilemma is None) == bool(made.problems)
        assert bool(read_themes({key: value}, 2, []).themes) != bool(
            read_themes({key: value}, 2, []).problems
        )

    def test_the_catalogue_itself_has_no_faults(self) -> None:
        assert {d.name: faults(d) for d in catalogue().values() if faults(d)} == {}

    def test_names_are_slugs(self) -> None:
        assert slug(" Señora's  Café! ") == "senora-s-cafe" and slug("…") == "" and slug(None) == ""
        assert len(slug("x-" * 80)) <= 64


class TestAnOrder:
    @settings(max_examples=30)
    @given(st.integers(1, 400))
    def test_keeps_the_shares_of_the_strata_at_every_length(self, n: int) -> None:
        counts: Counter[Any] = Counter()
        for _ in range(n):
            counts[next_stratum(counts)] += 1
        assert all(abs(counts[s] - share * n) <= 1 for s, share in SHARES.items())

    def test_is_met_with_themes_in_turn_and_a_smaller_one_is_its_beginning(self) -> None:
        done = got(Order(20, themes=2))
        assert len(done.dilemmas) == 20 and done.malformed == 0 and done.repeated == []
        strata = Counter(d.stratum for d in done.dilemmas)
        assert strata == {"professional": 6, "interpersonal": 8, "everyday": 6}
        by_theme = Counter(d.theme for d in done.dilemmas)
        assert by_theme["relations-0"] == by_theme["relations-1"] == 4 and len(by_theme) == 6
        assert got(Order(7, themes=2)).dilemmas == done.dilemmas[:7]

    def test_shows_the_latest_goals_those_of_dropped_ones_too_and_no_more(self) -> None:
        asked: list[Asked] = []
        got(Order(6, themes=1, history=2), lambda i: answer(0 if i == 1 else i), asked)
        told = [a.messages[1]["content"] for a in asked if a.key == "issues"]
        goals = [[line[2:] for line in t.splitlines() if line.startswith("- Settle")] for t in told]
        assert goals[:4] == [
            [],
            ["Settle w0a w0b"],
            ["Settle w0a w0b"] * 2,
            ["Settle w0a w0b", "Settle w2a w2b"],
        ]
        assert len({a.seed for a in asked if a.key == "issues"}) == len(told), (
            "a repeated question would be replayed"
        )
        asked.clear()
        got(Order(3, themes=1, history=0), asked=asked)
        assert not any("Settle" in a.messages[1]["content"] for a in asked)

    def test_drops_what_repeats_the_catalogue_or_another_and_counts_it(self) -> None:
        known = catalogue()["toast-without-wine"]

        def answers(number: int) -> Json:
            if number == 0:
                return answer(0, goal=known.goal, prompt=known.prompt)
            return answer(1 if number == 2 else number)

        done = got(Order(3, themes=1), answers)
        assert done.repeated == ["toast-without-wine", "case-1"] and len(done.dilemmas) == 3
        assert [d.name for d in done.dilemmas] == ["case-1", "case-3", "case-4"]
        assert (
            got(Order(3, themes=1, threshold=1.0), lambda i: answer(i, name="same")).dilemmas[2].name
            == "same-3"
        )

    def test_that_cannot_be_met_ends_with_what_was_taken_or_with_one_line(self) -> None:
        done = got(Order(4, themes=1), lambda i: answer(7))
        assert len(done.dilemmas) == 1 and len(done.repeated) == 11
        with pytest.raises(ParleyError, match=r"^none of 6 answers could be taken \(6 malformed, 0 too like"):
            got(Order(2, themes=1), lambda i: {})

    def test_themes_are_new_unless_they_are_named(self) -> None:
        assert read_themes(
            {"themes": ["Family", "The  Sea", "the sea", 7, "Trains"]}, 2, ["family"]
        ).themes == (
            "the-sea",
            "trains",
        )
        assert read_themes({"themes": ["family"]}, 1, ["family"]).problems == (
            "`themes` has 0 that are new; give a list of 1",
        )
        named = got(Order(3, themes=1, named={"everyday": ("etiquette",)}))
        assert {d.theme for d in named.dilemmas if d.stratum == "everyday"} == {"etiquette"}
        with pytest.raises(ParleyError, match=r"^--theme professional:etiquette: that theme is everyday"):
            got(Order(3, named={"professional": ("etiquette",)}))

    @pytest.mark.parametrize("wrong", [{"n": 0}, {"held_out": 1.5}, {"history": -1}, {"themes": 0}], ids=str)
    def test_of_something_impossible_is_one_line(self, wrong: Json) -> None:
        with pytest.raises(ParleyError, match=r"^--[a-z-]+: .* is not from .*; correct it$"):
            Order(**({"n": 3} | wrong))  # type: ignore[arg-type]


class TestSeen:
    @settings(max_examples=40)
    @given(st.lists(st.sampled_from(["a b c", "c b a", "d e f", "a b d", "g"]), max_size=8))
    def test_no_two_texts_that_were_admitted_are_too_near(self, texts: list[str]) -> None:
        seen, admitted = Seen(embed, {}), list[str]()
        for text in texts:
            near = seen.admit(text, text, 0.85)
            cosines = [float(embed([text])[0] @ embed([other])[0]) for other in admitted]
            assert (near is None) == (max(cosines, default=-1.0) < 0.85)
            if near is None:
                admitted.append(text)
            else:
                assert near.cosine == pytest.approx(max(cosines))


class TestTheSplit:
    @settings(max_examples=50)
    @given(st.integers(0, 30), st.floats(0, 1), st.integers(0, 9))
    def test_is_by_theme_of_the_share_asked_for_and_the_same_each_time(
        self, n: int, share: float, seed: int
    ) -> None:
        themes = [f"t{i}" for i in range(n)]
        held = held_out(themes, share, seed, {"t0": False, "t1": True})
        assert held == held_out(themes[::-1], share, seed, {"t1": True, "t0": False})
        assert "t0" not in held and ("t1" in held) == (n > 1)
        assert abs(len(held - {"t1"}) - share * max(0, n - 2)) <= 1

    def test_leaves_a_theme_on_each_side(self) -> None:
        assert len(held_out(["a", "b"], 0.1, 1, {})) == len(held_out(["a", "b"], 0.9, 1, {})) == 1
        assert held_out(["a", "b"], 0, 1, {}) == set() and held_out(["a"], 0.25, 1, {}) == set()

    def test_files_read_back_as_they_were_and_are_there_whole_or_not_at_all(self, tmp_path: Path) -> None:
        order = Order(9, themes=2, source="these tests: 'quoted'")
        dilemmas = got(order).dilemmas
        paths = write(tmp_path / "new", dilemmas, order, {})
        back = [d for p in paths for d in read_theme(p).values()]
        assert {d.name: d.model_copy(update={"held_out": False}) for d in back} == {
            d.name: d for d in dilemmas
        }
        held = {d.theme for d in back if d.held_out}
        assert len(held) == 2 and load(f"{paths[0]}#{back[0].name}") == back[0]
        with pytest.raises(ParleyError, match=r"new: cannot be written \(.*\); name another --out"):
            write(tmp_path / "new", dilemmas, order, {})
        broken: list[Dilemma] = [dilemmas[0], dilemmas[0].model_copy(update={"goal": "x" * 99})]
        with pytest.raises(ParleyError):
            write(tmp_path / "other", broken, order, {})
        assert [p.name for p in tmp_path.iterdir()] == ["new"]


class Partner:
    """A scripted writer over the wire; it answers by the seed it is sent, and is down after so many answers."""

    def __init__(self, answers: Callable[[int], str], up_for: int = 10_000) -> None:
        self.answers = answers
        self.up_for = up_for

    def __call__(self, heard: Heard) -> Answer:
        if heard.number >= self.up_for:
            return failing(401, f"who is {KEY}?")
        if "Propose" in heard.user:
            return completion(json.dumps({"themes": [f"theme {heard.number} {i}" for i in range(2)]}))
        return completion(self.answers(int(heard.body["seed"])))


def run(server: Loopback, out: Path, *more: str) -> int:
    """The exit code of `generate` against a server."""
    options = ["--model", "openai:scripted", "--base-url", server.base_url, "--embeddings", "openai:words"]
    try:
        main(["generate", *options, "--out", str(out), "--themes", "2", *more])
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


@pytest.fixture(autouse=True)
def _a_key_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


class TestTheCommand:
    def test_drops_and_counts_what_is_malformed_or_planted_twice(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def answers(seed: int) -> str:
            if seed == 2:
                return "I would rather not."
            return json.dumps(answer(1 if seed == 4 else seed))

        with Loopback(Partner(answers)) as server:
            assert run(server, tmp_path / "new", "--n", "4") == 0
            told = capsys.readouterr()
            assert "4 of 4 taken; dropped: 1 malformed, 1 too like another. 10 calls" in told.err
            assert len(server.heard) == 3 + 4 + 2 + 1, "themes, those taken, one corrected once, one repeated"
            assert server.heard[0].body["response_format"]["json_schema"]["name"] == "submit_themes"
        assert all(Path(p).is_file() for p in told.out.split()) and len(told.out.split()) >= 3

    def test_killed_and_run_again_pays_for_nothing_twice(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        partner = Partner(lambda seed: json.dumps(answer(seed)), up_for=6)
        with Loopback(partner) as server:
            assert run(server, tmp_path / "new", "--n", "5") == 3
            told = capsys.readouterr().err
            assert "refuses the key" in told and KEY not in told and "Traceback" not in told
            assert not (tmp_path / "new").exists(), "written whole or not at all"
            partner.up_for = 10_000
            assert run(server, tmp_path / "new", "--n", "5") == 0
            assert "2 calls, 6 answered before" in capsys.readouterr().err
            assert len(server.heard) == 3 + 5 + 1, "the refused one is asked again, the others are not"
            first = {p.name: p.read_text() for p in (tmp_path / "new").iterdir()}
            (tmp_path / "new").rename(tmp_path / "kept")
            assert run(server, tmp_path / "new", "--n", "5") == 0 and len(server.heard) == 9
            assert {p.name: p.read_text() for p in (tmp_path / "new").iterdir()} == first
            assert run(server, tmp_path / "new", "--n", "5") == 2, "nothing is written over"
            assert run(server, tmp_path / "new2", "--n", "5", "--theme", "etiquette") == 2
            assert len(server.heard) == 9 and "write STRATUM:NAME" in capsys.readouterr().err
        assert KEY not in (tmp_path / "new.jsonl").read_text()

    def test_another_model_is_asked_itself(self, tmp_path: Path) -> None:
        with Loopback(Partner(lambda seed: json.dumps(answer(seed)))) as server:
            assert run(server, tmp_path / "new", "--n", "1") == 0
            (tmp_path / "new").rename(tmp_path / "kept")
            assert run(server, tmp_path / "new", "--n", "1", "--model", "openai:other") == 0
            assert len(server.heard) == 4 and server.heard[-1].body["model"] == "other"

    def test_that_is_under_way_elsewhere_pays_for_nothing(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        fcntl = pytest.importorskip("fcntl")
        with Loopback() as server, (tmp_path / "new.jsonl").open("ab") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            assert run(server, tmp_path / "new") == 2 and server.heard == []
        assert "new: is being made by another process; wait for it, or name" in capsys.readouterr().err

    def test_a_temperature_that_is_none_is_refused_before_anything_is_asked(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with Loopback() as server:
            for wrong in ("nan", "-1", "2.5"):
                assert run(server, tmp_path / "new", "--temperature", wrong) == 2
                assert f"--temperature: {wrong} is not from 0 to 2" in capsys.readouterr().err
            assert server.heard == []

    def test_what_a_server_says_is_shown_without_control_characters(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with Loopback(lambda heard: failing(400, "no\x1b[31m, \u202eand\nno")) as server:
            assert run(server, tmp_path / "new") == 3
        err = capsys.readouterr().err
        assert "refuses the request" in err and err.rstrip("\n").isprintable()

    def test_stopped_by_hand_says_so_and_goes_on_later(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def stopped(*_: object) -> None:
            raise KeyboardInterrupt

        with Loopback(Partner(lambda seed: json.dumps(answer(seed)))) as server:
            with monkeypatch.context() as patch:
                patch.setattr("scenarios.dilemmas.generate.generate", stopped)
                assert run(server, tmp_path / "new", "--n", "3") == 130
            assert capsys.readouterr().err == "stopped; every answer is kept. The same command goes on.\n"
            assert run(server, tmp_path / "new", "--n", "3") == 0, "nobody holds its journal any more"

    def test_lists_and_shows(self, capsys: pytest.CaptureFixture[str]) -> None:
        main_(["list"])
        rows = capsys.readouterr().out.splitlines()
        assert len(rows) == len(catalogue()) and any(
            "Answer a toast sober (liberty, order)" in r for r in rows
        )
        main_(["list", "--json"])
        listed = json.loads(capsys.readouterr().out)
        assert [d["name"] for d in listed] == list(catalogue())
        assert set(listed[0]) == {"name", "stratum", "theme", "held_out", "goal", "principles"}
        main_(["show", "toast-without-wine"])
        assert "wet-the-lips" in capsys.readouterr().out
        main_(["show", "toast-without-wine", "--json"])
        assert Dilemma.model_validate_json(capsys.readouterr().out) == catalogue()["toast-without-wine"]
        with pytest.raises(SystemExit) as stopped:
            main(["show", "toast-without-wein"])
        assert stopped.value.code == 2 and "did you mean toast-without-wine" in capsys.readouterr().err


def main_(arguments: list[str]) -> None:
    """A command that goes well."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert not stopped.value.code
