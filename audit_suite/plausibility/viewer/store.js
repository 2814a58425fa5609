"use strict";

/**
 * What this browser keeps of one pack, under a key that no other pack has.
 *
 * Where it cannot keep anything the page goes on in memory, and says so.
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

  /** @returns what was kept, or null */
  read() {
    const text = this.#try(() => localStorage.getItem(this.key));
    if (!text) return null;
    try {
      return JSON.parse(text);
    } catch {
      this.#try(() => localStorage.setItem(`${this.key} damaged`, text));
      alarm("The answers kept in this browser are damaged and were set aside. Please tell whoever " +
        "gave you this pack before you go on.");
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
      alarm("This browser keeps nothing: your answers are lost when this page is closed. Export " +
        "them before you close it.");
      return null;
    }
  }
}
