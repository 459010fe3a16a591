"""How are other people's words shown to a model: as data, in a block that nothing inside can close."""

from __future__ import annotations

import hashlib
import re
import unicodedata

NEWLINES = re.compile(r"\r\n?|[\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")
CONTROL_TOKEN = re.compile(r"\[(/?[A-Z_]{3,})\]")
"""Role markers of chat templates such as [INST] and [TOOL_CALLS], which a server may read as its own."""

ANGLES = str.maketrans(dict.fromkeys("<＜﹤", "‹") | dict.fromkeys(">＞﹥", "›"))
"""Every angle bracket, so that no delimiter, tag or `<|…|>` role token can be written inside a quotation."""

DELIMITING = re.compile(r"[<＜﹤]{2,}|[>＞﹥]{2,}|[<＜﹤](?=[|/｜])|(?<=[|｜])[>＞﹥]|[＜﹤＞﹥]")
"""Angle brackets that no comparison needs."""

UNSEEN = {"Cc", "Cf", "Co", "Cs"}
"""Unicode categories that show nothing: controls, zero-width and bidirectional marks, private use, surrogates."""


def clean(text: str, most: int) -> str:
    """The words alone, at most `most` characters: no control or invisible characters, no angle brackets."""
    text = NEWLINES.sub("\n", text[: 4 * most]).replace("\t", " ").translate(ANGLES)
    text = "".join(c for c in text if c == "\n" or unicodedata.category(c) not in UNSEEN)
    text = CONTROL_TOKEN.sub(r"(\1)", text).strip()
    return text if len(text) <= most else text[:most].rstrip() + " […]"


def visible(text: str) -> str:
    """Words of ours around names from elsewhere, with their comparisons: what `clean` takes out, but for < and >.

    Doubled brackets and those of role tokens go all the same, so that no delimiter can be written.
    """
    kept = "".join(c for c in text if c == "\n" or unicodedata.category(c) not in UNSEEN | {"Zl", "Zp"})
    return CONTROL_TOKEN.sub(r"(\1)", DELIMITING.sub(lambda found: found[0].translate(ANGLES), kept))


def compared(text: str) -> str:
    """An expression with the comparisons that `clean` took out of it where it was shown."""
    return text.translate(str.maketrans("‹›", "<>"))


def line(text: str, most: int = 200) -> str:
    """Words for one cell of a table or one label: cleaned, on one line, without the cell's own border."""
    return " ".join(clean(text, most).split()).replace("|", "/")


def quoted(label: str, text: str, most: int) -> str:
    """A block of data: a line that opens it, the words with each line marked, a line that closes it.

    The code in both lines is taken from a hash of the words, so that the words cannot hold it; and they cannot
    hold the delimiter at all, since `clean` leaves no angle bracket.
    """
    words = clean(text, most)
    label = line(label, 160)
    code = hashlib.sha256(f"{label}\n{words}".encode()).hexdigest()[:16]
    body = "\n".join(f"> {row}".rstrip() for row in words.split("\n"))
    return f"<<<DATA {code} {label}>>>\n{body}\n<<<END {code}>>>"
