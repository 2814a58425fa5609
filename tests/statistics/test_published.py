"""Published AUCs and standard errors, reproduced to the last printed digit."""

from __future__ import annotations

import numpy as np
import pytest

from audit_suite.statistics import estimate_auroc

# Ovarian cancer data of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988), as printed in the
# SAS/STAT manual, PROC LOGISTIC, "ROC contrasts": albumin, total protein, Krebs-Goplerud score,
# and the indicator (0 = the event). Printed there: areas and Wald standard errors.
TABLE = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0
1.6 5.6 5 1   3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1
4.3 7.0 4 1   3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1
3.0 4.7 8 0   4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1
3.2 5.1 5 1   2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1
3.5 6.2 5 1   2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1
3.6 6.6 5 1
"""


@pytest.mark.parametrize(
    ("column", "sign", "area", "error"),
    [(0, -1, 0.7366, 0.0927), (1, -1, 0.6478, 0.1000), (2, 1, 0.7258, 0.1028)],
    ids=["albumin", "protein", "krebs-goplerud"],
)
def test_delong_1988(column, sign, area, error):
    table = np.array(TABLE.split(), float).reshape(-1, 4)
    found = estimate_auroc(table[:, 3] == 0, sign * table[:, column], range(len(table)), "d")
    assert round(found.value, 4) == area
    assert round(found.se, 4) == error
