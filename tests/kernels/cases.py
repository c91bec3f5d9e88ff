"""Calls of every kernel on small numbers of awkward shapes, which any way of computing them can be given.

As a program, with Triton's interpreter switched on: computes them by Triton, and writes what comes of it to a file.
"""

import sys
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

NEVER_TOUCHED = -7.0  # what lies between rows
ULPS = 2  # of the larger of what was there and what is there now
OF_THE_LARGEST = 1e-6  # the error of a sum
OF_BFLOAT16 = 2.0**-7  # the error of a number that becomes one: the interpreter does not round, it cuts off
SUMS = {("cross_entropy", "z"), ("cross_entropy", "db"), ("cross_entropy", "loss"), ("rectify_back", "db")}
SUMS |= {("normalise", what) for what in ("y", "mean", "rstd")}
SUMS |= {("normalise_back", what) for what in ("dx", "dscale", "dshift")}


@dataclass
class Call:
    """A kernel's arguments, and all memory that it may reach: what it writes, and what lies around that."""

    arguments: dict
    memory: dict

    def to(self, device):
        """Return the call on a device: what is written is where it was in its memory."""
        moved = {name: wide.to(device, copy=True) for name, wide in self.memory.items()}
        return Call({name: self._moved(value, moved, device) for name, value in self.arguments.items()}, moved)

    def _moved(self, value, moved, device):
        if not torch.is_tensor(value):
            return value
        for name, wide in self.memory.items():
            if value.data_ptr() == wide.data_ptr():
                return moved[name].as_strided(value.shape, value.stride())
        return value.to(device)

    def made_with(self, kernels, name):
        """Call the kernel of that name, and return the memory."""
        getattr(kernels, name)(**self.arguments)
        return self.memory


class Maker:
    """Makes arguments of some type from a seed: the same numbers for any type."""

    def __init__(self, dtype):
        self.dtype, self.rng, self.memory = dtype, np.random.default_rng(5), {}

    def numbers(self, *shape, positive=False):
        drawn = self.rng.standard_normal(shape).astype(np.float32)
        return torch.from_numpy(abs(drawn) if positive else drawn).to(self.dtype)

    def inside(self, name, values, around=3):
        """Return values as a part of wider rows, which are remembered."""
        wide = torch.full((*values.shape[:-1], values.shape[-1] + around), NEVER_TOUCHED, dtype=self.dtype)
        self.memory[name] = wide
        wide[..., : values.shape[-1]] = values
        return wide[..., : values.shape[-1]]


AT = torch.tensor([2])


def gather(dtype, *, inputs=33, bytes_=True):
    make = Maker(dtype)
    pixels = torch.from_numpy(make.rng.integers(0, 256, (11, inputs)))
    return Call(
        {
            "x_RBI": make.inside("x", torch.zeros(3, 7, inputs, dtype=dtype)),
            "source_NI": pixels.to(torch.uint8) if bytes_ else (pixels / 16).float(),
            "images_RSB": torch.from_numpy(make.rng.integers(0, 11, (3, 4, 7))).int(),
            "at_1": AT,
            "by_N": make.numbers(11, positive=True).float() + 255,
            "off_I": make.numbers(inputs).float(),
            "over_I": make.numbers(inputs, positive=True).float() + 0.1,
        },
        make.memory,
    )


def rectify(dtype, *, batch=7, outputs=10, bias=True, odd=0.0):
    make = Maker(dtype)
    z_RBO = make.numbers(3, batch, outputs)
    z_RBO[0, 0, 0], z_RBO[1, -1, -1] = odd, -abs(odd)
    inside = make.inside("z", z_RBO)
    return Call({"z_RBO": inside, "bias_RO": make.inside("b", make.numbers(3, outputs)) if bias else None}, make.memory)


