"use strict";

/** A reader's answers to a pack: a draft per item, stored at every change, and the export. */
class Answers {
  constructor(pack, store = new Store(pack.digest)) {
    this.pack = pack;
    this.store = store;
    const kept = store.read();
    this.drafts = kept?.drafts ?? {};
    this.saved = kept?.saved ?? null;
    this.exported = kept?.exported ?? false;
    this.about = kept?.about ?? { name: "", role: "", years: "" };
  }

  /** The answers to an item so far; change them in place, then call `save`. */
  draft(item) {
    return (this.drafts[item.code] ??= {
      unreadable: false,
      found: {},
      plausibility: null,
      contours: {},
      comment: "",
      seconds: 0,
      on: null,
    });
  }

  /** Store a change of an answer and its day; an earlier export is now out of date. */
  save(draft) {
    draft.on = dayOf(new Date());
    this.exported = false;
    this.saved = Date.now();
    this.#keep();
  }

  /** Store who reads. */
  introduce(about) {
    this.about = about;
    this.exported = false;
    this.#keep();
  }

  /** What is missing of who reads, in words. */
  get unknown() {
    const { name, role, years } = this.about;
    const whole = /^\d{1,2}$/.test(years) && years <= 80;
    return [[name.trim(), "your name"], [role.trim(), "your role"], [whole, "your years"]]
      .filter(([given]) => !given).map(([, words]) => words);
  }

  /** The first day on which a sitting may be read, a Date at midnight; null if it is open. */
  opens(items, washout) {
    const days = items.map((item) => this.drafts[item.code]?.on).filter(Boolean).sort();
    if (!washout || !days.length) return null;
    const day = new Date(`${days.at(-1)}T00:00`);
    day.setDate(day.getDate() + washout);
    return day > new Date() ? day : null;
  }

  /** Store time spent; it does not make an earlier export out of date. */
  spend(item, seconds) {
    this.draft(item).seconds += seconds;
    this.#keep();
  }

  /** The missing answers of an item, in words; empty when it is answered. */
  missing(item) {
    const draft = this.draft(item);
    if (draft.unreadable) return [];
    if (item.kind === "map") return draft.plausibility ? [] : ["how plausible the map is"];
    return this.pack.questions.flatMap(({ target, text }) => {
      const { present, confidence } = draft.found[target] ?? {};
      const lacks = [];
      if (present === undefined) lacks.push(`present or absent for “${text}”`);
      if (confidence === undefined) lacks.push(`how sure you are of “${text}”`);
      return lacks;
    });
  }

  get answered() {
    return this.pack.items.filter((item) => item.code in this.drafts && !this.missing(item).length);
  }

  /** Index of the first item without an answer; the number of items if all are answered. */
  get firstOpen() {
    const answered = new Set(this.answered);
    const index = this.pack.items.findIndex((item) => !answered.has(item));
    return index < 0 ? this.pack.items.length : index;
  }

  /** Outlines that count: those of findings that are marked as present. */
  outlines(item) {
    const { unreadable, found, contours } = this.draft(item);
    const counts = ([target, outlines]) => outlines.length && found[target]?.present;
    return unreadable ? {} : Object.fromEntries(Object.entries(contours).filter(counts));
  }

  /** The answers in the form that `audit-suite readers import` takes. */
  asForm() {
    return {
      schema: 1,
      pack: this.pack.digest,
      reader: this.pack.reader,
      about: this.unknown.length ? null : this.#who(),
      answers: this.answered.map((item) => this.#answer(item)),
    };
  }

  /** Download the answers as a file. */
  download() {
    const text = `${JSON.stringify(this.asForm())}\n`;
    const href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    make("a", { href, download: `answers-${this.pack.reader}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
    this.exported = true;
    this.#keep();
  }

  erase() {
    this.drafts = {};
    this.saved = null;
    this.exported = false;
    this.store.erase();
  }

  #who() {
    const { name, role, years } = this.about;
    return { name: name.trim(), role: role.trim(), years: Number(years) };
  }

  #answer(item) {
    const { unreadable, found, plausibility, comment, seconds, on } = this.draft(item);
    const answer = { code: item.code, unreadable, comment: comment.trim(), on };
    answer.seconds = Math.round(seconds * 10) / 10;
    if (unreadable) return answer;
    if (item.kind === "map") return { ...answer, plausibility };
    return { ...answer, found, contours: this.outlines(item) };
  }

  #keep() {
    const { drafts, saved, exported, about } = this;
    this.store.write({ drafts, saved, exported, about });
  }
}

/** A date of this place as year-month-day. */
function dayOf(date) {
  const two = (number) => `${number}`.padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
