"""Evidence is planned: what a need reads is among what it asked for, and a check's needs too."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from cards import model_card, phantom_card
from once import drawn_once
from PIL import Image
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_weights

from audit_suite import (
    Full,
    NotApplicable,
    OnlyROI,
    Shuffled,
    WithoutROI,
    acquisition_auroc,
    agreement,
    ahead_of_readers,
    appearance_auroc,
    association,
    at_margin,
    auroc,
    auroc_in_file,
    background_gap,
    baseline,
    by_group,
    changed,
    contrast,
    corruptions,
    counterexample,
    departure,
    dilated,
    domain,
    each_change,
    each_cluster,
    each_edit,
    each_never,
    each_property,
    each_property_drift,
    each_share,
    each_similarity,
    each_stratum,
    each_tag,
    edge_shapley,
    edited,
    expected_excess,
    faithfulness,
    flip_rate,
    folded_auroc,
    following,
    incompleteness,
    internal,
    localisation,
    map_plausibility,
    mask_fault,
    mask_fit,
    mass_lift,
    near_duplicate_share,
    needs,
    numbers,
    outline_agreement,
    outline_auroc,
    outline_property,
    outside_shapley,
    parity,
    permuted_fails,
    planted,
    probe,
    property_drift_by,
    randomisation,
    reader_agreement,
    reader_skill,
    reliability,
    repeatability,
    score_drift,
    score_drift_by,
    score_probe,
    score_shift,
    selective,
    sensitivity,
    share_of_separation,
    similarity,
    specificity,
    unanswered,
    within,
    worst_slice,
    youden,
)
from audit_suite.audit.opening import open_audit
from audit_suite.audit.plan import cases_of, planned_requests
from audit_suite.audit.resolve import OnDemand, resolve
from audit_suite.audit.settings import Settings
from audit_suite.audit.suites import shipped_suites
from audit_suite.checks import ATTRIBUTE
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore, compute
from audit_suite.evidence.attributions.request import AttributionRequest
from audit_suite.evidence.budget import Budget
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.models.small_cnn import small_cnn
from audit_suite.needs import Expanding, Listing, Need, answer_in, requests_in
from audit_suite.needs.maps.grid import CellShare
from audit_suite.needs.maps.method_tests import STAGE_NAMES
from audit_suite.needs.scores.auroc import EachMasking
from audit_suite.readings import Readings
from audit_suite.strategies import areas, outside_roi, patches, swapped
from audit_suite.verdict import Inconclusive

TARGET = "consolidation"
METHODS = ("gradient", "deep", "grad-cam")
ELSEWHERE = WithoutROI(whose="elsewhere")

EXAMPLES = [
    auroc(),
    share_of_separation("brightness"),
    share_of_separation("brightness", OnlyROI(shape="box")),
    each_share("image"),
    acquisition_auroc("outside"),
    acquisition_auroc("edge"),
    auroc(WithoutROI(fill="blur")),
    auroc(OnlyROI(fill="swap")),
    auroc(ELSEWHERE),
    auroc(WithoutROI(whose="elsewhere", shape="box", fill="noise")),
    auroc(WithoutROI(whose="foreign")),
    auroc(OnlyROI(whose="window", first="centre")),
    EachMasking(),
    dilated(WithoutROI(), 25),
    dilated(ELSEWHERE, 25),
    at_margin(OnlyROI()),
    selective(OnlyROI(), 25, "positive"),
    selective(ELSEWHERE, 25, "negative"),
    permuted_fails((WithoutROI(), ELSEWHERE), 0.05),
    planted("inside"),
    planted("outside"),
    flip_rate(OnlyROI()),
    flip_rate(ELSEWHERE),
    score_shift(WithoutROI(shape="box")),
    score_shift(ELSEWHERE),
    folded_auroc(WithoutROI(shape="box")),
    folded_auroc(ELSEWHERE),
    sensitivity(),
    specificity(ELSEWHERE),
    youden(WithoutROI(shape="box")),
    numbers(),
    auroc_in_file(),
    by_group(),
    by_group("specificity", order=2, gap=True),
    by_group(masking=WithoutROI(shape="box"), kept=True),
    reliability(),
    reliability(ELSEWHERE),
    changed("shifted", "flips"),
    changed("blur", "auroc", 3),
    each_change(),
    corruptions()[0],
    each_stratum(WithoutROI()),
    within(ELSEWHERE, "sex"),
    background_gap(),
    parity(),
    contrast(auroc(), auroc(WithoutROI())),
    contrast(mass_lift("gradient"), mass_lift("grad-cam")),
    contrast(mass_lift("gradient"), auroc()),
    internal(auroc()),
    internal(mass_lift("gradient")),
    internal(contrast(auroc(), auroc(ELSEWHERE))),
    outside_shapley(),
    *(mass_lift(method) for method in METHODS),
    localisation("gradient", "rank"),
    expected_excess(),
    each_never("share"),
    each_never("alone"),
    each_cluster("gradient"),
    faithfulness("gradient"),
    incompleteness("gradient"),
    *(randomisation("gradient", stage) for stage in range(len(STAGE_NAMES))),
    repeatability("grad-cam"),
    departure(WithoutROI()),
    departure(ELSEWHERE),
    domain(WithoutROI()),
    each_tag(),
    probe("sex"),
    score_probe("sex"),
    score_drift("level"),
    score_drift("spread"),
    score_drift_by(),
    each_property_drift(),
    property_drift_by(),
    each_similarity(),
    similarity(ELSEWHERE, "positive"),
    similarity(WithoutROI(), beside=ELSEWHERE),
    each_property(),
    association("age"),
    following("grain", "positive"),
    following("view", "negative"),
    baseline(),
    baseline(with_score=True),
    agreement("positive"),
    outline_auroc("pixels"),
    outline_property("area"),
    auroc(OnlyROI("frame.corners", fill="swap")),
    auroc(Shuffled("pixels")),
    appearance_auroc("patches"),
    edge_shapley(),
    edge_shapley("output"),
    CellShare("frame.rim"),
]
"""Every kind of need, and the maskings whose size is read off another one."""

READERS = dict.fromkeys(
    (
        ahead_of_readers(WithoutROI()),
        map_plausibility(),
        outline_agreement(METHODS),
        reader_agreement(),
        reader_skill(),
        unanswered(),
    ),
    "most audits have no readings; other checks plan the scores and maps they are held against",
)
"""Needs of readings, which plan nothing, and why."""

LARGER = dict.fromkeys((worst_slice(),), "this world has too few patients for slices")
"""Needs that do not apply here, and why."""

MASKS = dict.fromkeys(
    (mask_fault("area"), mask_fit(), near_duplicate_share("patients")), "they ask no model"
)
"""Needs of masks, which plan nothing, and why."""


SEARCHES = dict.fromkeys(
    (counterexample(outside_roi(swapped(areas()))), counterexample(outside_roi(patches()))),
    "they need more patients than there are here: tests/search reads what they plan",
)
"""Needs that search, which do not apply here, and why."""


EDITORS = dict.fromkeys((each_edit(), edited("")), "no editor is shipped")
"""Needs of an editor, which do not apply here, and why."""


def name(need):
    return f"{type(need).__name__} {getattr(need, 'id', '')}".strip()


class Recording(EvidenceSource):
    """A source that notes what is read."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.asked = set()

    def read(self, request):
        self.asked.add(request)
        return super().read(request)

    def reads(self, ask):
        """What is read while ``ask`` is called, and its answer or why there is none."""
        self.asked = set()
        try:
            answer = ask()
        except NotApplicable as reason:
            answer = reason
        return self.asked, answer