def rectify_back(dtype, *, batch=7, outputs=10, bias=True, odd=0.0):
    make = Maker(dtype)
    x_RBO, dx_RBO = make.numbers(3, batch, outputs).relu(), make.numbers(3, batch, outputs)
    x_RBO[0, 0, 0] = dx_RBO[1, -1, -1] = odd
    return Call(
        {
            "dx_RBO": make.inside("dx", dx_RBO),
            "x_RBO": make.inside("x", x_RBO, around=5),
            "dbias_RO": make.inside("db", torch.zeros(3, outputs)) if bias else None,
        },
        make.memory,
    )


def cross_entropy(dtype, *, batch=7, classes=10, bias=True, scale=1.0, odd=None):
    make = Maker(dtype)
    z_RBC = make.numbers(3, batch, classes) * scale
    if odd is not None:
        z_RBC[1, 2, 0] = odd
    answers = make.rng.integers(0, classes, (3, 4, batch))
    return Call(
        {
            "z_RBC": make.inside("z", z_RBC),
            "bias_RC": make.inside("b", make.numbers(3, classes)) if bias else None,
            "answers_RSB": torch.from_numpy(answers).to(torch.uint8),
            "at_1": AT,
            "dbias_RC": make.inside("db", torch.zeros(3, classes)) if bias else None,
            "loss_R": make.inside("loss", torch.zeros(3)),
        },
        make.memory,
    )


def _moving(make, kept, odd, groups):
    """Return what all optimisers read: parameters of two members, which are zero where they are removed, and a mask."""
    from harness.kernels import packed

    members, size = 2, 11 * 64  # more than a block together, and no whole number of blocks
    mask_RP = torch.from_numpy(make.rng.random((members, size)) < kept).to(make.dtype)
    gradient_RP = make.numbers(members, size)
    if odd is not None:
        gradient_RP[:, ::5] = odd
    make.memory |= {"rows": make.numbers(members, size) * mask_RP, "mask": mask_RP}
    rates_SG = make.numbers(4, groups, positive=True) / 1000
    return {
        "rows_RP": make.memory["rows"],
        "gradient_RP": gradient_RP,
        "bits_RW": packed(mask_RP),
        "rates_SG": rates_SG,
        "at_1": AT,
        "group": groups // 2,
    }


def adam(dtype, *, kept=0.5, odd=None, groups=3, age=3, decay=0.0):
    make = Maker(dtype)
    moving = _moving(make, kept, odd, groups)
    mask_RP = make.memory["mask"]
    make.memory["mean"] = make.numbers(*mask_RP.shape) * mask_RP
    make.memory["square"] = make.numbers(*mask_RP.shape, positive=True) * mask_RP
    return Call(
        {
            **moving,
            "mean_RP": make.memory["mean"],
            "square_RP": make.memory["square"],
            "age": torch.tensor(float(age)),
            "corrections_A2": make.numbers(9, 2, positive=True) + 0.5,
            "beta1": 0.9,
            "beta2": 0.999,
            "eps": 1e-8,
            "decay": decay,
        },
        make.memory,
    )


def sgd(dtype, *, kept=0.5, odd=None, groups=3, momentum=0.9, decay=1e-2, nesterov=False):
    make = Maker(dtype)
    moving = _moving(make, kept, odd, groups)
    if momentum:
        mask_RP = make.memory["mask"]
        make.memory["momentum"] = make.numbers(*mask_RP.shape) * mask_RP
    more = {"momentum": momentum, "decay": decay, "nesterov": nesterov}
    return Call({**moving, "momentum_RP": make.memory.get("momentum"), **more}, make.memory)


class Normalised:
    """Makes what BatchNorm is given and gives: activations `apart` have the examples first in memory, not the members.

    `coarse` ones lie there as bfloat16, where the type is float32; what BatchNorm gives does not, nor its gradient.
    """

    def __init__(self, dtype, shape, *, coarse, apart):
        self.make, self.shape, self.coarse, self.apart = Maker(dtype), shape, coarse, apart

    def activations(self, name, values=None, *, constant=False, odd=None):
        values = self.make.numbers(*self.shape) if values is None else values.to(self.make.dtype)
        if constant:
            values[:, :, -1] = 2.0
        if odd is not None:
            values[1, 2, 0] = odd
        if self.coarse and name not in ("y", "dy"):
            values = values.to(torch.bfloat16)
            values = values.to(self.make.dtype) if self.make.dtype == torch.float64 else values
        axes = (1, 0, *range(2, values.dim())) if self.apart else range(values.dim())
        self.make.memory[name] = values.permute(*axes).contiguous().permute(*axes)
        return self.make.memory[name]

    def features(self, name, values=None):
        """A value a feature, in rows apart from each other if there are none yet."""
        if values is None:
            return self.make.inside(name, self.make.numbers(self.shape[0], self.shape[2]))
        self.make.memory[name] = values.to(self.make.dtype, copy=True)
        return self.make.memory[name]


