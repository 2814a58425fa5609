"""What is planted: the kinds of truth, and the models of a run."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from audit_suite.cards import canonical_digest
from audit_suite.phantoms import GENERATOR_VERSION

TARGET = "consolidation"
FURTHER = {"cardiomegaly": "heart", "pneumoperitoneum": "diaphragm"}  # with three targets
SIZE = 32  # pixels of a frame: enough for lungs, finding and marker, small enough for 600 models
PATIENTS = 1500  # of a test set: 90 % power to show |AUROC - .5| < .05 (721 of each class)
TIED_PATIENTS = 3000  # of kinds whose cause needs an equivalence test, also within strata
SMALLER = (200, 500)  # further test sets, to measure the effect of too little data
NUMBERS = (200, 500, 1500, 3000)  # of patients, and
PREVALENCES = (0.1, 0.3, 0.5)  # shares of them with the finding, where gate decisions are counted
HALF = 0.5
TRAINING_PATIENTS = 1200  # with 800 some models never learned the faint finding
EPOCHS = 40
WIDTH = 8  # channels of the network's first layer
MASKED_SHARE = 0.5  # of training images that show only the ROI or its box
AGREEMENT = 0.9  # of a planted shortcut with the label, in training and test sets
TIED = 0.8  # of a second finding, or of a site: both classes must occur in every stratum
ROI_MARGIN = 64  # pixels of a frame of 512: the largest radius of a hole in the mask
FAINT = 0.5  # strength of the finding if something else is planted too
STRONG = 0.9  # from this strength on a shortcut must be detected
SHARED = 2  # models that share training and test sets, with different seeds
SEEN = 1000  # seeds below this were seen while checks and causes were made
REVISION = 2  # raise it with every change of how models and data are made


@dataclass(frozen=True)
class Kind:
    """One planted truth.

    Attributes:
        group: The group in which it is counted: none, honest, plain, outside, diffuse, framing,
            mask, inside, co-label, segmenter or metadata.
        cause: The cause that must be named; None if none may be named.
        note: What is planted, in words.
    """

    group: str
    cause: str | None
    note: str


@dataclass(frozen=True)
class World:
    """What patients look like, and what the model is made of.

    Attributes:
        frame: Chest radiographs or fundus photographs.
        pixels: Height and width of the images.
        network: A function of `networks` or `audit_suite.models.small_cnn`.
        targets: 1, or 3 (chest alone): cardiomegaly and free air, independent of the first.
    """

    frame: Literal["cxr", "fundus"] = "cxr"
    pixels: int = SIZE
    network: Literal["small_cnn", "tiny_resnet", "patch_transformer"] = "small_cnn"
    targets: int = 1

    @property
    def rois(self) -> dict[str, str]:
        """The region of each target, the first target first."""
        if self.frame == "fundus":
            return {"glaucoma": "disc"}
        return {TARGET: "lungs", **(FURTHER if self.targets > 1 else {})}

    @property
    def target(self) -> str:
        """The target whose label shortcuts follow."""
        return next(iter(self.rois))

    @property
    def architecture(self) -> str:
        """The function that builds the network, as a model card names it."""
        if self.network == "small_cnn":
            return "audit_suite.models.small_cnn:small_cnn"
        return f"{Path(__file__).with_name('networks.py')}:{self.network}"

    @property
    def arguments(self) -> dict[str, int]:
        """What that function is called with."""
        if self.network == "patch_transformer":
            return {"outputs": len(self.rois), "width": 4 * WIDTH, "pixels": self.pixels}
        return {"outputs": len(self.rois), "width": WIDTH}

    @property
    def tag(self) -> str:
        """What differs from the usual world, for names."""
        usual = asdict(World())
        parts = [
            f"{value}-{key}" if isinstance(value, int) else str(value)
            for key, value in asdict(self).items()
            if value != usual[key]
        ]
        return "-".join(parts).replace("_", "-")


USUAL = World()

_LARGER = ("co_label", "site", "under_segmented")  # their causes need an equivalence test
_OUTSIDE = "background-shortcut"
_ACQUIRED = "acquisition"
_NOWHERE = "undetermined"
KINDS: dict[str, Kind] = {
    "none": Kind("none", None, "no signal at all"),
    "honest": Kind("honest", None, "a finding in the lungs, and nothing else"),
    "honest_plain": Kind("plain", None, "the same; the model never saw a masked image"),
    "corner_marker": Kind("outside", _OUTSIDE, "a side marker"),
    "border": Kind("outside", _OUTSIDE, "collimation"),
    "device_wire": Kind("outside", _OUTSIDE, "the lead of a monitor"),
    "burned_in_text": Kind("outside", _OUTSIDE, "text along the lower edge"),
    "exposure": Kind("diffuse", _ACQUIRED, "a brighter exposure"),
    "scanner_noise": Kind("diffuse", _ACQUIRED, "another detector's grain"),
    "framing": Kind("framing", "framing", "the body lies lower in the frame"),
    "mask_size": Kind("mask", "mask-leak", "honest; masks of positives are drawn larger"),
    "roi_artefact": Kind("inside", _NOWHERE, "an electrode over a lung"),
    "co_label": Kind("co-label", "co-label", "an enlarged heart accompanies the finding"),
    "under_segmented": Kind(
        "segmenter", "roi-incomplete", "honest; masks of positives miss the finding"
    ),
    "site": Kind("metadata", "explained-by-metadata", "positives come from a site that collimates"),
}


OTHER_WORLDS = (
    World(frame="fundus"),
    World(targets=3),
    World(network="tiny_resnet"),
    World(network="patch_transformer"),
    World(pixels=64),
)


@dataclass(frozen=True)
class Setting:
    """One model to train and audit.

    Attributes:
        kind: Its planted truth.
        strength: Strength of the finding (honest kinds), or of what is planted.
        seed: Decides training; the two models of a pair share their patients.
        sizes: Patients of its test sets; the first gives the verdict that counts.
        world: What the patients look like and the model is made of.
        prevalences: Shares of test patients with the finding, each with every size; half of the
            training patients have it.
    """

    kind: str
    strength: float
    seed: int
    sizes: tuple[int, ...] = (PATIENTS,)
    world: World = USUAL
    prevalences: tuple[float, ...] = (HALF,)

    @property
    def name(self) -> str:
        """Unique in a run; a name that cards accept."""
        return f"{self._stem}-{self.seed}"

    @property
    def data(self) -> str:
        """Name of its patients."""
        return f"{self._stem}-{self.seed // SHARED}"

    @property
    def _stem(self) -> str:
        parts = (self.kind.replace("_", "-"), self.world.tag, str(round(100 * self.strength)))
        return "-".join(part for part in parts if part)

    @property
    def data_seed(self) -> int:
        """Seed of its training set; the next three are free for its test sets."""
        return 4 * int(canonical_digest(self.data)[:12], 16)

    @property
    def tests(self) -> list[tuple[int, float]]:
        """Patients and prevalence of its test sets; the first gives the verdict that counts."""
        return [(size, prevalence) for prevalence in self.prevalences for size in self.sizes]

    def test_set(self, size: int, prevalence: float = HALF) -> str:
        """Name of its test set with this number of patients."""
        share = "" if prevalence == HALF else f"-{round(100 * prevalence)}-percent"
        return f"{self.data}-{size}{share}"

    def audited_on(self, size: int, prevalence: float = HALF) -> str:
        """Name of the model's card for one test set."""
        return self.name + self.test_set(size, prevalence).removeprefix(self.data)

    @property
    def key(self) -> str:
        """Digest of everything that determines its model and test sets."""
        constants = [SIZE, TRAINING_PATIENTS, EPOCHS, WIDTH, MASKED_SHARE, AGREEMENT, TIED, FAINT]
        content = [asdict(self), constants, ROI_MARGIN, SHARED, REVISION, GENERATOR_VERSION]
        return canonical_digest(content)[:16]


