# SPDX-License-Identifier: BSD-2-Clause
"""Users read the field's language: archived, not put away; killed, not ended."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXTS = [
    *ROOT.glob("src/ganeti/**/*.py"),
    *(ROOT / "docs").rglob("*.md"),
    ROOT / "README.md",
]
# What was once written, and what administrators say.
AVOIDED = {
    r"put(ting)? away": "archive",
    r"put(ting)? (it |them |that )?in order": "clean up",
    r"broke off": "was interrupted",
    r"(was|were) ended": "was killed",
    r"in a way nobody": "unexpectedly",
    r"all the same[,.;\"]": "anyway",
    r"[Tt]he same by UUID": "UUID of what",
    r"pass(ed|es)? over": "ignored, or skipped",
    r"of its own accord": "by itself",
    r"good for (one|this|that|[0-9`])": "valid for",
    r"tak(e|es|en|ing) [^.,:]{1,40} for (offline|zero|dead)": "treated as",
    r"unless told otherwise": "by default",
    r"nothing (is|was) begun": "nothing is started",
    r"what comes of it": "the results",
    r"stands? in for": "replaces, is used instead",
    r"ganeti\.bootstrap\.\w+`": "what it does; users know no modules",
}


@pytest.mark.parametrize("avoided", AVOIDED)
def test_words_of_our_own_making_are_not_used(avoided):
    pattern = re.compile(avoided)
    found = [f"{path.relative_to(ROOT)}: {m[0]}" for path in TEXTS for m in pattern.finditer(path.read_text())]
    assert not found, f"write '{AVOIDED[avoided]}' instead"
