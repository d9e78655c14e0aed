// About the classifier: its figures, labels and parts, and its card.
import { aborted, read, send } from "./api.js";
import { h, one, say } from "./dom.js";
import { rendered } from "./markdown.js";
import { labelName, onModel } from "./models.js";
import { counted, percent } from "./numbers.js";

const MOST = 200;
const NAMES = { accuracy: "Accuracy", macro_f1: "Macro F1", micro_f1: "Micro F1", weighted_f1: "Weighted F1" };

export function prepareAbout() {
  onModel((model) => {
    const beside = h("section", {}, figures(model), labels(model));
    one("about").replaceChildren(h("div", { class: "about-grid" }, facts(model), beside), h("div", { id: "card" }));
    if (model.card) showCard(model);
  });
}

function facts(model) {
  const run = model.run ?? {};
  const rows = [
    ["Version", h("code", {}, model.version)],
    ["Trained", run.finished ? when(run.finished) : null],
    ["Recipe", run.recipe],
    ["Training texts", typeof run.n_train === "number" ? counted(run.n_train) : null],
    ["Features", model.vectorizer],
    ["Model", model.model],
    ["Engine", model.engine],
    ["Columns", Object.entries(model.columns).map(([name, kind]) => `${name} (${kind})`).join(", ")],
    ["Answers", model.multi_label ? "any number of labels per text" : "one label per text"],
    ["Abstains", typeof model.abstain === "number" ? `below a probability of ${percent(model.abstain)}` : "never"],
    ["Loaded", model.loaded ? when(model.loaded) : null],
  ];
  if (model.multi_label) rows.splice(9, 1);
  return h("dl", { class: "facts" }, rows.filter(([, value]) => value).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** A time in the reader's own zone and words. */
function when(time) {
  const date = new Date(time);
  const shown = Number.isNaN(date.getTime()) ? String(time) : date.toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
  return h("time", { datetime: time }, shown);
}

function figures({ run }) {
  if (!run?.test) return [];
  const { n, ...found } = run.test;
  const rows = Object.entries(found).filter(([, value]) => typeof value === "number");
  if (!rows.length) return [];
  const body = rows.map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, NAMES[name] ?? name.replaceAll("_", " ")), h("td", { class: "number" }, figure(value))));
  const texts = typeof n === "number" ? `${counted(n)} texts` : "texts";
  return [h("h3", {}, "Figures"), h("p", { class: "soft" }, `On ${texts} that it was not trained on.`), h("table", {}, h("tbody", {}, body))];
}

const figure = (value) => (Number.isInteger(value) && value > 1 ? counted(value) : value.toFixed(4));

function labels({ labels: all }) {
  const list = h("ul", { class: "labels", tabindex: all.length > 30 ? "0" : null, "aria-label": "Labels" });
  const fill = (wanted) => {
    const found = all.map(labelName).filter((name) => name.toLowerCase().includes(wanted.toLowerCase()));
    list.replaceChildren(...found.slice(0, MOST).map((name) => h("li", {}, name)));
    if (found.length > MOST) list.append(h("li", {}, `… and ${counted(found.length - MOST)} more`));
    if (!found.length) list.append(h("li", {}, "none"));
  };
  fill("");
  const search = h("input", { id: "find-label", type: "text", autocomplete: "off" });
  search.addEventListener("input", () => fill(search.value.trim()));
  const field = all.length > 20 && h("div", { class: "field" }, h("label", { for: "find-label" }, "Find a label"), search);
  return h("section", {}, h("h3", {}, `${counted(all.length)} labels`), field, list);
}

async function showCard(model) {
  const place = one("card");
  place.className = "card";
  const problem = h("p", { class: "problem", hidden: true });
  try {
    const response = await send(model.card);
    const text = await read(() => response.text());
    if (place.isConnected) place.replaceChildren(...rendered(text));
  } catch (error) {
    if (aborted(error)) return;
    say(problem, error.message);
    place.replaceChildren(problem);
  }
}