def phantom(
    setting: Setting,
    kinds: Mapping[str, Kind],
    patients: int,
    number: int,
    prevalence: float = HALF,
) -> dict[str, Any]:
    """The phantom section of a model's training set or of one of its test sets.

    Only test sets have leaking or incomplete masks: the models are trained with good ones.

    Args:
        setting: The model.
        kinds: The kinds of the run.
        patients: Number of patients.
        number: 0 for the training set, 1 and up for test sets.
        prevalence: Share of them with the first target.
    """
    kind, strength, training = kinds[setting.kind], setting.strength, number == 0
    # If something else predicts the label, the finding is faint, so that the model learns what is
    # planted: otherwise it would not be an example of its kind.
    planted: dict[str, Any] = {"finding_strength": FAINT}
    if kind.group in ("none", "honest", "plain"):
        planted = {"finding_strength": strength}
    elif setting.kind == "co_label":
        planted["co_labels"] = [{"target": "cardiomegaly", "agreement": TIED}]
    elif setting.kind == "site":
        tie = {"key": "site", "agreement": TIED, "strength": strength, "shows": ["border"]}
        planted["metadata"] = [tie]
    elif kind.group in ("mask", "segmenter"):
        planted = {"finding_strength": 1.0}
        if kind.group == "segmenter" and not training:
            planted["under_segmentation"] = strength
    if kind.group in ("outside", "diffuse", "framing", "inside") or (
        kind.group == "mask" and not training
    ):
        one = {"name": setting.kind, "agreement": AGREEMENT, "strength": strength}
        planted["shortcuts"] = [one]
    world = setting.world
    if world.targets > 1:
        further = [{"target": target} for target in FURTHER]
        planted["co_labels"] = [*planted.get("co_labels", ()), *further]
    if prevalence != HALF:
        planted["prevalence"] = prevalence
    seed = setting.data_seed + number
    common = {"kind": world.frame, "patients": patients, "size": world.pixels, "seed": seed}
    return {**common, **planted}


