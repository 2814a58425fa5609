"""A reading pack made by hand, and a browser that reads it as a radiologist does."""

from __future__ import annotations

import base64
import io
import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

import audit_suite.plausibility as home
from audit_suite import readings

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")

NEEDS_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on this machine"),
    pytest.mark.skipif(DRIVER is None, reason="there is no chromedriver on this machine"),
]
VIEWER = Path(home.__file__).parent / "viewer"
QUESTIONS = (
    readings.Question(target="consolidation", text="Consolidation"),
    readings.Question(target="effusion", text="Pleural effusion"),
)
WIDTH, HEIGHT = 320, 240  # unequal, so that taking one for the other shows

SAMPLE = """
const [places, width, height, done] = arguments;
const canvas = document.getElementById("canvas");
const scale = Math.min(canvas.width / width, canvas.height / height);
requestAnimationFrame(() => requestAnimationFrame(() => done(places.map(([x, y]) => {
  const at = [canvas.width / 2 + (x - 0.5) * width * scale,
              canvas.height / 2 + (y - 0.5) * height * scale];
  return [...canvas.getContext("2d").getImageData(...at.map(Math.floor), 1, 1).data].slice(0, 3);
}))));
"""

INTRODUCED = """
const parts = {name: "A. Reader", role: "radiologist", years: "12"};
for (const [part, value] of Object.entries(parts))
  document.getElementById(`about-${part}`).value = value;
document.getElementById("about").dispatchEvent(new Event("input"));
"""

FRAMES = """
const [done] = arguments;
requestAnimationFrame(() => requestAnimationFrame(() => done()));
"""


def image_js(code, picture, plain=None):
    """One file of images/, as the exporter writes it; ``plain`` is the same without its map."""
    given = as_given(picture)
    if plain is not None:
        given["plain"] = as_given(plain)["png"]
    return f"window.PICTURE({json.dumps(code)}, {json.dumps(given)});"


def as_given(picture):
    """A picture in the form that the page takes."""
    bits = 16 if picture.dtype == np.uint16 else 8
    if bits == 16:
        picture = np.stack([picture >> 8, picture & 255, picture * 0], -1).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    png = "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
    height, width = picture.shape[:2]
    return {"png": png, "bits": bits, "width": width, "height": height, "window": [0.5, 1.0]}


def make_pack(folder, items, title="Reading study", **more):
    """Write a pack of {item: picture} and return it; no picture is a damaged file."""
    content = {"study": "0" * 64, "reader": "reader-1", "title": title, "questions": QUESTIONS}
    pack = readings.Pack(**content | {"items": tuple(items)} | more)
    shutil.copytree(VIEWER, folder)
    (folder / "images").mkdir()
    content = pack.model_dump(mode="json", by_alias=True) | {"digest": pack.digest}
    (folder / "items.js").write_text(f"window.PACK = {json.dumps(content)};")
    for item, picture in items.items():
        text = "window.PICTURE(" if picture is None else image_js(item.code, picture)
        (folder / "images" / f"{item.code}.js").write_text(text)
    return pack