EXPECTING = """
[expectations.consolidation]
expected = ["lungs"]
never = ["heart", "border"]
source = "a reader"
[operating_points.consolidation]
probability = 0.5
source = "a leaflet"
[parity]
images = ["golden.png"]
expected = "golden.safetensors"
"""


TAGS = 'metadata = ["age", "sex", "view", "site"]\n'


def away(folder, name, patients):
    """Patients of whom a card says all that a need may ask for."""
    return phantom_card(
        folder,
        name,
        'internal = "home.toml"\naudited = "home.toml"\nwatch_by = ["sex"]\n' + TAGS,
        patients=patients,
        more='images_per_patient = [1, 2]\nco_labels = [{ target = "cardiomegaly" }]',
        target='roi_margin = 25\n[targets.cardiomegaly]\nroi = ["heart"]',
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A model of two folds on phantoms whose card declares all that a need may ask for."""
    folder = tmp_path_factory.mktemp("world")
    for fold in (0, 1):
        torch.manual_seed(fold)
        weights = small_cnn(width=4).state_dict()  # none negative: no map is blank, no score is low
        weights = {key: value.abs() for key, value in weights.items()}
        weights["head.weight"] /= 20
        save_weights(weights, folder / f"fold{fold}.safetensors")
    Image.fromarray(np.full((32, 32), 128, np.uint8)).save(folder / "golden.png")
    save_file({"golden.png": np.full((1, 32, 32), 0.5, np.float32)}, folder / "golden.safetensors")
    model = model_card(
        folder,
        'arguments = { width = 4 }\nembedding_layer = "embedding"\n'
        'folds = ["fold0.safetensors", "fold1.safetensors"]\n' + EXPECTING,
        targets=[TARGET],
        loader="architecture",
        architecture="audit_suite.models.small_cnn:small_cnn",
    )
    phantom_card(folder, "home", TAGS, patients=56, more="seed = 5")
    data = away(folder, "away", 64)
    away(folder, "large", 120)
    source = Recording(
        EvidenceStore(folder / "evidence"),
        EvidenceProfile(device="cpu", threads=1),
        cache=folder / "cache",
        explaining=Budget(images=16),
    )
    with drawn_once():
        yield SimpleNamespace(
            folder=folder,
            source=source,
            cell=lambda average="estimates": Cell(model, (0, 1), data, TARGET, average),
        )


def classes(*members):
    """Classes of the package's needs that have all these members; protocols and bases do not."""
    modules = [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(needs.__path__, f"{needs.__name__}.")
    ]
    return {
        value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value)
        and value.__module__ == module.__name__
        and not getattr(value, "_is_protocol", False)
        and all(hasattr(value, member) for member in members)
    }


