"""The tests that need a GPU, on a CPU in its place: they run, and fail where what they look for is missing."""

import inspect

import pytest
import torch

from tests.engine import test_cuda as cuda

CPU = torch.device("cpu")
ONLY_THERE = {  # what a CPU does not do, and what the tests then say
    "test_float32_is_float32_and_tf32_is_not": "2e-06 <",
}
GIVEN = {
    "name": "digits mlp, adam",
    "how": "unfold",
    "perceptron": "adam",
    "case": "normalise bfloat16",
    "compiled": None,
}
NAMES = [name for name, each in vars(cuda).items() if name.startswith("test_") and inspect.isfunction(each)]


@pytest.fixture(autouse=True)
def in_its_place(monkeypatch):
    """Compute on a CPU whatever is asked of a GPU; it has memory for ten members, and nothing to wait for."""

    def on_cpu(function):
        return lambda made, *given, device=None, **more: function(made, *given, **more)

    for name in ("compute", "compute_within_memory", "begun"):
        monkeypatch.setattr(cuda, name, on_cpu(getattr(cuda, name)))
    monkeypatch.setattr(cuda, "CUDA", CPU)
    monkeypatch.setattr(cuda, "watched", lambda mode: None)
    monkeypatch.setattr(cuda, "most_members", lambda made, device: 10)
    monkeypatch.setattr(cuda.engine, "most_members", lambda made, *given: 10 * (cuda.engine.MEMORY_SHARE > 0.1))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(torch.cuda, "_sleep", lambda cycles: None)


@pytest.mark.parametrize("name", NAMES)
def test_it_runs(name, request):
    """With one program each, a convolutional one where convolutions are compared."""
    function = getattr(cuda, name)
    own = GIVEN | ({"name": "convolutional, adam"} if "convolutions" in name else {})
    wanted = inspect.signature(function).parameters
    given = {each: own[each] if each in own else request.getfixturevalue(each) for each in wanted}
    if name in ONLY_THERE:
        with pytest.raises(AssertionError, match=ONLY_THERE[name]):
            function(**given)
    else:
        function(**given)