IMAGES = (3, 7, 5, 15)


def normalise(dtype, *, shape=IMAGES, rectified=False, added=False, given=False, coarse=False, apart=False, **more):
    made = Normalised(dtype, shape, coarse=coarse, apart=apart)
    moments_RF = made.make.numbers(shape[0], shape[2], positive=True) * (1.0 if given else 0.0)
    return Call(
        {
            "x_RBF": made.activations("x", **more),
            "scale_RF": made.features("scale"),
            "shift_RF": made.features("shift"),
            "added_RBF": made.activations("added") if added else None,
            "y_RBF": made.activations("y", torch.zeros(shape)),
            "mean_RF": made.features("mean", moments_RF),
            "rstd_RF": made.features("rstd", moments_RF + 0.5),
            "eps": 1e-5,
            "rectified": rectified,
            "given": given,
        },
        made.make.memory,
    )


def normalise_back(dtype, *, rectified=False, added=False, **more):
    from harness.kernels import _twins

    forward = normalise(torch.float64, rectified=rectified, added=added, **more)
    given, shape = forward.arguments, forward.arguments["x_RBF"].shape
    memory = forward.made_with(_twins, "normalise")
    made = Normalised(dtype, shape, coarse=more.get("coarse", False), apart=more.get("apart", False))
    nothing_RF = torch.zeros(shape[0], shape[2])
    return Call(
        {
            "dy_RBF": made.activations("dy", made.make.numbers(*shape).roll(1, 0)),  # the same as x has no gradient
            "x_RBF": made.activations("x", given["x_RBF"]),
            "scale_RF": made.features("scale", given["scale_RF"]),
            "shift_RF": made.features("shift", given["shift_RF"]),
            "y_RBF": made.activations("y", memory["y"]) if added else None,
            "mean_RF": made.features("mean", memory["mean"]),
            "rstd_RF": made.features("rstd", memory["rstd"]),
            "dx_RBF": made.activations("dx", torch.zeros(shape)),
            "dscale_RF": made.features("dscale", nothing_RF),
            "dshift_RF": made.features("dshift", nothing_RF),
            "dadded_RBF": made.activations("dadded", torch.zeros(shape)) if added else None,
            "rectified": rectified,
        },
        made.make.memory,
    )


