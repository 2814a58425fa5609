"use strict";

/**
 * Mouse, pen and fingers on the picture.
 *
 * What a pointer does is decided when it is pressed: set the window, draw or move. A second finger
 * switches to zooming, whatever the first one did.
 */
class Gestures {
  constructor(picture, contours) {
    this.picture = picture;
    this.contours = contours;
    this.down = new Map();
    this.does = "pan";
    this.windowing = false;
    const { canvas } = picture;
    canvas.addEventListener("pointerdown", (event) => this.#press(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#lift(event, true));
    canvas.addEventListener("pointercancel", (event) => this.#lift(event, false));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  #press(event) {
    if (!this.picture.pixels || this.down.size === 2) return;
    this.picture.canvas.setPointerCapture(event.pointerId);
    this.down.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.down.size === 2) {
      this.contours.cancel();
      this.does = "pinch";
    } else if (event.button === 2 || event.shiftKey || this.windowing) this.does = "window";
    else if (this.contours.drawing && event.button === 0) {
      this.does = "draw";
      this.contours.press(this.picture.placeAt([event.clientX, event.clientY]));
    } else this.does = "pan";
  }

  #move(event) {
    const last = this.down.get(event.pointerId);
    if (!last) return;
    const point = [event.clientX, event.clientY];
    const [dx, dy] = [point[0] - last[0], point[1] - last[1]];
    if (this.does === "pan") this.picture.panBy(dx, dy);
    else if (this.does === "window") this.picture.windowBy(dy / 500, dx / 500);
    else if (this.does === "draw") this.#draw(event);
    else this.#pinch(event.pointerId, last, point);
    this.down.set(event.pointerId, point);
  }

  /** Browsers merge the events within a frame; a fast outline needs all of them. */
  #draw(event) {
    const events = event.getCoalescedEvents?.() ?? [];
    for (const { clientX, clientY } of events.length ? events : [event]) {
      this.contours.drag(this.picture.placeAt([clientX, clientY]));
    }
  }

  #pinch(id, last, point) {
    const other = [...this.down].find(([one]) => one !== id)?.[1];
    if (!other) return;
    const apart = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]) || 1;
    const between = [(point[0] + other[0]) / 2, (point[1] + other[1]) / 2];
    this.picture.panBy((point[0] - last[0]) / 2, (point[1] - last[1]) / 2);
    this.picture.zoomBy(apart(point) / apart(last), between);
  }

  #lift(event, meant) {
    if (!this.down.delete(event.pointerId)) return;
    if (this.does === "draw") {
      if (meant) this.contours.release();
      else this.contours.cancel();
    }
    this.does = this.down.size ? "pan" : this.does;
  }

  #wheel(event) {
    event.preventDefault();
    const pixels = event.deltaMode === 0 ? event.deltaY : event.deltaY * 30;
    this.picture.zoomBy(Math.exp(-pixels / 400), [event.clientX, event.clientY]);
  }
}
