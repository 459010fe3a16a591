"""How the mediator settles a round: the bargain it is given, and the merge rules in one registry."""