class Radiologist:
    """Whoever sits before the page: sees it, presses keys, clicks and drags."""

    def __init__(self, chromium, chromedriver, downloads):
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for option in ("headless", "no-sandbox", "disable-gpu", "disable-background-networking"):
            options.add_argument(f"--{option}")
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.browser = webdriver.Chrome(options, Service(chromedriver))
        self.browser.set_script_timeout(10)
        self.downloads = downloads
        self.resize(1440, 900)

    def resize(self, width, height):
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def open(self, folder, fresh=True):
        self.browser.get((folder / "index.html").as_uri())
        if fresh:  # all packs of one browser share a store
            self.js("localStorage.clear(); location.reload()")
        if self.shown("about") and not self.find("about-name").get_attribute("value"):
            self.js(INTRODUCED)  # at once: to type it takes longer than most tests
        self.browser.get_log("browser")
        self.browser.get_log("performance")

    def introduce(self, name="A. Reader", role="radiologist", years="12"):
        """Type who reads."""
        for part, text in (("name", name), ("role", role), ("years", years)):
            self.find(f"about-{part}").clear()
            self.find(f"about-{part}").send_keys(text)

    def begin(self, folder, fresh=True):
        self.open(folder, fresh)
        self.click("begin")
        self.see()

    def see(self):
        """Wait for the picture."""
        self.wait(lambda: "loaded" not in self.text("picture-note"))

    def js(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def wait(self, condition, seconds=10):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "what was waited for did not happen"
            time.sleep(0.02)

    def find(self, id):
        return self.browser.find_element(By.ID, id)

    def shown(self, id):
        return self.find(id).is_displayed()

    def text(self, id):
        """What stands there once the page has drawn what was done last."""
        self.browser.execute_async_script(FRAMES)
        return self.find(id).text

    def click(self, id):
        self.find(id).click()

    def tile(self, question, word):
        """Click the tile that says so, in the question of this number."""
        path = f"(//fieldset)[{question + 1}]//label[span='{word}']"
        self.browser.find_element(By.XPATH, path).click()

    def chosen(self):
        """The words of all tiles chosen."""
        labels = self.browser.find_elements(By.CSS_SELECTOR, "#form label:has(:checked)")
        return [label.text for label in labels]

    def press(self, *keys):
        ActionChains(self.browser, duration=0).send_keys(*keys).perform()

    def point(self, x, y):
        """Where the canvas shows this place of the picture, in pixels from the canvas's middle."""
        box = self.find("canvas").rect
        scale = min(box["width"] / WIDTH, box["height"] / HEIGHT)
        return round((x - 0.5) * WIDTH * scale), round((y - 0.5) * HEIGHT * scale)

    def drag(self, *places, button=0, key=None):
        chain = ActionChains(self.browser, duration=0)
        canvas = self.find("canvas")
        pointer = chain.w3c_actions.pointer_action
        if key:
            chain.key_down(key)
        for at, place in enumerate(places):
            chain.move_to_element_with_offset(canvas, *self.point(*place))
            if at == 0:
                pointer.pointer_down(button=button)
                chain.w3c_actions.key_action.pause()
        pointer.pointer_up(button)
        chain.w3c_actions.key_action.pause()
        if key:
            chain.key_up(key)
        chain.perform()

    def tap(self, *places):
        for place in places:
            self.drag(place)

    def pinch(self, factor):
        """Two fingers on the middle of the canvas, drawn apart."""
        box = self.find("canvas").rect
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for kind, reach in (("touchStart", 50), ("touchMove", 50 * factor), ("touchEnd", None)):
            points = (
                [{"x": x + side * reach, "y": y, "id": side + 1} for side in (-1, 1)]
                if reach
                else []
            )
            self.browser.execute_cdp_cmd(
                "Input.dispatchTouchEvent", {"type": kind, "touchPoints": points}
            )

    def pixels(self, *places):
        """Colours on the canvas at these places of the picture, which is shown whole."""
        colours = self.browser.execute_async_script(SAMPLE, places, WIDTH, HEIGHT)
        return np.asarray(colours, int)

    def export(self):
        """What the export button hands over."""
        file = self.downloads / "answers-reader-1.json"
        file.unlink(missing_ok=True)
        self.click("export")
        self.wait(file.exists)
        return readings.read_form(file, readings.Answers, "export")

    def complaints(self):
        return [entry["message"] for entry in self.browser.get_log("browser")]

    def requests(self):
        """Addresses of all that the page has asked for."""
        entries = [json.loads(e["message"])["message"] for e in self.browser.get_log("performance")]
        sent = [e["params"] for e in entries if e["method"] == "Network.requestWillBeSent"]
        return [params["request"]["url"] for params in sent]
