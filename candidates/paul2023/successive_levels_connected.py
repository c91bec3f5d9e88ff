"""Solutions of successive rounds of pruning, and the path between them (section 3)."""

from harness import (
    DIGIT_DIFFERENCE,
    Between,
    Design,
    Scale,
    Source,
    Training,
    beats,
    between,
    claim,
    fresh,
    matches,
    percent_kept,
)

from .. import study

TASK, STEP = DIGIT_DIFFERENCE, 25


@claim(
    "paul2023/successive-levels-connected",
    statement="""No barrier lies between the solutions of two successive rounds of pruning where tickets match the dense
        net, reset to an early step; where they do not match, reset to step 0, there is one.""",
    source=Source(version="arXiv 2210.03044", place="abstract", published="direction only"),
    predicted={"micro": "reproduced"},
    deviations=(
        study.PAIRS_SETTING,
        "Reset to step 25 of 1,500; three rounds of 60 % of all weights, to 6.4 % kept.",
        "No barrier is one below 2 pp more than that of a net to itself; over 11 points.",
        study.BATCH_NORM,
    ),
)
def successive_levels_connected(scale: Scale) -> Design:
    """Ladders reset to 25 and to 0: tickets, paths from each to the next, and to the next with new weights."""
    late, reset = study.deep_ladder(STEP), study.deep_ladder(0)

    def steps(ladder: tuple[Training, ...]) -> list[Between]:
        return [between(ladder[k], ladder[k + 1]) for k in (1, 2)]

    return Design(
        arms={
            "dense": late[0],
            "reset to 25": list(late[1:]),
            "reset to 0": list(reset[1:]),
            **study.controls(late[-1]),
            "levels, 25": steps(late),
            "levels, 0": steps(reset),
            "itself, 25": [between(late[k], late[k]) for k in (1, 2)],
            "copy, 25": [between(late[k], study.again(late[k + 1], start=fresh("reinit"))) for k in (1, 2)],
            "linear": study.linear(late[0].recipe, pairs=True),
        },
        parts=(
            matches("levels, 25", "itself, 25", on=TASK, metric="stability", floors=("copy, 25",)),
            beats("levels, 25", "levels, 0", on=TASK, metric="stability"),
            matches("reset to 25", "dense", on=TASK, band=percent_kept("15", "41"), floors=("linear",)),
            beats("dense", "reset to 0", on=TASK, band=percent_kept("6", "7")),
        ),
        contrast=("mask", "start", "first_step", "streams.order"),
        replicates=20,
    )
