"""Records as a run would write them, everything that a store holds, and ways to spoil a record."""

import json
from dataclasses import replace

import numpy as np

from harness.data._tasks import DIGITS
from harness.networks._network import mlp
from harness.networks._recipe import Adam, Recipe
from harness.population._population import Computed, Member, MemberResult, Population, Program, Row
from harness.store._store import Store, check_records
from harness.streams import Replicate

NETWORK = mlp(64, 10)
SIZE = NETWORK.flat_size
UNITS = ("aa/7/0", "aa/7/1")


def work(generation=0):
    """A population of two members, and what it might have come to: one of them diverged, with a mask."""
    rng = np.random.default_rng(generation)
    program = Program(NETWORK, DIGITS, Recipe(optimiser=Adam(1e-3), steps=10, batch=60))
    members = tuple(Member(unit, Replicate(7, i), 0, np.zeros(SIZE, np.float32)) for i, unit in enumerate(UNITS))
    members = (members[0], replace(members[1], ins=(("bb@end", "0123456789abcdef"),)))
    results = tuple(
        MemberResult(
            unit,
            (Row("validation_loss", 5, float("nan") if i else 0.25), Row("test_accuracy", 10, 0.5 + generation / 100)),
            {"end": rng.standard_normal(SIZE).astype(np.float32), "mask": rng.random(SIZE) < 0.3},
            diverged=i == 1,
        )
        for i, unit in enumerate(UNITS)
    )
    return Population(program, members), Computed(results, 1.25, "cpu", {"numpy": np.__version__}, {"threads": "1"})


def fill(path, *generations):
    """Add a record for each generation; returns their names."""
    with Store(path).writing() as writer:
        return [writer.add(*work(generation), {"kind": "test"}) for generation in generations]


def contents(path):
    """Every stored number, and that all of a record stands a thorough check."""
    store = Store(path)
    assert list(check_records(store)) == []
    return {
        unit: (repr(store.rows(entry)), store.array(entry, "end", SIZE).tobytes(), entry.ins, entry.outs)
        for unit, entry in store.entries.items()
    }


def truncate(record):
    """Cut the end off a record's rows."""
    file = record / "rows.parquet"
    file.write_bytes(file.read_bytes()[:-100])


def rewrite(**changed):
    """Return what writes other values into a record's JSON."""

    def change(record):
        file = record / "record.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changed))

    return change
