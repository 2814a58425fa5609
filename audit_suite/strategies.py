"""What a searched counterexample may change: places and paint, and how to write one's own.

A strategy is a function that returns a hypothesis strategy of changes; a change is a frozen
dataclass of whole numbers. `audit_suite.counterexample` takes one, wrapped in `outside_roi`. See
docs/howto/counterexamples.md.
"""

from audit_suite.search.change import Change, Painted, placed
from audit_suite.search.kinds.areas import Area, areas
from audit_suite.search.kinds.frames import Border, Gradient, borders, gradients
from audit_suite.search.kinds.one_of import one_of
from audit_suite.search.kinds.only import only
from audit_suite.search.kinds.patches import Noise, Patch, noises, patches
from audit_suite.search.kinds.writing import Line, Text, glyphs, lines, texts
from audit_suite.search.percents import percents
from audit_suite.search.strategy import Strategy, outside_roi, register_strategy, swapped

__all__ = [  # noqa: RUF022 - grouped by use
    # What is drawn
    "areas",
    "borders",
    "glyphs",
    "gradients",
    "lines",
    "noises",
    "one_of",
    "only",
    "patches",
    "texts",
    # ... and how it is used
    "outside_roi",
    "swapped",
    # The changes themselves, as findings print them
    "Area",
    "Border",
    "Gradient",
    "Line",
    "Noise",
    "Patch",
    "Text",
    # Writing one's own
    "Change",
    "Painted",
    "Strategy",
    "percents",
    "placed",
    "register_strategy",
]
