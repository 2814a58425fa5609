"use strict";

/** Seconds spent on an item, counted only while the page is visible. */
class Clock {
  /** @param spent called with the seconds since it was last called */
  constructor(spent) {
    this.spent = spent;
    this.running = false;
    this.since = null;
    document.addEventListener("visibilitychange", () => this.settle());
    window.addEventListener("pagehide", () => this.settle());
  }

  start() {
    this.running = true;
    this.settle();
  }

  stop() {
    this.running = false;
    this.settle();
  }

  /** Report the seconds that have passed so far. */
  settle() {
    const now = performance.now();
    if (this.since !== null) this.spent((now - this.since) / 1000);
    this.since = this.running && document.visibilityState === "visible" ? now : null;
  }
}
