"use strict";

/** The element with this id. */
const byId = (id) => document.getElementById(id);

/**
 * Make an element. Strings among the children become text, never markup: a pack's texts are
 * somebody else's, and must not be able to run here.
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

/** Say something that helps, until the next key or touch; screen readers read it when idle. */
function tell(text) {
  byId("told").textContent = text;
}

for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, () => tell(""), true);

/** Say loudly, and keep saying, that something is wrong with the whole page. */
function alarm(text) {
  if (![...byId("alarm").children].some((line) => line.textContent === text)) {
    byId("alarm").append(make("p", {}, text));
  }
}

/** Show these sections of the page and no other. */
function turnTo(...ids) {
  for (const section of document.querySelectorAll("main > section")) {
    section.hidden = !ids.includes(section.id);
  }
  document.querySelector("main").scrollTop = 0;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
