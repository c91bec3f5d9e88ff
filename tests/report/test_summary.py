"""A report at a glance: the summary's lines, the overview figure, and a claim's scales side by side.

Also tests `report._notation`, `report._overview` and `report._scales`.
"""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats, equals, matches
from harness.design._claim import Paper, Scale
from harness.design._lock import Registry
from harness.report import _overview as overview
from harness.report import _report as report
from harness.report import _summary as summary
from harness.report._notation import anchor, interval, kept, percent, signed, significant, written
from harness.report._scales import side_by_side
from harness.stats._kinds import Outcome
from harness.verdict import _judge as judging
from harness.verdict._results import Results
from harness.verdict._verdicts import MeanInterval
from tests import synthetic
from tests.report.drawn import texts
from tests.synthetic import CATALOGUE, MICRO, around, claim, counted, design, lock

BEATS = beats("a", "b", on=DIGITS)
MATCHES = matches("c", "b", on=DIGITS, floors=("d",), bound=0.5)
NULL = equals("c", "b", on=DIGITS, floors=("d",), label="no effect here", null_setting=True, bound=0.5)


def values(ahead, sd=0.5, behind=0.0, n=10):
    """Values of the arms of `design`: a and c against b at 80 %, and d as a floor far below."""
    at = {"a": around(ahead, sd, n), "c": around(behind, 0.3, n)[::-1], "d": -20 + around(0, 0.2, n)}
    return lambda arm, density: 80 + at.get(arm, np.zeros(n))


@pytest.fixture
def registry(tmp_path):
    """An empty registry."""
    return Registry(tmp_path / "registry.lock")


@pytest.fixture
def mixed(monkeypatch, registry):
    """Results of claims of two papers and a control, one of each outcome, and one that is locked and was not run."""
    made = {
        name: claim(design(BEATS), id=name)
        for name in ("paper/shown", "paper/opposite", "paper/open", "other/far", "controls/same", "paper/unrun")
    }
    made["other/count"] = claim(counted(observed=3), id="other/count", predicted=Outcome.REFUTED)
    synthetic.register(monkeypatch, *made.values())
    monkeypatch.setitem(CATALOGUE.papers, "other", Paper(key="other", authors="B", title="T", venue="V", arxiv="1"))
    lock(registry, *made.values())
    ahead = {"paper/shown": 2.0, "paper/opposite": -2.0, "paper/open": 0.2, "other/far": 12.0, "controls/same": 1.0}
    rows = synthetic.results(*((made[id], values(mean)) for id, mean in ahead.items()), (made["other/count"], None))
    return rows, judging.judge_results(rows, registry, CATALOGUE)


def test_claims_are_grouped_by_paper_with_a_tally(mixed, registry):
    """Papers by name and the controls last; what is locked and was not run is counted."""
    grouped = summary.groups(mixed[1], registry, CATALOGUE)
    assert [(group.key, group.tally) for group in grouped] == [
        ("other", "2 claims: 1 reproduced, 1 refuted"),
        ("paper", "4 claims: 1 reproduced, 1 refuted, 1 inconclusive, 1 not run"),
        ("controls", "1 claim: 1 reproduced"),
    ]
    assert [group.key for group in summary.of_papers(grouped)] == ["other", "paper"]
    lines = {line.id: line for group in grouped for line in group.lines}
    assert [lines[id].came_out for id in ("paper/shown", "paper/opposite", "other/count")] == [True, False, True]
    assert (lines["paper/unrun"].came_out, lines["paper/unrun"].anchor, lines["paper/unrun"].n) == (None, "", "–")
    assert lines["other/count"].rests_on == "1 of 2 quantities equal"


