"""One step of a graph: who acts in it, and the state the steps share."""
