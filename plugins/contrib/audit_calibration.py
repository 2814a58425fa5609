"""A check with its own need and report section, in one file: calibration in the large.

``pytest --audit audit_calibration.py``: does the mean score match the share of images with the
finding?
"""

from audit_suite import Full, Margin, NotApplicable, check
from audit_suite.extend import Section, cell_scores, estimate_mean, register_section


class MeanError:
    """Mean of the score minus the label, over the images of a cell; -1 to 1."""

    id = "mean-error"

    def requests(self, cell):
        return cell.requests(Full())

    def estimate(self, cell, source):
        seen = cell_scores(cell, source, Full())
        if seen.probabilities is None:
            raise NotApplicable("the model gives no probabilities")
        error = seen.probabilities - seen.labels
        return estimate_mean(error, seen.patients, seen.dataset, "mean score minus prevalence")


LINE = """{% for finding in content if finding.estimate %}<p>{{ finding.model }}:
{{ finding.estimate.value|number }} {{ finding.estimate|interval }}</p>{% endfor %}"""


register_section(
    Section("calibration", "Calibration in the large", lambda _, findings: findings, template=LINE)
)


@check("calibration", section="calibration", error=MeanError(), margin=Margin(0.1, source="pack"))
def test_scores_are_calibrated_in_the_large(error, margin):
    """Does the mean score match the share of images with the finding?"""
    assert error.distance_to(0) < margin
