"use strict";

const NEAR = 14; // CSS pixels within which a corner is hit by a finger or a mouse
const STILL = 4; // moving less than this is a click
const FINE = 3; // corners of a free outline are at least this far apart

/**
 * Outlines of one finding, drawn on the picture.
 *
 * A drag is a free outline and closes on release; clicks are corners, and a click at the first or
 * the last one closes. The keyboard moves a cross and sets corners at it.
 */
class Contours {
  /** @param changed called after every outline that is finished or taken back */
  constructor(picture, changed) {
    this.picture = picture;
    this.changed = changed;
    this.shown = []; // of all findings
    this.outlines = null; // of the finding being drawn, null while not drawing
    this.open = []; // corners of the outline begun
    this.stroke = null; // what the pointer that is down has done
    this.cross = null; // where the keyboard is
    picture.overlays.push((context) => this.#paint(context));
  }

  get drawing() {
    return this.outlines !== null;
  }

  /** @param {Array} outlines those there are, which get changed in place */
  start(outlines) {
    this.outlines = outlines;
    this.picture.canvas.classList.add("drawing");
    this.picture.refresh();
  }

  /** Stop drawing; an outline that encloses something is kept, a mere line is not. */
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

  /** Forget what the finger has drawn since it came down: it was the first of two. */
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

  /** Take back the last corner of an outline begun, else the last outline. */
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

  /** Bright upon dark, so that it is seen on every grey. */
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

/** The place as it is written down: within the picture, to four digits. */
function inside(place) {
  return place.map((share) => Math.round(clamp(share, 0, 1) * 1e4) / 1e4);
}
