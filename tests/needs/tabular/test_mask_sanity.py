"""C14: masks that are wrong in one way fail in that way; masks that are right, of any kind, pass."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from cards import dataset_card, phantom_card
from hypothesis import assume, given
from hypothesis import strategies as st
from needs.evidence import case, cell, findings
from scipy.ndimage import gaussian_filter

from audit_suite import mask_fault
from audit_suite.cards import load_dataset_card
from audit_suite.datasets import BadImage, Dataset, Sample, load_dataset
from audit_suite.datasets.mask_fit import TURNED, contrast, rings_of, squared
from audit_suite.evidence import EvidenceProfile
from audit_suite.evidence.mask_survey import mask_survey
from audit_suite.evidence.store import EvidenceStore
from audit_suite.verdict import NotApplicable, Verdict

COUNT, SIDE = 60, 48
ZOO = Path(__file__).parents[3] / "model_zoo" / "datasets"


@pytest.fixture(autouse=True)
def _folders(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()


class Source:
    """A data set of arrays, with a real store."""

    profile = EvidenceProfile(device="cpu", threads=2)

    def __init__(self, folder, dataset):
        self.store, self.loaded = EvidenceStore(folder / "store"), dataset

    def dataset(self, card):
        return self.loaded


def lopsided(number: int) -> np.ndarray:
    """An ellipse off the centre, at another place and of another size in each image."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    top, left = rng.uniform(0.3, 0.45), rng.uniform(0.25, 0.4)
    height, width = rng.uniform(0.2, 0.26), rng.uniform(0.1, 0.16)
    return ((y - top) / height) ** 2 + ((x - left) / width) ** 2 < 1


def picture(number: int, mask: np.ndarray, seen: float = 60) -> np.ndarray:
    """Noise, in which the region is darker or brighter by ``seen`` grey levels, or not."""
    noise = np.random.default_rng(1000 + number).normal(0, 12, mask.shape)
    image = gaussian_filter(128 + noise + seen * mask, 0.7)
    return np.clip(image, 0, 255).astype(np.uint8)


def made(masks, images=None, patients=None, seen=60.0):
    """A data set of given masks; ``images`` show the regions that are really there."""
    count = len(masks)
    truth = [lopsided(i) for i in range(count)]
    drawn = [picture(i, truth[i], seen) for i in range(count)] if images is None else images
    cases = [case(i, i % 2, None if patients is None else patients[i]) for i in range(count)]
    return lambda card: Dataset(
        card=card,
        digest="made",
        cases=tuple(cases),
        read=lambda i: Sample(drawn[i], {"lungs": masks[i]}),
    )


def judged(folder, dataset, top="", **more):
    here = cell(folder, top=top)
    source = Source(folder, dataset(here.dataset))
    ((_, finding, recorded),) = findings("C14", here, source)
    return finding, recorded


TRUE = [lopsided(i) for i in range(COUNT)]


@pytest.mark.parametrize("seen", [60, -60])
def test_masks_of_their_own_images_pass(tmp_path, seen):
    finding, recorded = judged(tmp_path, made(TRUE, seen=seen))
    assert finding.verdict is Verdict.PASS
    assert len(recorded.comparisons) == 7


def with_finding(image, mask, levels, size):
    """An image with an opacity in the upper part of its region, cut off at the region's edge."""
    rows, columns = np.argwhere(mask).T
    upper = np.quantile(rows, 0.2)
    away = (np.arange(len(mask))[:, None] - upper) ** 2
    away = away + (np.arange(mask.shape[1]) - np.median(columns[rows <= upper])) ** 2
    opacity = levels * mask * np.exp(-away / (size * len(mask)) ** 2)
    opacity = opacity.reshape(mask.shape + (1,) * (image.ndim - 2))
    return np.clip(image + opacity, 0, 255).astype(np.uint8)


