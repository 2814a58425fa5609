"""The examples of the zoo: each card loads, and scores as the library itself does."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy.special import expit

from audit_suite.cards import load_model_card
from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.evidence.attributions.pixels import shuffled
from audit_suite.evidence.executors.process import Processes
from audit_suite.evidence.identity import seen_digest
from audit_suite.models.load import load_model
from audit_suite.models.preprocessing import normalise
from audit_suite.models.vetting import vet
from audit_suite.models.weights import files_of
from audit_suite.registry import EXPLAINERS
from audit_suite.verdict import NotApplicable

ZOO = Path(__file__).parents[2] / "model_zoo" / "examples"
LIBRARIES = {
    "timm": ["timm"],
    "torchxrayvision": ["torchxrayvision"],
    "monai": ["monai"],
    "monai_bundle": ["monai"],
    "huggingface": ["transformers"],
    "onnx": ["onnx", "onnxruntime", "onnxscript"],
    "tflite": ["ai_edge_litert"],
    "keras": ["keras"],
    "vision_language": ["transformers"],
}
EXAMPLES = sorted(path.parent.name for path in ZOO.glob("*/card.toml"))
IMAGES = torch.rand(16, 3, 32, 32, generator=torch.Generator().manual_seed(5))


def made(name, folder, **how):
    """A copy of an example with its files made, and how its library scores."""
    for library in LIBRARIES.get(name, ()):
        if importlib.util.find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    target = folder / name
    shutil.copytree(ZOO / name, target, ignore=shutil.ignore_patterns("__pycache__"))
    spec = importlib.util.spec_from_file_location(f"make_{name}", target / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return target, module.make(target, **how)


@pytest.fixture(autouse=True)
def without_a_module_called_model():
    """torchxrayvision brings a module of that name, and other tests may have left one."""
    left = sys.modules.pop("model", None)
    yield
    sys.modules.pop("model", None)  # an audit's own model.py would not be found
    if left is not None:
        sys.modules["model"] = left


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """Each example, made once."""
    known = {}

    def get(name):
        if name not in known:
            known[name] = made(name, tmp_path_factory.mktemp("examples"))
        return known[name]

    return get


def loaded(folder):
    """The model of a folder's card, as an audit loads it."""
    card = load_model_card(folder / "card.toml")
    vet(card, None)
    return load_model(card)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_scores_as_its_library_does(example, name):
    folder, library = example(name)
    model = loaded(folder)
    card = model.card
    images = normalise(IMAGES[:, : card.input.channels], card.input)
    scores, _ = model(images)
    wanted = library(images.numpy().copy())
    assert scores.shape == wanted.shape == (16, len(card.targets))
    ours = scores.numpy() if card.activation == "none" else expit(scores.numpy())
    assert np.abs(ours - wanted).max() < 1e-5
    assert np.ptp(wanted, axis=0).min() > 1e-4, "the images are told apart"


def edited(old, new, file="card.toml"):
    """Replace a part of a file of the example."""

    def edit(folder):
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new))

    return edit


def without(file):
    return lambda folder: (folder / file).unlink()


def config(**more):
    """Add keys to a Hugging Face folder's configuration."""

    def edit(folder):
        path = folder / "vit" / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | more))

    return edit


def zipped(change):
    """Change the configuration in a .keras file."""

    def edit(folder):
        with zipfile.ZipFile(folder / "model.keras") as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
        content["config.json"] = change(content["config.json"].decode()).encode()
        with zipfile.ZipFile(folder / "model.keras", "w") as archive:
            for name, data in content.items():
                archive.writestr(name, data)

    return edit


def content(file, data=b"nothing of the kind"):
    return lambda folder: (folder / file).write_bytes(data)


def backbone(folder):
    """Take the classifier out of a Hugging Face folder."""
    path = folder / "vit" / "model.safetensors"
    state = {k: v for k, v in load_file(path).items() if not k.startswith("classifier")}
    save_file(state, path, metadata={"format": "pt"})


def other_weights(folder):
    state = load_file(folder / "model.safetensors")
    save_file(state | {"head.bias": state["head.bias"] + 0.1}, folder / "model.safetensors")