def expanded(need, cell):
    return need.expand(cell, (Full(), ELSEWHERE)) if isinstance(need, Expanding) else (need,)


def asked_for(need, cell):
    """The evidence a need plans; nothing where it has no meaning."""
    try:
        return set(requests_in(need, cell))
    except NotApplicable:
        return set()


def test_no_kind_of_need_is_forgotten(world):
    """A new class in a room of the needs must have an example above."""
    examples = [*EXAMPLES, *READERS, *MASKS, *SEARCHES, *EDITORS, *LARGER]
    every = [one for need in examples for one in expanded(need, world.cell())]
    kinds = {type(need) for need in (*examples, *every)}
    declared = classes("requests", "estimate") | classes("requests", "answer") | classes("expand")
    assert declared <= kinds, "give each an example"
    for need in every:
        assert isinstance(need, Need | Listing)
        assert need.id.isascii()
        assert need.id == need.id.lower().replace(" ", "-")
        assert hash(need) == hash(replace(need)), "a frozen dataclass"


@pytest.mark.parametrize("need", EXAMPLES, ids=name)
def test_what_a_need_reads_it_asked_for(world, need):
    cell = world.cell()
    several = expanded(need, cell)
    answered = 0
    for one in several:
        planned = asked_for(one, cell)
        assert all(isinstance(request, ScoreRequest | AttributionRequest) for request in planned)
        read, answer = world.source.reads(lambda one=one: answer_in(one, cell, world.source))
        assert read <= planned
        if isinstance(answer, NotApplicable):
            assert len(several) > 1, answer
            continue
        answered += 1
        spare = getattr(one, "beside", None)
        unread = set() if spare is None else set(cell.requests(spare))
        assert planned - read <= unread, "nothing is computed for nothing"
    assert answered


@pytest.mark.parametrize("need", EXAMPLES, ids=name)
def test_it_asks_for_as_much_where_scores_are_averaged(world, need):
    cell = world.cell("scores")
    for one in expanded(need, cell):
        read, _ = world.source.reads(lambda one=one: answer_in(one, cell, world.source))
        assert read <= asked_for(one, cell)


def test_contrasts_and_internal_needs_pass_on_requests_of_any_kind(world):
    cell = world.cell()
    maps, scores = mass_lift("gradient"), auroc(WithoutROI())
    both = requests_in(contrast(maps, scores), cell)
    assert {type(request) for request in both} == {AttributionRequest, ScoreRequest}
    assert set(both) == {*requests_in(maps, cell), *requests_in(scores, cell)}
    there = requests_in(internal(contrast(maps, scores)), cell)
    assert [request.dataset.name for request in there] == ["home"] * len(both)
    away = [replace(request, dataset=cell.dataset) for request in there]
    assert away == list(both)


