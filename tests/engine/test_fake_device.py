"""Every program on a device that is not there: all stays on it, and no more is dispatched than a table says.

torch's fake tensors know a device and a shape, and no values. The device is torch's "meta": of a GPU that is not there
autograd asks the driver. There the engine does what it does on a GPU without Triton; steps by hand are looked at in
`test_by_hand`.

    python -m tests.engine.test_fake_device > tests/engine/operators.csv
"""

import csv
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from harness.engine import _batch_norm as batch_norm
from harness.engine import _feed, _recurrent
from harness.engine import _nn as nn
from harness.engine._measuring import EarlyStop, Evaluator
from harness.engine._stack import Stack
from tests.engine.test_capture import STEPS
from tests.members import begun, population

META = torch.device("meta")
TABLE = Path(__file__).with_name("operators.csv")
COLUMNS = ("program", "what", f"operators of torch {torch.__version__.partition('+')[0]}")
NO_KERNEL = {
    "device",
    "_record_function_enter_new",
    "_record_function_exit",
    "detach",
    "alias",
    "lift_fresh",
    "_unsafe_view",
}
NO_KERNEL |= {"empty", "empty_like", "empty_strided", "new_empty"}
FAKED = {name: program for name, program in STEPS.items() if program.recipe.numerics != "bfloat16"}  # no autocast there


class Dispatched(TorchDispatchMode):
    """Counts the operators that start a kernel, all but views and rooms, and notes tensors that are elsewhere.

    An optimiser asks once, while it is made, whether a rate is negative; and torch has no fakes of those that it fuses,
    which give nothing.
    """

    def __init__(self):
        super().__init__()
        self.counts, self.elsewhere, self._compared = Counter(), [], ""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        if name == "_local_scalar_dense":
            return self._compared == "ge"
        self._compared = name
        made = None if name.startswith("_fused_") else function(*args, **(kwargs or {}))
        if not function.is_view and name not in NO_KERNEL:
            self.counts[name] += 1
        if torch.is_tensor(made) and made.device != META:
            self.elsewhere.append(name)
        return made


@contextmanager
def on_meta():
    """Let optimisers, convolutions and LSTMs do on "meta" what they do on a GPU; forget what was copied to it."""
    patch = pytest.MonkeyPatch()
    for name in [name for name in sys.modules if name.startswith(("torch.optim", "torch.utils._foreach"))]:
        for asked in ("_get_fused_kernels_supported_devices", "_get_capturable_supported_devices"):
            if hasattr(sys.modules[name], asked):
                patch.setattr(sys.modules[name], asked, lambda *given, **more: ["meta"])
    patch.setattr(torch, "is_autocast_enabled", lambda device: False)  # which knows no "meta"
    patch.setitem(nn.CONVOLUTION, "meta", nn.CONVOLUTION["cuda"])
    patch.setitem(_recurrent.RECURRENCE, "meta", _recurrent.RECURRENCE["cuda"])
    try:
        yield
    finally:
        patch.undo()
        _feed._copied.cache_clear()


def dispatched(program):
    """Return what an update, an evaluation, and an update that changes something else dispatch, of three members."""
    made, found = population(program, range(3), until=4), {}
    with on_meta(), FakeTensorMode(allow_non_fake_inputs=True), Dispatched():
        updates = begun(made, META)
        updates._batches = updates.feed.room(2, META)
        updates._table = torch.zeros((2, len(updates._recipes)), device=META)
        evaluate, early = Evaluator(made, updates.stack, updates.feed, "validation"), EarlyStop(updates.stack)

        def measure():
            evaluate._evaluate()
            early.see(evaluate.loss_RN.double().mean(1), 1)

        updates._update(change=False)  # in which the optimiser makes its state
        parts = {"update": lambda: updates._update(change=False), "evaluation": measure}
        if type(updates.stack).changes is not Stack.changes:
            parts["change"] = lambda: updates._update(change=True)
        for what, part in parts.items():
            with Dispatched() as found[what]:
                part()
    return found


def rows(name, found):
    return [[name, what, str(seen.counts.total())] for what, seen in found.items()]


@pytest.mark.parametrize("name", FAKED)
def test_no_more_is_dispatched_than_the_table_says(name):
    """As many operators that start a kernel as are committed, and none of them gives what is on the host."""
    header, *table = csv.reader(TABLE.read_text().splitlines())
    found = dispatched(FAKED[name])
    assert [seen.elsewhere for seen in found.values()] == [[] for _ in found]
    if tuple(header) != COLUMNS:
        pytest.skip(f"the table is of {header[-1]}: another version dispatches other operators")
    assert [row for row in table if row[0] == name] == rows(name, found)


def test_batch_norm_fused_is_on_the_device(monkeypatch):
    """Where Triton compiles, what is behind BatchNorm is computed with it: here too, by the kernels' twins."""
    monkeypatch.setattr(batch_norm, "compiles", lambda device: True)
    found = dispatched(FAKED["residual batch-norm, sgd"])
    assert [seen.elsewhere for seen in found.values()] == [[] for _ in found]


def test_what_is_elsewhere_is_noticed(monkeypatch):
    """A batch's scale that stays on the host is an error or is noted; so is one more operator."""
    name = "digits mlp, odd widths, adam"
    real = _feed.Feed.inputs
    monkeypatch.setattr(_feed.Feed, "inputs", lambda feed, *given: real(feed, *given) * torch.ones(1, 1, 64))
    with pytest.raises(RuntimeError, match=r"same device|devices"):
        dispatched(FAKED[name])
    monkeypatch.setattr(_feed.Feed, "inputs", lambda feed, *given: real(feed, *given) * torch.tensor(2.0))
    assert dispatched(FAKED[name])["update"].elsewhere
    monkeypatch.setattr(_feed.Feed, "inputs", lambda feed, *given: real(feed, *given) * 2.0 * 2.0)
    more = dispatched(FAKED[name])["update"].counts
    monkeypatch.setattr(_feed.Feed, "inputs", real)
    assert more.total() == dispatched(FAKED[name])["update"].counts.total() + 2


if __name__ == "__main__":
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in FAKED:
        writer.writerows(rows(each, dispatched(FAKED[each])))
