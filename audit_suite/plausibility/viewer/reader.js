"use strict";

/** The page: the section that is shown, and what the buttons do. */
class Reader {
  constructor(pack) {
    this.pack = pack;
    this.items = pack.items;
    this.sittings = new Set(pack.items.map((item) => item.sitting)).size;
    this.index = null; // index of the shown item; null in all other sections
    this.answers = new Answers(pack);
    this.clock = new Clock((seconds) => this.answers.spend(this.items[this.index], seconds));
    this.picture = new Picture(byId("canvas"), byId("readout"));
    this.contours = new Contours(this.picture, () => this.questions.save());
    this.gestures = new Gestures(this.picture, this.contours);
    this.questions = new Questions(byId("form"), this.answers, this.contours, () => this.#changed());
    this.#wire();
    this.#start();
  }

  next() {
    this.contours.stop();
    const missing = this.answers.missing(this.items[this.index]);
    this.#lack(missing);
    if (missing.length) return;
    const [item, after] = this.items.slice(this.index, this.index + 2);
    if (after?.sitting === item.sitting) this.#open(this.index + 1);
    else this.#rest(this.index + 1);
  }

  previous() {
    const [before, item] = this.index ? this.items.slice(this.index - 1, this.index + 1) : [];
    if (before && before.sitting === item.sitting) this.#open(this.index - 1);
    else showHint("This is the first image of the sitting.");
  }

  invert() {
    this.picture.invert();
    byId("invert").setAttribute("aria-pressed", this.picture.inverted);
  }

  reset() {
    this.picture.reset();
    byId("invert").setAttribute("aria-pressed", false);
  }

  switchMap() {
    this.picture.switchMap();
    this.#showMapMode();
  }

  /** When on, dragging sets the window: touch screens have neither a right button nor Shift. */
  windowMode(on) {
    this.gestures.windowing = on;
    byId("canvas").classList.toggle("windowing", on);
    byId("window-mode").setAttribute("aria-pressed", on);
  }

  #wire() {
    const click = (id, act) => byId(id).addEventListener("click", act);
    click("begin", () => this.#begin());
    click("map-mode", () => this.switchMap());
    byId("about").addEventListener("submit", (event) => event.preventDefault());
    byId("about").addEventListener("input", () => this.#introduce());
    click("next", () => this.next());
    click("previous", () => this.previous());
    click("zoom-in", () => this.picture.zoomBy(1.25));
    click("zoom-out", () => this.picture.zoomBy(0.8));
    click("reset", () => this.reset());
    click("invert", () => this.invert());
    click("window-mode", () => this.windowMode(!this.gestures.windowing));
    click("go-on", () => this.#open(this.after));
    click("go-back", () => this.#open(this.after - 1));
    click("export", () => this.#export());
    click("help", () => byId("help-page").showModal());
    click("erase", () => byId("erase-page").showModal());
    byId("erase-page").addEventListener("close", ({ target }) => this.#erase(target.returnValue));
    byId("panel").addEventListener("submit", (event) => event.preventDefault());
    window.addEventListener("beforeunload", (event) => {
      if (!this.answers.store.durable && !this.answers.exported) event.preventDefault();
    });
    const { picture, contours, questions } = this;
    const table = keyTable({
      picture,
      contours,
      questions,
      next: () => this.next(),
      previous: () => this.previous(),
      invert: () => this.invert(),
      reset: () => this.reset(),
      switchMap: () => this.switchMap(),
      help: () => byId("help-page").showModal(),
    });
    byId("start-keys").append(...keyLists(table));
    byId("help-keys").append(...keyLists(table));
    const reading = () => this.index !== null && !document.querySelector("dialog[open]");
    listenToKeys(table, { reading, contours, questions });
  }

  #start() {
    const { title, questions } = this.pack;
    document.title = title;
    byId("title").textContent = title;
    byId("start-title").textContent = title;
    byId("question-list").replaceChildren(...questions.map(questionLine));
    for (const [part, value] of Object.entries(this.answers.about)) byId(`about-${part}`).value = value;
    byId("questions").hidden = !questions.length;
    byId("amount").textContent = `${count(this.items.length, "image")} in ` +
      count(this.sittings, "sitting");
    const { length: answered } = this.answers.answered;
    byId("begin").textContent = answered ? "Continue" : "Begin";
    byId("resume").hidden = !answered;
    const saved = new Date(this.answers.saved);
    const when = saved.toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" });
    byId("resume").textContent = `Welcome back. You have answered ${answered} of ` +
      `${this.items.length} images; your last change was on ${when}.`;
    this.#leave();
    turnTo("start", "keeping");
    byId("bar").hidden = false;
    this.#changed();
  }

  #introduce() {
    const part = (name) => byId(`about-${name}`).value;
    this.answers.introduce({ name: part("name"), role: part("role"), years: part("years").trim() });
    byId("about-missing").textContent = "";
  }

  /** Begin once it is known who reads. */
  #begin() {
    const { unknown } = this.answers;
    byId("about-missing").textContent = unknown.length ? `Still missing: ${unknown.join(", ")}.` : "";
    if (unknown.length) byId(`about-${unknown[0].replace("your ", "")}`).focus();
    else this.#resume();
  }

  #resume() {
    const { firstOpen } = this.answers;
    const [before, item] = firstOpen ? this.items.slice(firstOpen - 1, firstOpen + 1) : [];
    if (before && before.sitting !== item?.sitting) this.#rest(firstOpen);
    else this.#open(firstOpen);
  }

  #open(index) {
    this.#leave();
    this.index = index;
    const item = this.items[index];
    turnTo("reading");
    this.questions.show(item);
    this.windowMode(false);
    byId("canvas").setAttribute("aria-label", `Image ${index + 1} of ${this.items.length}`);
    byId("previous").disabled = this.items[index - 1]?.sitting !== item.sitting;
    this.#changed();
    this.questions.focus();
    this.#show(item);
  }

  async #show(item) {
    const here = () => this.items[this.index] === item;
    const note = byId("picture-note");
    this.picture.show(null);
    this.#showMapMode();
    this.reset();
    note.className = "";
    note.textContent = "The image is being loaded …";
    try {
      const pixels = await pictures.get(item.code);
      if (!here()) return;
      this.picture.show(pixels);
      this.#showMapMode();
      note.textContent = "";
    } catch (error) {
      if (!here()) return;
      note.className = "fault";
      note.textContent = `This image cannot be shown: ${error.message}. Mark it as “cannot be ` +
        "read” and continue, or unpack the whole folder again and reload the page.";
    }
    this.clock.start();
    const after = this.items[this.index + 1];
    if (after) pictures.get(after.code);
  }

