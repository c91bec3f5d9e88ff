"""What a metric may be: fields that go together, and names that are read as what was registered."""

import pytest

from harness.design._metrics import METRICS, Metric, add_metric, metric
from harness.design._own_metrics import answer_metric, mask_metric
from harness.errors import DesignError
from harness.population._population import Row

ROWS = {"early_stop_accuracy": Row("early_stop_accuracy", 40, 0.9), "validation_loss": Row("validation_loss", 50, 0.25)}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"of": "steps", "log": True}, "neither 'value' nor 'step'"),
        ({"of": "step"}, "a step without log=True has no unit"),
        ({"of": "step", "log": True, "negated": True}, "negated= goes with a value as it is"),
        ({"log": True, "negated": True}, "negated= goes with a value as it is"),
        ({"all_right": True, "negated": True}, "negated= goes with a value as it is"),
        ({"all_right": True, "log": True}, "all_right= goes with a value as it is"),
        ({"bounds": (0.0, 1.0)}, "must be positive"),
        ({"per": 2.0}, "goes with counts="),
        ({"stored_log": True}, "goes with log="),
    ],
)
def test_fields_that_do_not_go_together_are_refused(fields, told):
    """Each would be left out without a word, and the number be another one than was asked for."""
    with pytest.raises(DesignError, match=rf"metric 'mine': .*{told}.*Next: correct the Metric"):
        Metric("mine", "my number", **fields)


def test_a_loss_a_token_is_read_in_nats_bits_and_as_a_perplexity():
    """Of 2 nats: a log-likelihood of -2 nats or -2.885 bits, and a perplexity whose logarithm is 2."""
    rows = {"test_loss": Row("test_loss", 40, 2.0)}
    read = {name: metric(name).read(rows).value for name in ("nats", "bits", "log_perplexity")}
    assert read == pytest.approx({"nats": -0.02, "bits": -0.0288539, "log_perplexity": 2.0})
    assert (metric("bits").unit, metric("log_perplexity").unit) == ("bits a token", "log points")


def test_a_later_version_reads_what_the_first_did():
    """A version is part of the name that locks hash, and not of the stored metric that is read."""
    add_metric(Metric("validation_loss", "minus the validation loss", negated=True, bounds=(1.0, 1.0)), version=2)
    try:
        found = metric("validation_loss@2")
        assert found.source == "validation_loss"
        assert found.read(ROWS).value == -0.25
    finally:
        METRICS.remove("validation_loss@2")


@pytest.mark.parametrize("register", [answer_metric, mask_metric])
@pytest.mark.parametrize("bounds", [None, 0.5, (0.5,)])
def test_a_metric_of_ones_own_needs_bounds(register, bounds):
    """Nobody else can say which difference of it matters."""
    with pytest.raises(DesignError, match=r"only its author can say\. Next: bounds=\(sesoi, margin\)"):
        register("mine", "what is mine", bounds=bounds)
