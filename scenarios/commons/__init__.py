"""A commons: a pool that agents share, how it regrows and is rationed, its measures, and what is best for it."""

from scenarios.commons.commons import CALM, EVENT_KINDS, Commons, Contingencies, Need, Regrowth
from scenarios.commons.contingencies import Event, cell_of, cells, chances, event, events, hidden
from scenarios.commons.load import catalogue, load
from scenarios.commons.month import Played, lot, open_to, played
from scenarios.commons.rationing import rationed
from scenarios.commons.regrowth import regrown
from scenarios.commons.worth import worth

__all__ = [
    "CALM",
    "EVENT_KINDS",
    "Commons",
    "Contingencies",
    "Event",
    "Need",
    "Played",
    "Regrowth",
    "catalogue",
    "cell_of",
    "cells",
    "chances",
    "event",
    "events",
    "hidden",
    "load",
    "lot",
    "open_to",
    "played",
    "rationed",
    "regrown",
    "worth",
]
