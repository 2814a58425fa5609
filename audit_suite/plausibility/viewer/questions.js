"use strict";

const LEVELS = [1, 2, 3, 4, 5];

/**
 * The questions of one item. The form shows only the draft: every answer, by key or by pointer,
 * changes the draft and refreshes the form.
 */
class Questions {
  /** @param changed called after every change of an answer */
  constructor(holder, answers, contours, changed) {
    this.holder = holder;
    this.answers = answers;
    this.contours = contours;
    this.changed = changed;
    this.#keepArrowsForThePicture();
  }

  show(item) {
    this.item = item;
    this.draft = this.answers.draft(item);
    const parts = item.kind === "map" ? [this.#mapPart()] : this.#readParts();
    this.fields = parts.map(({ field }) => field);
    this.refreshers = parts.map(({ refresh }) => refresh);
    const besides = make("div", { className: "besides" });
    besides.append(this.#unreadablePart(), this.#commentPart());
    this.holder.replaceChildren(...this.fields, besides);
    this.#choose(0);
    this.refresh();
  }

  /** Target of the question that keys answer now. */
  get target() {
    return this.item.kind === "map" ? null : this.answers.pack.questions[this.current].target;
  }

  focus() {
    (this.draft.unreadable ? byId("unreadable") : this.fields[this.current]).focus();
  }

  /** Turn to the next question, or the first one after the last. */
  turn() {
    this.#choose((this.current + 1) % this.fields.length);
    this.focus();
  }

  say(present) {
    if (this.item.kind === "map") return;
    this.#answer(() => (this.#judgement(this.target).present = present));
  }

  rate(level) {
    this.#answer(() => {
      if (this.item.kind === "map") this.draft.plausibility = level;
      else this.#judgement(this.target).confidence = level;
    });
  }

  toggleUnreadable() {
    this.contours.stop();
    this.draft.unreadable = !this.draft.unreadable;
    this.save();
    this.focus();
  }

  comment() {
    byId("comment").focus();
  }

  /** Begin or end outlining the current finding. */
  toggleDrawing() {
    const { target } = this;
    if (this.contours.drawing) {
      this.contours.stop();
      this.focus();
    } else if (!this.draft.unreadable && this.draft.found[target]?.present) {
      this.contours.start((this.draft.contours[target] ??= []));
      this.contours.picture.canvas.focus();
      showHint("Drag to draw freely, or click the corners and then the first one again to close. " +
        "Keys: arrows move, Space sets a corner, Enter closes, z removes the last, Esc ends.");
    } else showHint("You can outline only findings that you marked as present.");
    this.refresh();
  }

  undo() {
    const { target } = this;
    if (this.contours.drawing) this.contours.undo();
    else if (this.answers.outlines(this.item)[target]) {
      this.draft.contours[target].pop();
      this.save();
    }
  }

  save() {
    this.answers.save(this.draft);
    this.refresh();
    this.changed();
  }

  refresh() {
    this.contours.show(Object.values(this.answers.outlines(this.item)).flat());
    for (const refresh of this.refreshers) refresh();
    for (const field of this.fields) field.disabled = this.draft.unreadable;
    byId("unreadable").checked = this.draft.unreadable;
  }

