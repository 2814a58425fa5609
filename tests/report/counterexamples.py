"""What a search found, as a record holds it."""

from report.test_sections import estimate as made

DONORS = {
    "case": 1231, "box": (3, 1, 9, 8), "box_in_file": (30, 10, 90, 80), "frame": (64, 48),
    "scores": [1.5, 2.5, -0.5], "pictures": ["QQ==", "Qg==", "Qw=="], "kind": "donor contrast",
    "change": "Area(height=12, width=9, down=7, right=9)", "repeat": "counterexample(only(...))",
    "tries": 200, "shrinking": 44, "idle": 23, "limit": 0.1, "best": 0.39, "floor": 0.274,
    "shrunk": 0.298, "held_out": made("rank moved", 0.245, 0.03), "flips": 0.75,
    "searched_on": 32, "confirmed_on": 200, "donors": 400, "seed": 1907, "version": "search 1",
}  # fmt: skip
PAINTED = {**DONORS, "kind": "painted", "pictures": ["QQ==", "Qg=="], "scores": [1.5, -0.5],
           "donors": 0, "flips": None, "box_in_file": None}  # fmt: skip
