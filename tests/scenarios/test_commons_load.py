"""Which commons does a name stand for, and how is a wrong one refused: in one line that names place and mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.commons import Commons, catalogue, load
from scenarios.commons.load import names, parse_commons, schema
from scenarios.errors import ParleyError


def test_the_default_is_the_papers():
    fishery = load("fishery")
    assert (fishery.agents, fishery.months, fishery.stock, fishery.capacity, fishery.collapse) == (
        5,
        12,
        100,
        100,
        5,
    )
    assert (fishery.regrowth.kind, fishery.regrowth.rate) == ("deterministic", 2.0)
    assert fishery.regrowth.rates == (1.5, 2.5)
    assert fishery.contingencies.chance == 0
    assert fishery == Commons(
        **{k: getattr(fishery, k) for k in ("name", "title", "says", "reason", "source")}
    )


def test_settings_are_typed_and_say_what_they_set():
    spec = (
        "fishery, agents=6,months=24,regrowth=stochastic,rates=1.2/2.8,contingencies=0.3,hidden=0.5,world=7"
    )
    commons = load(spec + ",kinds=drought/poacher")
    assert (commons.agents, commons.months, commons.world) == (6, 24, 7)
    assert (commons.regrowth.kind, commons.regrowth.rates) == ("stochastic", (1.2, 2.8))
    assert (commons.contingencies.chance, commons.contingencies.hidden) == (0.3, 0.5)
    assert commons.contingencies.kinds == ("drought", "poacher")
    assert load("fishery,capacity=60").stock == 60
    assert load("fishery,capacity=60,stock=30").stock == 30


@pytest.mark.parametrize(
    "spec, says",
    [
        ("fishry", "did you mean fishery"),
        ("fishery,agent=6", "did you mean agents"),
        ("fishery,agents", "no setting 'agents'"),
        ("fishery,agents=six", "give a whole number"),
        ("fishery,hidden=yes", "give a number"),
        ("fishery,agents=6,agents=7", "stands twice"),
        ("fishery,agents=13", "agents: 13 is not at most 12"),
        ("fishery,stock=200", "above the capacity"),
        ("fishery,regrowth=random", "regrowth.kind"),
        ("fishery,kinds=drouht", "drouht"),
        ("fishery,kinds=drought/drought", "name each once"),
        ("groundwater,falls=90", "not above falls"),
        ("groundwater,capacity=60", "recovers"),
        ("ward-shifts,world=-1", "not at least 0"),
        ("fishery,rates=1.5/x", "set apart by /"),
        ("fishery,contingencies=nan", "contingencies.chance"),
        ("nowhere/x.yaml", "no such file"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(spec: str, says: str):
    with pytest.raises(ParleyError) as refused:
        load(spec)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_request_names_no_files(tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\ntitle: Mine\nagents: 3\n", encoding="utf-8")
    assert load(f"{path},months=4").months == 4
    with pytest.raises(ParleyError, match="files are not read here"):
        load(str(path), files=False)
    assert load("fishery,world=3", files=False).world == 3


@pytest.mark.parametrize(
    "text, says",
    [
        ("name: mine\ntitle: M\nagnts: 3\n", "did you mean 'agents'"),
        ("name: mine\ntitle: M\nworths: [0, 1, 3]\ncapacity: 2\nstock: 2\ncollapse: 1\n", "adds at most"),
        ("name: mine\ntitle: M\nworths: [0, 1]\n", "give 101"),
        (
            "name: mine\ntitle: M\nneed: {ward: staffing-strik, resource: nursing_hours}\n",
            "did you mean staffing-strike",
        ),
        ("name: mine\ntitle: M\nneed: {ward: staffing-strike, resource: beds}\n", "has no 'beds'"),
        ("- 1\n", "a commons is a mapping"),
        ("name: mine\ntitle: M\nagents: yes\n", "true or false where a number belongs"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path: Path, text: str, says: str):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParleyError) as refused:
        load(str(path))
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_need_reads_no_file_that_a_request_names(tmp_path: Path):
    """A ward named inside a commons is a ward of the catalogue: else a request could read any file."""
    path = tmp_path / "ward.yaml"
    path.write_text("name: w\n", encoding="utf-8")
    data = {"name": "m", "title": "M", "need": {"ward": str(path), "resource": "nursing_hours"}}
    with pytest.raises(ParleyError, match="files are not read here"):
        parse_commons(data, "commons")


def test_the_catalogue_covers_each_kind_of_regrowth_and_both_payoffs():
    every = catalogue().values()
    assert names() == sorted(names())
    assert {c.regrowth.kind for c in every} == {"deterministic", "stochastic", "hysteresis"}
    assert any(c.need for c in every)
    assert any(c.contingencies.chance for c in every)
    assert "properties" in schema()


def test_rules_do_not_depend_on_world_or_words():
    one, other = load("fishery,world=1"), load("fishery,world=2").model_copy(update={"says": "Else."})
    assert one.rules == other.rules
    assert hash(one.rules) == hash(other.rules)
    assert load("fishery,months=11").rules != one.rules
