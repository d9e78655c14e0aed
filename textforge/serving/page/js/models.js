// The classifiers of the server, and the chosen one, which the address names.
import { send, read } from "./api.js";
import { h, offer, one } from "./dom.js";
import { counted, percent } from "./numbers.js";

let listed = [];
let chosen = null;
const listeners = [];

/** The chosen classifier, as `GET /models` describes it; null before the list is there. */
export const model = () => chosen;

/** Its name and version, as requests name it. */
export const reference = (one = chosen) => `${one.name}@${one.version}`;

/** Call a function whenever another classifier, or a new version of it, is chosen. */
export const onModel = (listener) => listeners.push(listener);

/** The name of a label, as keys of probabilities write it. */
export const labelName = (label) => String(label);

/** Read the list and choose: what the address asks for, else the default. */
export async function loadModels() {
  const response = await send("models");
  const found = await read(() => response.json());
  listed = found.models;
  const wanted = new URL(location.href).searchParams.get("model") ?? (chosen && reference());
  choose(find(wanted) ?? find(found.default) ?? listed[0]);
}

export function prepareModels() {
  one("model").addEventListener("change", (event) => {
    choose(find(event.target.value));
    inAddress();
  });
  window.addEventListener("popstate", () => {
    const wanted = find(new URL(location.href).searchParams.get("model"));
    if (wanted && wanted !== chosen) choose(wanted);
  });
}

function find(wanted) {
  if (!wanted) return undefined;
  return listed.find((each) => reference(each) === wanted) ?? listed.findLast((each) => each.name === wanted.split("@")[0]);
}

function choose(next) {
  const before = chosen && reference();
  chosen = next;
  const twice = new Set(listed.map((each) => each.name)).size < listed.length;
  offer(one("model"), listed.map((each) => [reference(each), twice ? `${each.name} (${each.version})` : each.name]), reference());
  one("choice").hidden = listed.length < 2;
  one("name").textContent = chosen.name;
  document.title = `${chosen.name} · textforge`;
  one("facts").replaceChildren(...facts(chosen));
  if (reference() !== before) listeners.forEach((listener) => listener(chosen));
}

/** Keep the choice in the address, so that it can be shared and survives a reload. */
function inAddress() {
  const address = new URL(location.href);
  address.searchParams.set("model", reference());
  history.replaceState(null, "", address);
}

function facts({ labels, multi_label: several, run, version }) {
  const found = [`${counted(labels.length)} ${labels.length === 1 ? "class" : "classes"}${several ? ", several per text" : ""}`];
  const accuracy = run?.test?.accuracy;
  if (typeof accuracy === "number") found.push(`accuracy ${percent(accuracy)} on ${counted(run.test.n)} test texts`);
  return [found.join(" · "), " · version ", h("code", {}, version)];
}