  #judgement(target) {
    return (this.draft.found[target] ??= {});
  }

  #answer(change) {
    if (this.draft.unreadable) {
      showHint("Marked as “cannot be read”; press u to undo this.");
      return;
    }
    change();
    if (this.contours.drawing && !this.draft.found[this.target]?.present) this.contours.stop();
    this.save();
  }

  #choose(index) {
    if (this.contours.drawing && index !== this.current) this.contours.stop();
    this.current = index;
    const several = this.fields.length > 1;
    this.fields.forEach((field, at) => field.classList.toggle("current", several && at === index));
  }

  /** A fieldset that becomes the current one when anything in it gets the focus. */
  #field(text, index, ...children) {
    const field = make("fieldset", { tabIndex: -1 }, make("legend", {}, text), ...children);
    field.addEventListener("focusin", () => {
      this.#choose(index);
      this.refresh();
    });
    return field;
  }

  #readParts() {
    return this.answers.pack.questions.map(({ target, text, definition }, index) => {
      const choose = (act) => (value) => {
        this.#choose(index);
        act.call(this, value);
      };
      const present = radios(`present-${index}`, [[true, "Present"], [false, "Absent"]], choose(this.say));
      const level = scale(`level-${index}`, "How sure?", "guess", "certain", choose(this.rate));
      const draw = make("button", { type: "button" }, "Outline it");
      const undo = make("button", { type: "button" }, "Undo");
      const count = make("span", { className: "soft" });
      const outline = make("div", { className: "outline" }, draw, undo, count);
      draw.addEventListener("click", () => this.toggleDrawing());
      undo.addEventListener("click", () => this.undo());
      const meaning = make("p", { className: "soft", hidden: !definition }, definition);
      const field = this.#field(text, index, meaning, present.element, level.element, outline);
      const refresh = () => {
        const judgement = this.draft.found[target] ?? {};
        present.set(judgement.present);
        level.set(judgement.confidence);
        const number = this.draft.contours[target]?.length ?? 0;
        const drawing = this.contours.drawing && index === this.current;
        outline.hidden = !judgement.present;
        draw.setAttribute("aria-pressed", drawing);
        draw.textContent = drawing ? "Done" : "Outline it";
        undo.hidden = !number && !drawing;
        count.textContent = number === 1 ? "1 outline" : `${number || "no"} outlines`;
      };
      return { field, refresh };
    });
  }

  #mapPart() {
    const level = scale("plausibility", "", "not at all", "entirely", (value) => this.rate(value));
    const text = "The colours show which parts of the image the model used to detect " +
      `“${this.item.asked}”. How plausible is that?`;
    const legend = make("ul", { className: "colours" },
      make("li", { className: "for" }, "Orange: speaks for the finding"),
      make("li", { className: "against" }, "Violet: speaks against it"),
      make("li", { className: "line" }, "White line: the region where the finding is expected"));
    return {
      field: this.#field(text, 0, legend, level.element),
      refresh: () => level.set(this.draft.plausibility),
    };
  }

  #unreadablePart() {
    const box = make("input", { type: "checkbox", id: "unreadable" });
    box.addEventListener("change", () => this.toggleUnreadable());
    return make("label", { className: "tile" }, box, make("span", {}, "Cannot be read"));
  }

  #commentPart() {
    const field = make("textarea", { id: "comment", rows: 2, value: this.draft.comment });
    field.addEventListener("input", () => {
      this.draft.comment = field.value;
      this.answers.save(this.draft);
      this.changed();
    });
    const hint = make("span", { className: "soft" }, "(no names, no dates)");
    return make("div", {}, make("label", { htmlFor: "comment" }, "Comment ", hint), field);
  }

  /**
   * Arrow keys change a chosen radio button as usual, but not after a click: a reader who clicks an
   * answer and then pans with the arrows must not change the answer. So a click moves the focus on.
   */
  #keepArrowsForThePicture() {
    let clicked = false;
    document.addEventListener("pointerdown", () => (clicked = true), true);
    document.addEventListener("keydown", () => (clicked = false), true);
    this.holder.addEventListener("change", (event) => {
      if (clicked && event.target.type === "radio") event.target.closest("fieldset").focus();
    });
  }
}

/** Radio buttons as tiles: the whole tile is the button, large enough for a finger. */
function radios(name, options, choose) {
  const inputs = options.map(([value]) => {
    const input = make("input", { type: "radio", name });
    input.addEventListener("change", () => choose(value));
    return input;
  });
  const tiles = options.map(([, text], at) =>
    make("label", { className: "tile" }, inputs[at], make("span", {}, text)),
  );
  const set = (chosen) => options.forEach(([value], at) => (inputs[at].checked = value === chosen));
  return { element: make("div", { className: "tiles" }, ...tiles), set };
}

/** Five levels with words at both ends. */
function scale(name, title, least, most, choose) {
  const { element, set } = radios(name, LEVELS.map((level) => [level, `${level}`]), choose);
  const ends = make("div", { className: "ends" },
    make("span", {}, `1 ${least}`), make("span", {}, title), make("span", {}, `${most} 5`));
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", `${title || "Plausibility"} 1 ${least} to 5 ${most}`);
  return { element: make("div", { className: "scale" }, element, ends), set };
}
