"""Things that can be added from outside are found by name and version."""

import pytest

from harness.errors import DesignError
from harness.extensions import Extensions


@pytest.fixture
def known():
    """Two things, one of which is in its third version."""
    made = Extensions("colour")
    made.add("red", "#f00")
    made.add("blue", "#00f", version=3)
    return made


def test_a_full_name_finds_exactly_its_version(known):
    """The first version has the plain name, later ones say so; nothing is taken for another version of it."""
    assert [*known] == ["red", "blue@3"]
    assert (known["red"], known["blue@3"]) == ("#f00", "#00f")
    with pytest.raises(DesignError, match=r"unknown colour 'blue', of which blue@3 is registered\..*Next: "):
        known["blue"]


def test_a_plain_name_means_the_latest_version(known):
    """Whoever writes a name without a version gets the newest; a full name stays what it is."""
    known.add("blue", "#009", version=12)
    known.add("red", "#900", version=2)
    assert [known.latest(name) for name in ("blue", "red", "blue@3")] == ["blue@12", "red@2", "blue@3"]


def test_what_is_unknown_is_refused_with_the_nearest(known):
    """The error names the sort of thing, the nearest name, all that is there, and the next step."""
    for wanted in (known.__getitem__, lambda name: known[known.latest(name)]):
        with pytest.raises(DesignError, match=r"unknown colour 'rad'; did you mean red\? Known: red, blue@3\. Next: "):
            wanted("rad")
    with pytest.raises(DesignError, match="unknown colour 'red@2', of which red is registered"):
        known.latest("red@2")
    with pytest.raises(DesignError, match="give it a name without @"):
        known.add("red@2", "#900")


def test_a_name_and_version_is_used_once(known):
    """The same thing may be added again, as when a module is loaded again; another may not."""
    known.add("red", "#f00")
    with pytest.raises(DesignError, match=r"'red' is twice a colour: '#f00' and '#f01'\. Next: give one another name"):
        known.add("red", "#f01")


def test_functions_are_told_by_where_they_are_defined():
    """A function made again by loading its module is the same one; a function of another name is another."""
    found = Extensions("function")

    def again():
        def made():
            """Return nothing."""

        return made

    found.add("made", again())
    found.add("made", again())
    with pytest.raises(DesignError, match="is twice a function"):
        found.add("made", test_functions_are_told_by_where_they_are_defined)
