"""What only a GPU can show. Everything else is tested on a CPU."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.engine import _batch_norm as batch_norm
from harness.engine import _by_hand as by_hand
from harness.engine import _capture as capture
from harness.engine import _course as engine
from harness.engine import _nn as nn
from harness.engine import _updates as updates
from harness.engine._course import compute, compute_within_memory, most_members
from harness.engine._feed import Feed
from harness.engine._measuring import Evaluator
from harness.errors import StoppedError
from harness.kernels import compiles, kernels_for
from harness.population import _memory as memory
from harness.population._population import Population, Program
from harness.store import _checkpoints as checkpoint
from harness.store._checkpoints import CheckpointSaver
from tests.engine.test_by_hand import SIMPLE
from tests.kernels.cases import CASES, assert_near
from tests.members import ADAM, CONVOLUTIONS, OWN, PROGRAMS, begun, population
from tests.store.test_checkpoints import after

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")

ALL = PROGRAMS | CONVOLUTIONS | OWN
CUDA = torch.device("cuda")


def losses(result):
    return np.array([[row.value for row in m.rows if row.metric == "train_loss"] for m in result.members])


def watched(mode):
    """Let torch watch for waits; that it does so it says with a warning, which is no fault of what is tested."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.cuda.set_sync_debug_mode(mode)


@pytest.mark.parametrize("name", ALL)
def test_first_losses_are_those_of_the_cpu(name):
    """The same draws and the same mathematics: a few steps' losses agree to rounding."""
    made = population(ALL[name], range(3), trace_every=1, until=5)
    rtol = 3e-2 if ALL[name].recipe.numerics == "bfloat16" else 2e-3
    np.testing.assert_allclose(losses(compute(made, device="cuda")), losses(compute(made)), rtol=rtol)


@pytest.mark.parametrize("name", ALL)
def test_replayed_equals_eager(name, monkeypatch):
    """A captured step does what the function does: losses of 20 steps, most of them replayed."""
    made = population(ALL[name], range(3), trace_every=1, until=20)
    replayed = compute(made, device="cuda")
    monkeypatch.setattr(capture, "EAGER_CALLS", 1000)
    eager = compute(made, device="cuda")
    np.testing.assert_allclose(losses(replayed), losses(eager), rtol=2e-3)
    tests = [[row.value for m in r.members for row in m.rows if row.metric == "test_loss"] for r in (replayed, eager)]
    np.testing.assert_allclose(*tests, rtol=5e-3)


@pytest.fixture
def compiled():
    """Skip where Triton makes no programs."""
    if not compiles(CUDA):
        pytest.skip("Triton makes no programs here")


@pytest.mark.parametrize("perceptron", SIMPLE)
def test_a_step_by_hand_is_autograd_s(perceptron, compiled, monkeypatch):
    """On the same GPU: losses of 20 steps, most of them replayed, and removed weights exactly zero."""
    program = SIMPLE[perceptron]
    made = population(program, range(3), trace_every=1, until=program.first_step + 20)
    monkeypatch.setattr(updates, "stands_in", by_hand.simple)
    found = compute(made, device="cuda")
    monkeypatch.setattr(updates, "stands_in", lambda *given: False)
    np.testing.assert_allclose(losses(found), losses(compute(made, device="cuda")), rtol=1e-4)
    for member, result in zip(made.members, found.members, strict=True):
        assert member.mask is None or not result.arrays["end"][~member.mask].any()


@pytest.mark.parametrize("case", CASES)
def test_every_kernel_is_its_twin(case, compiled):
    """Compiled for this GPU it gives what its twin gives in float64, to rounding."""
    kernel = case.partition(" ")[0]
    found = CASES[case](torch.float32).to(CUDA).made_with(kernels_for(CUDA), kernel)
    assert_near(case, found, CASES[case](torch.float64).made_with(kernels_for(torch.device("cpu")), kernel))


@pytest.mark.parametrize("name", ALL)
def test_replays_never_wait(name):
    """No update and no evaluation waits for the device, by torch's own watch."""
    made = population(ALL[name], range(3), until=12)
    updates = begun(made, device="cuda")
    evaluate = Evaluator(made, updates.stack, updates.feed, "validation")
    steps = updates.run()
    for _ in range(6):
        next(steps)
        evaluate()
    try:
        watched("error")
        for _ in range(5):
            next(steps)
            evaluate()
    finally:
        watched("default")


