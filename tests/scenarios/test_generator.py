"""Does the generator draw wards by its published model: sizes, scarcity, divisibility, correlation, determinism?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.errors import ParleyError
from scenarios.generator import generate
from scenarios.ward import Ward

PARAMETERS = st.fixed_dictionaries(
    {
        "n": st.integers(2, 30),
        "scarcity": st.floats(0, 0.95),
        "divisible": st.floats(0, 1),
        "correlation": st.floats(-1, 1),
        "resources": st.integers(1, 6),
    }
)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), PARAMETERS)
def test_any_parameters_give_a_valid_ward_the_same_each_time(seed: int, parameters: dict[str, Any]) -> None:
    ward = generate(seed, **parameters)
    assert Ward.model_validate(ward.model_dump()) == generate(seed, **parameters)
    assert len(ward.patients) == parameters["n"]
    assert len(ward.resources) == parameters["resources"]
    divisible = sum(r.divisible for r in ward.resources.values())
    assert divisible == math.floor(parameters["divisible"] * parameters["resources"] + 0.5)
    assert ward.arrays.counted.all()
    assert (ward.arrays.demand.sum(axis=0) > 0).all()
    assert all(p.survival_gain >= 0 for p in ward.patients)
    assert all(
        len(set(ward.groups(attribute))) > 1 for attribute in ("sex", "age_group", "insurance", "disability")
    )


def test_another_seed_or_parameter_gives_another_ward_and_name() -> None:
    wards = [
        generate(1), generate(2), generate(1, scarcity=0.4), generate(1, correlation=-0.5), generate(1, resources=3)
    ]  # fmt: skip
    assert len({w.name for w in wards}) == 5
    assert len({w.model_copy(update={"name": "x", "title": "x"}).model_dump_json() for w in wards}) == 5


@pytest.mark.parametrize("scarcity", [0.2, 0.5, 0.8])
def test_capacity_is_the_stated_share_of_demand_on_average(scarcity: float) -> None:
    divisible, whole = [], []
    for seed in range(150):
        a = generate(seed, scarcity=scarcity, n=10).arrays
        share = a.capacity / a.demand.sum(axis=0)
        divisible.append(share[0])
        whole.append(share[1])
    assert np.allclose(divisible, 1 - scarcity, atol=1e-3)
    assert abs(np.mean(whole) - (1 - scarcity)) < 4 * np.std(whole) / math.sqrt(150)


def disfavoured_against_acuity(correlation: float) -> float:
    """Mean over wards of the correlation of belonging to the minority with acuity."""
    found = []
    for seed in range(25):
        ward = generate(seed, n=30, correlation=correlation)
        minority = np.array([g == "minority" for g in ward.groups("ethnicity")], dtype=float)
        found.append(np.corrcoef(minority, ward.arrays.acuity)[0, 1])
    return float(np.mean(found))


def test_correlation_sets_how_far_group_follows_severity() -> None:
    measured = [disfavoured_against_acuity(c) for c in (-1, -0.5, 0, 0.5, 1)]
    assert measured == sorted(measured)
    assert measured[0] < -0.6
    assert abs(measured[2]) < 0.1
    assert measured[4] > 0.6


def test_scores_and_chances_follow_the_latent_severity() -> None:
    patients = [p for seed in range(40) for p in generate(seed).patients]
    scores = np.array([[p.sofa or 0, p.news2 or 0, p.survival_without_care] for p in patients], dtype=float)
    correlation = np.corrcoef(scores.T)
    assert correlation[0, 1] > 0.7
    assert correlation[0, 2] < -0.7
    assert scores[:, 0].min() <= 2
    assert scores[:, 0].max() >= 12


def test_some_hold_care_already_and_never_more_than_there_is() -> None:
    wards = [generate(seed, scarcity=0.9) for seed in range(30)]
    assert any(p.holds for w in wards for p in w.patients)
    for ward in wards:
        assert (ward.arrays.holds.sum(axis=0) <= ward.arrays.capacity + 1e-9).all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"n": 1}, "n is 1; give a whole number from 2 to 200"),
        ({"n": 2.5}, "n is 2.5; give a whole number"),
        ({"n": True}, "n is True"),
        ({"scarcity": 1.0}, "scarcity is 1.0; give a number from 0 to 0.95"),
        ({"scarcity": math.nan}, "scarcity is nan"),
        ({"scarcity": "half"}, "scarcity is 'half'"),
        ({"divisible": -0.1}, "divisible is -0.1"),
        ({"correlation": 1.5}, "correlation is 1.5; give a number from -1 to 1"),
        ({"resources": 7}, "resources is 7; give a whole number from 1 to 6"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**40}, "seed is 1099511627776"),
    ],
)
def test_an_argument_out_of_range_is_named_with_its_range(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ParleyError) as error:
        generate(**({"seed": 1} | arguments))
    assert str(error.value).startswith(f"generated: {says}")
