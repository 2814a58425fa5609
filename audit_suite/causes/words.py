"""What the flags say to a clinician, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from audit_suite.causes.said import Holds
from audit_suite.record import CauseFlag

UNDETERMINED = "undetermined"


def sentence(target: str, signal: Holds, flags: Sequence[CauseFlag]) -> str:
    """One sentence for a clinician.

    Args:
        target: What the model is to tell.
        signal: Whether it is told without the region.
        flags: All causes, held or not.
    """
    words = [_WORDS[flag.cause] for flag in flags if flag.holds == "yes"]
    if words:
        return f"On {target}: {'; and '.join(words)}."
    if signal == "no":
        return (
            f"On {target}: with the region of interest hidden the model tells nothing, and nothing "
            f"found here speaks for another cue."
        )
    return f"On {target}: these data cannot say what the model reads outside the region."


_WORDS = {
    "background-shortcut": "the model recognises it from parts of the image outside the region "
    "where a reader would look",
    "mask-leak": "the outline of the region differs between sick and healthy, and the model reads "
    "the outline of what was hidden",
    "framing": "sick and healthy are framed differently, and the model reads where the region lies "
    "in the picture",
    "roi-incomplete": "the region as drawn may leave out diseased parts just beyond its edge",
    "co-label": "the model reads another finding that often comes with it",
    "explained-by-metadata": "the cue travels with how or where the image was taken or who the "
    "patient is",
    "masking-artefact": "covering parts of the image disturbs the model, so that results on "
    "covered images are to be read with care",
    UNDETERMINED: "the model follows something that covering a region cannot find or tell apart",
}
