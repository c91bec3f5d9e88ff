"""What is read from results is read as their own scale says, whatever scale the session was opened for."""

import numpy as np
import pandas as pd

from harness.verdict import read_results
from harness.workflow import differences, open_session
from tests.project import ROOT

ID = "frankle2019/random-reinit-hurts"


def test_differences_follow_the_scale_of_the_results():
    """The same table of standard's rows comes from a session of micro, in the bands of standard."""
    folder = ROOT / "reports" / "standard"
    tables = [
        differences(open_session(ID, scale=scale, out=folder, root=ROOT, device="cpu"))
        for scale in ("standard", "micro")
    ]
    pd.testing.assert_frame_equal(*tables)
    results = read_results(folder / "results.parquet")
    parts = open_session(ID, scale="standard", root=ROOT).claim(ID).design("standard").compared()
    for part in parts:
        np.testing.assert_array_equal(tables[1][part.name], results.differences(ID, part))
