"use strict";

const MOST_ZOOM = 32;
const LEAST_WINDOW = 0.005;

/**
 * The picture on the screen: zoom, pan and window.
 *
 * Places are shares of the picture, 0 to 1 from its left and top, and do not depend on the zoom;
 * points are positions of the pointer in the window, in CSS pixels.
 */
class Picture {
  constructor(canvas, readout) {
    this.canvas = canvas;
    this.readout = readout;
    this.overlays = [];
    this.waiting = false;
    this.show(null);
    new ResizeObserver(() => this.#fitCanvas()).observe(canvas);
  }

  /** @param {?Pixels} pixels null while there is no picture */
  show(pixels) {
    this.pixels = pixels;
    this.bare = false;
    this.reset();
  }

  reset() {
    this.zoom = 1;
    this.centre = [0.5, 0.5];
    this.inverted = false;
    this.window = this.pixels ? { ...this.pixels.window } : { centre: 0.5, width: 1 };
    this.#redevelop();
  }

  /** Whether there is a map that can be taken off, and whether it is on. */
  get map() {
    return this.pixels?.other ? !this.bare : null;
  }

  /** Show the same picture with or without its map; zoom and window stay. */
  switchMap() {
    if (!this.pixels?.other) return;
    this.pixels = this.pixels.other;
    this.bare = !this.bare;
    this.#redevelop();
  }

  invert() {
    this.inverted = !this.inverted;
    this.#redevelop();
  }

  /** Change level and width by shares of the full range. */
  windowBy(centre, width) {
    this.window = {
      centre: clamp(this.window.centre + centre, 0, 1),
      width: clamp(this.window.width + width, LEAST_WINDOW, 2),
    };
    this.#redevelop();
  }

  /** Zoom around a point, by default the middle. */
  zoomBy(factor, point = this.#middle()) {
    const place = this.placeAt(point);
    this.zoom = clamp(this.zoom * factor, 1, MOST_ZOOM);
    const [x, y] = this.placeAt(point);
    this.#lookAt(this.centre[0] + place[0] - x, this.centre[1] + place[1] - y);
  }

  panBy(dx, dy) {
    const [width, height] = this.size();
    this.#lookAt(this.centre[0] - dx / width, this.centre[1] - dy / height);
  }

  /** Width and height of the whole picture at the present zoom. */
  size() {
    const { width, height } = this.pixels ?? { width: 1, height: 1 };
    const { clientWidth, clientHeight } = this.canvas;
    const scale = this.zoom * Math.min(clientWidth / width, clientHeight / height);
    return [width * scale || 1, height * scale || 1];
  }

  placeAt([x, y]) {
    const [width, height] = this.size();
    const [middleX, middleY] = this.#middle();
    return [this.centre[0] + (x - middleX) / width, this.centre[1] + (y - middleY) / height];
  }

  pointAt([x, y]) {
    const [width, height] = this.size();
    const [middleX, middleY] = this.#middle();
    return [middleX + (x - this.centre[0]) * width, middleY + (y - this.centre[1]) * height];
  }

  /** Distance between two places on the screen. */
  distance(one, other) {
    const [width, height] = this.size();
    return Math.hypot((one[0] - other[0]) * width, (one[1] - other[1]) * height);
  }

  /** Draw before the next frame; several changes within one frame are drawn once. */
  refresh() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.#draw();
    });
  }

  #redevelop() {
    this.stale = true;
    this.refresh();
  }

  #middle() {
    const box = this.canvas.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  }

  /** Move a place to the middle, but keep the stage as full as the picture allows. */
  #lookAt(x, y) {
    const [width, height] = this.size();
    const within = (share, half) => (half >= 0.5 ? 0.5 : clamp(share, half, 1 - half));
    this.centre = [
      within(x, this.canvas.clientWidth / 2 / width),
      within(y, this.canvas.clientHeight / 2 / height),
    ];
    this.refresh();
  }

  /** Give the canvas as many pixels as the screen has, else every picture would be blurred. */
  #fitCanvas() {
    this.canvas.width = Math.round(this.canvas.clientWidth * devicePixelRatio);
    this.canvas.height = Math.round(this.canvas.clientHeight * devicePixelRatio);
    this.#lookAt(...this.centre);
    this.#draw();
  }

  #draw() {
    const context = this.canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.#read();
    if (!this.pixels) return;
    if (this.stale) this.pixels.develop(this.window, this.inverted);
    this.stale = false;
    const box = this.canvas.getBoundingClientRect();
    const [left, top] = this.pointAt([0, 0]);
    const ratio = devicePixelRatio;
    context.setTransform(ratio, 0, 0, ratio, -box.left * ratio, -box.top * ratio);
    context.imageSmoothingQuality = "high";
    context.drawImage(this.pixels.sheet, left, top, ...this.size());
    for (const overlay of this.overlays) overlay(context);
  }

  #read() {
    const percent = (share) => `${Math.round(share * 100)} %`;
    const { centre, width } = this.window;
    this.readout.textContent = this.pixels
      ? `Zoom ${percent(this.zoom)} · W ${percent(width)} · L ${percent(centre)}`
      : "";
  }
}