@pytest.mark.parametrize("how", ["grouped", "unfold", "streams", "channels last"])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions_agree(name, how, monkeypatch):
    """Each way to convolve trains as the loop does."""
    made = population(CONVOLUTIONS[name], range(3), trace_every=1, until=10)
    rtol = 5e-2 if CONVOLUTIONS[name].recipe.numerics == "bfloat16" else 5e-3
    monkeypatch.setitem(nn.CONVOLUTION, "cuda", "loop")
    expected = losses(compute(made, device="cuda"))
    monkeypatch.setitem(nn.CONVOLUTION, "cuda", how)
    np.testing.assert_allclose(losses(compute(made, device="cuda")), expected, rtol=rtol)


@pytest.mark.parametrize(
    "name", ["residual batch-norm, sgd", "residual batch-norm, bfloat16", "difference batch-norm mlp, sgd"]
)
def test_batch_norm_fused_trains_as_batch_norm_alone(name, monkeypatch):
    """By kernels with what is behind it, and by torch's operations one after the other."""
    made = population(ALL[name], range(3), trace_every=1, until=10)
    rtol = 5e-2 if ALL[name].recipe.numerics == "bfloat16" else 5e-3
    fused = losses(compute(made, device="cuda"))
    monkeypatch.setattr(batch_norm, "compiles", lambda device: False)
    np.testing.assert_allclose(losses(compute(made, device="cuda")), fused, rtol=rtol)


def test_float32_is_float32_and_tf32_is_not():
    """Products round their factors to TF32 exactly where the recipe says so."""
    made = {
        numerics: losses(
            compute(
                population(
                    Program(PROGRAMS["digits mlp, adam"].network, PROGRAMS["digits mlp, adam"].task,
                            replace(ADAM, numerics=numerics)),
                    range(2), trace_every=1, until=1,
                ),
                device="cuda",
            )
        )
        for numerics in ("float32", "tf32")
    }  # fmt: skip
    exact = losses(compute(population(PROGRAMS["digits mlp, adam"], range(2), trace_every=1, until=1)))
    errors = {numerics: np.abs(value / exact - 1).max() for numerics, value in made.items()}
    assert errors["float32"] < 2e-6
    assert 2e-6 < errors["tf32"] < 1e-2


def test_a_population_that_does_not_fit_is_computed_in_parts(monkeypatch):
    """Out of memory halves it; so does what was measured ahead; the results are those of all members in order."""
    made = population(PROGRAMS["digits mlp, adam"], range(5), until=3)
    assert most_members(made, CUDA) > 5
    real, sizes = engine.compute, []

    def short(part, **more):
        sizes.append(len(part.members))
        if len(part.members) > 2:
            raise torch.OutOfMemoryError
        return real(part, **more)

    monkeypatch.setattr(engine, "compute", short)
    together = compute_within_memory(made, device="cuda")
    assert sizes == [5, 2, 3, 1, 2]
    monkeypatch.setattr(engine, "compute", real)
    monkeypatch.setattr(engine, "MEMORY_SHARE", 1e-9)
    one_by_one = compute_within_memory(made, device="cuda")
    for result in (together, one_by_one):
        assert [m.unit for m in result.members] == [m.unit for m in made.members]


def test_checkpoints_go_on(tmp_path, monkeypatch):
    """What was saved on a GPU goes on there, step and optimiser included.

    Whether to stop is asked after every step: in the half second that it is else asked after, a GPU has ended.
    """
    monkeypatch.setattr(checkpoint, "LOOK_S", 0.0)
    made = population(PROGRAMS["digits mlp, adam"], range(3), trace_every=1)
    whole = losses(compute(made, device="cuda"))
    with pytest.raises(StoppedError):
        compute(made, device="cuda", saver=CheckpointSaver(tmp_path, after(30)))
    resumed = losses(compute(made, device="cuda", saver=CheckpointSaver(tmp_path)))
    np.testing.assert_allclose(resumed, whole, rtol=2e-2)


@pytest.mark.parametrize("name", ["digits mlp, adam", "digits mlp, odd widths, sgd"])
def test_batches_of_later_chunks_come_in_their_turn(name, monkeypatch):
    """Drawn ahead while the device sleeps, and copied between replays: losses are those of batches drawn in place."""
    monkeypatch.setattr(memory, "CHUNK", 1)  # one epoch, of 16 steps
    made = population(ALL[name], range(3), trace_every=1, until=50)
    torch.cuda._sleep(10**9)  # cycles, half a second or more
    ahead = losses(compute(made, device="cuda"))
    monkeypatch.setattr(updates, "AHEAD", 0)
    np.testing.assert_array_equal(ahead, losses(compute(made, device="cuda")))


def test_populations_are_of_one_device():
    """The images are copied to the device once, for all populations."""
    made = Population(PROGRAMS["digits mlp, adam"], population(PROGRAMS["digits mlp, adam"], range(1)).members)
    assert Feed(made, CUDA).source_NI.data_ptr() == Feed(made, CUDA).source_NI.data_ptr()
