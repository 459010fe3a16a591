"""Do the pages of studies hold: does a reader who types all that they say see what they say?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents import STUDYING, Reader


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("page", STUDYING, ids=lambda page: page.stem)
def test_a_reader_who_types_all_that_a_page_says_sees_what_it_says(
    page: Path, reader: Reader, tmp_path: Path
) -> None:
    reader.folder = tmp_path
    reader.read(page)
