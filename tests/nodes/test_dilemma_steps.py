"""Does a step that says itself what comes next see the state as LangGraph will make it, and go there once?"""

from __future__ import annotations

from operator import add
from typing import Annotated, Any

from hypothesis import given
from hypothesis import strategies as st
from langgraph.graph import END, START, StateGraph
from langgraph.types import Overwrite, Send
from typing_extensions import TypedDict

from nodes.dilemma.state import joined
from nodes.dilemma.steps import routed, updated


class Kept(TypedDict, total=False):
    """A state with every kind of channel that dilemmas have."""

    plain: int
    grown: Annotated[list[int], add]
    notes: Annotated[list[str], joined]


UPDATES = st.fixed_dictionaries(
    {},
    optional={
        "plain": st.integers(),
        "grown": st.lists(st.integers(), max_size=3) | st.just(Overwrite([])) | st.just(Overwrite([7])),
        "notes": st.lists(st.sampled_from("abc"), max_size=3),
    },
)


@given(st.lists(UPDATES, min_size=1, max_size=4))
def test_what_a_route_is_asked_about_is_what_the_next_step_gets(updates: list[dict[str, Any]]) -> None:
    state: dict[str, Any] = {"plain": 0, "grown": [1], "notes": ["a"]}
    graph: Any = StateGraph(Kept)
    for number, update in enumerate(updates):
        graph.add_node(f"s{number}", lambda _, update=update: update)
        graph.add_edge(START if number == 0 else f"s{number - 1}", f"s{number}")
    graph.add_edge(f"s{len(updates) - 1}", END)
    ours = state
    for update in updates:
        ours = updated(Kept, ours, update)
    assert ours == graph.compile().invoke(state)


def test_the_state_that_a_step_was_given_is_left_as_it_was() -> None:
    state = {"plain": 1, "grown": [1], "notes": ["a"]}
    updated(Kept, state, {"grown": [2], "notes": ["b"]})
    assert state == {"plain": 1, "grown": [1], "notes": ["a"]}


async def test_sends_carry_the_state_with_the_update_in_it() -> None:
    seen: list[tuple[str, list[int]]] = []

    async def begin(state: Kept) -> dict[str, Any]:
        return {"grown": [2]}

    async def fan(state: Kept) -> Any:
        return [Send("end", {**state, "plain": i}) for i in range(3)]

    async def end(state: Kept) -> dict[str, Any]:
        seen.append((str(state["plain"]), state["grown"]))
        return {"notes": [str(state["plain"])]}

    graph: Any = StateGraph(Kept)
    graph.add_node("begin", routed(Kept, begin, fan), destinations=("end",), input_schema=Kept)
    graph.add_node("end", end)
    graph.add_edge(START, "begin")
    graph.add_edge("end", END)
    out = await graph.compile().ainvoke({"plain": 0, "grown": [1], "notes": []})
    assert seen == [("0", [1, 2]), ("1", [1, 2]), ("2", [1, 2])]
    assert out["notes"] == ["0", "1", "2"]


async def test_several_who_name_one_step_reach_it_once() -> None:
    ran: list[int] = []

    async def speak(state: Kept) -> dict[str, Any]:
        return {"grown": [state["plain"]]}

    async def on(state: Kept) -> Any:
        return "hear"

    async def hear(state: Kept) -> dict[str, Any]:
        ran.append(len(state["grown"]))
        return {"plain": 0}

    graph: Any = StateGraph(Kept)
    graph.add_node("speak", routed(Kept, speak, on), destinations=("hear",), input_schema=Kept)
    graph.add_node("hear", hear)
    graph.add_conditional_edges(
        START, lambda s: [Send("speak", {**s, "plain": i, "notes": []}) for i in range(4)], ["speak"]
    )
    graph.add_edge("hear", END)
    await graph.compile().ainvoke({"plain": 0, "grown": [], "notes": []})
    assert ran == [4], "once, when all four have spoken"
