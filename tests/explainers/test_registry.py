"""Explainers are registered: what is known by name, and how an extension's explainer behaves."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import ClassVar

import pytest
import torch
from cards import model_card, phantom_card
from explainers.networks import Reader, pictures

from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore, compute
from audit_suite.evidence.budget import Budget
from audit_suite.explainers import Explained, Explainer, explain, methods, register_explainer
from audit_suite.registry import EXPLAINERS, SHIPPED
from audit_suite.verdict import NotApplicable

SHIPPED_METHODS = {"gradient", "deep", "partition", "occlusion", "grad-cam"}
SETTINGS = {
    "deep": {},
    "grad-cam": {"layer": None, "batch_size": None},
    "gradient": {"samples": 200, "stratified": True, "batch_size": None},
    "occlusion": {"square": 0.125, "step": 0.5, "batch_size": None},
    "partition": {"evaluations": 300, "mean_reference": True, "at_once": 10, "batch_size": None},
}
"""They are part of the keys under which maps are stored: another value loses stored evidence."""


@dataclass(frozen=True)
class Made:
    """An explainer that answers with whatever a test wants."""

    answer: ClassVar[object] = None  # not a setting
    slug: str = "made"

    @property
    def name(self):
        return self.slug

    def explain(self, module, output, images, references, seed):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer(images) if callable(self.answer) else self.answer


@dataclass(frozen=True)
class Brightness:
    """The image itself, as an extension writes an explainer."""

    power: float = 1.0
    name: str = "brightness"

    def explain(self, module, output, images, references, seed):
        with torch.no_grad():
            outputs = module(images)[:, output]
        return Explained(
            images.mean(dim=1) ** self.power, outputs, torch.full_like(outputs, torch.nan)
        )


def ask(explainer, images=None, module=None):
    images = pictures(2, channels=1) if images is None else images
    return explain(explainer, module or Reader().eval(), 1, images, pictures(3, 1, seed=2), 0)


def misbehaving(answer):
    """A registered explainer with an answer."""
    made = Made()
    register_explainer(made)
    object.__setattr__(made, "answer", answer)
    return made


# The shipped ones


def test_the_shipped_ones_are_one_file_and_one_object_each():
    assert set(EXPLAINERS) == SHIPPED_METHODS
    files = {module.name for module in pkgutil.iter_modules(methods.__path__)}
    assert files == {name.replace("-", "_") for name in SHIPPED_METHODS}
    for name, explainer in EXPLAINERS.items():
        assert isinstance(explainer, Explainer)
        assert explainer.name == name
        home = f"{methods.__name__}.{name.replace('-', '_')}"
        assert type(explainer).__module__ == home
        assert EXPLAINERS.origin(name) == SHIPPED
        assert asdict(explainer) == SETTINGS[name]


def test_names_and_settings_are_had_without_torch_and_shap():
    code = """
import json, sys
from dataclasses import asdict
from audit_suite.registry import EXPLAINERS
print(json.dumps({name: asdict(explainer) for name, explainer in EXPLAINERS.items()}))
heavy = {"torch", "torchvision", "shap"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == SETTINGS


@pytest.mark.parametrize("name", sorted(SHIPPED_METHODS))
@pytest.mark.parametrize("size", [(16, 16), (13, 18)])
def test_answers_of_the_shipped_ones_pass_the_check(name, size):
    images = torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(0))
    references = images.flip(0) / 2
    explained = explain(EXPLAINERS[name], Reader().eval(), 1, images, references, 0)
    assert explained.maps.shape == (2, *size)


# Those of extensions


def test_an_extensions_explainer_is_found_by_name_and_listed():
    register_explainer(Brightness(power=2.0))
    explainer = EXPLAINERS.find("brightness", "--maps")
    images = pictures(2, channels=1)
    assert torch.equal(ask(explainer, images).maps, images[:, 0] ** 2)
    with pytest.raises(AuditError) as caught:
        EXPLAINERS.find("lime", "--maps")
    assert caught.value.what == "--maps: there is no explainer 'lime'"
    assert caught.value.remedy == f"known: {', '.join(sorted({*SHIPPED_METHODS, 'brightness'}))}"


def test_the_code_of_an_extensions_explainer_has_a_fingerprint_and_shipped_ones_none():
    register_explainer(Brightness())
    assert len(EXPLAINERS.fingerprint("brightness")) == 64
    assert {EXPLAINERS.fingerprint(name) for name in SHIPPED_METHODS} == {""}


def explained(maps=(2, 16, 16), outputs=(2,), expected=(2,), value=0.0, output=0.0):
    def answer(_images):
        return Explained(
            torch.full(maps, value), torch.full(outputs, output), torch.full(expected, torch.nan)
        )

    return answer


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (ValueError("no channel 3"), "raised ValueError: no channel 3"),
        (KeyError("layer4"), "raised KeyError: 'layer4'"),
        (AssertionError(), "raised AssertionError"),
        (None, "returned NoneType, not Explained"),
        (lambda images: images, "returned Tensor, not Explained"),
        (lambda images: (images, 0, 0), "returned tuple, not Explained"),
        (explained(maps=(2, 1, 16, 16)), r"returned maps of shape \(2, 1, 16, 16\) instead of \(2, 16, 16\)"),
        (explained(maps=(1, 16, 16)), r"returned maps of shape \(1, 16, 16\) instead"),
        (explained(maps=(2, 4, 4)), r"returned maps of shape \(2, 4, 4\) instead"),
        (explained(outputs=(2, 1)), r"returned outputs of shape \(2, 1\) instead of \(2,\)"),
        (explained(expected=()), r"returned expected of shape \(\) instead of \(2,\)"),
        (explained(value=torch.nan), "returned maps that are not finite"),
        (explained(value=-torch.inf), "returned maps that are not finite"),
    ],
)  # fmt: skip
def test_one_that_misbehaves_is_named_with_its_extension(answer, problem):
    explainer = misbehaving(answer)
    with pytest.raises(
        AuditError, match=f"the explainer 'made' of .*test_registry {problem}"
    ) as caught:
        ask(explainer)
    assert "stored evidence is kept" in caught.value.remedy
    if isinstance(answer, Exception):
        assert caught.value.__cause__ is answer


