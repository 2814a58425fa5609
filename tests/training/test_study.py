"""The masking study: which models it makes, that they come out again, and what stays frozen."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from cards import phantom_card
from safetensors.torch import load_file, save_file
from torch import nn

from audit_suite import phantoms
from audit_suite.cards import load_model_card
from audit_suite.errors import AuditError
from audit_suite.maskings import PAPER, OnlyROI
from audit_suite.models.initial import initial_network
from audit_suite.models.load import load_model
from audit_suite.training import fit as fitting
from audit_suite.training import load_recipe, study, train_study
from audit_suite.training.fit import augment, fit
from audit_suite.training.prepared import prepare_training
from audit_suite.training.recipe import Augmentation

ZOO = Path(__file__).parents[2] / "model_zoo"

RECIPE = """
kind = "masking-study"
name = "small"
out = "out"
architecture = "audit_suite.models.small_cnn:small_cnn"
arguments = { width = 4 }
embedding_layer = "embedding"
maskings = ["full", "only-roi-mean"]
folds = 2
epochs = 6
patience = 3
batch_size = 16
learning_rate = 1e-2
[input]
size = [32, 32]
channels = 1
resize = "pad"
mean = [0.0]
std = [1.0]
[[data]]
name = "a"
train = "train.toml"
test = "test.toml"
targets = ["consolidation"]
"""


@pytest.fixture
def recipe(tmp_path):
    def write(text=RECIPE):
        path = tmp_path / "recipe.toml"
        path.write_text(text)
        return load_recipe(path)

    for name, seed in (("train", 1), ("test", 2)):
        more = f"images_per_patient = [1, 3]\nseed = {seed}"
        phantom_card(tmp_path, name, patients=40, more=more)
    return write


def quiet(_line):
    """No output."""


def weights(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "weights").glob("*"))}


def test_one_model_a_masking_and_fold_with_cards_that_load(recipe, tmp_path):
    cards = train_study(recipe(), progress=quiet, jobs=1)
    assert [path.name for path in cards] == ["a-full.toml", "a-only-roi-mean.toml"]
    card = load_model_card(cards[1])
    assert (card.trained_on, card.study, card.datasets) == ("only-roi-mean", "a", ("test",))
    assert len(card.folds) == 2
    for fold in (0, 1):
        scores, embedding = load_model(card, fold)(torch.rand(2, 1, 32, 32))
        assert scores.shape == (2, 1)
        assert embedding.shape == (2, 8)
    assert sorted(weights(tmp_path / "out")) == sorted(
        f"a-{masking}-fold{fold}.safetensors"
        for masking in ("full", "only-roi-mean")
        for fold in (0, 1)
    )


def test_weights_are_the_same_with_one_process_and_with_two(recipe, tmp_path):
    train_study(recipe(), tmp_path / "one", quiet, jobs=1)
    train_study(recipe(), tmp_path / "two", quiet, jobs=2)
    assert weights(tmp_path / "one") == weights(tmp_path / "two")


@pytest.mark.usefixtures("gpu")
def test_a_card_trains_the_same_network_but_for_the_last_digits(recipe, tmp_path):
    for device in ("cpu", "cuda"):
        train_study(recipe(), tmp_path / device, quiet, jobs=1, device=device)
    files = sorted((tmp_path / "cpu" / "weights").glob("*.safetensors"))
    assert len(files) == 4
    for file in files:
        one, other = load_file(file), load_file(tmp_path / "cuda" / "weights" / file.name)
        assert all(torch.allclose(one[name], other[name], atol=1e-3) for name in one)


def test_a_second_run_trains_what_is_missing_alone(recipe, tmp_path):
    train_study(recipe(), progress=quiet, jobs=1)
    before = weights(tmp_path / "out")
    lost = tmp_path / "out" / "weights" / "a-full-fold1.safetensors"
    lost.write_bytes(lost.read_bytes()[:100])  # as a full disk would leave it
    lines = []
    train_study(recipe(), progress=lines.append, jobs=1)
    assert "4 models, 3 trained before" in lines
    assert sum(line.startswith("[") for line in lines) == 1
    assert weights(tmp_path / "out") == before


def test_changed_settings_train_anew(recipe):
    train_study(recipe(), progress=quiet, jobs=1)
    lines = []
    train_study(recipe(RECIPE.replace("epochs = 6", "epochs = 5")), progress=lines.append, jobs=1)
    assert "4 models, 0 trained before" in lines


def test_an_interrupted_run_ends_with_the_same_weights(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "_CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(study, "_LINE_SECONDS", -1.0)
    train_study(recipe(), tmp_path / "whole", quiet, jobs=1)

    def pull_the_plug(line):
        if "epoch 4/" in line:
            raise KeyboardInterrupt

    for _ in range(4):  # each run gets past one more model
        with pytest.raises(KeyboardInterrupt):
            train_study(recipe(), tmp_path / "cut", pull_the_plug, jobs=1)
    assert list((tmp_path / "cut" / "weights").glob("*.checkpoint"))
    train_study(recipe(), tmp_path / "cut", quiet, jobs=1)
    assert weights(tmp_path / "cut") == weights(tmp_path / "whole")


def test_each_image_is_decoded_once_for_all_maskings_and_folds(recipe, monkeypatch):
    counts = Counter()
    render = phantoms.render

    def counting(spec, case):
        counts[case.id] += 1
        return render(spec, case)

    monkeypatch.setattr(phantoms, "render", counting)
    train_study(recipe(), progress=quiet, jobs=1)
    again = Counter(counts)
    train_study(recipe(RECIPE.replace("epochs = 6", "epochs = 4")), progress=quiet, jobs=1)
    assert counts == again
    assert max(counts.values()) <= 2  # once for the network, once (a sample) for the mean fill


@pytest.fixture
def prepared(recipe, tmp_path):
    made = recipe()
    return prepare_training(
        tmp_path / "train.toml",
        ("consolidation",),
        None,
        made.input,
        [OnlyROI()],
        made.seed,
        tmp_path / "kept",
        quiet,
    )


def test_folds_part_patients_and_keep_the_share_of_labels(prepared):
    parts = study.folds(prepared, 5, seed=1907)
    validated = np.concatenate([validation for _, validation in parts])
    assert sorted(validated) == list(range(len(prepared.patients)))
    shares = []
    for train, validation in parts:
        assert not set(prepared.patients[train]) & set(prepared.patients[validation])
        shares.append(float(prepared.labels[torch.from_numpy(validation)].mean()))
    assert max(shares) - min(shares) < 0.25
    with pytest.raises(AuditError, match="40 patients cannot make 41 folds"):
        study.folds(prepared, 41, seed=1907)


class Net(nn.Module):
    """A trunk with batch norm and dropout, and a head."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(4, 1)

    def forward(self, batch):
        return self.head(self.drop(self.trunk(batch)))