def test_the_report_opens_with_tally_and_table(mixed, registry):
    """One sentence counts the papers' claims, controls apart; the table says what came out as predicted."""
    text = report.report_text(*mixed, registry, CATALOGUE, [], {})
    assert "**6 claims of 2 papers: 2 reproduced, 2 refuted, 1 inconclusive, 1 not run.**" in text
    assert "First attempts that came out as predicted: 3 of 5." in text
    exact = "1 exact: [other/count](#othercount)"  # in a project without reports/errata.md, which would be named
    assert f"| refuted | 1 finding from 1 tested claim; {exact} |" in text
    rows = {row.split("|")[1].strip(): row for row in text.split("## What")[0].splitlines() if row.startswith("| ")}
    assert "| reproduced, yes | +2.00 pp (+1.64 to +2.36) | 10 | < .0001 | a beats b |" in rows["[shown](#papershown)"]
    assert "| **refuted (opposite), analogue task** | reproduced, **no** |" in rows["[opposite](#paperopposite)"]
    assert "| **not run** | reproduced, not counted | – | – |" in rows["unrun"]
    assert rows["**[paper](#paper--a-title)**"].startswith("| **[paper](#paper--a-title)** | 4 claims: ")
    assert text.count("\n## paper – A Title\n") == 1
    assert "A. Author. a venue. [arXiv 0000.00000](https://arxiv.org/abs/0000.00000). *4 claims: " in text


def test_a_report_elsewhere_links_no_page_of_this_project(mixed, registry):
    """Where docs/statistics.md and the tests are not, it is only named; a paper without arXiv number has no link."""
    catalogue = replace(CATALOGUE, papers={key: replace(each, arxiv="") for key, each in CATALOGUE.papers.items()})
    text = report.report_text(*mixed, registry, catalogue, [], {}, protocol=False)
    assert "statistics.md](" not in text
    assert "docs/statistics.md of ticket-harness" in text
    assert "pytest" not in text
    assert "arxiv.org" not in text
    assert "A. Author. a venue. *4 claims: " in text


@pytest.mark.parametrize(
    ("ahead", "behind", "part", "words"),
    [
        (3.0, -0.1, "a beats b", "a beats b (both parts hold)"),
        (3.0, -2.0, "no effect here", "no effect here (refutes, 1 of 2 parts)"),
        (0.1, -0.1, "a beats b", "a beats b (1 of 2 parts)"),
        (3.0, -0.45, "no effect here", "no effect here (1 of 2 parts)"),
    ],
    ids=["all shown", "one refutes", "one open", "null setting open"],
)
def test_a_verdict_rests_on_one_part(monkeypatch, registry, ahead, behind, part, words):
    """What refutes, else what is shown least; a null setting that holds is not what a claim is about."""
    made = claim(design(BEATS, NULL))
    synthetic.register(monkeypatch, made)
    rows = synthetic.results((made, values(ahead, behind=behind)))
    verdict = judging.judge_results(rows, registry, CATALOGUE).claims[made.id]
    assert verdict.deciding.name == part
    assert verdict.rests_on == words


def test_floors_are_listed_without_controls_of_their_own(monkeypatch, registry):
    """A report without control claims ends with the floors and null settings of its claims."""
    made = claim(design(NULL))
    synthetic.register(monkeypatch, made)
    rows = synthetic.results((made, values(2.0)))
    text = report.report_text(rows, judging.judge_results(rows, registry, CATALOGUE), registry, CATALOGUE, [], {})
    table = text.split("\n## Controls\n")[1]
    assert "Floors and null settings: 2 of 2 as they should be" in table
    assert "| paper/claim: floor arms |" in table
    assert "| paper/claim: null setting, no effect here | within ±0.5 pp | +0.00 pp (−0.21 to +0.21) | yes |" in table


