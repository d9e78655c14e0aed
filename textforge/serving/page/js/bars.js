// The answer to a text: what was decided, and the classes with bars.
import { h, one } from "./dom.js";
import { counted, percent } from "./numbers.js";

/** Classes shown before "show all". */
export const FEW = 10;

/** Labels and probabilities, the most probable first; the order of an object's keys is not theirs where they are numbers. */
export function ranked(probabilities) {
  return Object.entries(probabilities).sort((a, b) => b[1] - a[1]);
}

/** The names of the labels that an answer gives to its text. */
export function decided(prediction) {
  const labels = prediction.labels ?? (prediction.label === null ? [] : [prediction.label]);
  return labels.map(String);
}

/** Say what was decided, in an element. */
export function showVerdict(element, prediction, model) {
  const labels = decided(prediction);
  element.classList.toggle("none", !labels.length);
  if (prediction.labels && labels.length) element.replaceChildren(...labels.map((label) => h("span", { class: "chip" }, label)));
  else if (labels.length) element.replaceChildren(labels[0]);
  else element.replaceChildren(...undecided(prediction, model));
}

function undecided(prediction, model) {
  if (prediction.labels) return ["No label", h("small", {}, "No class is probable enough for this text.")];
  const [[, highest]] = ranked(prediction.probabilities);
  const least = typeof model.abstain === "number" ? `, below ${percent(model.abstain)}` : "";
  return ["No answer", h("small", {}, `The classifier abstains: its highest probability is ${percent(highest)}${least}.`)];
}

/** The answer in words, for those who do not see it. */
export function spoken(prediction) {
  const labels = decided(prediction);
  const share = (label) => `${label}, ${percent(prediction.probabilities[label])}`;
  if (labels.length) return labels.map(share).join("; ");
  return prediction.labels ? "No label" : "No answer, the classifier abstains";
}

/** Show the classes with bars; rows are used again, so that bars move as one types. */
export function showBars(list, prediction, { limit, explained, choose }) {
  const rows = ranked(prediction.probabilities).slice(0, limit);
  const chosen = new Set(decided(prediction));
  list.classList.toggle("long", rows.length > 2 * FEW);
  while (list.children.length > rows.length) list.lastChild.remove();
  while (list.children.length < rows.length) list.append(row(choose));
  rows.forEach(([label, probability], at) => {
    const { firstChild: button, children } = list.children[at];
    const picked = chosen.has(label);
    list.children[at].className = picked ? "chosen" : "";
    button.value = label;
    button.setAttribute("aria-pressed", String(label === explained));
    const name = picked ? [h("span", { class: "tick", "aria-hidden": "true" }, "✓"), label, h("span", { class: "hidden" }, " (answer)")] : [label];
    button.replaceChildren(...name);
    children[1].textContent = percent(probability);
    children[2].firstChild.style.setProperty("--v", probability.toFixed(4));
  });
}

function row(choose) {
  const button = h("button", { type: "button", title: "Show the words for and against this class" });
  button.addEventListener("click", () => choose(button.value));
  return h("li", {}, button, h("span", { class: "value" }), h("span", { class: "meter", "aria-hidden": "true" }, h("i")));
}

/** The button that shows all classes, or few again. */
export function showMore(button, total, all) {
  button.hidden = total <= FEW;
  button.setAttribute("aria-expanded", String(all));
  button.textContent = all ? `Show the ${FEW} most probable` : `Show all ${counted(total)} classes`;
}

/** Empty the answer, and name the classes that there are. */
export function clearAnswer(sentence, labels) {
  const few = labels.slice(0, FEW).map(String);
  const more = labels.length > FEW ? ` and ${counted(labels.length - FEW)} more` : "";
  const note = few.length ? h("small", {}, `The classes are ${few.join(", ")}${more}.`) : "";
  one("verdict").classList.add("none");
  one("verdict").replaceChildren(sentence, note);
  one("bars").replaceChildren();
  one("all").hidden = true;
}