def quantised(folder):
    spec = importlib.util.spec_from_file_location("make_quantised", folder / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.make(folder, "uint8")


WRONG = [
    ("lightning", edited("num_classes = 1", "num_classes = 2"), r"fc.weight \(1, 512\) instead of"),
    ("lightning", edited("resnet18", "resnet19"), "torchvision has no model 'resnet19'"),
    ("lightning", edited("num_classes = 1", "weights = true"), "an audit fetches no weights"),
    ("lightning", edited('"last.ckpt"', '"last.ckpt"\nstate = "swa"'), "holds no state 'swa'"),
    ("timm", edited('"timm:resnet18"', '"timm:hf-hub:x/y"'), "timm has no model 'hf-hub:x/y'"),
    ("timm", edited("num_classes = 3", "pretrained = true"), "'arguments.pretrained'"),
    ("timm", edited('"normal", "pneumonia", ', ""), r"not among 'outputs'"),
    ("timm", edited('"effusion"]', '"effusion", "mass"]'), "names 4 outputs, the model returns"),
    (
        "torchxrayvision",
        edited(":DenseNet", ":ResNet"),
        "torchxrayvision has no model 'ResNet'",
    ),
    ("monai", edited(":DenseNet121", ":get_pretrained_resnet_medicalnet"), "monai has no model"),
    ("monai", edited("in_channels = 1", 'in_channels = "$exec(1)"'), "runs code: function monai"),
    ("monai_bundle", edited("trusted = true", "trusted = false"), "the configuration of the MONAI"),
    ("monai_bundle", without("bundle/models/model.pt"), "holds no models/model.pt"),
    ("monai_bundle", without("bundle/configs/inference.json"), "holds no configs/inference.json"),
    (
        "monai_bundle",
        edited("network_def", "net", "bundle/configs/inference.json"),
        "its 'network_def' cannot be built",
    ),
    ("huggingface", edited('"normal", "pneumonia"', '"pneumonia", "normal"'), "0 = 'NORMAL'"),
    (
        "huggingface",
        edited('"normal", ', '"normal", "mass", '),
        "the model's files 2: 0 = 'NORMAL'",
    ),
    ("huggingface", config(auto_map={"AutoModel": "m.M"}), "config.json has 'auto_map'"),
    ("huggingface", config(attn_implementation="kernels/x"), "has 'attn_implementation'"),
    ("huggingface", without("vit/model.safetensors"), "holds no model.safetensors"),
    ("huggingface", without("vit/config.json"), "config.json cannot be read"),
    ("huggingface", config(model_type="nothing"), "cannot be read as an image classifier"),
    ("huggingface", backbone, "lacks weights of the classifier, which would be random"),
    ("onnx", edited('"logits"', '"probabilities"'), "the model returns no output 'probabilities'"),
    ("onnx", edited("[32, 32]", "[64, 64]"), r"takes \(any, 1, 32, 32\), and the card gives"),
    ("onnx", other_weights, "on 16 images the outputs differ by up to 0.1 from those of"),
    ("onnx", edited("small_cnn:", "none:", "torch.toml"), "torch.toml.* runs code"),
    ("onnx", content("model.onnx"), "cannot be read as an ONNX archive"),
    ("torchscript", edited("trusted = true", ""), "runs code: TorchScript program model.pt"),
    ("export", edited("[32, 32]", "[16, 16]"), "the model raised RuntimeError on a batch"),
    ("tflite", edited("channels = 1", "channels = 3"), r"takes \(1, 32, 32, 1\), and the card"),
    ("tflite", content("model.tflite"), "cannot be read as a TFLite archive"),
    ("tflite", quantised, "takes uint8, and an audit gives images as floats"),
    ("keras", edited("channels = 1", "channels = 3"), r"takes \(any, 32, 32, 1\), and the card"),
    ("keras", content("model.keras"), "cannot be read as a Keras 3 model"),
    (
        "keras",
        zipped(lambda text: text.replace('"Dropout"', '"Lambda"')),
        "runs code: Keras Lambda in model.keras",
    ),
    (
        "keras",
        zipped(lambda text: text.replace('"module": "keras.layers"', '"module": "os"', 1)),
        "runs code: Keras os.InputLayer in model.keras",
    ),
    (
        "keras",
        zipped(
            lambda text: text.replace(
                '"activation": "relu"',
                '"activation": {"module": "keras.utils", "class_name": "function", "config": "get_file"}',
            )
        ),
        "runs code: Keras keras.utils.function in model.keras",
    ),
    ("function", edited(":predict", ":guess"), "has no function 'guess'"),
    ("function", edited("[1 - p, p]", "[p]", "predict.py"), r"the model returns \(2, 1\)"),
    ("function", edited("[[1 - p, p] for p in sick.tolist()]", "'sick'", "predict.py"), "str"),
    ("function", edited("trusted = true", ""), "runs code: function predict.py:predict"),
    ("vision_language", edited("trusted = true", ""), "runs code: callable adapter.py:load vlm"),
    ("vision_language", edited("[4, 5]", "[4]"), "not enough values to unpack"),
]


@pytest.mark.parametrize(
    ("name", "change", "said"), WRONG, ids=[f"{name}-{i}" for i, (name, *_) in enumerate(WRONG)]
)
def test_one_thing_wrong_is_said_in_a_sentence(example, tmp_path, name, change, said):
    folder = tmp_path / name
    shutil.copytree(example(name)[0], folder)
    change(folder)
    with pytest.raises(AuditError, match=said) as caught:
        loaded(folder)
    assert caught.value.remedy
    assert "\n" not in caught.value.what


NOTES = {
    "lightning": [
        "the weights are those of its state 'state_dict.model'",
        "it also holds 'ema.module', not taken; the key `state` chooses: state = \"ema.module\"",
        "1 tensors are not the network's: criterion.pos_weight",
    ],
    "timm": ["the weights are those of its state 'model_state_dict._orig_mod.module'"],
    "onnx": ["its outputs on 16 images are those of torch.toml"],
    "torchxrayvision": [],
    "keras": [],
    "function": [],
}


@pytest.mark.parametrize("name", NOTES)
def test_what_was_decided_is_noted(example, name):
    notes = loaded(example(name)[0]).notes
    assert [re.sub(r"^(last.ckpt|best.pth): ", "", note) for note in notes] == NOTES[name]


def test_the_state_that_a_card_names_is_taken(example, tmp_path):
    plain = example("lightning")[0]
    shutil.copytree(plain, tmp_path / "ema")
    edited('"last.ckpt"', '"last.ckpt"\nstate = "ema"')(tmp_path / "ema")
    average = loaded(tmp_path / "ema")
    assert average.notes == ("last.ckpt: the weights are those of its state 'ema.module'",)
    assert not torch.allclose(average(IMAGES)[0], loaded(plain)(IMAGES)[0])
    assert average.digest != loaded(plain).digest


PROGRAMS = {"onnx": "onnxruntime", "tflite": "ai-edge-litert", "function": None}


@pytest.mark.parametrize("name", PROGRAMS)
def test_explainers_that_need_gradients_say_not_applicable(example, name):
    model = loaded(example(name)[0])
    images = normalise(IMAGES[:4, :1], model.card.input)
    for method, why in (
        ("gradient", "no gradient of the model's output reaches the image"),
        ("grad-cam", "the model shows none"),
        ("deep", "shows no layers"),
    ):
        with pytest.raises(NotApplicable, match=why):
            EXPLAINERS.find(method).explain(model.module, 0, images[:2], images[2:], 0)
    maps = EXPLAINERS.find("occlusion").explain(model.module, 0, images[:1], images[2:], 0).maps
    assert maps.abs().max() > 0, "methods without gradients explain it"


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_library_that_computes_a_program_is_in_its_digest(example, monkeypatch, name):
    library = PROGRAMS[name]
    if library is None:
        assert len(LIBRARIES.get(name, ())) == 0
        return
    first = loaded(example(name)[0]).digest
    version = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda n: "0" if n == library else version(n)
    )
    assert loaded(example(name)[0]).digest != first


