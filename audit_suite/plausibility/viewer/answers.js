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
    });
  }

  /** Store a change of an answer; an earlier export is now out of date. */
  save() {
    this.exported = false;
    this.saved = Date.now();
    this.#keep();
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

  #answer(item) {
    const { unreadable, found, plausibility, comment, seconds } = this.draft(item);
    const answer = { code: item.code, unreadable, comment: comment.trim() };
    answer.seconds = Math.round(seconds * 10) / 10;
    if (unreadable) return answer;
    if (item.kind === "map") return { ...answer, plausibility };
    return { ...answer, found, contours: this.outlines(item) };
  }

  #keep() {
    const { drafts, saved, exported } = this;
    this.store.write({ drafts, saved, exported });
  }
}
