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


def test_a_thing_is_found_by_name_or_full_name(known):
    """The first version has the plain name, later ones say so; a plain name finds the latest where no first is."""
    assert [*known] == ["red", "blue@3"]
    assert known["blue"] == known["blue@3"] == "#00f"
    known.add("blue", "#009", version=12)
    assert (known.full("blue"), known["blue@3"]) == ("blue@12", "#00f")
    known.add("red", "#900", version=2)
    assert known.full("red") == "red"
    assert "blue" in known
    assert "green" not in known


def test_what_is_unknown_is_refused_with_the_nearest(known):
    """The error names the sort of thing, the nearest name, all that is there, and the next step."""
    with pytest.raises(DesignError, match=r"unknown colour 'rad'; did you mean red\? Known: red, blue@3\. Next: "):
        known["rad"]
    known.remove("red")
    with pytest.raises(DesignError, match="unknown colour 'red'"):
        known["red"]


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
