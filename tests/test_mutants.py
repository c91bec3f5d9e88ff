"""The table of mutants fits the code: every row breaks a line that is there, and names tests that exist."""

import ast
from collections import Counter
from functools import cache

import pytest

from tests.mutants import MUTANTS
from tests.mutation import ROOT, MovedError, Mutant, by_file, located, mutate, select, verdict

SOURCE = '''
LEAST = 5


def outside(x):
    """Say x + 1."""
    return x + 1


class Box:
    def outside(self, x):
        return x + 1
'''


def mutant(function="Box.outside", before="x + 1", after="x - 1", tests="test_box"):
    return Mutant(f"box.{function}", before, after, tests)


@cache
def defined(file):
    """The tests that a file defines."""
    return {node.name for node in ast.parse((ROOT / file).read_text()).body if isinstance(node, ast.FunctionDef)}


@cache
def dumped(source):
    """What the parser makes of a source, which rows of one file share where it is whole."""
    return ast.dump(ast.parse(source))


def test_every_row_breaks_a_line_that_is_there():
    """Each row's text stands once in its function, no row is there twice, and what becomes of it still compiles."""
    assert len(MUTANTS) >= 30
    assert [m for m, count in Counter(MUTANTS).items() if count > 1] == []
    for m in MUTANTS:
        assert dumped(mutate((ROOT / m.file).read_text(), m)) != dumped((ROOT / m.file).read_text()), m.name


def test_every_row_names_tests_that_exist():
    """A test that was renamed or removed can notice nothing."""
    named = {test for m in MUTANTS for test in m.given()}
    missing = [
        test
        for test in sorted(named)
        for file, _, function in [test.partition("::")]
        if function and function.partition("[")[0] not in defined(file)
    ]
    assert missing == []
    assert all(m.tests.split() for m in MUTANTS)


@pytest.mark.parametrize(
    ("function", "before", "after", "expected"),
    [
        ("Box.outside", "x + 1", "x - 1", SOURCE[::-1].replace("1 + x", "1 - x", 1)[::-1]),
        ("outside", "return x + 1", "return x", SOURCE.replace("return x + 1", "return x", 1)),
        ("LEAST", "5", "4", SOURCE.replace("5", "4")),
    ],
)
def test_only_the_named_function_is_broken(function, before, after, expected):
    """Of several places with the same text the one in the named function, method or constant changes."""
    assert mutate(SOURCE, mutant(function, before, after)) == expected


@pytest.mark.parametrize(
    ("function", "before", "message"),
    [
        ("Box.outside", "x + 2", r"box.Box.outside: 'x \+ 2' stands there 0 times.*The line moved: update"),
        ("outside", "x + 1", "stands there 2 times, expected was once"),  # the docstring says it too
        ("Box.inside", "x + 1", "box.Box.inside: defined 0 times: update the table"),
    ],
)
def test_a_row_that_fits_no_more_is_named(function, before, message):
    """A line that moved or is no longer the only one stops the run, which would show nothing."""
    with pytest.raises(MovedError, match=message):
        mutate(SOURCE, mutant(function, before))


@pytest.mark.parametrize(
    ("status", "output", "expected"),
    [
        (0, "1 passed", ("", "survived")),
        (
            1,
            "...F\nFAILED tests/test_box.py::test_it[a, b] - assert 1 == 2\n",
            ("tests/test_box.py::test_it[a, b]", ""),
        ),
        (1, "E\nERROR tests/test_box.py::test_it\n", ("tests/test_box.py::test_it", "")),
        (2, "ERROR tests/test_box.py - NameError\n", ("", "shows nothing: pytest ended with status 2")),
        (5, "no tests ran", ("", "shows nothing: pytest ended with status 5")),
        (None, "", ("timeout after 120 s", "")),
    ],
)
def test_only_a_test_that_fails_or_hangs_kills(status, output, expected):
    """Files that cannot be imported and runs that collect nothing are no evidence, however the mutant came about."""
    assert verdict(status, output) == expected


def test_a_name_finds_its_file():
    """A module is found wherever it lies, and so is a file of tests; what is not there, or twice, is named."""
    assert Mutant("paired.t_power", "", "", "").file.as_posix() == "harness/stats/_paired.py"
    assert Mutant("streams.word", "", "", "").file.as_posix() == "harness/streams.py"
    assert located("test_paired::test_it[a]") == "tests/stats/test_paired.py::test_it[a]"
    with pytest.raises(MovedError, match=r"_box.py or box.py is none below harness/: update the table"):
        _ = mutant().file
    with pytest.raises(MovedError, match=r"__init__.py is .*harness/compute/__init__.py, .* below harness/"):
        _ = Mutant("__init__.x", "", "", "").file


def test_mutants_are_chosen_by_module_class_or_function():
    """A name takes all that it contains, no other name that begins alike, and an unknown one is refused."""
    table = tuple(mutant(function) for function in ("Box.outside", "Box.inside", "Boxes.outside"))
    assert select(table, []) == select(table, ["box"]) == list(table)
    assert select(table, ["box.Box"]) == list(table[:2])
    assert select(table, ["box.Box.inside", "box.Boxes"]) == list(table[1:])
    with pytest.raises(MovedError, match=r"no mutant is called 'ox'; there are box.Box.inside, box.Box.outside"):
        select(table, ["box", "ox"])


def test_tests_run_unbroken_once_each():
    """Those of one file together; a file that is named whole stands for all its tests."""
    rows = [mutant(tests="a.py::x b.py::y"), mutant(tests="a.py::z a.py::x"), mutant(tests="b.py")]
    assert by_file(rows) == [["a.py::x", "a.py::z"], ["b.py"]]