@pytest.mark.parametrize(
    "error",
    [
        NotApplicable("needs gradients"),
        RuntimeError("no such kernel"),
        torch.OutOfMemoryError("CUDA out of memory"),
        AuditError("layer 'x' does not exist", "name another"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_refusal_and_errors_of_the_machine_pass_as_they_are(error):
    with pytest.raises(type(error)) as caught:
        ask(misbehaving(error))
    assert caught.value is error


def test_maps_of_a_model_whose_outputs_overflow_are_not_the_explainers_fault():
    answer = explained(value=torch.nan, output=torch.inf)
    assert ask(misbehaving(answer)).maps.isnan().all()


@pytest.fixture
def cell_and_source(tmp_path):
    model = model_card(
        tmp_path,
        targets=["consolidation"],
        architecture="audit_suite.models.small_cnn:small_cnn",
        activation="none",
    )
    cell = Cell(model, (None,), phantom_card(tmp_path, patients=30), "consolidation")
    profile = EvidenceProfile(device="cpu", threads=1)
    return cell, EvidenceSource(
        EvidenceStore(tmp_path / "store"), profile, explaining=Budget(images=8)
    )


def test_maps_of_an_extensions_explainer_are_evidence_like_all_others(cell_and_source):
    cell, source = cell_and_source
    register_explainer(Brightness())
    (request,) = cell.explanations("brightness")
    attributions = source.read(request)
    assert attributions.arrays["maps"].shape == (len(attributions.index), 32, 32)
    (key,) = request.keys(source)
    register_explainer(Brightness(power=2.0))
    assert request.keys(source) != [key], "its settings are a part of the key"
    squared = source.read(request)
    assert squared.arrays["maps"] == pytest.approx(attributions.arrays["maps"] ** 2, abs=1e-6)


def test_one_that_misbehaves_costs_its_own_evidence_alone(cell_and_source):
    cell, source = cell_and_source
    misbehaving(ValueError("no channel 3"))
    (wrong,), (right,) = cell.explanations("made"), cell.explanations("occlusion")
    compute([wrong, right], source)
    assert source.read(right).arrays["maps"].any()
    with pytest.raises(AuditError, match=r"'made' of .*test_registry raised ValueError"):
        source.read(wrong)


def test_a_refusal_of_an_extension_is_stored_with_its_reason(cell_and_source):
    cell, source = cell_and_source
    made = misbehaving(RuntimeError("no such kernel"))
    (request,) = cell.explanations("made")
    for _ in range(2):
        with pytest.raises(NotApplicable, match="made cannot handle this model: no such kernel"):
            source.read(request)
        object.__setattr__(made, "answer", ValueError("is not called again"))


# Registration


def test_a_taken_name_is_refused_naming_both():
    before = EXPLAINERS["deep"]
    with pytest.raises(AuditError) as caught:
        register_explainer(Made(slug="deep"))
    assert (
        "test_registry registers the explainer 'deep', but audit-suite already has"
        in caught.value.what
    )
    assert EXPLAINERS["deep"] is before


def test_the_same_module_may_register_again_with_other_settings():
    register_explainer(Brightness())
    assert register_explainer(Brightness(power=2.0)) is EXPLAINERS["brightness"]
    assert EXPLAINERS["brightness"].power == 2.0


@pytest.mark.parametrize(
    "name", ["Grad", "grad cam", "grad_cam", "-cam", "cam-", "", "region-shapley"]
)
def test_a_name_that_cannot_be_part_of_a_case_id_is_refused(name):
    with pytest.raises(
        AuditError, match=f"registers an explainer '{name}': the name cannot be used"
    ):
        register_explainer(Made(slug=name))


class Undeclared:
    name = "undeclared"

    def explain(self, module, output, images, references, seed):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("explainer", "problem"),
    [
        (Undeclared(), "Undeclared is not a dataclass"),
        (Brightness(power=torch.nn.Linear), "not JSON serializable"),
        (Brightness(power=torch.zeros(2)), "not JSON serializable"),
        (Brightness(power=float("nan")), "not JSON compliant"),
    ],
)
def test_settings_that_cannot_be_a_key_are_refused(explainer, problem):
    with pytest.raises(AuditError, match=f"whose settings cannot be part of a key: .*{problem}"):
        register_explainer(explainer)
    assert set(EXPLAINERS) == SHIPPED_METHODS


@pytest.mark.parametrize("wrong", [Brightness, "gradient", None, torch.nn.Identity()], ids=repr)
def test_what_is_not_an_explainer_is_refused(wrong):
    with pytest.raises(AuditError, match=r"test_registry registers .*, which is not an explainer"):
        register_explainer(wrong)
