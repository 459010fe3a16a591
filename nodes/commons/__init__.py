"""One step of the commons: a month from harvest to regrowth, and the state its steps share."""
