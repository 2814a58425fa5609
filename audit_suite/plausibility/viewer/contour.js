"use strict";

const NEAR = 14; // distance in CSS pixels within which a click hits a corner
const STILL = 4; // moving less than this counts as a click
const FINE = 3; // smallest distance between corners of a free outline

/**
 * Outlines of one finding, drawn on the picture.
 *
 * Dragging draws a free outline, which closes on release. Clicks set corners, and a click on the
 * first or the last corner closes the outline. The keyboard moves a cross and sets corners there.
 */
class Contours {
  /** @param changed called after every outline that is finished or removed */
  constructor(picture, changed) {
    this.picture = picture;
    this.changed = changed;
    this.shown = []; // of all findings
    this.outlines = null; // of the finding being drawn, null while not drawing
    this.open = []; // corners of the unfinished outline
    this.stroke = null; // what the pointer has done since it was pressed
    this.cross = null; // position of the keyboard's cross
    picture.overlays.push((context) => this.#paint(context));
  }

  get drawing() {
    return this.outlines !== null;
  }

  /** @param {Array} outlines the existing outlines, changed in place */
  start(outlines) {
    this.outlines = outlines;
    this.picture.canvas.classList.add("drawing");
    this.picture.refresh();
  }

  /** Stop drawing; an outline with an area is kept, a mere line is not. */
  stop() {
    if (this.drawing) this.close();
    this.outlines = null;
    this.open = [];
    this.stroke = null;
    this.cross = null;
    this.picture.canvas.classList.remove("drawing");
    this.picture.refresh();
  }

  /** Show these outlines, of all findings. */
  show(outlines) {
    this.shown = outlines;
    this.picture.refresh();
  }

  press(place) {
    this.stroke = { from: place, length: this.open.length, moved: false };
    this.cross = null;
  }

  drag(place) {
    if (!this.stroke) return;
    if (!this.stroke.moved && this.picture.distance(place, this.stroke.from) < STILL) return;
    if (!this.stroke.moved) this.open.push(inside(this.stroke.from));
    this.stroke.moved = true;
    if (this.picture.distance(place, this.open.at(-1)) >= FINE) this.open.push(inside(place));
    this.picture.refresh();
  }

  release() {
    if (!this.stroke) return;
    const { from, length, moved } = this.stroke;
    this.stroke = null;
    if (!moved) this.#corner(from);
    else if (length === 0) this.close();
  }

  /** Discard what the finger has drawn since it was pressed: it was the first of two. */
  cancel() {
    if (this.stroke) this.open.length = this.stroke.length;
    this.stroke = null;
    this.picture.refresh();
  }

  moveCross(dx, dy) {
    const [width, height] = this.picture.size();
    const [x, y] = this.cross ?? this.picture.centre;
    this.cross = inside([x + dx / width, y + dy / height]);
    this.picture.refresh();
  }

  setCorner() {
    this.cross ??= inside(this.picture.centre);
    this.#corner(this.cross);
  }

  close() {
    const whole = this.open.length >= 3;
    if (whole) this.outlines.push(this.open);
    this.open = [];
    this.picture.refresh();
    if (whole) this.changed();
  }

  /** Remove the last corner of the unfinished outline, else the last outline. */
  undo() {
    if (this.open.pop()) this.picture.refresh();
    else if (this.outlines.pop()) this.changed();
  }

  #corner(place) {
    const hit = (corner) => this.picture.distance(place, corner) < NEAR;
    if (this.open.length >= 3 && (hit(this.open[0]) || hit(this.open.at(-1)))) this.close();
    else this.open.push(inside(place));
    this.picture.refresh();
  }

  #paint(context) {
    for (const outline of this.shown) {
      this.#line(context, outline, true, this.outlines?.includes(outline) ? "#ffd166" : "#7fd6ff");
    }
    if (!this.drawing) return;
    this.#line(context, this.open, false, "#ffd166");
    for (const corner of this.open.slice(0, 1)) this.#mark(context, corner, 4, true);
    if (this.cross) this.#mark(context, this.cross, 10, false);
  }

  /** A bright line on a dark one, visible on every grey. */
  #line(context, places, closed, colour) {
    const path = new Path2D();
    for (const place of places) path.lineTo(...this.picture.pointAt(place));
    if (closed) path.closePath();
    this.#stroke(context, path, colour);
  }

  #mark(context, place, reach, box) {
    const [x, y] = this.picture.pointAt(place);
    const path = new Path2D();
    if (box) path.rect(x - reach, y - reach, 2 * reach, 2 * reach);
    else {
      path.moveTo(x - reach, y);
      path.lineTo(x + reach, y);
      path.moveTo(x, y - reach);
      path.lineTo(x, y + reach);
    }
    this.#stroke(context, path, "#ffd166");
  }

  #stroke(context, path, colour) {
    context.lineJoin = "round";
    for (const [style, width] of [["#000000b0", 4], [colour, 2]]) {
      context.strokeStyle = style;
      context.lineWidth = width;
      context.stroke(path);
    }
  }
}

/** The place as it is stored: within the picture, rounded to four digits. */
function inside(place) {
  return place.map((share) => Math.round(clamp(share, 0, 1) * 1e4) / 1e4);
}