def run_fit(recipe, prepared, tmp_path, module, **changes):
    (train, validation), *_ = study.folds(prepared, 2, 1907)
    masking = OnlyROI()
    torch.manual_seed(3)
    return fit(
        recipe.model_copy(update=changes),
        module,
        prepared,
        masking,
        train,
        validation,
        7,
        "cpu",
        tmp_path / "state.checkpoint",
        tmp_path / "features",
        quiet,
    )


def test_frozen_layers_and_their_statistics_stay_as_they_were(recipe, prepared, tmp_path):
    module = Net()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    run_fit(recipe(), prepared, tmp_path, module, trainable=("head",), embedding_layer=None)
    for key, value in module.state_dict().items():
        assert torch.equal(value, before[key]) != key.startswith("head."), key


def test_everything_learns_where_nothing_is_named(recipe, prepared, tmp_path):
    module = Net()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    run_fit(recipe(), prepared, tmp_path, module)
    moved = [
        key for key, value in module.state_dict().items() if not torch.equal(value, before[key])
    ]
    assert {"trunk.0.weight", "trunk.1.running_mean", "head.bias"} <= set(moved)


def test_kept_features_give_the_weights_that_whole_passes_give(recipe, prepared, tmp_path):
    torch.manual_seed(5)
    whole, kept = Net(), Net()
    kept.load_state_dict(whole.state_dict())
    run_fit(recipe(), prepared, tmp_path, whole, trainable=("head",), embedding_layer=None)
    passes = []
    kept.trunk.register_forward_hook(lambda *_: passes.append(1))
    run_fit(recipe(), prepared, tmp_path, kept, trainable=("head",), embedding_layer="trunk")
    assert len(passes) == -(-len(prepared.patients) // 16), "the trunk saw every image once"
    for key, value in whole.state_dict().items():
        assert torch.allclose(value, kept.state_dict()[key], atol=1e-5), key


def test_features_are_not_kept_where_the_layer_is_not_the_heads_input(recipe, prepared, tmp_path):
    torch.manual_seed(5)
    whole, wrong = Net(), Net()
    wrong.load_state_dict(whole.state_dict())
    run_fit(recipe(), prepared, tmp_path, whole, trainable=("head",), embedding_layer=None)
    run_fit(recipe(), prepared, tmp_path, wrong, trainable=("head",), embedding_layer="trunk.0")
    assert torch.equal(whole.head.weight, wrong.head.weight)


def test_it_stops_when_the_validation_loss_stands_still(recipe, prepared, tmp_path):
    class Deaf(nn.Module):
        def __init__(self):
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(1))

        def forward(self, batch):
            return self.bias.expand(len(batch), 1) * 0

    done = run_fit(recipe(), prepared, tmp_path, Deaf(), epochs=50, patience=3)
    assert (done.epochs, done.best_epoch) == (4, 1)


