# SPDX-License-Identifier: BSD-2-Clause
"""Users read the field's language: archived, not put away; killed, not ended."""

import ast
import io
import re
import tokenize
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
    r"broke off|breaks off": "was, or is, interrupted",
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


# The same of what users see alone: pages for them, and texts of the software that are no comments.
AVOIDED_TO_USERS = {
    r"\banew\b": "again, or re-create, restart, replace ...",
    r"\blet(s|ting)? go of\b": "release, deactivate",
    r"\bonce more\b": "again",
    r"for all (it|he) knows": "as far as it knows",
    r"devices that are there": "existing devices",
    r"take(s)? itself for": "believes that it is",
    r"^The same,": "what it is; a reader may begin here",
    r"(?<!here )\bis no (file|directory|device|image|node|program|range|pool|volume|disk)\b": "is not a",
    r"\bis no (candidate|error|proof)\b": "is not a, is not an",
}


def said_to_users():
    for path in ROOT.glob("src/ganeti/**/*.py"):
        tree = ast.parse(path.read_text())
        first = [node.body[0] for node in ast.walk(tree) if isinstance(getattr(node, "body", None), list) and node.body]
        docstrings = {id(node.value) for node in first if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                yield path, node.value
    yield from pages((ROOT / "docs/user").glob("*.md"))


def pages(docs):
    for page in [*docs, ROOT / "README.md"]:
        yield page, page.read_text().replace("# Ganeti, anew", "")


def found(avoided, texts):
    return "\n".join(
        f"{path.relative_to(ROOT)}: {match[0]}: write '{better}' instead"
        for path, text in texts
        for word, better in avoided.items()
        for match in re.finditer(word, text, re.MULTILINE)
    )


def test_what_users_read_has_no_words_of_our_own_making():
    assert found(AVOIDED_TO_USERS, said_to_users()) == ""


# The same of what developers read: docstrings, comments and all pages; names in code may have them.
AVOIDED_IN_PROSE = {
    r"\b(on|of) paper\b": "simulated",
    r"\bin words\b": "as text",
    r"(?<!`)\banew\b(?!`)": "again, or re-create, restart, replace ...",
    r"\blet(s|ting)? go of\b": "release, close, detach from",
    r"\bcame to grief\b": "failed",
    r"\bone a (file|line)\b|\b(a|one) (line|row|file|entry|column|piece) an? \w+|a line each": "per line ...",
    r"\btak(e|es|en|ing) away\b": "remove",
    r"\bnobody knows\b": "it is unknown",
    r"\btaken to be\b": "counts as, is assumed to be",
}


def prose():
    for path in ROOT.glob("src/ganeti/**/*.py"):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, ast.get_docstring(node) or ""
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield path, token.string
    yield from pages((ROOT / "docs").rglob("*.md"))


def test_what_developers_read_has_no_words_of_our_own_making():
    assert found(AVOIDED_IN_PROSE, prose()) == ""
