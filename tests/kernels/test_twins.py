"""The kernels in torch do what autograd and torch's optimisers do."""

import pytest
import torch
from torch.nn import functional

from harness.kernels import _twins
from tests.kernels.cases import CASES, normalise, normalise_back

DOUBLE = {"rtol": 1e-13, "atol": 1e-14}


def case(name, dtype=torch.float64):
    """Return a case's arguments before the kernel, and its memory after it."""
    made = CASES[name](dtype)
    before = {key: value.clone() if torch.is_tensor(value) else value for key, value in made.arguments.items()}
    return before, made.made_with(_twins, name.partition(" ")[0])


def test_bits_say_what_a_mask_has():
    """Each word has 32 of a mask's values, the first in its lowest bit, the last as its sign."""
    mask_RP = torch.zeros(2, 64)
    mask_RP[0, 0] = mask_RP[0, 33] = mask_RP[1, 31] = mask_RP[1, 63] = mask_RP[1, 62] = 1
    assert _twins.packed(mask_RP).tolist() == [[1, 2], [-(2**31), -(2**30)]]
    drawn_RP = (torch.rand(3, 320, generator=torch.Generator().manual_seed(4)) < 0.4).float()
    bits_RW = _twins.packed(drawn_RP)
    assert (bits_RW.shape, bits_RW.dtype) == ((3, 10), torch.int32)
    assert torch.equal(_twins._unpacked(bits_RW).float(), drawn_RP)


def test_gather_takes_a_step_s_images_and_scales_them():
    """Of the step that the counter says, each by its image's own divisor and each pixel's own scale."""
    given, memory = case("gather bytes")
    for r in range(3):
        for b, image in enumerate(given["images_RSB"][r, 2]):
            pixels_I = given["source_NI"][image].float()
            expected = (pixels_I / given["by_N"][image] - given["off_I"]) / given["over_I"]
            assert torch.equal(memory["x"][r, b, :33], expected.double())


def test_rectify_and_back_are_those_of_autograd():
    """Bias and ReLU, the gradients of both."""
    given, memory = case("rectify")
    z_RBO, bias_RO = given["z_RBO"].requires_grad_(), given["bias_RO"].requires_grad_()
    x_RBO = torch.relu(z_RBO + bias_RO[:, None])
    torch.testing.assert_close(memory["z"][..., :10], x_RBO.detach(), **DOUBLE)
    dx_RBO, dbias_RO = torch.randn(3, 7, 10).double(), torch.zeros(3, 10).double()
    expected = torch.autograd.grad((x_RBO * dx_RBO).sum(), [z_RBO, bias_RO])
    _twins.rectify_back(dx_RBO, x_RBO.detach(), dbias_RO)
    torch.testing.assert_close([dx_RBO, dbias_RO], list(expected), **DOUBLE)


@pytest.mark.parametrize("name", ["cross_entropy", "cross_entropy without bias", "cross_entropy far apart"])
def test_cross_entropy_is_that_of_autograd(name):
    """Each member's mean over its batch, and the gradients of logits and bias of the sum over members."""
    given, memory = case(name)
    z_RBC, classes = given["z_RBC"].requires_grad_(), given["z_RBC"].shape[2]
    bias_RC = torch.zeros(3, classes).double() if given["bias_RC"] is None else given["bias_RC"].clone()
    bias_RC.requires_grad_()
    logits_RBC, answers_RB = z_RBC + bias_RC[:, None], given["answers_RSB"][:, 2].long()
    flat = functional.cross_entropy(logits_RBC.flatten(0, 1), answers_RB.flatten(), reduction="none")
    loss_R = flat.view(3, 7).mean(1)
    dz_RBC, dbias_RC = torch.autograd.grad(loss_R.sum(), [z_RBC, bias_RC])
    torch.testing.assert_close(memory["loss"][:3], loss_R.detach(), **DOUBLE)
    torch.testing.assert_close(memory["z"][..., :classes], dz_RBC, **DOUBLE)
    if given["bias_RC"] is not None:
        torch.testing.assert_close(memory["db"][:, :classes], dbias_RC, **DOUBLE)