def test_augmentation_of_nothing_is_nothing_and_turns_keep_what_is_there():
    rng = torch.Generator().manual_seed(1)
    images = torch.rand(6, 1, 15, 15, generator=rng)
    same = augment(images, Augmentation(), torch.Generator().manual_seed(0))
    assert torch.allclose(same, images, atol=1e-5)
    flipped = augment(images, Augmentation(flip=True), torch.Generator().manual_seed(0))
    kinds = {
        "same" if torch.allclose(a, b, atol=1e-5) else "mirrored"
        for a, b in zip(images, flipped, strict=True)
        if torch.allclose(a, b, atol=1e-5) or torch.allclose(a.flip(-1), b, atol=1e-5)
    }
    assert kinds == {"same", "mirrored"}
    bright = augment(images * 0.5, Augmentation(brightness=(1.5, 1.5)), rng)
    assert torch.allclose(bright, images * 0.75, atol=1e-5)
    disc = torch.zeros(1, 1, 41, 41)
    y, x = torch.meshgrid(torch.arange(41) - 20, torch.arange(41) - 20, indexing="ij")
    disc[0, 0] = (x**2 + y**2 < 120).float()
    turned = augment(disc, Augmentation(rotation=45), rng)
    assert float((turned - disc).abs().mean()) < 0.02  # a disc is a disc at any angle


def test_initial_weights_are_put_under_the_trainable_part(tmp_path):
    (tmp_path / "net.py").write_text(
        "import torch\nfrom torch import nn\n"
        "def net():\n    return nn.ModuleDict({'trunk': nn.Linear(2, 2), 'head': nn.Linear(2, 1)})\n"
        "def pretrained():\n    made = net()\n    nn.init.ones_(made['trunk'].weight)\n    return made\n"
    )
    save_file(
        {"trunk.weight": torch.ones(2, 2), "trunk.bias": torch.zeros(2)},
        tmp_path / "start.safetensors",
    )
    card = made_card(tmp_path)
    module = initial_network(card, "start.safetensors", ("head",))
    assert torch.equal(module["trunk"].weight, torch.ones(2, 2))
    module = initial_network(card, "net.py:pretrained", ())
    assert torch.equal(module["trunk"].weight, torch.ones(2, 2))
    with pytest.raises(AuditError, match="key 'initial'"):
        initial_network(card, "none.safetensors", ("head",))
    save_file({"trunk.bias": torch.zeros(2)}, tmp_path / "start.safetensors")
    with pytest.raises(AuditError, match=r"missing: trunk\.weight"):
        initial_network(card, "start.safetensors", ("head",))


