"""Claims of different papers about the same net share its trainings, though no claim imports another paper's folder."""

from claims.frankle2019 import study_deep
from claims.frankle2019b import study
from harness import Scale


def test_the_deep_net_of_two_papers_is_trained_once():
    """Section 4's net, tickets and reinitialisations are frankle2019b's, with and without warm-up, at both rates."""
    for one, other in (
        (study_deep.deep(), study.high(Scale.MICRO)),
        (study_deep.deep(warmup=study_deep.WARMUP), study.warmed(Scale.MICRO)),
        (study_deep.deep(lr=0.01), study.low(Scale.MICRO)),
    ):
        assert one.dense == other.dense
        assert one.tickets[: len(other.reset)] == other.reset
        assert one.reinit[: len(other.reinit)] == other.reinit
    assert study_deep.linear(0.01) == study.low(Scale.MICRO).linear
