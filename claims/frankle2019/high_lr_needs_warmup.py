"""Warm-up lets a deep net find winning tickets at a high learning rate (section 4, appendix I)."""

from harness import Design, Scale, Source, beats, claim, interaction, matches

from . import study_deep


@claim(
    "frankle2019/high-lr-needs-warmup",
    statement="""At a high learning rate that is warmed up, tickets of a deep net that are reset to step 0 are no worse
        than their dense net; without warm-up they fall farther behind theirs as they get sparser.""",
    source=Source(
        version="arXiv 1803.03635 v5",
        place="section 4, appendix I",
        published="VGG-19 at .1: none without warm-up, with 10,000 steps of it down to 1.5 % kept",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        *study_deep.DEVIATIONS,
        "Warm-up over 150 of 1,500 steps; for VGG-19 it is 10,000 of 112,000.",
        "Levels chosen on pilots: 40 and 16 % kept for the match, 6.4 % for the difference of differences.",
        """Against the dense nets; the same against reinitialisations, one a ticket instead of three, stands beside: on
        pilots it had too much spread to decide.""",
        "The arms without warm-up are those of frankle2019b/late-resetting-stabilises, reported before this claim.",
    ),
)
def high_lr_needs_warmup(scale: Scale) -> Design:
    """Beside it the leads over reinitialisations, of which the paper says that without warm-up there is none."""
    plain, warm = study_deep.deep(), study_deep.deep(warmup=study_deep.WARMUP)
    warmed, unwarmed = ("ticket, warm-up", "dense, warm-up"), ("ticket", "dense")
    led, unled = ("ticket, warm-up", "reinit, warm-up"), ("ticket", "reinit")
    return Design(
        arms={
            "dense": plain.dense,
            "ticket": plain.tickets,
            "reinit": plain.reinit,
            "dense, warm-up": warm.dense,
            "ticket, warm-up": warm.tickets,
            "reinit, warm-up": warm.reinit[-1:],
            "linear": study_deep.linear(0.1),
        },
        parts=(
            matches(*warmed, on=study_deep.TASK, band=study_deep.DENSER, floors=("linear",)),
            interaction(*warmed, less=unwarmed, on=study_deep.TASK, band=study_deep.AT_6),
        ),
        beside=(
            interaction(*led, less=unled, on=study_deep.TASK, band=study_deep.AT_6),
            beats(*unled, on=study_deep.TASK, band=study_deep.AT_6),
        ),
        contrast=("mask", "start", "streams.order"),
        panels={
            "no warm-up": ("dense", "ticket", "reinit", "linear"),
            "warm-up": ("dense, warm-up", "ticket, warm-up", "reinit, warm-up"),
        },
        replicates=20,
    )