def test_tensors_beside_an_onnx_program_are_in_its_digest_and_needed(example, tmp_path):
    import onnx

    folder = tmp_path / "onnx"
    shutil.copytree(example("onnx")[0], folder)
    program = onnx.load(folder / "model.onnx")
    onnx.save(
        program,
        folder / "model.onnx",
        save_as_external_data=True,
        location="t.bin",
        size_threshold=500,
    )
    card = load_model_card(folder / "card.toml")
    names = sorted(path.name for path in files_of(card, folder / "model.onnx").values())
    assert names == ["model.onnx", "t.bin"]
    images = normalise(IMAGES[:, :1], card.input)
    assert torch.allclose(loaded(folder)(images)[0], loaded(example("onnx")[0])(images)[0])
    before = seen_digest(card, None)
    data = bytearray((folder / "t.bin").read_bytes())
    data[0] ^= 1
    (folder / "t.bin").write_bytes(data)
    assert seen_digest(card, None) != before
    (folder / "t.bin").rename(folder / "u.bin")
    with pytest.raises(AuditError, match=r"its tensors are in 't.bin', which is not beside it"):
        loaded(folder)


def test_every_file_of_a_hugging_face_folder_is_in_the_digest(example, tmp_path):
    folder = tmp_path / "huggingface"
    shutil.copytree(example("huggingface")[0], folder)
    first = loaded(folder).digest
    config(layer_norm_eps=1e-3)(folder)
    assert loaded(folder).digest != first


