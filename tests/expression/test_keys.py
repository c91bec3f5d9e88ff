"""Every stored key stays valid: the keys of all designs, those in committed files, and the names that are hashed.

``pinned_keys.json`` has, by claim and scale, how many nodes the design mentions (what is measured, and the masks,
starts and trainings that it comes from) and, by arm, a digest of their keys. Designs that are new, amended or not yet
locked are pinned with ``python -m tests.expression.test_keys``. It leaves those of locked versions as they are: a
failure there means that stored results are lost.
"""

import dataclasses
import hashlib
import json
from enum import StrEnum
from pathlib import Path

import pytest

import harness.data
import harness.expression
import harness.networks
from harness.design import VARIANTS, Registry, design_of
from harness.expression import kept
from harness.expression._keys import Keyed, _canonical
from harness.streams import STREAMS
from harness.verdict import read_results
from tests.project import ROOT, claims, designs, watched_keys

PINS = Path(__file__).parent / "pinned_keys.json"
RESULTS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "reports").rglob("results.parquet"))
BASELINES = sorted((ROOT / "reports" / "baselines").glob("*.json"))
MEND = (
    "stored results are found by this. Next: undo the change; or, where a class or field was renamed, keep the name "
    "that is hashed in harness/expression/_keys.py (CONTRIBUTING.md, names that are hashed)"
)


def held(value):
    """Return what the fields of a dataclass hold."""
    return tuple(getattr(value, field.name) for field in dataclasses.fields(value))


def mentioned(value, seen=None):
    """Return every node that a value mentions, itself included, by key: whatever its fields hold."""
    seen = {} if seen is None else seen
    if isinstance(value, Keyed):
        if value.key in seen:
            return seen
        seen[value.key] = value
    if dataclasses.is_dataclass(value):
        value = held(value)
    if isinstance(value, tuple):
        for each in value:
            mentioned(each, seen)
    return seen


def pin(claim, design):
    """Return what is pinned of a claim's design."""
    arms = {name: mentioned(tuple(points.values())) for name, points in design.points.items()}
    return {
        "version": claim.version,
        "nodes": len({key for nodes in arms.values() for key in nodes}),
        "arms": {
            name: hashlib.sha256(" ".join(sorted(nodes)).encode()).hexdigest()[:16] for name, nodes in arms.items()
        },
    }


@pytest.fixture(scope="module")
def pinned():
    """What is pinned, by claim and scale."""
    return json.loads(PINS.read_text())


def test_every_design_is_pinned(pinned):
    """Every claim at every scale, ``standard`` and ``paper`` too; together the designs mention 1,884 nodes."""
    now = {(id, scale): claims()[id].version for id, scale in designs()}
    then = {(id, scale): pin["version"] for id, scales in pinned.items() for scale, pin in scales.items()}
    assert now == then, "Next: python -m tests.expression.test_keys, after a claim was added, amended or removed"
    assert len(now) == 43
    assert len(mentioned(tuple(design.nodes for design in designs().values()))) == 1884


def test_every_key_is_as_pinned(pinned):
    """The keys of all nodes that an arm mentions are what they were; a failure names claim, scale and arm."""
    faults = []
    for (id, scale), design in designs().items():
        now, then = pin(claims()[id], design), pinned[id][scale]
        if now != then:
            arms = {*now["arms"], *then["arms"]}
            other = sorted(arm for arm in arms if now["arms"].get(arm) != then["arms"].get(arm))
            faults.append(f"{id} at {scale}: {', '.join(other)} ({then['nodes']} nodes, now {now['nodes']})")
    told = "\n".join(faults)
    assert not faults, f"arms with other keys in {len(faults)} of {len(designs())} designs: {MEND}\n{told}"


# --- what committed files name ---------------------------------------------------------------------------------------


def variant_of(file):
    return next((name for name in VARIANTS if name in Path(file).parts), "")


