"""What may reach the model although the region is hidden: the mask's outline, or its rim."""

from __future__ import annotations

from audit_suite.causes.chance import NEGLIGIBLE, off_chance
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.causes.logic import Holds, all_of, any_of, not_
from audit_suite.record import Finding


def beyond_the_mask(findings: FindingsAt) -> Holds:
    """Whether all that the model detects without the region lies just beyond the mask (C12)."""
    return all_of(findings.detects_label("R2"), not_(findings.fails("C12")))


def outline_is_read(findings: FindingsAt) -> Holds:
    """Whether the mask alone predicts the label (C1) and the model reads it from the hole (C3)."""
    # A classifier of the mask's pixels also sees its position, and that is framing.
    shape = all_of(findings.fails("C1", "pixels"), not_(findings.fails("C1", "position")))
    predicts = any_of(findings.fails("C1", "geometry"), shape)
    foreign = findings.of("C3")
    return all_of(predicts, _signal_falls(foreign[0]) if foreign else "unknown")


def _signal_falls(foreign: Finding) -> Holds:
    """Whether, under some fill, hiding another patient's region as well weakens the signal.

    Any signal loses a little when more of the image is hidden, so a fall shown to be negligible
    does not count.
    """
    own = {e.at.get("masking"): e for e in foreign.observations if "fall" not in e.at}
    falls = [e for e in foreign.observations if "fall" in e.at]
    for fall in falls:
        signal = own.get(fall.at.get("masking"))
        fell = fall.low > 0 and fall.high >= NEGLIGIBLE
        if fell and signal is not None and off_chance(signal):
            return "yes"
    return "no" if falls and all(fall.high < NEGLIGIBLE for fall in falls) else "unknown"