def full_run(kinds: Mapping[str, Kind]) -> list[Setting]:
    """210 honest models, over 100 with a strong shortcut outside the ROI, 30 of any other kind."""
    strengths = {0.6: 2, 0.8: 2, 0.9: 14, 1.0: 12}
    counts = dict.fromkeys(kinds, strengths)
    counts["none"] = {0.0: 30}
    counts["honest"] = dict.fromkeys((0.6, 0.8, 1.0), 70)
    counts["honest_plain"] = {1.0: 30}
    counts["co_label"] = {1.0: 30}
    return _settings(counts, dict.fromkeys((0.6, 0.8, 1.0), range(7)))


def quick_run(kinds: Mapping[str, Kind]) -> list[Setting]:
    """About 30 models: every kind once or twice."""
    counts: dict[str, dict[float, int]] = {name: {1.0: 2} for name in kinds}
    counts["none"] = {0.0: 2}
    counts["honest"] = dict.fromkeys((0.6, 0.8, 1.0), 2)
    return _settings(counts, {0.6: range(0), 0.8: range(1), 1.0: range(0)})


def gate_run(kinds: Mapping[str, Kind], quick: bool = False) -> list[Setting]:
    """Models whose gate decisions are counted, one of each cell; raise the seeds for more.

    Honest models and strong shortcuts over patients and prevalences; then fundus photographs, three
    targets, other networks and larger images, each at one size; last every other kind once.

    Args:
        kinds: The kinds of the run.
        quick: Whether only two sizes, one prevalence and nine models are wanted.
    """
    sizes, shares = (NUMBERS[::-1], PREVALENCES[::-1]) if not quick else (NUMBERS[2:0:-1], (0.3,))
    usual = (("honest", 0.6), ("honest", 1.0), ("corner_marker", 1.0), ("exposure", 1.0))
    settings = [Setting(kind, strength, 0, sizes, prevalences=shares) for kind, strength in usual]
    settings += [
        Setting(kind, 1.0, 0, (PATIENTS,), world)
        for world in OTHER_WORLDS
        for kind in ("honest", "burned_in_text", "exposure")[: 1 if quick else 3]
    ]
    seen = {setting.kind for setting in settings}
    rest = [] if quick else [kind for kind in kinds if kind not in seen]
    return [*settings, *(Setting(kind, 0.0 if kind == "none" else 1.0, 0) for kind in rest)]


def search_run(quick: bool = False) -> list[Setting]:
    """Honest models and models that read a corner marker, in turn: 100 of each, or 4."""
    return [
        Setting(kind, 1.0, seed)
        for seed in range(4 if quick else 100)
        for kind in ("honest", "corner_marker")
    ]


def fresh(settings: Sequence[Setting], first: int) -> list[Setting]:
    """The same models with other seeds, and so other patients.

    Args:
        settings: The models.
        first: Added to every seed; seeds below `SEEN` were seen while the rules were made.

    Raises:
        ValueError: If it would split the pairs that share patients.
    """
    if first % SHARED:
        raise ValueError(f"the first seed must be a multiple of {SHARED}")
    return [replace(setting, seed=setting.seed + first) for setting in settings]


def _settings(
    counts: Mapping[str, Mapping[float, int]], smaller: Mapping[float, range]
) -> list[Setting]:
    """The models, shuffled by pairs, so that an unfinished run has some of every kind.

    Args:
        counts: Number of models by kind and strength.
        smaller: Pairs of honest models, by strength, that are also tested on smaller sets.
    """
    pairs: dict[str, list[Setting]] = {}
    for kind, strengths in counts.items():
        for strength, count in strengths.items():
            for seed in range(count):
                own = TIED_PATIENTS if kind in _LARGER else PATIENTS
                more = SMALLER if kind == "honest" and seed // SHARED in smaller[strength] else ()
                setting = Setting(kind, strength, seed, (own, *more))
                pairs.setdefault(setting.data, []).append(setting)
    shuffled = list(pairs.values())
    random.Random(1907).shuffle(shuffled)
    return [setting for pair in shuffled for setting in pair]
