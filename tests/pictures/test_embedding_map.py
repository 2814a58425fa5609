"""The map of embeddings: who is drawn, that it is the same every time, and what it gives away."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from needs.evidence import Stored, case, cell, table, with_arrays
from threadpoolctl import threadpool_limits

from audit_suite.pictures import embedding_map as module
from audit_suite.pictures.embedding_map import embedding_map

HIDDEN = "without-lungs"


class Kept(Stored):
    """Made-up evidence as if it lay in a store."""

    def read_stored(self, request):
        return self.tables.get(request.masking.id)

    def model_digest(self, card, fold):
        return "model"


def kept(count=40, patients=None, labels=None, width=8, names="secret-{}", used=None, spread=1.0):
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2 if labels is None else labels
    who = np.arange(count) if patients is None else patients
    cases = [case(i, labels[i], names.format(who[i])) for i in range(count)]
    full = spread * (rng.normal(size=(count, width)) + 4 * np.asarray(labels)[:, None])
    plain = table(np.zeros(count), 0.0, used)
    tables = {
        "full": with_arrays(plain, embeddings=full.astype(np.float32)),
        HIDDEN: with_arrays(plain, embeddings=(full - spread * 9).astype(np.float32)),
    }
    source = Kept(cases, tables)
    source.card = type("Card", (), {"name": "d"})
    return source


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path)


def test_the_same_evidence_gives_the_same_picture_on_any_number_of_threads(here):
    found = []
    for threads in (1, 2, 3):
        with threadpool_limits(threads):
            found.append(embedding_map(here, kept()).model_dump_json())
    assert found[0] == found[1] == found[2]


def test_points_lie_in_their_frame_in_three_digits_and_are_drawn_apart(here):
    found = embedding_map(here, kept())
    assert (found.model, found.dataset, found.target) == ("m", "d", "sick")
    assert (found.n_images, found.n_patients) == (40, 40)
    order = [(cloud.masking, cloud.positive) for cloud in found.clouds]
    assert order == [("full", True), ("full", False), (HIDDEN, True), (HIDDEN, False)]
    values = [value for cloud in found.clouds for value in (*cloud.x, *cloud.y)]
    assert (
        {len(cloud.x) for cloud in found.clouds} == {len(cloud.y) for cloud in found.clouds} == {20}
    )
    assert all(0 <= value <= 1 and round(value, 3) == value for value in values)
    assert max(max(values) - 0.5, 0.5 - min(values)) == pytest.approx(0.5, abs=1e-3)
    points = [np.array([cloud.x, cloud.y]).T for cloud in found.clouds]
    centres = [p.mean(axis=0) for p in points]
    spread = np.mean([p.std(axis=0).max() for p in points])
    gaps = [np.linalg.norm(a - b) for i, a in enumerate(centres) for b in centres[:i]]
    assert min(gaps) > spread, "what lies apart in the embedding lies apart in the picture"


def test_nothing_of_a_patient_or_a_file_is_in_it(here):
    one, other = (embedding_map(here, kept(names=names)) for names in ("secret-{}", "another-{}"))
    assert one == other
    assert "secret" not in one.model_dump_json()


def drawn(source, labels):
    return module._draw(source, np.asarray(labels), np.ones(len(labels), bool))


@pytest.mark.parametrize(
    ("sick", "well", "kept_sick", "kept_well"),
    [(500, 500, 150, 150), (20, 500, 20, 280), (500, 30, 270, 30), (40, 60, 40, 60)],
)
def test_half_of_either_class_is_drawn_as_far_as_they_go(sick, well, kept_sick, kept_well):
    labels = np.repeat([1, 0], [sick, well])
    found = Counter(labels[drawn(kept(len(labels), labels=labels), labels)].tolist())
    assert (found[1], found[0]) == (kept_sick, kept_well)


def test_every_patient_has_one_image_before_any_has_two():
    patients = np.concatenate([np.zeros(400, int), np.arange(1, 121)])  # one patient has 400
    labels = np.ones(len(patients), int)
    chosen = patients[drawn(kept(len(labels), patients, labels), labels)]
    assert len(chosen) == 300
    assert len(set(chosen)) == 121


def test_images_that_cannot_be_used_are_not_drawn(here):
    used = np.arange(40) % 4 > 0
    assert embedding_map(here, kept(used=used)).n_images == used.sum()


def test_the_first_fold_is_shown_of_images_it_never_saw(tmp_path):
    here = cell(
        tmp_path,
        model='folds = ["a", "b"]\nheld_out = "fold"\n',
        folds=(0, 1),
        top='metadata = ["fold"]',
    )
    source = kept(100)
    source.cases = tuple(
        replace(c, metadata={"fold": str(i % 5)}) for i, c in enumerate(source.cases)
    )
    assert embedding_map(replace(here, average="held-out"), source).n_images == 20
    assert embedding_map(here, source).n_images == 100


@pytest.mark.parametrize(
    "source",
    [
        kept(18),
        kept(spread=0),
        kept(width=1),
        Kept(kept().cases, {}),
        Kept(kept().cases, {"full": kept().tables["full"]}),
        Kept(kept().cases, {k: with_arrays(t, embeddings=None) for k, t in kept().tables.items()}),
    ],
    ids=["few images", "all alike", "one number", "not stored", "one stored", "no layer"],
)
def test_where_there_is_nothing_to_draw_there_is_no_map(here, source):
    assert embedding_map(here, source) is None


def test_without_a_region_there_is_no_map(tmp_path):
    assert embedding_map(cell(tmp_path, roi=""), kept()) is None
