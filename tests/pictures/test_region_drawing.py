"""A region for all images: the mean to draw on, the page, and the command with numbers."""

from __future__ import annotations

import io
import sys
import tomllib

import numpy as np
import pytest
from datasets.masked import Project
from PIL import Image
from plausibility.driver import BROWSER, DRIVER, NEEDS_BROWSER, Radiologist
from selenium.webdriver import ActionChains
from typer.testing import CliRunner

from audit_suite.cards import load_dataset_card
from audit_suite.cards.dataset import load_undrawn_card
from audit_suite.cli import app, main
from audit_suite.datasets import load_dataset
from audit_suite.datasets.mask_formats.drawn import DrawnSpec
from audit_suite.errors import AuditError
from audit_suite.pictures.mean_image import MeanImage, mean_image
from audit_suite.pictures.region_page import preview, region_lines, region_page

CARD = """
schema = 1
name = "d"
reader = "manifest"
manifest = "m.csv"
{top}
[targets.sick]
column = "sick"
roi = ["lungs"]
roi_margin = 5
{more}
"""
MEAN = MeanImage(np.tile(np.arange(320, dtype=np.uint8), (240, 1)), 40, 30)


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Images with a bright square at one place of frames of two sizes, and a card with no regions."""
    own = Project(tmp_path)
    for i in range(4):
        scale = 1 + i % 2
        image = np.full((60 * scale, 80 * scale), 20, np.uint8)
        image[15 * scale : 30 * scale, 40 * scale : 60 * scale] = 100 + 10 * i
        own.image(f"images/a{i}.png", image)
    write(own)
    monkeypatch.chdir(tmp_path)
    return own


def write(own, top="", more=""):
    own.table("m.csv", own.rows)
    (own.path / "d.toml").write_text(CARD.format(top=top, more=more))


def run(*arguments):
    done = CliRunner().invoke(app, ["region", "draw", "d.toml", "--name", *arguments])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def mistake(capsys, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["audit-suite", "region", "draw", "d.toml", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    return capsys.readouterr().err


# The mean


def test_the_mean_shows_where_the_anatomy_lies_in_frames_of_any_size(own):
    mean = mean_image(load_dataset(load_undrawn_card(own.path / "d.toml")), 200)
    assert (mean.images, mean.patients) == (4, 4)
    assert mean.pixels.shape == (384, 512)
    bright = mean.pixels > 127
    rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
    edges = rows[0] / 384, (rows[-1] + 1) / 384, columns[0] / 512, (columns[-1] + 1) / 512
    assert np.allclose(edges, (0.25, 0.5, 0.5, 0.75), atol=0.02)


def test_the_mean_is_that_of_images_spread_over_the_data_set_each_as_bright_as_the_others(own):
    for i, (dark, bright) in enumerate([(0, 255), (100, 110), (0, 3), (5, 250)]):
        image = np.full((64, 64), dark, np.uint8)
        image[:, 16 * i : 16 * i + 16] = bright
        own.image(f"images/a{i}.png", image)
    levels = mean_image(load_dataset(load_undrawn_card(own.path / "d.toml")), 200).pixels
    assert np.abs(levels[256, 64::128].astype(int) - levels[256, 64]).max() <= 1
    two = mean_image(load_dataset(load_undrawn_card(own.path / "d.toml")), 2)
    assert two.images == 2
    assert two.pixels[256, 64] == two.pixels[256, 448] == 255, "the first and the last"
    assert two.pixels[256, 192] == two.pixels[256, 320] == 0


def test_images_with_text_burned_in_are_no_part_of_it(own):
    for i, row in enumerate(own.rows):
        row["text"] = "yes" if i < 3 else "no"
    write(own, more='[columns]\nburned_in = "text"')
    card = load_undrawn_card(own.path / "d.toml")
    assert mean_image(load_dataset(card), 200).images == 1
    write(own, top="burned_in = true")
    with pytest.raises(AuditError, match="there is no image to draw on"):
        mean_image(load_dataset(load_undrawn_card(own.path / "d.toml")), 200)


def test_broken_images_end_it_or_are_left_out_as_the_card_says(own):
    (own.path / "images/a0.png").write_bytes(b"none")
    with pytest.raises(AuditError, match="row 2"):
        mean_image(load_dataset(load_undrawn_card(own.path / "d.toml")), 200)
    write(own, top='on_bad_image = "exclude"')
    assert mean_image(load_dataset(load_undrawn_card(own.path / "d.toml")), 200).images == 3


# The command with numbers


@pytest.mark.parametrize(
    ("option", "text", "key", "wanted"),
    [
        ("--rectangle", "0.1,0.2,0.6,0.8", "rectangle", [0.1, 0.2, 0.6, 0.8]),
        ("--polygon", "0,0.5 0.5,0 1,1", "polygon", [[0, 0.5], [0.5, 0], [1, 1]]),
    ],
)
def test_numbers_give_lines_that_a_card_takes_and_a_preview(own, option, text, key, wanted):
    said = run("lungs", option, text, "--out", "out.toml")
    lines = (own.path / "out.toml").read_text()
    assert said.startswith(lines)
    assert tomllib.loads(lines) == {"regions": {"lungs": {"format": "drawn", key: wanted}}}
    shown = np.asarray(Image.open(own.path / "out.png"))
    assert shown.shape == (384, 512, 3)
    assert (shown == (255, 200, 0)).all(2).any()
    write(own, more=lines)
    dataset = load_dataset(load_dataset_card(own.path / "d.toml"))
    assert dataset.card.one_region_for_all == {"lungs"}
    assert dataset.read(0).regions["lungs"].any()


def test_the_outline_lies_where_the_numbers_say():
    spec = DrawnSpec(format="drawn", rectangle=(0.25, 0.5, 0.75, 1.0))
    drawn = np.asarray(Image.open(io.BytesIO(preview(spec, MEAN))))
    marked = (drawn == (255, 200, 0)).all(2)
    rows, columns = np.flatnonzero(marked.any(1)), np.flatnonzero(marked.any(0))
    assert np.allclose([rows[0], rows[-1], columns[0], columns[-1]], [120, 239, 80, 240], atol=2)
    assert not marked[140:220, 100:220].any()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--name", "Lungs"), "--name: region 'Lungs'"),
        (("--name", "lungs-box"), "or end like a masking's id"),
        (("--name", "lungs", "--rectangle", "0.1,0.2,0.3"), "--rectangle or --polygon"),
        (("--name", "lungs", "--rectangle", "10,20,30,40"), "less than or equal to 1"),
        (("--name", "lungs", "--rectangle", "0.5,0.2,0.3,0.4"), "right > left"),
        (("--name", "lungs", "--rectangle", "a,b,c,d"), "write fractions from 0 to 1"),
        (("--name", "lungs", "--polygon", "0,0 1,1"), "--rectangle or --polygon"),
        (
            ("--name", "lungs", "--rectangle", "0,0,1,1", "--polygon", "0,0 1,1 0,1"),
            "either rectangle or polygon",
        ),
    ],
)
def test_one_thing_wrong_in_the_numbers(own, capsys, monkeypatch, arguments, said):
    assert said in mistake(capsys, monkeypatch, *arguments)
    assert not list(own.path.glob("region.*"))


def test_a_card_that_is_wrong_elsewhere_is_refused_as_always(own, capsys, monkeypatch):
    (own.path / "d.toml").write_text(CARD.format(top="colour = 1", more=""))
    assert "key 'colour': unknown key" in mistake(capsys, monkeypatch, "--name", "lungs")
    (own.path / "d.toml").write_text('schema = 1\nname = "d"\nreader = "manifest"\ntargets = 3')
    assert "key 'targets'" in mistake(capsys, monkeypatch, "--name", "lungs")


def test_regions_of_a_card_that_exist_do_not_matter(own):
    write(own, more='[regions.heart]\ncolumn = "gone"\n[masks]\nshared = ["heart"]\nsource = "x"')
    assert 'format = "drawn"' in run("lungs", "--rectangle", "0,0,1,0.5")


# The page


def test_the_page_holds_a_picture_and_no_word_of_the_images(own):
    said = run("lungs")
    assert "open region.html in a browser" in said
    page = (own.path / "region.html").read_text()
    for secret in ("secret", "a0.png", "images/a", "m.csv", "sick", str(own.path)):
        assert secret not in page, secret
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")
    assert run("lungs") == said
    assert (own.path / "region.html").read_text() == page, "the same input, the same page"


def test_names_with_a_dot_are_quoted():
    spec = DrawnSpec(format="drawn", rectangle=(0, 0, 1, 1))
    lines = region_lines("left.lung", spec)
    assert tomllib.loads(lines)["regions"]["left.lung"]["rectangle"] == [0, 0, 1, 1]
    assert "[regions.&#34;left.lung&#34;]" in region_page("left.lung", MEAN, "r.toml")


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    reader = Radiologist(BROWSER, DRIVER, tmp_path_factory.mktemp("drawn"))
    yield reader
    reader.browser.quit()


@pytest.fixture
def page(reader, tmp_path):
    path = tmp_path / "region.html"
    path.write_text(region_page("left.lung", MEAN, "out.toml"))
    for log in ("browser", "performance"):
        reader.browser.get_log(log)  # of the page before
    reader.browser.get(path.as_uri())
    reader.wait(lambda: "Nothing" in reader.text("lines"))
    return reader


def on_canvas(page, *places, drag=False):
    """Click places of the picture in fractions, or drag from the first to the last."""
    canvas = page.find("canvas")
    box = canvas.rect
    chain = ActionChains(page.browser, duration=0)
    for index, (x, y) in enumerate(places):
        chain.move_to_element_with_offset(
            canvas, round((x - 0.5) * box["width"]), round((y - 0.5) * box["height"])
        )
        if not drag:
            chain.click()
        elif index == 0:
            chain.click_and_hold()
    if drag:
        chain.release()
    chain.perform()


def lines(page):
    drawn = tomllib.loads(page.text("lines"))["regions"]["left.lung"]
    return DrawnSpec.model_validate(drawn)


class TestPage:
    pytestmark = NEEDS_BROWSER

    def test_a_rectangle_is_dragged_in_any_direction_and_downloaded(self, page):
        on_canvas(page, (0.75, 0.9), (0.5, 0.5), (0.25, 0.1), drag=True)
        assert np.allclose(lines(page).rectangle, (0.25, 0.1, 0.75, 0.9), atol=0.01)
        page.click("save")
        file = page.downloads / "out.toml"
        page.wait(file.exists)
        assert tomllib.loads(file.read_text()) == tomllib.loads(page.text("lines"))
        page.click("undo")
        assert page.text("lines") == "Nothing is drawn yet."
        assert not page.find("save").is_enabled()

    def test_a_polygon_is_clicked_and_corners_are_taken_back(self, page):
        page.click("polygon")
        on_canvas(page, (0.2, 0.2), (0.8, 0.2))
        assert page.text("lines") == "Nothing is drawn yet."
        on_canvas(page, (0.8, 0.8), (0.1, 0.9))
        wanted = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.1, 0.9)]
        assert np.allclose(lines(page).polygon, wanted, atol=0.01)
        page.click("undo")
        assert np.allclose(lines(page).polygon, wanted[:3], atol=0.01)
        page.click("rectangle")
        assert page.text("lines") == "Nothing is drawn yet."

    def test_the_picture_is_shown_and_what_is_drawn_lies_on_it(self, page):
        sample = (
            "const [x, y] = arguments; const c = document.getElementById('canvas');"
            "return [...c.getContext('2d').getImageData(x, y, 1, 1).data];"
        )
        assert page.js(sample, 200, 20)[:3] == [200, 200, 200]
        on_canvas(page, (0.5, 0.5), (0.75, 0.75), drag=True)
        assert page.js(sample, 160, 150)[2] < 60, "the outline is yellow"
        assert page.js(sample, 20, 20)[:3] == [20, 20, 20]

    def test_it_asks_for_nothing_and_complains_of_nothing(self, page):
        on_canvas(page, (0.1, 0.1), (0.6, 0.6), drag=True)
        page.click("copy")
        asked = [url for url in page.requests() if not url.startswith(("data:", "file:", "blob:"))]
        assert asked == []
        assert page.complaints() == []

    def test_no_other_script_runs(self, page):
        page.js(
            "const s = document.createElement('script'); s.textContent = 'window.evil = 1';"
            "document.body.append(s);"
        )
        assert page.js("return window.evil === undefined")
