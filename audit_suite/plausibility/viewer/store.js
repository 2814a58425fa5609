"use strict";

/**
 * What this browser stores of one pack, under the pack's own key.
 *
 * If the browser cannot store anything, the page continues in memory and shows a warning.
 */
class Store {
  constructor(digest) {
    this.key = `audit-suite reading ${digest}`;
    this.durable = true;
    window.addEventListener("storage", (event) => {
      if (event.key !== this.key) return;
      alarm("This pack is open in two tabs or windows, which overwrite each other's answers. " +
        "Close this one and reload the other.");
    });
  }

  /** @returns the stored state, or null */
  read() {
    const text = this.#try(() => localStorage.getItem(this.key));
    if (!text) return null;
    try {
      return JSON.parse(text);
    } catch {
      this.#try(() => localStorage.setItem(`${this.key} damaged`, text));
      alarm("The answers stored in this browser are damaged and were set aside. Please contact the " +
        "person who gave you this pack before you continue.");
      return null;
    }
  }

  write(state) {
    this.#try(() => localStorage.setItem(this.key, JSON.stringify(state)));
  }

  erase() {
    this.#try(() => localStorage.removeItem(this.key));
  }

  #try(action) {
    try {
      return action();
    } catch {
      this.durable = false;
      alarm("This browser cannot store your answers: they are lost when this page is closed. " +
        "Export them before you close it.");
      return null;
    }
  }
}