def test_a_preprocessor_that_contradicts_the_card_is_noted(example, tmp_path):
    folder = tmp_path / "huggingface"
    shutil.copytree(example("huggingface")[0], folder)
    said = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25]}
    (folder / "vit" / "preprocessor_config.json").write_text(json.dumps(said))
    (note,) = [note for note in loaded(folder).notes if "preprocessor" in note]
    assert "image_std = [0.25, 0.25, 0.25], the card input.std = [0.5]" in note


def test_a_quantised_output_is_in_real_units(example, tmp_path):
    from audit_suite.models.tflite_program import _real

    numbers = np.array([[0, 128, 255]], np.uint8)
    real = _real(numbers, {"quantization": (0.5, 128)})
    assert real.tolist() == [[-64.0, 0.0, 63.5]]


def test_a_trusted_lambda_of_keras_runs(tmp_path, monkeypatch):
    # Keras without a backend that is there would be left half imported, and the test skipped.
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    shutil.copytree(ZOO / "keras", tmp_path / "keras", ignore=shutil.ignore_patterns("__py*"))

    image = keras.Input((32, 32, 1))
    doubled = keras.layers.Lambda(lambda x: 2 * x)(keras.layers.Flatten()(image))
    model = keras.Model(image, keras.layers.Dense(1)(doubled))
    model.save(tmp_path / "keras" / "model.keras")
    with pytest.raises(AuditError, match="runs code: Keras Lambda"):
        loaded(tmp_path / "keras")
    edited('loader = "keras"', 'loader = "keras"\ntrusted = true')(tmp_path / "keras")
    assert loaded(tmp_path / "keras")(IMAGES[:, :1])[0].shape == (16, 1)


def test_a_library_that_is_missing_is_named_with_its_extra(example, monkeypatch):
    folder = example("timm")[0]
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(AuditError, match="the library timm cannot be imported") as caught:
        loaded(folder)
    assert caught.value.remedy == 'install it: pip install "audit-suite[timm]"'


def test_the_process_of_the_models_tells_the_same_of_them(example, tmp_path, monkeypatch):
    """A child computes programs of every library, whatever it has loaded before.

    The judge's own process is compared where a library keeps nothing in memory: Keras does.
    """
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    names = ("onnx", "tflite", "keras")
    cards = [load_model_card(example(name)[0] / "card.toml") for name in names]
    profile = EvidenceProfile(device="cpu", threads=1)
    here = EvidenceSource(EvidenceStore(tmp_path), profile)
    children = [
        EvidenceSource(EvidenceStore(tmp_path), profile, executor=Processes(timeout=120))
        for _ in range(2)
    ]
    try:
        told = [
            {
                card.name: (each.model_digest(card, None), each.model_notes(card, None))
                for card in order
            }
            for each, order in zip(children, (cards, cards[::-1]), strict=True)
        ]
        assert told[0] == told[1]
        for card in cards[:2]:
            assert told[0][card.name] == (
                here.model_digest(card, None),
                here.model_notes(card, None),
            )
    finally:
        for each in children:
            each.close()


def test_a_shuffled_keras_model_answers_otherwise_and_leaves_the_model_as_it_was(example):
    """The test of explainers by randomised weights reaches the parameters that Keras uses."""
    model = loaded(example("keras")[0])
    images = normalise(IMAGES[:4, :1], model.card.input)
    with torch.no_grad():
        before = model.module(images)
        spoiled = shuffled(model.module, 1.0, seed=0)(images)
        assert torch.equal(model.module(images), before)
    assert (spoiled - before).abs().max() > 1e-3


def test_another_weight_of_a_keras_model_is_another_model(example, tmp_path):
    """Its digest is that of its file: what Keras keeps in memory depends on the process."""
    from audit_suite.models.load import load_module

    card = load_model_card(example("keras")[0] / "card.toml")
    module, identity = load_module(card, None)
    shutil.copytree(card.path.parent, tmp_path / "other")
    kernel = module.model.variables[0]
    kernel.assign(kernel + 1)
    module.model.save(tmp_path / "other" / "model.keras")
    _, other = load_module(load_model_card(tmp_path / "other" / "card.toml"), None)
    assert identity.digest() != other.digest()
    assert load_module(card, None)[1].digest() == identity.digest()
