// The first rows of a table with their answers.
import { h } from "./dom.js";
import { sentence } from "./api.js";
import { percent } from "./numbers.js";

/** Elements for a preview, as the server gives it; `prefix` precedes the added columns that the table has already. */
export function previewOf({ rows, added, taken, warnings }, prefix) {
  const names = taken.length ? added.map((name) => prefix + name) : added;
  const head = ["text", "label", "probability"].map((name) => h("th", { scope: "col", class: name === "probability" && "number" }, name));
  const body = rows.map((row) => h("tr", {}, h("td", { class: "text" }, row.text ?? ""), answerCells(row)));
  const caption = h("caption", {}, "The first rows with their answers");
  const table = h("table", { class: "preview" }, caption, h("thead", {}, h("tr", {}, head)), h("tbody", {}, body));
  return [
    h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "The first rows with their answers" }, table),
    h("p", { class: "soft" }, `The answered file has ${names.length} more columns: ${names.join(", ")}.`),
    ...warnings.map((warning) => h("p", { class: "soft" }, sentence(warning))),
  ];
}

function answerCells({ text, label, probability, error }) {
  if (error) return h("td", { colspan: "2", class: "fault" }, error);
  if (text === null) return h("td", { colspan: "2", class: "nothing" }, "no text");
  const several = Array.isArray(label);
  const nothing = h("span", { class: "nothing" }, several ? "no label" : "abstains");
  const shares = several ? probability.map(percent).join(", ") : percent(probability);
  return [h("td", {}, (several ? label.join(", ") : label) || nothing), h("td", { class: "number" }, shares)];
}