NAN = float("nan")
CASES = {
    "gather bytes": gather,
    "gather numbers, more than a block": partial(gather, inputs=1030, bytes_=False),
    "rectify": rectify,
    "rectify no number": partial(rectify, odd=NAN),
    "rectify infinite": partial(rectify, odd=float("inf")),
    "rectify without bias": partial(rectify, outputs=33, bias=False),
    "rectify one value": partial(rectify, batch=1, outputs=1),
    "rectify more than a block": partial(rectify, outputs=1030),
    "rectify_back": rectify_back,
    "rectify_back no number": partial(rectify_back, odd=NAN),
    "rectify_back without bias": partial(rectify_back, outputs=33, bias=False),
    "rectify_back one value": partial(rectify_back, batch=1, outputs=1),
    "rectify_back more than a tile": partial(rectify_back, batch=70, outputs=70),
    "cross_entropy": cross_entropy,
    "cross_entropy no number": partial(cross_entropy, odd=NAN),
    "cross_entropy infinite": partial(cross_entropy, odd=float("inf")),
    "cross_entropy without bias": partial(cross_entropy, classes=33, bias=False),
    "cross_entropy far apart": partial(cross_entropy, scale=80.0),
    "cross_entropy more than a tile": partial(cross_entropy, batch=130),
    "cross_entropy of one example": partial(cross_entropy, batch=1),
    "cross_entropy of one class": partial(cross_entropy, classes=1),
    "adam": adam,
    "adam at one rate": partial(adam, groups=1),
    "adam from the start": partial(adam, age=0),
    "adam nothing removed": partial(adam, kept=2.0),
    "adam everything removed, no numbers": partial(adam, kept=-1.0, odd=NAN),
    "adam no numbers": partial(adam, odd=NAN),
    "adam decayed": partial(adam, decay=0.1),
    "sgd": sgd,
    "sgd at one rate": partial(sgd, groups=1),
    "sgd nesterov": partial(sgd, nesterov=True),
    "sgd without momentum": partial(sgd, momentum=0.0),
    "sgd without decay, no numbers": partial(sgd, decay=0.0, odd=NAN),
    "sgd nothing removed": partial(sgd, kept=2.0),
    "sgd everything removed, no numbers": partial(sgd, kept=-1.0, odd=NAN),
}
NORMALISED = {
    "alone": {},
    "rectified": {"rectified": True},
    "added and rectified": {"rectified": True, "added": True},
    "examples before members": {"rectified": True, "added": True, "apart": True},
    "bfloat16": {"rectified": True, "added": True, "coarse": True},
    "of a constant": {"rectified": True, "constant": True},
    "no number": {"rectified": True, "odd": NAN},
    "added, no number": {"rectified": True, "added": True, "odd": NAN},
    "more than a tile": {"shape": (2, 9, 3, 1030), "rectified": True},
    "one place": {"shape": (2, 7, 1, 1), "rectified": True},
    "of one example": {"shape": (2, 1, 5), "rectified": True},
    "vectors": {"shape": (3, 7, 5), "rectified": True},
    "vectors, more than a tile": {"shape": (2, 300, 35), "rectified": True, "added": True},
    "vectors, a section a tile": {"shape": (1, 1300, 33), "rectified": True, "added": True},
    "vectors, sections of two tiles": {"shape": (1, 16500, 31), "rectified": True},
}
CASES |= {f"normalise {name}": partial(normalise, **more) for name, more in NORMALISED.items()}
GIVEN = ("alone", "added and rectified", "bfloat16", "no number", "vectors, more than a tile")
CASES |= {f"normalise by given moments {name}": partial(normalise, given=True, **NORMALISED[name]) for name in GIVEN}
CASES |= {f"normalise_back {name}": partial(normalise_back, **more) for name, more in NORMALISED.items()}


def assert_near(name, found, exact):
    """What a kernel has left in memory is within rounding of float64; what is not finite is the same."""
    kernel, before = name.partition(" ")[0], CASES[name](torch.float64).memory
    for what, expected in exact.items():
        coarse = found[what].dtype == torch.bfloat16
        now, expected, was = (each.double().cpu().numpy() for each in (found[what], expected, before[what]))
        there = np.isfinite(expected)
        np.testing.assert_array_equal(now[~there], expected[~there])
        if (kernel, what) in SUMS:
            summed = expected[there & (expected != NEVER_TOUCHED)]
            allowed = np.full(expected.shape, OF_THE_LARGEST * abs(summed).max(initial=0))
        else:
            larger = np.maximum(*(abs(np.nan_to_num(each, posinf=0, neginf=0)) for each in (expected, was)))
            allowed = ULPS * np.spacing(larger.astype(np.float32))
        if coarse:
            allowed += OF_BFLOAT16 * abs(np.nan_to_num(expected, posinf=0, neginf=0))
        assert (abs(now[there] - expected[there]) <= allowed[there]).all(), what


def computed(kernels, dtype):
    """Return all memory of every case after its call."""
    return {name: make(dtype).made_with(kernels, name.partition(" ")[0]) for name, make in CASES.items()}


if __name__ == "__main__":
    from harness.kernels import _programs

    torch.save(computed(_programs, torch.float32), sys.argv[1])
