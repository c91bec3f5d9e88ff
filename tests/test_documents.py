"""The documents follow the code: files that they name are there, and every room is in the table of rooms."""

import ast
import re
from pathlib import Path

import pytest

from harness.verdict._results import COLUMNS, CORRECT

ROOT = Path(__file__).parents[1]
ERRATA = ROOT / "reports" / "errata.md"
DOCUMENTS = sorted([ERRATA, *ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "changelog.d").glob("*.md")])
FOLDERS = ("harness", "tests", "claims", "docs", "reports", "benchmarks", "examples", "changelog.d", ".github")
PATH = re.compile(rf"`((?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*)`")
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(?:#([^)]+))?\)")
MADE_LATER = {"claims/example2026/", "reports/scratch/", "reports/baselines/history/", "claims/PAPER/"}


def anchors(document):
    """The places in a document that a link can name, as GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_a_document_names_are_there(document):
    """A path in backticks exists from the project's folder; it is not that of a file that moved."""
    named = [path for path in PATH.findall(document.read_text()) if not path.startswith(tuple(MADE_LATER))]
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    """A relative link leads to a file, and to a heading of it where it names one."""
    for path, anchor in LINK.findall(document.read_text()):
        target = document.parent / path
        assert target.exists(), path
        if anchor and target.name != "report.md":  # whose anchors are written as such
            assert anchor in anchors(target), f"{path}#{anchor}"


def test_errata_follow_as_they_say():
    """What is said to follow from a paper's definitions is computed from them, beside the harness's own count."""
    (code,) = re.findall(r"```python\n(.*?)```", ERRATA.read_text(), re.DOTALL)
    assert code.count("assert ") == 2
    exec(compile(code, ERRATA.name, "exec"), {})


def test_every_room_is_in_the_table():
    """The table of rooms has each package of the harness, and nothing that is none."""
    page = (ROOT / "docs" / "design.md").read_text()
    table = page[page.index("| room |") :].partition("\n\n")[0]
    told = {name for line in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split(" | ")[0])}
    rooms = {path.parent.name for path in (ROOT / "harness").glob("*/__init__.py")}
    assert told == rooms | {"streams", "errors", "as_json", "extensions", "sources"}


def test_the_tests_of_a_module_are_found_by_its_name():
    """A private module has a test file of its name in its room, or the docstring of the file that tests it names it."""
    private = [path.relative_to(ROOT / "harness") for path in (ROOT / "harness").glob("*/_[!_]*.py")]
    own = [path for path in private if (ROOT / "tests" / path.parent / f"test{path.name}").is_file()]
    opened = [ast.get_docstring(ast.parse(file.read_text())) for file in (ROOT / "tests").glob("**/test_*.py")]
    named = re.findall(r"`(\w+\._\w+)`", " ".join(opened))
    assert sorted(named) == sorted(f"{path.parent}.{path.stem}" for path in private if path not in own)


def test_every_column_of_results_is_explained():
    """In the order of the file, the one that not every file has last."""
    page = (ROOT / "docs" / "your-own-paper.md").read_text()
    table = page[page.index("| column |") :].partition("\n\n")[0]
    told = [name for line in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split(" | ")[0])]
    assert told == [*COLUMNS, CORRECT]
