"""Calibration: does a probability of 30 % mean three patients in ten? (K1 to K3).

For models that give probabilities. Nothing here is judged: how well they must be calibrated depends
on what is done with them, and the prevalence of a test set is often not that of the ward.
"""

from audit_suite import WithoutROI, check, reliability, report_only

BECAUSE = "how well probabilities must be calibrated depends on what is done with them"


@check("K1", risk="probabilities", section="probabilities", found=reliability())
def test_calibration(found):
    """Are the model's probabilities those with which patients have the finding?

    How to read it: A slope of 1 and an intercept of 0 are calibrated. A slope below 1 says that
    probabilities are too extreme. An intercept below 0 says that they are too high, as where the
    finding is rarer than in training; the error at the prevalence of these images leaves that out.
    """
    report_only(*found, because=BECAUSE)


@check("K2", risk="probabilities", section="probabilities", found=reliability(by="group"))
def test_calibration_in_groups(found):
    """Are the probabilities calibrated in each group of patients by a declared tag?

    How to read it: Where groups differ in the intercept, one threshold calls different shares of
    them positive: look at F1-point.
    """
    report_only(*found, because=BECAUSE)


@check(
    "K3",
    risk="probabilities",
    section="probabilities",
    black=reliability(WithoutROI(shape="box", fill="black")),
    mean=reliability(WithoutROI(shape="box", fill="mean")),
    blur=reliability(WithoutROI(shape="box", fill="blur")),
)
def test_calibration_without_the_region(black, mean, blur):
    """With the region's box hidden, do the probabilities say that the model knows nothing?

    How to read it: A model that needs the region should return to the prevalence, with an intercept
    near 0. A large error here is a model that is sure without having seen anything.
    """
    report_only(*black, *mean, *blur, because=BECAUSE)
