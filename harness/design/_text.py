"""What reports print of a claim as it stands in its file: text without markup, and printed numbers of comparisons."""

from __future__ import annotations

import re

from harness.design._claim import Claim, Scale
from harness.errors import DesignError

MARKUP = re.compile("<[A-Za-z/!?]")  # what would be a tag in a page
IN_NAMES = re.compile(rf"{MARKUP.pattern}|\|")  # names stand in tables


def check_words(claim: Claim, scale: Scale) -> None:
    """Raise DesignError for text that a page would not show as it stands, or a printed number of no comparison.

    What the paper prints is looked for in the designs of all scales.
    """
    design, source = claim.design(scale), claim.source
    names = [
        design.axis.at(1),
        *design.arms,
        *design.panels,
        *(part.name for part in design.compared()),
        *(e.name for e in design.exact),
    ]
    texts = [claim.statement, source.version, source.place, source.published, *claim.deviations.get(scale, ())]
    texts += [each.net for each in claim.printed]
    for found, pattern in ((names, IN_NAMES), (texts, MARKUP)):
        for text in found:
            wrong = pattern.search(text)
            if wrong is not None or not text.isprintable() or (found is names and not text.strip()):
                holds = f"holds {wrong[0]!r}" if wrong is not None else "is empty or holds what cannot be seen"
                raise DesignError(
                    f"{claim.id}: {text!r} {holds}, which reports would not show as it stands. "
                    "Next: write it on one line, without tags, and names without |"
                )
    _check_printed(claim, scale)


def _check_printed(claim: Claim, scale: Scale) -> None:
    """Raise DesignError for a printed number that is of no comparison of the claim, at this or any other scale."""
    for each in claim.printed:
        scales = sorted(claim.predicted, key=lambda other: other is not scale)  # mostly found before another is built
        designs = (claim.design(other) for other in scales)
        if not any(each.belongs_to(part, design) for design in designs for part in design.compared()):
            at = f"{each.kept} % kept" if each.kept else "no density"
            raise DesignError(
                f"{claim.id}: what is printed of {' minus '.join(each.of)} in {each.metric}, at {at}, belongs to no "
                "part at any scale. Next: correct of=, metric= or kept= in printed=, or leave it to the claim's source"
            )