@pytest.mark.parametrize("file", RESULTS)
def test_committed_results_are_of_the_designs_as_they_are(file):
    """Arm by arm, a file names the nodes that the design measures, all of them and no others, by key and draw.

    So do a variant's, of the design under the variant. Claims that were amended since have other designs.
    """
    results = read_results(ROOT / file)
    columns = ["arm", "kept", "draw", "key"]
    named = results.frame[["claim", *columns]].drop_duplicates()
    rows = {id: set(frame[columns].itertuples(index=False, name=None)) for id, frame in named.groupby("claim")}
    scale, checked = results.meta.scale, 0
    for id, known in results.claims.items():
        claim = claims()[id]
        if claim.version != known.version:
            continue
        design = design_of(claim, scale, variant_of(file))
        measured = {
            (arm, kept(node), draw, node.key)
            for arm, points in design.points.items()
            for nodes in points.values()
            for draw, node in enumerate(nodes)
        }
        stored = rows.get(id, set())  # an exact claim has no rows
        other = sorted({arm for arm, *_ in measured ^ stored})
        assert not other, f"{id} at {scale}, {file}: other keys in {', '.join(other)}: {MEND}"
        assert known.digest == claim.digest(scale), f"{id} at {scale}, {file}: another digest"
        checked += 1
    assert checked, f"{file} has no claim at its present version. Next: run what was amended, or remove the file"


def test_committed_baselines_are_of_the_watched_trainings():
    """Each baseline has the key of the training of its name, and each watched training has one."""
    files = [json.loads(path.read_text()) for path in BASELINES]
    for scale in {file["scale"] for file in files}:
        now = watched_keys(scale)
        then = {file["recipe"]: file["key"] for file in files if file["scale"] == scale}
        other = sorted(name for name in {*now, *then} if now.get(name) != then.get(name))
        assert not other, f"baselines of {', '.join(other)} at {scale} are not of what is watched: {MEND}"
    assert len(files) == 9


# --- the names that are hashed -------------------------------------------------------------------------------------

INITIAL = {"key": harness.expression.Fresh().key}

