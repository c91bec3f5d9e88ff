"""What claim authors call is documented: arguments, results, errors, and examples that give what they say."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re

import pytest

import harness

LIGHT = ("data", "design", "expression", "networks", "population", "stats", "store", "verdict")  # need no torch
SHOWN_ROOMS = ("harness.data", "harness.design", "harness.networks")  # other classes are what functions give
MODULES = ["harness.errors", "harness.streams"] + [
    found.name
    for room in LIGHT
    for found in pkgutil.walk_packages(importlib.import_module(f"harness.{room}").__path__, f"harness.{room}.")
]
WORDS = {name: inspect.unwrap(made) for name in harness.__all__ if callable(made := getattr(harness, name))}
CALLED = [name for name, made in WORDS.items() if inspect.isfunction(made)]
SHOWN = [name for name, made in WORDS.items() if name in CALLED or made.__module__.startswith(SHOWN_ROOMS)]


@pytest.mark.parametrize("name", MODULES)
def test_every_example_gives_what_it_says(name):
    """Examples of a module's docstrings run as they are written."""
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("name", CALLED)
def test_what_claims_call_says_what_it_takes_and_gives(name):
    """Each parameter has a line under Args, in the order of the signature; Returns says what comes back."""
    function = WORDS[name]
    text = inspect.getdoc(function)
    taken = list(inspect.signature(function).parameters)
    section = re.search(r"^Args:\n((?: .*\n)+)", text, re.MULTILINE)
    told = re.findall(r"^ {4}\*{0,2}(\w+): \S", section[1], re.MULTILINE) if section else []
    assert told == taken
    assert (
        re.search(r"^Returns:\n {4}\S", text, re.MULTILINE) or inspect.signature(function).return_annotation == "None"
    )


@pytest.mark.parametrize("name", CALLED)
def test_what_claims_call_says_what_it_refuses(name):
    """A function that raises by itself has Raises."""
    function = WORDS[name]
    raised = [node for node in ast.walk(ast.parse(inspect.getsource(function))) if isinstance(node, ast.Raise)]
    assert not raised or re.search(r"^Raises:\n {4}DesignError: \S", inspect.getdoc(function), re.MULTILINE)


@pytest.mark.parametrize("name", SHOWN)
def test_every_word_has_an_example(name):
    """Functions and classes that claims are written with show how."""
    examples = doctest.DocTestFinder(recurse=False).find(WORDS[name], name)
    assert any(found.examples for found in examples)