def test_a_finding_that_outshines_its_region_is_no_wrong_mask(tmp_path):
    """Dark regions with something bright along a part of their edge, in half of the images."""
    images = [picture(i, mask, -40) for i, mask in enumerate(TRUE)]
    images[::2] = (
        with_finding(i, m, 200, 0.08) for i, m in zip(images[::2], TRUE[::2], strict=True)
    )
    assert judged(tmp_path / "a", made(TRUE, images))[0].verdict is Verdict.PASS
    turned = made([np.flipud(mask) for mask in TRUE], images)
    assert "fits better upside down" in judged(tmp_path / "b", turned)[0].reason


@given(st.integers(0, 5), st.floats(0.2, 5))
def test_how_a_mask_lies_does_not_depend_on_how_grey_levels_are_shown(number, gamma):
    image, rings = squared(picture(number, TRUE[number])), rings_of(TRUE[number])
    shown = np.float32(image.astype(np.float64) ** gamma)
    assume(len(np.unique(shown)) == len(np.unique(image)))
    assert contrast(shown, rings) == contrast(image, rings)
    assert contrast(-image, rings) == pytest.approx(-contrast(image, rings), abs=2e-6)
    inside, outside = image[rings.inside], image[rings.outside]
    above = np.sign(inside[:, None] - outside).mean() / 2
    assert contrast(image, rings) == pytest.approx(above, abs=1e-6)


def some(change, every):
    return [change(mask) if i % every == 0 else mask for i, mask in enumerate(TRUE)]


def frame(mask):
    """All but a small hole."""
    full = np.ones_like(mask)
    full[3:5, 3:5] = False
    return full


def dot(mask):
    return np.pad([[True]], ((5, SIDE - 6), (5, SIDE - 6)))