@pytest.mark.parametrize("followed", [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("shape", [(3, 7, 5), (3, 7, 5, 15)])
def test_normalise_and_back_are_those_of_autograd(shape, followed):
    """BatchNorm of each member by itself, an addition and ReLU, the moments, and the gradients of all that is given."""
    rectified, added = followed
    more = {"shape": shape, "rectified": rectified, "added": added}
    forward, back = normalise(torch.float64, **more), normalise_back(torch.float64, **more)
    given = {
        name: forward.arguments[f"{name}_RBF"]
        for name in ("x", "added")
        if forward.arguments[f"{name}_RBF"] is not None
    }
    given |= {name: forward.arguments[f"{name}_RF"] for name in ("scale", "shift")}
    given = {name: value.clone().requires_grad_() for name, value in given.items()}
    each = [
        functional.batch_norm(x, None, None, scale, shift, training=True)
        for x, scale, shift in zip(given["x"], given["scale"], given["shift"], strict=True)
    ]
    y_RBF = torch.stack(each) + given.get("added", 0)
    y_RBF = torch.relu(y_RBF) if rectified else y_RBF
    found = forward.made_with(_twins, "normalise")
    torch.testing.assert_close(found["y"], y_RBF.detach(), **DOUBLE)
    over = (1, 3)[: len(shape) - 2]
    torch.testing.assert_close(found["mean"], given["x"].detach().mean(over), **DOUBLE)
    variance_RF = given["x"].detach().var(over, unbiased=False)
    torch.testing.assert_close(found["rstd"], 1 / torch.sqrt(variance_RF + 1e-5), **DOUBLE)
    expected = torch.autograd.grad((y_RBF * back.arguments["dy_RBF"]).sum(), list(given.values()))
    memory = back.made_with(_twins, "normalise_back")
    torch.testing.assert_close([memory[f"d{name}"] for name in given], list(expected), rtol=1e-12, atol=1e-12)


def test_normalise_by_given_moments_is_torch_s():
    """Nothing of the batch counts, and the moments stay as they are."""
    made = normalise(torch.float64, given=True)
    given = {name: value.clone() for name, value in made.arguments.items() if torch.is_tensor(value)}
    found = made.made_with(_twins, "normalise")
    names = ("x_RBF", "mean_RF", "rstd_RF", "scale_RF", "shift_RF")
    for r, (x, mean, rstd, scale, shift) in enumerate(zip(*(given[name] for name in names), strict=True)):
        expected = functional.batch_norm(x, mean, rstd**-2, scale, shift, eps=0.0)
        torch.testing.assert_close(found["y"][r], expected, **DOUBLE)
    assert torch.equal(found["mean"], given["mean_RF"])
    assert torch.equal(found["rstd"], given["rstd_RF"])


MOVED = [name for name in CASES if name.startswith(("adam", "sgd")) and "no number" not in name]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", MOVED)
def test_an_update_is_that_of_torch_s_fused_optimisers(name, dtype):
    """From the same parameters, state and gradient; in float32 to two units in the last place."""
    kernel = name.partition(" ")[0]
    given = CASES[name](dtype).arguments
    settings = {key: value for key, value in given.items() if isinstance(value, float | bool)}
    rate = given["rates_SG"][2, given["group"]].clone()
    parameter, state = given["rows_RP"].clone(), {}
    parameter.grad = torch.where(_twins._unpacked(given["bits_RW"]), given["gradient_RP"], 0)
    if kernel == "adam":
        given["corrections_A2"] = torch.tensor(
            [[1 - 0.9**t, (1 - 0.999**t) ** 0.5] for t in range(1, 10)], dtype=torch.float64
        ).to(dtype)
        kind = torch.optim.AdamW if settings["decay"] else torch.optim.Adam
        made = kind([parameter], lr=rate, weight_decay=settings["decay"], fused=True)
        state = {"step": given["age"].clone(), "exp_avg": given["mean_RP"], "exp_avg_sq": given["square_RP"]}
    else:
        made = torch.optim.SGD(
            [parameter],
            lr=rate,
            momentum=settings["momentum"],
            weight_decay=settings["decay"],
            nesterov=settings["nesterov"],
            fused=True,
        )
        state = {} if given["momentum_RP"] is None else {"momentum_buffer": given["momentum_RP"]}
    made.state[parameter].update({key: value.clone() for key, value in state.items()})
    made.step()
    getattr(_twins, kernel)(**given)
    ulp = torch.finfo(dtype).eps * float(parameter.abs().max().clamp(min=1))
    torch.testing.assert_close(given["rows_RP"], parameter, rtol=0, atol=2 * ulp)
    for key in state.keys() - {"step"}:
        torch.testing.assert_close(state[key], made.state[parameter][key], rtol=0, atol=2 * ulp)
