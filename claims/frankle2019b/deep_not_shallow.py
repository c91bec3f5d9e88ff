"""For which nets late resetting is a gain (v1, sections 3 and 4): two differences of differences."""

from harness import Arm, Design, Scale, Source, claim, interaction, percent_kept

from . import study


@claim(
    "frankle2019b/deep-not-shallow",
    statement="""Resetting tickets to an early step instead of to step 0 gains more accuracy in a deep net than in a
        shallow one, and in the deep net more at a high learning rate than at a low one.""",
    source=Source(
        version="arXiv 1903.01611 v1 (late resetting; v3 says rewinding)",
        place="sections 3 and 4",
        published="LeNet needs no late resetting, ResNet-20 at learning rate .1 does, at .01 it does not",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        """8-layer and 2-layer BatchNorm MLPs on the difference of two 8x8 digits, alike in all but depth; the paper's
        shallow nets differ from its deep ones in task and optimiser too, so that the first part is derived from it.""",
        "Two rounds of 60 %, output layer included; reset to step 100 of 1,500.",
        "The mean over 40 and 16 % kept, chosen on pilots: one level has too much spread for 20 replicates.",
        study.BATCH_NORM,
        study.LOW_RATE,
        """Of the second part both differences are in the report of late-resetting-stabilises, which came before this
        claim; of the first part the shallow net is new.""",
    ),
)
def deep_not_shallow(scale: Scale) -> Design:
    """Everything of the deep net is shared with late-resetting-stabilises."""
    s, high, low, shallow = study.SETTINGS[scale], study.high(scale), study.low(scale), study.shallow(scale)
    band = percent_kept("15", "41")
    gain = ("late", "reset to 0")
    of_shallow, of_low = ("late, shallow", "reset to 0, shallow"), ("late, lr .01", "reset to 0, lr .01")
    deep: dict[str, Arm] = {"dense": high.dense, "late": high.late[: s.read], "reset to 0": high.reset[: s.read]}
    flat: dict[str, Arm] = {
        "dense, shallow": shallow.dense,
        "late, shallow": shallow.late,
        "reset to 0, shallow": shallow.reset,
    }
    slow: dict[str, Arm] = {"dense, lr .01": low.dense, "late, lr .01": low.late, "reset to 0, lr .01": low.reset}
    return Design(
        arms=deep | flat | slow,
        parts=(
            interaction(*gain, less=of_shallow, on=s.task, band=band, label="gain, deep more than shallow"),
            interaction(*gain, less=of_low, on=s.task, band=band, label="gain, lr .1 more than .01"),
        ),
        panels={"deep": tuple(deep), "shallow": tuple(flat), "deep, learning rate .01": tuple(slow)},
        contrast=("mask", "start", "first_step"),
        replicates=s.replicates,
    )