WRONG = {
    "inverted": ([~mask for mask in TRUE], "look inverted"),
    "some inverted": (some(np.logical_not, 10), "look inverted"),
    "the whole frame": ([frame(mask) for mask in TRUE], "nearly nothing or nearly all"),
    "in pairs": ([TRUE[i - i % 2] for i in range(COUNT)], "copies of other patients'"),
    "one for half": (TRUE[: COUNT // 2] + [TRUE[0]] * (COUNT // 2), "copies of other patients'"),
    "six in turn": ([TRUE[i % 6] for i in range(COUNT)], "copies of other patients'"),
    "one row down": (TRUE[-1:] + TRUE[:-1], "other patients' masks fit better"),
    "one row up": (TRUE[1:] + TRUE[:1], "other patients' masks fit better"),
    **{way: ([turn(mask) for mask in TRUE], "mask fits better") for way, turn in TURNED.items()},
}


@pytest.mark.parametrize("way", WRONG)
def test_wrong_masks_fail_and_the_reason_says_how(tmp_path, way):
    masks, said = WRONG[way]
    finding, _ = judged(tmp_path, made(masks))
    assert finding.verdict is Verdict.FAIL
    assert said in finding.reason


def test_a_dot_in_a_large_frame_is_no_region(tmp_path):
    image, mask = np.zeros((200, 200), np.uint8), np.zeros((200, 200), bool)
    image[::3], mask[50, 50] = 90, True
    masks = [np.roll(mask, i, axis=i % 2) for i in range(COUNT)]
    images = [image + np.uint8(i) for i in range(COUNT)]
    finding, _ = judged(tmp_path, made(masks, images))
    assert "nearly nothing or nearly all" in finding.reason


def test_masks_on_the_padding_fail(tmp_path):
    images = [
        np.pad(picture(i, m), ((0, 0), (SIDE, 0)), constant_values=0) for i, m in enumerate(TRUE)
    ]
    right = [np.pad(mask, ((0, 0), (SIDE, 0))) for mask in TRUE]
    left = [np.pad(mask, ((0, 0), (0, SIDE))) for mask in TRUE]
    assert judged(tmp_path / "a", made(right, images))[0].verdict is Verdict.PASS
    finding, _ = judged(tmp_path / "b", made(left, images))
    assert finding.verdict is Verdict.FAIL
    assert "beyond the image's content" in finding.reason


def test_masks_in_any_order_and_regions_without_an_edge_never_pass_and_do_not_fail(tmp_path):
    """That they do not fit may be the region's nature: people have to look."""
    order = np.random.default_rng(4).permutation(COUNT)
    for name, dataset in (("a", made([TRUE[i] for i in order])), ("b", made(TRUE, seen=0))):
        finding, _ = judged(tmp_path / name, dataset)
        assert finding.verdict is Verdict.INCONCLUSIVE


def test_part_of_the_masks_turned_is_not_passed_over(tmp_path):
    finding, _ = judged(tmp_path, made(some(np.flipud, 5)))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "some masks do not belong to their images" in finding.reason


def test_images_of_several_patients_fail_whatever_their_files_are(tmp_path):
    images = [picture(i - i % 2, TRUE[i - i % 2]) for i in range(COUNT)]
    masks = [
        mask | np.roll(mask, i % 2, 0)
        for i, mask in enumerate(TRUE[j - j % 2] for j in range(COUNT))
    ]
    finding, _ = judged(tmp_path, made(masks, images))
    assert "another patient's too" in finding.reason
    same = [f"p{i // 2}" for i in range(COUNT)]
    assert judged(tmp_path / "a", made(masks, images, same))[0].verdict is not Verdict.FAIL


EXPECTED = 'masks = {{ {} = ["lungs"], source = "the protocol" }}'


def test_what_the_card_expects_is_no_fault_and_its_absence_is(tmp_path):
    inverted = made([~mask for mask in TRUE])
    top = EXPECTED.format("surrounding")
    assert judged(tmp_path, inverted, top)[0].verdict is Verdict.PASS
    assert "look inverted" in judged(tmp_path / "a", made(TRUE), top)[0].reason


def test_one_mask_for_all_is_no_fault_and_a_pass_only_where_the_card_says_so(tmp_path):
    """Whether it is a template or the first image's mask, only people know."""
    box = np.pad(np.ones((16, 16), bool), 16)
    images = [picture(i, box, seen) for i, seen in enumerate(np.linspace(20, 60, COUNT))]
    template = made([box] * COUNT, images)
    assert judged(tmp_path, template)[0].verdict is Verdict.INCONCLUSIVE
    finding, recorded = judged(tmp_path / "a", template, EXPECTED.format("shared"))
    assert (finding.verdict, len(recorded.comparisons)) == (Verdict.PASS, 6)
    turned = made([np.flipud(TRUE[0])] * COUNT, [picture(i, TRUE[0]) for i in range(COUNT)])
    assert judged(tmp_path / "b", turned, EXPECTED.format("shared"))[0].verdict is Verdict.FAIL


def test_a_margin_of_the_card_decides_the_shares(tmp_path):
    finding, _ = judged(tmp_path, made(some(np.logical_not, 10)))
    assert (finding.margin, finding.verdict) == (0.05, Verdict.FAIL)
    wide = 'margins.C14 = { value = 0.2, source = "ours" }'
    finding, recorded = judged(tmp_path / "a", made(some(np.logical_not, 10)), wide)
    assert finding.verdict is not Verdict.FAIL
    assert recorded.comparisons[1].margin == 0.2


@pytest.mark.parametrize("name", ["phantom-cxr", "phantom-fundus"])
def test_the_phantoms_pass(tmp_path, name):
    card = load_dataset_card(ZOO / f"{name}.toml")
    here = replace(
        cell(tmp_path, targets=list(card.targets)), dataset=card, target=next(iter(card.targets))
    )
    ((_, finding, recorded),) = findings("C14", here, Source(tmp_path, load_dataset(card)))
    assert finding.verdict is Verdict.PASS
    assert recorded.comparisons[0].estimate.n_images == 504


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("folder", "label"), [("cxr", "label_covid19"), ("fundus", "label_glaucoma")]
)
def test_real_masks_pass_and_fail_once_they_are_mixed_up(tmp_path, folder, label):
    text = (
        'schema = 1\nname = "d"\nreader = "manifest"\nmanifest = "manifest.csv"\n'
        f'root = "$AUDIT_REAL_DATA/{folder}"\n[targets.sick]\ncolumn = "{label}"\nroi = ["lungs"]\n'
        '[regions.lungs]\ncolumn = "mask"\n'
    )
    here = cell(tmp_path)
    (tmp_path / "real.toml").write_text(text)
    here = replace(here, dataset=load_dataset_card(tmp_path / "real.toml"))
    whole = load_dataset(here.dataset)
    read = cache(lambda index: whole.read(2 * index))  # three surveys, and decoding takes longest
    dataset = replace(whole, cases=whole.cases[::2], read=read)
    ((_, finding, _),) = findings("C14", here, Source(tmp_path, dataset))
    assert finding.verdict is Verdict.PASS

    def mirrored(index):
        sample = dataset.read(index)
        return Sample(sample.image, {n: m[:, ::-1] for n, m in sample.regions.items()})

    turned = replace(dataset, read=mirrored, digest="turned")
    ((_, finding, _),) = findings("C14", here, Source(tmp_path, turned))
    assert finding.verdict is Verdict.FAIL
    assert "fits better mirrored" in finding.reason

    def finding_in_every_other(index):
        sample = dataset.read(index)
        if index % 2:
            return sample
        return replace(sample, image=with_finding(sample.image, sample.regions["lungs"], 90, 0.2))

    found = replace(dataset, read=finding_in_every_other, digest="found")
    ((_, finding, _),) = findings("C14", here, Source(tmp_path, found))
    assert finding.verdict is Verdict.PASS


def test_without_a_region_or_with_one_patient_there_is_nothing_to_judge(tmp_path):
    here = cell(tmp_path, roi="")
    source = Source(tmp_path, made(TRUE)(here.dataset))
    ((_, finding, _),) = findings("C14", here, source)
    assert (finding.verdict, "declares no ROI" in finding.reason) == (Verdict.NOT_APPLICABLE, True)
    finding, _ = judged(tmp_path / "a", made(TRUE, patients=["p"] * COUNT))
    assert finding.verdict is Verdict.NOT_APPLICABLE


def test_broken_images_end_the_check_or_are_left_out_as_the_card_says(tmp_path):
    for top, folder in (("", "a"), ('on_bad_image = "exclude"', "b")):
        here = cell(tmp_path / folder, top=top)
        whole = made(TRUE)(here.dataset)

        def read(index, whole=whole):
            if index == 7:
                raise BadImage("row 9: the mask is empty")
            return whole.read(index)

        source = Source(tmp_path / folder, replace(whole, read=read))
        if not top:
            with pytest.raises(BadImage, match="row 9"):
                mask_fault("area").answer(here, source)
        else:
            assert mask_fault("area").answer(here, source).n_images == COUNT - 1


def test_a_survey_is_made_once_is_the_same_however_it_is_threaded_and_is_of_neighbours(tmp_path):
    card = phantom_card(tmp_path, patients=1200, size=32)
    dataset, reads = load_dataset(card), []
    drawn = cache(dataset.read)  # for both surveys

    def read(index):
        reads.append(index)
        return drawn(index)

    counted = replace(dataset, read=read)
    source = Source(tmp_path / "a", counted)
    first = mask_survey(source, card, ["lungs"])
    assert (len(reads), len(set(reads))) == (504, 504)
    assert (np.diff(first.index.reshape(-1, 8), axis=1) == 1).all()
    assert first.index[-1] == 1199
    again = mask_survey(source, card, ["lungs"])
    assert len(reads) == 504
    alone = Source(tmp_path / "b", replace(dataset, read=drawn))
    alone.profile = EvidenceProfile(device="cpu", threads=1)
    for other in (again, mask_survey(alone, card, ["lungs"])):
        for name, values in vars(first).items():
            assert np.array_equal(values, getattr(other, name)), name


def test_no_region_in_any_image_is_not_applicable(tmp_path):
    here = cell(tmp_path)
    source = Source(tmp_path, made([np.zeros((SIDE, SIDE), bool)] * COUNT)(here.dataset))
    with pytest.raises(NotApplicable, match="no image of 'd' shows the region"):
        mask_fault("area").answer(here, source)
    assert dataset_card(tmp_path).masks is None
