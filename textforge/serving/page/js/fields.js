// Input fields for the columns that a classifier reads beside the text.
import { h } from "./dom.js";

const KINDS = { number: "number", category: "category", text: "text" };

export class Fields {
  constructor(place, changed) {
    this.place = place;
    this.inputs = new Map();
    place.addEventListener("input", changed);
  }

  /** Show a field for each column; what is typed in a field of the same name stays. */
  show(columns) {
    const before = this.inputs;
    this.inputs = new Map();
    const made = Object.entries(columns).map(([name, kind], at) => {
      const id = `column-${at}`;
      const input = h("input", { id, autocomplete: "off", inputmode: kind === "number" ? "decimal" : null });
      input.value = before.get(name)?.value ?? "";
      this.inputs.set(name, input);
      return h("div", { class: "field" }, h("label", { for: id }, name, " ", h("span", { class: "kind" }, KINDS[kind] ?? "")), input);
    });
    this.place.replaceChildren(...made);
  }

  filled() {
    return [...this.inputs.values()].some((input) => input.value.trim());
  }

  /** A text as requests write it, with its columns if there are any; an empty field is a missing value. */
  with(text) {
    if (!this.inputs.size) return text;
    const values = [...this.inputs].map(([name, input]) => [name, input.value.trim() ? input.value : null]);
    return { ...Object.fromEntries(values), text };
  }
}