# --- needs that plan nothing ---


def readings(source, cell):
    """Three readers of twenty masked images, some twice, and of as many maps and outlines."""
    dataset = source.dataset(cell.dataset)
    code = "item{:04d}".format
    rows = [
        i for label in (0, 1) for i, c in enumerate(dataset.cases) if c.labels[TARGET] == label
    ][:10]
    rows += [i for i, c in enumerate(dataset.cases) if c.labels[TARGET] == 1][:10]
    explained = [int(i) for i in source.read(requests_in(mass_lift("gradient"), cell)[0]).index]
    kinds = [
        *((row, {"masking": "without-roi"}) for row in rows),
        *((row, {"masking": "without-roi", "repeats": code(n)}) for n, row in enumerate(rows)),
        *((row, {"masking": "full"}) for row in explained),
        *((row, {"masking": "full", "method": "gradient"}) for row in explained),
    ]
    items = {
        code(n): {"index": row, "target": TARGET, **more} for n, (row, more) in enumerate(kinds)
    }
    rng = np.random.default_rng(0)

    def answers():
        for name, item in items.items():
            if item.get("method"):
                yield {"code": name, "plausibility": int(rng.integers(1, 6))}
                continue
            given = {"present": bool(rng.random() < 0.5), "confidence": int(rng.integers(1, 6))}
            square = [(0.2, 0.2), (0.6, 0.2), (0.6, 0.6), (0.2, 0.6)]
            drawn = {TARGET: [square]} if item["masking"] == "full" else {}
            yield {"code": name, "found": {TARGET: given}, "contours": drawn}

    key = {
        "dataset": cell.dataset.name,
        "dataset_digest": dataset.digest,
        "model": "m",
        "questions": [{"target": TARGET, "text": "?"}],
        "precision": 0.1,
        "items": items,
        "packs": {name: name for name in ("a", "b", "c")},
    }
    each = [{"reader": name, "original": name, "answers": list(answers())} for name in key["packs"]]
    return Readings.model_validate({"key": key, "readings": each})


@pytest.mark.parametrize("need", READERS, ids=name)
def test_needs_of_readers_plan_nothing_and_read_what_other_needs_plan(world, need):
    cell, source = world.cell(), world.source
    assert requests_in(need, cell) == (), READERS[need]
    planned = {
        request
        for other in EXAMPLES
        for one in expanded(other, cell)
        for request in asked_for(one, cell)
    }
    source.readings = readings(source, cell)
    try:
        read, answer = source.reads(lambda: answer_in(need, cell, source))
    finally:
        source.readings = None
    assert not isinstance(answer, NotApplicable), answer
    assert read <= planned
    assert bool(read) == isinstance(
        need, type(ahead_of_readers(Full())) | type(reader_skill()) | type(outline_agreement(()))
    )


def test_parity_reads_golden_files_and_no_evidence(world):
    assert requests_in(parity(), world.cell()) == ()


# --- the shipped checks ---


@pytest.mark.parametrize("file", shipped_suites().values(), ids=shipped_suites())
def test_a_suite_alone_plans_all_that_its_checks_ask_for_on_demand(world, file):
    """E1 and C10 ask for further estimates once they know their first: of planned evidence."""
    name = "large" if file.stem == "test_search" else "away"  # a search finds more among more
    cards = (world.folder / "m.toml",), (world.folder / f"{name}.toml",)
    audit = replace(open_audit(Settings(*cards, folds="mean")), source=world.source)
    module = importlib.import_module(f"audit_suite.suites.{file.stem}")
    checks = [value for value in vars(module).values() if hasattr(value, ATTRIBUTE)]
    cases = [(one, check) for check in checks for one in cases_of(getattr(check, ATTRIBUTE), audit)]
    planned = set(planned_requests(one for one, _ in cases))
    compute(planned, audit.source)
    for one, check in cases:

        def ask(one=one, check=check):
            arguments = resolve(one, audit)
            if "audit" in inspect.signature(check).parameters:
                arguments["audit"] = OnDemand(one.cell, audit)
            with suppress(AssertionError, Inconclusive):
                check(**arguments)

        read, _ = world.source.reads(ask)
        assert read <= planned, one.id