# By class: its fields; ... for one without a default, which is always hashed, else the default as it would be hashed.
# fmt: off
HASHED = {
    "Training": {
        "network": ..., "task": ..., "recipe": ...,
        "mask": None, "start": INITIAL, "first_step": 0, "learn": None, "streams": [],
    },
    "Evaluation": {"network": ..., "task": ..., "weights": INITIAL, "mask": None, "split": "test"},
    "Between": {"network": ..., "task": ..., "a": ..., "b": ..., "points": 11},
    "Magnitudes": {"network": ..., "task": ..., "weights": INITIAL, "mask": None},
    "Fresh": {"stream": "init", "draw": 0},
    "Snapshot": {"training": ..., "step": ...},
    "Resampled": {"mask": ..., "start": INITIAL, "draw": 0},
    "Prune": {"source": ..., "keep": ..., "scope": "layer", "among": [], "rule": "quantile"},
    "RandomMask": {"network": ..., "keep": ..., "draw": 0},
    "LearnedMask": {"training": ...},
    "ShuffledMask": {"mask": ..., "draw": 0},
    "Scores": {"keep": ...},
    "Network": {"layers": ..., "init": "glorot-normal"},
    "Image": {"channels": ..., "height": ..., "width": ...},
    "Linear": {"name": ..., "inputs": ..., "outputs": ..., "bias": True},
    "Conv": {
        "name": ..., "inputs": ..., "outputs": ..., "kernel": 3, "stride": 1, "padding": 1, "bias": True,
    },
    "BatchNorm": {"name": ..., "features": ...},
    "Relu": {},
    "Dropout": {"rate": ...},
    "MaxPool": {"size": 2},
    "AveragePool": {},
    "Flatten": {},
    "Residual": {"body": ..., "shortcut": []},
    "Recipe": {
        "optimiser": ..., "steps": ..., "batch": ...,
        "schedule": {"is": "Constant"}, "validate_every": 100, "numerics": "float32", "version": 1,
        "l1": 0.0, "l2": 0.0,
    },
    "Adam": {"lr": ..., "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
    "SGD": {"lr": ..., "momentum": 0.0, "weight_decay": 0.0},
    "Constant": {},
    "Drops": {"at": ..., "by": 0.1},
    "Cosine": {},
    "Warmup": {"steps": ..., "then": {"is": "Constant"}},
    "Task": {
        "name": ..., "images": ..., "classes": ..., "chance": ..., "sesoi_pp": ..., "margin_pp": ...,
        "version": 1, "fixed_test": False, "source": "digits", "shape": [1, 8, 8], "train_images": 1000,
        "validation_images": 297, "test_images": 500, "scaling": "unit", "augment": "none",
        "within": [], "answers": [], "noise": "0", "mirrored": False, "permuted": False, "permutation": None,
        "digest": "",
    },
}
# fmt: on
VALUES = {
    "Scope": {"layer", "global", "unit"},
    "Split": {"test", "train", "validation"},
    "Init": {"glorot-normal", "kaiming-normal", "signed-kaiming-constant"},
    "DataSet": {"digits", "mnist", "fashion-mnist", "cifar-10", "xor", "mnist-1d", "mnist-1d-43", "mnist-5000"},
    "Scaling": {"unit", "standardised", "l2", "columns", "range"},
    "Augment": {"none", "crop-flip"},
}


def class_of(name):
    """Return the class of this name, from the front door of the room that has it."""
    rooms = (harness.expression, harness.networks, harness.data)
    found = next((getattr(room, name) for room in rooms if hasattr(room, name)), None)
    assert getattr(found, "__name__", "") == name, f"no class is called {name}: {MEND}"
    return found


def default(field):
    return ... if field.default is dataclasses.MISSING else _canonical(field.default)


@pytest.mark.parametrize("name", HASHED)
def test_classes_are_hashed_under_their_names_with_their_fields_and_defaults(name):
    """No class or field that keys hash is renamed or removed, no default changed, and a new field has a default."""
    then = HASHED[name]
    now = {field.name: default(field) for field in dataclasses.fields(class_of(name))}
    gone = sorted(then.keys() - now.keys())
    assert not gone, f"{', '.join(gone)} of {name} is gone: {MEND}"
    other = sorted(field for field in then if now[field] != then[field])
    assert not other, f"another default of {', '.join(other)} of {name}, which keys leave out: {MEND}"
    new = sorted(field for field in now.keys() - then.keys() if now[field] is ...)
    assert not new, f"{', '.join(new)} of {name} would change every key. Next: give it a neutral default, no factory"


def test_names_that_keys_hash_stay():
    """Criteria and data sets are hashed by their full names: others may be added, none renamed."""
    assert {"quantile", "std"} <= harness.expression.CRITERIA.keys(), MEND
    assert set(harness.data.DataSet) <= harness.data.SETS.keys(), MEND


@pytest.mark.parametrize("name", VALUES)
def test_values_that_keys_hash_stay(name):
    """A value of an enumeration is hashed by its text: others may be added, none renamed."""
    gone = VALUES[name] - {member.value for member in class_of(name)}
    assert not gone, f"{', '.join(sorted(gone))} of {name}: {MEND}"


def test_streams_keep_their_names():
    """A training's own draws of a stream are hashed under its name."""
    assert {"init", "order", "mask", "reinit", "scores", "split", "augment", "dropout"} <= set(STREAMS)


def classes(value):
    """Return the names of the classes and enumerations in a field of a node, those of other nodes left out."""
    if isinstance(value, tuple):
        return {name for each in value for name in classes(each)}
    if isinstance(value, StrEnum):
        return {type(value).__name__}
    if isinstance(value, Keyed) or not dataclasses.is_dataclass(value):
        return set()
    return {type(value).__name__, *classes(held(value))}


def test_no_class_that_designs_use_is_missing_here():
    """Whatever the nodes of all designs are and hold is in the tables above."""
    nodes = mentioned(tuple(design.nodes for design in designs().values())).values()
    met = {type(node).__name__ for node in nodes} | {name for node in nodes for name in classes(held(node))}
    missing = sorted(met - HASHED.keys() - VALUES.keys())
    assert not missing, f"Next: add {', '.join(missing)} to HASHED or VALUES"


if __name__ == "__main__":
    registry = Registry(ROOT / "claims" / "registry.lock")
    before = json.loads(PINS.read_text()) if PINS.is_file() else {}
    made = {}
    for (id, scale), design in designs().items():
        claim, old = claims()[id], before.get(id, {}).get(scale, {})
        locked = registry.find(claim, scale) is not None and old.get("version") == claim.version
        made.setdefault(id, {})[scale] = old if locked else pin(claim, design)
    PINS.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n")
