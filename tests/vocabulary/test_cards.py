"""Cards: what is wrong is said with file, key and remedy."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from audit_suite.cards import load_dataset_card, load_model_card
from audit_suite.errors import AuditError

ZOO = Path(__file__).parents[2] / "model_zoo"

MODEL = """
schema = 1
name = "m"
targets = ["a", "b"]
loader = "architecture"
architecture = "torchvision:resnet18"
weights = "w.safetensors"
[input]
size = [64, 64]
resize = "pad"
mean = [0.0]
std = [1.0]
"""

DATASET = """
schema = 1
name = "d"
reader = "manifest"
manifest = "m.csv"
[targets.a]
column = "sick"
roi = ["lungs"]
[regions.lungs]
column = "mask"
"""


INPUT, KEY = "[input]", "schema = 1"


def expecting(regions, target="a", said="a reader"):
    """What goes in place of `INPUT` to expect something of a target."""
    return f'[expectations.{target}]\n{regions}\nsource = "{said}"\n{INPUT}'


def write(tmp_path, text, name="card.toml"):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", sorted(ZOO.glob("models/*.toml")), ids=lambda p: p.stem)
def test_model_zoo_models(path):
    card = load_model_card(path)
    assert card.name == path.stem
    assert card.resolve(card.weights).is_file()


@pytest.mark.parametrize("path", sorted(ZOO.glob("datasets/*.toml")), ids=lambda p: p.stem)
def test_model_zoo_datasets(path):
    assert load_dataset_card(path).name == path.stem


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("size = [64, 64]", "size = [64]"), "key 'input.size"),
        (("mean = [0.0]", "mean = [0.1, 0.2]"), "'mean' needs 1 or 3 numbers"),
        (('name = "m"', 'name = "My Model"'), "key 'name'"),
        (('name = "m"', ""), "key 'name': missing key"),
        (('name = "m"', 'name = "m"\nnmae = 3'), "key 'nmae': unknown key"),
        (("size = [64, 64]", 'size = [64, 64]\nresise = "pad"'), "key 'input.resise': unknown key"),
        (
            ('architecture = "torchvision:resnet18"', ""),
            "loader 'architecture' needs the key 'architecture'",
        ),
        (('weights = "w.safetensors"', ""), "needs 'weights' or 'folds'"),
        (('weights = "w.safetensors"', 'weights = "w"\nfolds = ["x"]'), "either 'weights'"),
        (('targets = ["a", "b"]', "targets = []"), "key 'targets'"),
        (('loader = "architecture"', 'loader = "pickle"'), "key 'loader'"),
        (("[input]", '[claims.z]\nauroc = 0.9\nsource = "s"\n[input]'), "'claims' names ['z']"),
        (("[input]", '[claims.a]\nauroc = 1.9\nsource = "s"\n[input]'), "key 'claims.a.auroc'"),
        (
            (INPUT, expecting('expected = ["lungs"]', "z")),
            "'expectations' names ['z'], which are not",
        ),
        (
            (INPUT, expecting("")),
            "key 'expectations.a': name regions under 'expected', under 'never'",
        ),
        (
            (INPUT, expecting('expected = ["lungs", "rim"]\nnever = ["rim"]')),
            "key 'expectations.a': names ['rim'] twice: keep each under one of 'expected' and",
        ),
        ((INPUT, expecting('never = ["rim", "rim"]')), "key 'expectations.a': names ['rim'] twice"),
        ((INPUT, expecting('never = ["Rim"]')), "key 'expectations.a.never.0'"),
        ((INPUT, expecting('nver = ["rim"]')), "key 'expectations.a.nver': unknown key"),
        (
            (INPUT, '[expectations.a]\nnever = ["rim"]\n[input]'),
            "key 'expectations.a.source': missing key",
        ),
        ((INPUT, expecting('never = ["rim"]', said="")), "key 'expectations.a.source'"),
        (('targets = ["a", "b"]', 'targets = ["a", "a"]'), "key 'targets': 'a' is named twice"),
        ((KEY, f'{KEY}\nmargins.R2 = {{ value = inf, source = "s" }}'), "key 'margins.R2.value'"),
        (('"w.safetensors"', r'"w\u0000"'), "key 'weights': 'w\\x00' holds a control character"),
        (("schema = 1", "schema = 2"), "key 'schema'"),
        (("schema = 1", "schema = "), "is not valid TOML"),
    ],
)
def test_wrong_model_cards(tmp_path, change, said):
    path = write(tmp_path, MODEL.replace(*change))
    with pytest.raises(AuditError) as caught:
        load_model_card(path)
    assert said in caught.value.what
    assert str(path) in caught.value.what
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('manifest = "m.csv"', ""), "reader 'manifest' needs the key 'manifest'"),
        (('reader = "manifest"', 'reader = "phantom"'), "reader 'phantom' needs the key 'phantom'"),
        (('roi = ["lungs"]', 'roi = ["heart"]'), "names ['heart'], not among 'regions'"),
        (('column = "sick"', ""), "'targets.a' needs 'column'"),
        (
            ('manifest = "m.csv"', 'manifest = "m.csv"\nsplit = "test"'),
            "'split' needs 'columns.split'",
        ),
        (("[targets.a]", "[target.a]"), "unknown key"),
        (("[regions.lungs]", "[regions.roi]"), "key 'regions.roi': region 'roi'"),
        (("[regions.lungs]", "[regions.lungs-box]"), "key 'regions.lungs-box': region"),
        (('roi = ["lungs"]', 'roi = ["lungs-mean"]'), "key 'targets.a.roi.0': region 'lungs-mean'"),
        (('roi = ["lungs"]', 'roi = ["Left Lung"]'), "key 'targets.a.roi.0'"),
        (
            ('roi = ["lungs"]', 'roi = ["lungs", "lungs"]'),
            "'targets.a.roi': 'lungs' is named twice",
        ),
        ((KEY, f'{KEY}\nmetadata = ["age", "age"]'), "key 'metadata': 'age' is named twice"),
        ((KEY, f'{KEY}\nmetadata = ["sick"]'), "'metadata' names 'sick', the label of 'a'"),
        ((KEY, f'{KEY}\nmaskings = ["full", "full"]'), "key 'maskings': 'full' is named twice"),
        (('column = "mask"', 'column = "image"'), "'columns.image' and 'regions.lungs' have the"),
        (
            ('column = "mask"', 'column = "mask"\n[regions.b]\ncolumn = "mask"'),
            "'regions.lungs' and",
        ),
        (
            ('column = "sick"', 'column = "patient_id"'),
            "'targets.a' and 'columns.patient' have the",
        ),
        (('column = "mask"', 'column = "mask"\nvalue = [1, 1]'), "1 is named twice"),
        (
            (KEY, f'{KEY}\nmasks = {{ shared = ["x"], source = "s" }}'),
            "'masks' names ['x'], which are neither",
        ),
        ((KEY, f'{KEY}\nmasks = {{ shared = ["lungs"] }}'), "key 'masks.source': missing key"),
        ((KEY, f'{KEY}\nmargins.R2 = {{ value = inf, source = "s" }}'), "key 'margins.R2.value'"),
        ((KEY, f'{KEY}\nmargins.R2 = {{ value = nan, source = "s" }}'), "key 'margins.R2.value'"),
        ((KEY, f'{KEY}\nmargins.R2 = {{ value = 1, source = "" }}'), "key 'margins.R2.source'"),
        (('"m.csv"', r'"m\u0000.csv"'), "key 'manifest': 'm\\x00.csv' holds a control character"),
        (
            ('"sick"', r'"\u001b[2Jsick"'),
            "key 'targets.a.column': '\\x1b[2Jsick' holds a control character",
        ),
        (
            (KEY, f'{KEY}\nmetadata = ["a", "b\\u0007"]'),
            "key 'metadata.1': 'b\\x07' holds a control character",
        ),
        ((KEY, f'{KEY}\n"a\\u0000" = 1'), "key 'a\\x00': 'a\\x00' holds a control character"),
    ],
)
def test_wrong_dataset_cards(tmp_path, change, said):
    path = write(tmp_path, DATASET.replace(*change))
    with pytest.raises(AuditError) as caught:
        load_dataset_card(path)
    assert said in caught.value.what


def test_unknown_keys_come_with_the_known_ones(tmp_path):
    with pytest.raises(AuditError) as caught:
        load_model_card(write(tmp_path, 'wieghts = "x"' + MODEL))
    assert "weights" in caught.value.remedy


def test_missing_and_unreadable_files(tmp_path):
    with pytest.raises(AuditError, match="does not exist"):
        load_model_card(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(AuditError, match="cannot be read"):
        load_model_card(tmp_path / "latin.toml")


def test_paths_are_relative_to_the_card_and_may_use_variables(tmp_path, monkeypatch):
    card = load_model_card(write(tmp_path, MODEL))
    assert card.resolve("w.pt") == tmp_path / "w.pt"
    monkeypatch.setenv("SOMEWHERE", "/data")
    assert card.resolve("$SOMEWHERE/w.pt") == Path("/data/w.pt")
    monkeypatch.delenv("SOMEWHERE")
    with pytest.raises(AuditError, match=r"'\$SOMEWHERE/w.pt' uses an environment variable"):
        card.resolve("$SOMEWHERE/w.pt")
    (tmp_path / "loop").symlink_to("loop")
    for path in ("~nobody-of-that-name/w.pt", "a\0b", "loop/w.pt"):
        with pytest.raises(AuditError, match="cannot be used"):
            card.resolve(path)


def test_the_digest_is_of_the_content(tmp_path):
    a = load_model_card(write(tmp_path, MODEL, "a.toml"))
    b = load_model_card(write(tmp_path, "# a comment\n" + MODEL, "b.toml"))
    c = load_model_card(write(tmp_path, MODEL.replace("64, 64", "32, 64"), "c.toml"))
    assert a.digest() == b.digest() != c.digest()
    assert tomllib.loads(MODEL)["name"] == a.name


def test_a_card_that_expects_nothing_keeps_the_digest_it_had_before_cards_could(tmp_path):
    plain = load_model_card(write(tmp_path, MODEL))
    assert plain.digest() == "0ed392af0abf32975347e490cdedb069ea9aaab4acf1fd8ad7a7f705cb5d91c0"
    text = MODEL.replace(INPUT, expecting('expected = ["lungs"]'))
    assert load_model_card(write(tmp_path, text)).digest() != plain.digest()


def test_expectations_are_read_by_target(tmp_path):
    text = MODEL.replace(INPUT, expecting('expected = ["lungs"]\nnever = ["border", "device"]'))
    (found,) = load_model_card(write(tmp_path, text)).expectations.items()
    target, expectation = found
    assert target == "a"
    assert expectation.expected == ("lungs",)
    assert expectation.never == ("border", "device")
    assert expectation.source == "a reader"
