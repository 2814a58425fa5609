"use strict";

/** The element with this id. */
const byId = (id) => document.getElementById(id);

/**
 * Make an element. Strings among the children become text, never markup: the texts of a pack come
 * from outside and must not be able to run here.
 */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Show a hint until the next key press or touch; screen readers read it when idle. */
function showHint(text) {
  byId("hint").textContent = text;
}

for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, () => showHint(""), true);

/** Show a permanent warning that something is wrong with the whole page. */
function alarm(text) {
  if (![...byId("alarm").children].some((line) => line.textContent === text)) {
    byId("alarm").append(make("p", {}, text));
  }
}

/** Show only these sections of the page. */
function turnTo(...ids) {
  for (const section of document.querySelectorAll("main > section")) {
    section.hidden = !ids.includes(section.id);
  }
  document.querySelector("main").scrollTop = 0;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
