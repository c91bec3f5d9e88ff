"""What a folder of claims may hold together: ids that are names of files, one figure a claim, one key a paper."""

import pytest

from harness.design._catalogue import Catalogue, claim
from harness.design._claim import Source
from harness.errors import DesignError

PAPER = 'paper(key="{key}", authors="A", title="T", venue="V", arxiv="{arxiv}")\n'
CLAIM = """
@claim("{id}", statement="s", source=Source(version="v", place="p", published="none"), predicted={{"micro": "refuted"}})
def {name}(scale): ...
"""


def folder(tmp_path, text):
    (tmp_path / "__init__.py").write_text(f"from harness import Source, claim, paper\n{text}")
    return tmp_path


@pytest.mark.parametrize(
    "id", ["paper", "paper/", "a/b/c", "../x", "paper/..", "paper/a b", "paper/\u202ea", "p/" + "a" * 300]
)
def test_an_id_is_a_paper_and_a_name(id):
    """It stands in paths, links and headings."""
    with pytest.raises(DesignError, match=r"expected paper/what-is-claimed, in letters, digits and hyphens"):
        claim(id, statement="", source=Source(version="", place="", published=""), predicted={})


def test_two_claims_have_two_figures(tmp_path):
    """Ids that differ, and become one file's name, are refused with both files."""
    both = CLAIM.format(id="paper-a/b", name="one") + CLAIM.format(id="paper/a-b", name="other")
    with pytest.raises(DesignError, match="two claims are called paper-a/b and paper/a-b, which have one figure: in"):
        Catalogue.load(folder(tmp_path, both))


def test_an_import_that_fails_is_told_with_its_file(tmp_path):
    """What a stranger does first: a folder that imports itself by its name, or a package that is not there."""
    claims = folder(tmp_path, "from . import study\n")
    (tmp_path / "study.py").write_text("from my_claims.nets import NET\n")
    with pytest.raises(DesignError, match=r"study\.py imports 'my_claims', which Python does not find\. Next: import"):
        Catalogue.load(claims)


def test_a_name_that_is_not_there_is_told_with_its_file_and_the_nearest(tmp_path):
    """A misspelt word of the vocabulary is no traceback."""
    claims = folder(tmp_path, "from harness import percent_kep\n")
    with pytest.raises(DesignError, match=r"cannot import name 'percent_kep'.*; did you mean percent_kept.*\? Next: "):
        Catalogue.load(claims)


def test_a_paper_has_one_key(tmp_path):
    """A second key would make a second family of tests, at the full level."""
    both = PAPER.format(key="one", arxiv="1803.03635") + PAPER.format(key="other", arxiv="1803.03635")
    with pytest.raises(DesignError, match=r"papers one and other have one arXiv number, 1803\.03635"):
        Catalogue.load(folder(tmp_path, both))
    Catalogue.load(folder(tmp_path, PAPER.format(key="one", arxiv="") + PAPER.format(key="other", arxiv="")))


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("x = 1\ny = (\n", 2, "SyntaxError: '\\(' was never closed"),
        ("\n\nz = nothing\n", 3, "NameError: name 'nothing'"),
    ],
)
def test_a_broken_file_is_told_with_its_line(tmp_path, text, line, told):
    """Whatever it dies of: every command reads all files of the folder."""
    claims = folder(tmp_path, "from . import study\n")
    (tmp_path / "study.py").write_text(text)
    with pytest.raises(DesignError, match=rf"study\.py:{line}: {told}.*\. Next: correct the file, or move it out of "):
        Catalogue.load(claims)