  /** Show the section between two sittings; `after` is the first item of the next one. */
  #rest(after) {
    this.#leave();
    this.after = after;
    const last = after === this.items.length;
    const { sitting } = this.items[after - 1];
    const opens = last || this.items[after].kind === "map" ? null :
      this.answers.opens(this.items.slice(0, after), this.pack.washout_days);
    const day = opens?.toLocaleDateString("en-GB", { dateStyle: "long" });
    byId("rest-title").textContent = last ? "You have read all images" :
      `End of sitting ${sitting} of ${this.sittings}`;
    byId("rest-text").textContent = last ?
      "Thank you. Export your answers and send the file to the person who gave you this pack." :
      (opens ? `You can continue on ${day}, when ` +
        `${count(this.pack.washout_days, "day")} have passed, so that you do not remember these images. ` :
        "Please wait at least a day before you continue, so that you do not remember these images. ") +
      "You may close this page: your answers are stored in this browser. Once you start the next " +
      "sitting, you cannot change these answers any more.";
    byId("go-on").hidden = last;
    byId("go-on").disabled = opens !== null;
    byId("go-on").textContent = last ? "" : `Continue with sitting ${this.items[after].sitting}`;
    turnTo("rest", "keeping");
    this.#changed();
    byId("rest-title").focus();
  }

  #leave() {
    this.contours.stop();
    this.clock.stop();
    this.index = null;
  }

  /** Refresh everything that depends on the answers. */
  #changed() {
    const { length } = this.items;
    const { length: answered } = this.answers.answered;
    byId("progress").max = length;
    byId("progress").value = answered;
    const item = this.items[this.index];
    byId("place").textContent = item ?
      `${this.index + 1} of ${length}, sitting ${item.sitting} of ${this.sittings}` :
      `${answered} of ${length} answered`;
    byId("export-state").textContent = answered < length ?
      `incomplete: ${answered} of ${length}` : `complete: ${length} of ${length}`;
    byId("erase").disabled = !this.answers.exported;
    this.#lack([]);
  }

  #showMapMode() {
    const { map } = this.picture;
    byId("map-mode").hidden = map === null;
    byId("map-mode").setAttribute("aria-pressed", map === true);
  }

  #lack(missing) {
    byId("missing").textContent = missing.length ?
      `Still missing: ${missing.join("; ")}. Or mark the image as “cannot be read”.` : "";
  }

  #export() {
    this.contours.stop();
    this.clock.settle();
    this.answers.download();
    this.#changed();
    showHint(`Exported as answers-${this.pack.reader}.json (${byId("export-state").textContent}).`);
  }

  #erase(choice) {
    if (choice !== "erase") return;
    this.answers.erase();
    this.#start();
    showHint("Your answers have been erased from this browser.");
  }
}

/** A question as the first page shows it: what counts, and how often it is there. */
function questionLine({ text, definition, prevalence }) {
  const line = make("li", {}, make("strong", {}, text));
  if (definition) line.append(make("p", {}, definition));
  if (typeof prevalence === "number") {
    line.append(make("p", { className: "soft" }, `About ${Math.round(prevalence * 100)} in 100 of ` +
      "these images show it, whatever it is in practice."));
  }
  return line;
}

const count = (number, thing) => `${number} ${thing}${number === 1 ? "" : "s"}`;

/** The reason why the pack cannot be read; null if it can. */
function faultOf(pack) {
  if (typeof pack !== "object" || pack === null) return "items.js is missing or damaged";
  if (pack.schema !== 1) return "items.js is made for another version of this page";
  const lists = Array.isArray(pack.items) && Array.isArray(pack.questions);
  const texts = [pack.digest, pack.reader, pack.title].every((text) => typeof text === "string");
  if (!lists || !texts || !pack.items.length) return "items.js is incomplete";
  const known = ({ code, kind }) => /^[a-z0-9]{6,16}$/.test(code) && ["read", "map"].includes(kind);
  return pack.items.every(known) ? null : "items.js is not valid: it has items of an unknown kind";
}

const fault = faultOf(window.PACK);
if (fault) {
  byId("broken-text").textContent = `This pack cannot be opened: ${fault}. Unpack the whole folder ` +
    "again; if that does not help, contact the person who gave you the pack.";
} else new Reader(window.PACK);
