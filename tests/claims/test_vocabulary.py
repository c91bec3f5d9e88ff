"""The tables of docs/adding-a-claim.md: every example gives what they say, and every word of claims is in them."""

import inspect
import re

import pytest

import harness
from harness.data._tasks import DIGITS
from harness.design._assertions import beats
from harness.design._claim import Paper
from harness.design._metrics import METRICS, OF_LAYERS, metric
from harness.errors import HarnessError
from harness.expression import CRITERIA, Scope, Split, measures
from harness.expression._learning import Grow
from harness.expression._nodes import Learn
from harness.expression._salience import Salience
from harness.networks._recipe import NUMERICS
from harness.streams import STREAMS
from tests.cli.test_example import PAGE

VOCABULARY = PAGE[PAGE.index("## Vocabulary") :]
CODE = re.compile(r"`([^`]+)`")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in VOCABULARY.splitlines()
    if line.startswith("| ") and not re.match(r"\| (word|metric|---) \|", line)
]
WORDS = [row for row in ROWS if len(row) == 3]
INDEX = re.findall(r"^\| (.+?) \| `(.+)` \| (.+ \d{4}) \|$", PAGE[: PAGE.index("## Vocabulary")], re.MULTILINE)
FIELD = [
    "SNIP",
    "GraSP",
    "SynFlow",
    "SET",
    "RigL",
    "ERK",
    "IteRand",
    "Smallify",
    "edge-popup",
    "knowledge distillation",
    "double descent",
    "early-bird",
    "N:M",
    "calibration",
    "label noise",
    "weight rewinding",
    "learning-rate rewinding",
    "fine-tuning",
    "linear mode connectivity",
]
METRIC_ROWS = {CODE.search(row[0])[1].strip('"'): row for row in ROWS if len(row) == 4}

NOT_WRITTEN = {("Recipe", "version"): "raised by the engine, when it changes what an old recipe means"}
NEVER_OTHER = {
    "split",
    "init",
    "mask",
    "reinit",
    "labels",
    "pixels",
}  # streams of which a training has no draws of its own
CLASSES = {"paper": Paper}  # whose fields a function takes by name


@pytest.fixture(scope="module")
def names():
    """What the page's examples can use: all of `harness`, and what the page's own code has made."""
    given = {"__name__": "the page"}
    exec("from harness import *", given)
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(code, given)
    return given


def outcome(code, names):
    """What an expression gives, as Python prints it, or why it is refused; and whether it is."""
    try:
        return repr(eval(code, names)), False
    except (HarnessError, TypeError) as error:
        return str(error), True


@pytest.mark.parametrize("row", WORDS, ids=lambda row: row[2])
def test_every_example_gives_what_the_page_says(names, row):
    """The example's value is printed so, or it is refused with an error that says so; without either it is taken."""
    word, _, example = row
    if example == "as above":
        assert f"{CODE.search(word)[1].partition('(')[0]}(\n" in PAGE
        return
    code, expected = re.fullmatch(r"`([^`]+)`(?: → `([^`]+)`)?", example).groups()
    given, refused = outcome(code, names)
    if expected is None:
        assert not refused, given
    elif refused:
        assert expected in given
    else:
        assert given == expected


@pytest.mark.parametrize("name", METRIC_ROWS)
def test_every_metric_is_measured_by_its_arm(names, name):
    """The arm measures what the metric is made of, and the bounds are those of a part on digits that reads it."""
    _, _, bounds, arm = METRIC_ROWS[name]
    assert measures(eval(CODE.fullmatch(arm)[1], names), metric(name).source)
    sesoi, margin = metric(name).bounds or (DIGITS.sesoi_pp, DIGITS.margin_pp)
    assert beats("a", "b", on=DIGITS, metric=name).bound == sesoi
    assert bounds == f"{sesoi}, {margin} {metric(name).unit}"


def test_every_public_name_is_in_the_tables():
    """What `harness` exports is a word of the first column or a type of the last line."""
    explained = {name for row in WORDS for code in CODE.findall(row[0]) for name in re.findall(r"^\w+", code)}
    *_, annotations = VOCABULARY.strip().splitlines()
    explained |= set(CODE.findall(annotations))
    assert set(harness.__all__) - explained == set()


def test_every_value_is_in_the_tables():
    """Members of the enumerations by name, scopes, rules, splits, numerics and streams as text, and all metrics."""
    members = [harness.Init, harness.Scaling, harness.Augment, harness.Decision, harness.Scale]
    written = {f"`{member.name}`" for each in members for member in each}
    written |= {f'"{value}"' for value in (*Scope, *CRITERIA, *Split, *NUMERICS)}
    written |= {f"`{stream}`" for stream in STREAMS if stream not in NEVER_OTHER}
    assert {word for word in written if word not in VOCABULARY} == set()
    assert METRIC_ROWS.keys() == METRICS.keys() | {f"{kind}/fc1" for kind in OF_LAYERS}


@pytest.mark.parametrize(("name", "code"), [row[:2] for row in INDEX], ids=[row[0] for row in INDEX])
def test_every_name_of_the_field_is_said_so(names, name, code):
    """What the index gives for a published method is taken."""
    given, refused = outcome(code, names)
    assert not refused, given


def test_what_the_field_has_names_for_is_in_the_index():
    """Published methods by name, and with them every kind of `learn=` and of saliency, and every way to rewire."""
    told = " | ".join(name for name, _, _ in INDEX)
    assert [name for name in FIELD if name not in told] == []
    codes = " ".join(code for _, code, _ in INDEX)
    kinds = [name for name in harness.__all__ if inspect.isclass(getattr(harness, name))]
    learned = [name for name in kinds if issubclass(getattr(harness, name), Learn)]
    assert len(learned) >= 6
    assert [name for name in learned if f"learn={name}(" not in codes] == []
    assert [kind for kind in (*Salience, *Grow) if f'"{kind}"' not in codes] == []


def test_every_section_is_in_the_contents():
    """The list at the head of the page links every heading but its own, in the page's order."""
    contents, _, rest = PAGE.partition("\n## ")
    headings = re.findall(r"^##+ (.+)$", f"## {rest}", re.MULTILINE)
    links = re.findall(r"\]\(#(\S+)\)", contents)
    assert links == [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def parameters(what):
    """The parameters of a function or class that a claim may write, those that are optional or named with ``=``."""
    signature = inspect.signature(CLASSES.get(what, getattr(harness, what)))
    bare = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return [
        str(each).partition(":")[0] if each.kind in bare and each.default is each.empty else f"{name}="
        for name, each in signature.parameters.items()
        if (what, name) not in NOT_WRITTEN
    ]


@pytest.mark.parametrize(
    "call", [code for row in WORDS for code in CODE.findall(row[0]) if re.match(r"\w+\(", code)], ids=str
)
def test_every_parameter_is_in_the_tables(call):
    """A call in the first column has all parameters in their order."""
    what, told = re.fullmatch(r"(\w+)\((.*)\)", call).groups()
    assert [name.strip() for name in told.split(",") if name] == parameters(what)
