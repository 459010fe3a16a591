"""Do the pages on reports hold: does a reader who types all that they say see what they say?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents import REPORT, Reader


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all of them: the study that the tutorial runs is the one that the others speak of."""
    return tmp_path_factory.mktemp("desk")


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("page", REPORT, ids=lambda page: page.stem)
def test_a_reader_who_types_all_that_a_page_says_sees_what_it_says(
    page: Path, reader: Reader, desk: Path
) -> None:
    reader.folder = desk
    reader.read(page)