def test_a_prediction_with_a_result_in_hand_is_marked(monkeypatch, registry):
    """Of a later version, in the table and by brackets in the figure; of a first attempt it is not."""
    first, again = claim(design(BEATS), id="paper/first"), claim(design(BEATS), id="paper/again", version=2)
    synthetic.register(monkeypatch, first, again)
    lock(registry, first, replace(again, version=1), again)
    rows = synthetic.results((first, values(2.0)))
    later = synthetic.results((again, values(2.0)), first=10)
    rows = Results(
        pd.concat([rows.frame, later.frame], ignore_index=True),
        replace(rows.meta, claims={**rows.meta.claims, **later.meta.claims}),
    )
    judged = judging.judge_results(rows, registry, CATALOGUE)
    text = report.report_text(rows, judged, registry, CATALOGUE, [], {})
    assert "| reproduced, yes, known before |" in text
    assert "| reproduced, yes |" in text
    assert [text for text in texts(drawn(judged, registry)) if "✓" in text] == ["(✓)", "✓"]


# --- the overview figure ---------------------------------------------------------------------------------------------


def drawn(judged, registry):
    return overview.draw_overview(summary.groups(judged, registry, CATALOGUE)).decode()


def test_the_overview_has_a_row_a_claim(mixed, registry):
    """Each claim once, run or not, exact or tested; the same bytes again, with nothing of the day in them."""
    svg = drawn(mixed[1], registry)
    rows = re.findall(r'id="claim-([^"]+)"', svg)
    expected = [id.replace("/", "-") for id in (*mixed[1].claims, "paper/unrun")]
    assert sorted(rows) == sorted(expected)
    assert drawn(mixed[1], registry) == svg
    assert "dc:date" not in svg


def test_effects_are_drawn_in_units_of_what_they_are_held_to(monkeypatch, registry):
    """The smallest effect of interest for beats, the margin for matches."""
    made = claim(design(BEATS, MATCHES))
    synthetic.register(monkeypatch, made)
    rows = synthetic.results((made, values(2.0, behind=-0.25)))
    first, second = judging.judge_results(rows, registry, CATALOGUE).claims[made.id].parts
    assert overview.in_units(first)[0] == pytest.approx(2.0 / DIGITS.sesoi_pp)
    assert overview.in_units(second)[0] == pytest.approx(-0.25 / DIGITS.margin_pp)


def test_an_interval_that_is_far_out_leaves_the_axis_alone(mixed, registry):
    """12 points are 30 smallest effects of interest: the axis ends where the others do."""
    lines = [line for group in summary.groups(mixed[1], registry, CATALOGUE) for line in group.lines]
    low, high = overview.limits(lines)
    assert -overview.FURTHEST - 1 <= low < -5
    assert 5 < high <= overview.FURTHEST + 1


