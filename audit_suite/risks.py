"""What can be wrong with a model or its audit: the questions under which a report sorts checks."""

from __future__ import annotations

from typing import NamedTuple


class Risk(NamedTuple):
    """One kind of fault.

    Attributes:
        question: What its checks ask together, as a heading for people.
        fault: What a reader should fear if they fail.
    """

    question: str
    fault: str


RISKS: dict[str, Risk] = {
    "skill": Risk(
        "Does the model detect the finding in these patients?",
        "the model is not as good as claimed",
    ),
    "outside": Risk(
        "Does the model detect the finding with the region hidden?",
        "the model reads something else than the finding",
    ),
    "source": Risk(
        "Does the answer come from the region?",
        "the answer comes from places where a reader would not look",
    ),
    "making": Risk(
        "Does the model follow how, where or of whom the picture was made?",
        "the model recognises the device, the hospital or the kind of patient",
    ),
    "masking": Risk(
        "Can the masks and the hiding be trusted?",
        "a fail or a pass is due to the masks and not to the model",
    ),
    "data": Risk(
        "Can these data acquit a model?",
        "the pictures give the finding away, or were seen before",
    ),
    "changes": Risk(
        "Does a change that means nothing move the answer?",
        "another exposure, crop or scanner gives another answer",
    ),
    "groups": Risk(
        "Is any group of patients served worse?",
        "the model is good on average and bad for some",
    ),
    "drift": Risk(
        "Are the new cases like those of the audit?",
        "the audit's verdict no longer describes the patients who come now",
    ),
    "releases": Risk(
        "Is this release as good as the one before?",
        "what the last release could do is lost",
    ),
    "probabilities": Risk(
        "Do the probabilities mean what they say?",
        "a probability of 0.3 is not three in ten",
    ),
    "people": Risk(
        "What do people see in the same pictures?",
        "the model uses what no reader can see",
    ),
    "explanations": Risk(
        "Can the model's explanations be trusted?",
        "a map shows something else than what the model uses",
    ),
    "other": Risk("Other questions", "see the check"),
}
"""By the name that checks use, in the order of the report."""

OTHER = "other"
"""Of checks that name none: each is a question of its own."""