def made_card(tmp_path):
    path = tmp_path / "net.toml"
    path.write_text(
        'schema = 1\nname = "net"\ntargets = ["x"]\nloader = "callable"\n'
        'architecture = "net.py:net"\n[input]\nsize = [32, 32]\nresize = "pad"\nmean = [0.0]\nstd = [1.0]\n'
    )
    return load_model_card(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("folds = 2", "folds = 1", "folds"),
        ('"only-roi-mean"', '"only-lungs"', "'only-lungs' names a region"),
        ('"only-roi-mean"', '"upside-down"', "'upside-down' is not a masking"),
        ('targets = ["consolidation"]', 'targets = ["glaucoma"]', "no target"),
        ('train = "train.toml"', 'train = "none.toml"', "none.toml does not exist"),
        ('"audit_suite.models.small_cnn:small_cnn"', '"audit_suite.models.none:x"', "none"),
    ],
)
def test_wrong_recipes_are_refused_in_words(recipe, old, new, said):
    with pytest.raises(AuditError) as caught:
        train_study(recipe(RECIPE.replace(old, new)), progress=quiet, jobs=1)
    assert said in str(caught.value)


def test_targets_of_different_regions_need_the_recipe_to_choose(recipe, tmp_path):
    made = recipe()
    card = tmp_path / "train.toml"
    card.write_text(card.read_text().replace('roi = ["lungs"]', "roi = []"))
    with pytest.raises(AuditError, match="do not share one declared ROI"):
        train_study(made, progress=quiet, jobs=1)


def test_the_papers_recipe_trains_the_last_dense_layer_and_the_head_alone():
    recipe = load_recipe(ZOO / "recipes" / "padchest-densenet121.toml")
    assert recipe.maskings == tuple(masking.id for masking in PAPER)
    assert (recipe.folds, recipe.epochs, recipe.patience, recipe.delta) == (5, 250, 25, 0.001)
    from torchvision.models import densenet121

    learning = fitting._freeze(densenet121(num_classes=5), recipe.trainable)
    assert sorted(learning) == [
        "classifier.bias",
        "classifier.weight",
        *(
            f"features.denseblock4.denselayer16.{part}"
            for part in ("conv1.weight", "conv2.weight", "norm1.bias", "norm1.weight")
        ),
        *(f"features.denseblock4.denselayer16.norm2.{part}" for part in ("bias", "weight")),
    ]


def test_the_phantom_study_is_the_papers_five_by_five():
    recipe = load_recipe(ZOO / "recipes" / "phantom-masking-study.toml")
    assert recipe.maskings == tuple(masking.id for masking in PAPER)
    assert recipe.folds == 5
    assert [data.name for data in recipe.data] == ["clean", "shortcut"]


def test_saved_weights_are_the_best_epochs(recipe, prepared, tmp_path):
    module = Net()
    losses = []
    state = fitting._State(seed=1)
    for epoch, loss in enumerate((3.0, 1.0, 2.0)):
        nn.init.constant_(module.head.bias, float(epoch))
        state.take(epoch, loss, 0.001, module)
        losses.append(loss)
    assert (state.best_epoch, state.waited) == (1, 1)
    assert float(state.best_weights["head.bias"]) == 1.0
    assert losses[state.best_epoch] == state.best


def test_trained_models_differ_by_fold(recipe, tmp_path):
    train_study(recipe(), progress=quiet, jobs=1)
    first, second = (
        load_file(tmp_path / "out" / "weights" / f"a-full-fold{fold}.safetensors")
        for fold in (0, 1)
    )
    assert not torch.equal(first["head.weight"], second["head.weight"])
