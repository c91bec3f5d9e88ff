"""Late resetting at the full learning rate against resetting to step 0 with a warm-up (v1, sections 3 and 4)."""

from harness import Design, Scale, Source, beats, claim, matches, percent_kept

from . import study

LEVELS = percent_kept("6", "41")
FLOOR = "random mask, late"


@claim(
    "frankle2019b/no-warmup-needed",
    statement="""In a deep net at a high learning rate, tickets reset to an early step and trained without warm-up are
        no less accurate than tickets reset to step 0 and trained with it.""",
    source=Source(
        version="arXiv 1903.01611 v1 (late resetting; v3 says rewinding)",
        place="sections 3 and 4",
        published="as stated; no figure is compared",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        "An 8-layer BatchNorm MLP on the difference of two 8x8 digits instead of ResNet-20 and VGG-19 on CIFAR-10.",
        "Three rounds of 60 %, output layer included; reset to step 100 of 1,500, or warmed up over 150 steps.",
        study.BATCH_NORM,
        "The mean over 40, 16 and 6.4 % kept, chosen on pilots: one level has too much spread for 20 replicates.",
        "The arms without warm-up are those of late-resetting-stabilises, reported before this claim.",
    ),
)
def no_warmup_needed(scale: Scale) -> Design:
    """The dense nets are arms too; what warm-up does for tickets that are reset to step 0 is shown beside."""
    s, plain, warm = study.SETTINGS[scale], study.high(scale), study.warmed(scale)
    return Design(
        arms={
            "dense": plain.dense,
            "late": plain.late,
            "reset to 0": plain.reset,
            "dense, warm-up": warm.dense,
            "reset to 0, warm-up": warm.reset,
            FLOOR: plain.random,
        },
        parts=(matches("late", "reset to 0, warm-up", on=s.task, band=LEVELS, floors=(FLOOR,)),),
        beside=(
            beats("reset to 0, warm-up", "reset to 0", on=s.task, band=LEVELS),
            matches("late", "reset to 0, warm-up", on=s.task, band=s.at, floors=(FLOOR,), label="at 16 % kept"),
        ),
        contrast=("mask", "start", "first_step", "recipe.schedule"),
        replicates=s.replicates,
    )