@pytest.mark.parametrize("claims", [0, 1, 2, 40])
def test_any_number_of_claims_is_drawn(monkeypatch, registry, claims):
    """A report without claims, with few and with many has a figure; many fit on a portrait page."""
    made = [claim(design(BEATS), id=f"paper/claim-{i}") for i in range(claims)]
    synthetic.register(monkeypatch, *made)
    judged = judging.judge_results(synthetic.results(*((each, values(1.0)) for each in made)), registry, CATALOGUE)
    svg = drawn(judged, registry)
    assert len(re.findall(r'id="claim-', svg)) == claims
    width, height = (float(x) for x in re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', svg).groups())
    assert height < 1.42 * width


# --- scales side by side ---------------------------------------------------------------------------------------------


@pytest.fixture
def two_scales(monkeypatch, registry):
    """A claim of two parts with verdicts at two scales, and the results of the first."""
    made = claim(design(BEATS, MATCHES))
    made.predicted[Scale.STANDARD] = Outcome.REPRODUCED
    synthetic.register(monkeypatch, made)
    rows = synthetic.results((made, values(2.0)))
    judged = judging.judge_results(rows, registry, CATALOGUE)
    there = judging.judge_results(synthetic.results((made, values(-2.0))), registry, CATALOGUE)
    other = replace(there, scale=Scale.STANDARD)
    return made, rows, judged, other


def test_scales_stand_side_by_side(two_scales, registry):
    """A row a part; scale, data and verdict with the first; the other scale's links to its own section."""
    _, rows, judged, other = two_scales
    text = report.report_text(rows, judged, registry, CATALOGUE, [], {}, {Scale.STANDARD: other})
    table = text.split("| scale | data |")[1].split("\n\n")[0].splitlines()[2:]
    start = "| micro | digits | **reproduced (at least sesoi), analogue task, exploratory** | a beats b |"
    assert table[0].startswith(f"{start} +2.00 pp (")
    assert table[1].startswith("|  |  |  | c matches b |")
    assert table[2].startswith("| [standard](../standard/report.md#paperclaim) | digits | **refuted (opposite), ")
    assert len(table) == 4


def test_a_claim_at_one_scale_has_no_such_table(two_scales, registry):
    """Nothing is compared where there is no other report, or where it lacks the claim."""
    made, rows, judged, other = two_scales
    alone = report.report_text(rows, judged, registry, CATALOGUE, [], {})
    assert "| scale | data |" not in alone
    without = {Scale.STANDARD: replace(other, claims={})}
    assert report.report_text(rows, judged, registry, CATALOGUE, [], {}, without) == alone
    assert side_by_side(made, judged.claims[made.id], MICRO, without) == []


def test_another_version_says_so(two_scales):
    """A verdict on another version of the claim is marked with its number."""
    made, _, judged, other = two_scales
    other = replace(other, claims={made.id: replace(other.claims[made.id], version=3)})
    told = side_by_side(made, judged.claims[made.id], MICRO, {Scale.STANDARD: other})
    assert [row.verdict.endswith(", version 3") for row in told if row.verdict] == [False, True]


# --- notation --------------------------------------------------------------------------------------------------------


def test_numbers_are_written_with_sign_and_unit():
    """A minus sign is no hyphen, and what is missing is a dash."""
    effect = MeanInterval(mean=-0.5, lower=-1.0, upper=0.0)
    assert interval(effect) == "−0.50 pp (−1.00 to +0.00)"
    assert interval(replace(effect, unit="log points")) == "−0.50 log points (−1.00 to +0.00)"
    assert interval(replace(effect, lower=None, upper=None)) == "−0.50 pp (– to –)"
    assert interval(replace(effect, mean=None)) == "–"
    assert signed(None) == "–"


def test_no_zero_is_below_zero():
    """What rounds to nothing has one sign, in tables of replicates and everywhere else."""
    assert [signed(value) for value in (-0.004, 0.004, -0.0, -0.006)] == ["+0.00", "+0.00", "+0.00", "−0.01"]
    assert written(-0.004, "test_accuracy") == "0.00"


@pytest.mark.parametrize(
    ("given", "printed"),
    [
        (6.25, "6.25"),
        (3.125, "3.13"),
        (48.75, "48.8"),
        (48.25, "48.3"),
        (100, "100"),
        (0.98765, "0.988"),
        (12.5, "12.5"),
    ],
)
def test_a_density_is_the_same_everywhere(given, printed):
    """Three digits, a half rounded up and not to the even digit: on axes, in tables and in sentences."""
    assert kept(given) == printed
    assert percent(given / 100) == f"{printed} %"


def test_three_digits_or_all_before_the_point():
    """What rounds to a thousand is written whole: a tick of a log scale lies next to it, not on it."""
    written = {0.0123456: "0.0123", 99.96: "100", 999.4: "999", 999.9999: "1000", 1234.5: "1234"}
    assert {number: significant(number) for number in written} == written


def test_anchors_are_those_of_github():
    """Lower case, hyphens for spaces, no punctuation."""
    assert anchor("frankle2019/random-reinit-hurts") == "frankle2019random-reinit-hurts"
    assert anchor("a2019 – What's Hidden: In a_Net?") == "a2019--whats-hidden-in-a_net"
