"""Label smoothing against labels as they are: the error of the net's confidence, and its accuracy."""

from dataclasses import replace

from harness import Design, Scale, Source, beats, claim, matches

from . import study


@claim(
    "mueller2019/smoothing-calibrates",
    statement="""Label smoothing lowers the expected calibration error of a net and costs no accuracy.""",
    source=Source(version="arXiv 1906.02629", place="section 3", published="direction only"),
    predicted={"micro": "reproduced"},
    deviations=("1,000 signals of MNIST-1D and two convolutions along them instead of images and a ResNet.",),
)
def smoothing_calibrates(scale: Scale) -> Design:
    """Both see the same batches from the same initial weights; a linear net shows what accuracy could come to."""
    smoothed = replace(study.RECIPE, smoothing=0.1)
    return Design(
        arms={
            "hard": study.answers(study.NET, study.RECIPE),
            "smoothed": study.answers(study.NET, smoothed),
            "linear": study.answers(study.LINEAR, study.RECIPE),
        },
        parts=(
            beats("hard", "smoothed", on=study.SIGNALS, metric="calibration_error"),
            matches("smoothed", "hard", on=study.SIGNALS, floors=("linear",)),
        ),
        contrast=("recipe.smoothing",),
    )
