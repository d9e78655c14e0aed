// Why: the text with the words that speak for and against a class, and the strongest ones with their contributions.
import { aborted, post } from "./api.js";
import { decided, ranked } from "./bars.js";
import { h, offer, one, say } from "./dom.js";
import { labelName, model, reference } from "./models.js";
import { signed } from "./numbers.js";

const TOP = 8;
const FAINT = 0.04;
const METHODS = {
  exact: "The contributions of all words add up to the score of the class.",
  "integrated gradients": "Contributions by integrated gradients: they add up to the score of the class, nearly.",
  deletion: "Contributions by deletion: how much the score falls without the word.",
};

export class Words {
  constructor(changed) {
    this.changed = changed;
    this.label = null;
    this.picked = null;
    this.running = null;
    one("class").addEventListener("change", (event) => {
      this.choose(event.target.value, this.text, this.prediction);
      this.changed();
    });
  }

  /** Forget which class was chosen, as for another classifier. */
  forget() {
    [this.picked, this.label, this.offered] = [null, null, null];
  }

  hide() {
    this.running?.abort();
    this.running = null;
    this.label = null;
    one("why").hidden = true;
  }

  /** Explain a class that was chosen, from now on for every text. */
  choose(label, text, prediction) {
    this.picked = label;
    this.explain(text, prediction);
  }

  /** Explain the chosen class, by default the most probable one. */
  async explain(text, prediction) {
    this.running?.abort();
    const mine = new AbortController();
    [this.running, this.text, this.prediction] = [mine, text, prediction];
    const label = this.picked ?? decided(prediction)[0] ?? ranked(prediction.probabilities)[0][0];
    const slow = setTimeout(() => one("why").classList.add("waiting"), 300);
    try {
      const found = await post("explain", { text, labels: [label], model: reference() }, mine.signal);
      if (this.running !== mine) return;
      this.label = label;
      say(one("why-problem"), "");
      this.show(found.explanations[0]);
      this.changed();
    } catch (error) {
      if (this.running === mine && !aborted(error) && error.status) this.failed(error);
    } finally {
      clearTimeout(slow);
      if (this.running === mine) one("why").classList.remove("waiting");
    }
  }

  failed(error) {
    one("why").hidden = false;
    one("explained").hidden = one("legend").hidden = true;
    say(one("why-problem"), error.message);
  }

  show(explanation) {
    one("why").hidden = false;
    one("explained").hidden = one("legend").hidden = false;
    one("why-heading").textContent = `Why ${this.label}?`;
    this.offerClasses();
    const words = explanation.words.map((word) => ({ ...word, value: word.contributions[0] }));
    one("marked").replaceChildren(...marked(explanation.text, words));
    const columns = (explanation.columns ?? []).map(({ name, contributions }) => ({ word: name, value: contributions[0], column: true }));
    one("words").replaceChildren(...tables([...columns, ...words], this.label));
    one("method").textContent = METHODS[explanation.method] ?? `Contributions by ${explanation.method}.`;
  }

  offerClasses() {
    const names = model().labels.map(labelName);
    if (this.offered !== reference()) offer(one("class"), names.map((name) => [name, name]), this.label);
    this.offered = reference();
    one("class").value = this.label;
  }
}

/** The pieces of a text; positions count code points, which JavaScript's strings do not. */
function marked(text, words) {
  const characters = Array.from(text);
  const largest = Math.max(...words.map((word) => Math.abs(word.value)), 1e-12);
  const pieces = [];
  let at = 0;
  for (const { start, end, value } of words) {
    pieces.push(characters.slice(at, start).join(""));
    const weight = Math.abs(value) / largest;
    const piece = characters.slice(start, end).join("");
    const attributes = { class: value < 0 ? "against" : "for", style: { "--w": weight.toFixed(3) }, title: signed(value) };
    pieces.push(weight < FAINT ? piece : h("mark", attributes, piece));
    at = end;
  }
  pieces.push(characters.slice(at).join(""));
  return pieces;
}

/** The strongest words for a class and against it; equal words are added up. */
function tables(words, label) {
  const sums = new Map();
  for (const { word, value, column } of words) {
    const key = column ? `column ${word}` : `word ${word}`;
    const sum = sums.get(key) ?? { word, column, value: 0, count: 0 };
    sums.set(key, { ...sum, value: sum.value + value, count: sum.count + 1 });
  }
  const all = [...sums.values()].sort((a, b) => b.value - a.value);
  const largest = Math.max(...all.map((each) => Math.abs(each.value)), 1e-12);
  const strong = all.filter((each) => Math.abs(each.value) > 0.001 * largest);
  return [
    table("for", `For ${label}`, strong.filter((each) => each.value > 0).slice(0, TOP), largest),
    table("against", `Against ${label}`, strong.filter((each) => each.value < 0).reverse().slice(0, TOP), largest),
  ];
}

function table(kind, name, words, largest) {
  const rows = words.map(({ word, value, count, column }) =>
    h("tr", {},
      h("th", { scope: "row" }, word, count > 1 && h("span", { class: "soft" }, ` × ${count}`), column && h("span", { class: "soft" }, " (column)")),
      h("td", { class: "number" }, signed(value)),
      h("td", { class: "bar", "aria-hidden": "true" }, h("span", { class: "meter" }, h("i", { style: { "--v": (Math.abs(value) / largest).toFixed(3) } })))));
  const content = rows.length ? h("table", {}, h("tbody", {}, rows)) : h("p", { class: "soft" }, "No word.");
  return h("section", { class: `words ${kind}`, "aria-label": name }, h("h3", {}, name), content);
}
