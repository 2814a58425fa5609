"use strict";

const PAN = 40; // CSS pixels per key press
const KEY_NAMES = {
  " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc",
};
const SAME_KEYS = { "=": "+", "_": "-" };

/**
 * One table of what the keys do, for the help and for the page, so that the two cannot differ.
 *
 * @returns groups of rows; those with `repeat` act repeatedly while a key is held
 */
function keyTable({ picture, contours, questions, ...reader }) {
  const rate = (level) => () => questions.rate(level);
  return {
    answers: {
      title: "Answers",
      rows: [
        ["present, absent", { y: () => questions.say(true), n: () => questions.say(false) }],
        ["how sure, how plausible", { 1: rate(1), 2: rate(2), 3: rate(3), 4: rate(4), 5: rate(5) }],
        ["next question", { q: () => questions.turn() }],
        ["cannot be read", { u: () => questions.toggleUnreadable() }],
        ["comment (Esc leaves it)", { c: () => questions.comment() }],
        ["outline the finding", { d: () => questions.toggleDrawing() }],
        ["remove the last outline", { z: () => questions.undo() }],
        ["save and next", { Enter: reader.next }],
        ["previous", { Backspace: reader.previous, PageUp: reader.previous }],
        ["this help", { "?": reader.help }],
      ],
    },
    picture: {
      title: "Image",
      repeat: true,
      rows: [
        ["zoom", { "+": () => picture.zoomBy(1.25), "-": () => picture.zoomBy(0.8) }],
        ["move", arrows((dx, dy) => picture.panBy(-dx * PAN, -dy * PAN))],
        ["narrower, wider window", {
          w: () => picture.windowBy(0, -0.02), W: () => picture.windowBy(0, 0.02) }],
        ["lower, higher level", {
          l: () => picture.windowBy(-0.01, 0), L: () => picture.windowBy(0.01, 0) }],
        ["invert", { i: reader.invert }],
        ["map on, off", { m: reader.switchMap }],
        ["reset", { 0: reader.reset }],
      ],
    },
    outlines: {
      title: "While outlining",
      repeat: true,
      rows: [
        ["move the cross", arrows((dx, dy) => contours.moveCross(dx * 8, dy * 8))],
        ["set a corner", { " ": () => contours.setCorner() }],
        ["close the outline", { Enter: () => contours.close() }],
        ["end", { Escape: () => questions.toggleDrawing() }],
      ],
    },
  };
}

function arrows(act) {
  return {
    ArrowLeft: () => act(-1, 0),
    ArrowRight: () => act(1, 0),
    ArrowUp: () => act(0, -1),
    ArrowDown: () => act(0, 1),
  };
}

/** The table in the form that the help shows. */
function keyLists(table) {
  return Object.values(table).map(({ title, rows }) => {
    const lines = rows.map(([says, does]) => {
      const all = Object.keys(does);
      const named = all.length > 4 ? [all[0], all.at(-1)] : all;
      const keys = named.flatMap((key) => [make("kbd", {}, KEY_NAMES[key] ?? key), " "]);
      if (all.length > 4) keys.splice(1, 1, " to ");
      return make("div", {}, make("dt", {}, ...keys), make("dd", {}, says));
    });
    return make("section", {}, make("h3", {}, title), make("dl", {}, ...lines));
  });
}

/** Let the keys act while an item is shown and no other control needs them. */
function listenToKeys(table, { reading, contours, questions }) {
  const group = ({ rows, repeat = false }) =>
    rows.flatMap(([, does]) => Object.entries(does).map(([key, act]) => [key, { act, repeat }]));
  const usual = new Map([...group(table.answers), ...group(table.picture)]);
  const drawing = new Map([...usual, ...group(table.outlines)]);

  document.addEventListener("keydown", (event) => {
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || !reading()) return;
    if (target.matches("textarea")) {
      if (event.key === "Escape") questions.focus();
      return;
    }
    const key = keyOf(event);
    if (wants(target, key)) return;
    const onPicture = contours.drawing && !target.closest("fieldset");
    const binding = (onPicture ? drawing : usual).get(key);
    if (!binding) return;
    event.preventDefault();
    if (binding.repeat || !event.repeat) binding.act();
  });
}

/** Letters depend on Shift only, so that Caps Lock has no effect. */
function keyOf({ key, shiftKey }) {
  if (/^[a-z]$/i.test(key)) return shiftKey ? key.toUpperCase() : key.toLowerCase();
  return SAME_KEYS[key] ?? key;
}

/** Whether a control needs the key for its usual function. */
function wants(target, key) {
  if (target.matches("button")) return key === "Enter" || key === " ";
  if (target.matches("[type=radio]")) return key === " " || key.startsWith("Arrow");
  return target.matches("[type=checkbox]") && key === " ";
}
