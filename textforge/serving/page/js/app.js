// The page: tabs, and what each of them shows.
import { aborted, connection, prepareKey } from "./api.js";
import { loadModels, prepareModels } from "./models.js";
import { prepareAbout } from "./about.js";
import { prepareTables } from "./tables.js";
import { prepareTyped } from "./typed.js";
import { one, say } from "./dom.js";

const TABS = ["text", "table", "about"];
const IN_ADDRESS = ["one", "many", "classifier"]; // no ids: a browser would start its walk by keyboard at such an element

function prepareTabs() {
  const tabs = TABS.map((name) => one(`tab-${name}`));
  const show = (name, focus = false) => {
    TABS.forEach((each, at) => {
      const here = each === name;
      tabs[at].setAttribute("aria-selected", String(here));
      tabs[at].tabIndex = here ? 0 : -1;
      one(`${each}-panel`).hidden = !here;
    });
    if (focus) one(`tab-${name}`).focus();
  };
  const go = (name, focus) => {
    const address = new URL(location.href);
    address.hash = IN_ADDRESS[TABS.indexOf(name)];
    history.replaceState(null, "", address);
    show(name, focus);
  };
  tabs.forEach((tab, at) => {
    tab.addEventListener("click", () => go(TABS[at]));
    tab.addEventListener("keydown", (event) => {
      const last = TABS.length - 1;
      const to = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at === 0 ? last : at - 1, Home: 0, End: last }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      go(TABS[to], true);
    });
  });
  const inAddress = () => show(TABS[IN_ADDRESS.indexOf(location.hash.slice(1))] ?? TABS[0]);
  window.addEventListener("hashchange", inAddress);
  inAddress();
}

async function load() {
  try {
    await loadModels();
    say(one("text-problem"), "");
  } catch (error) {
    if (!aborted(error) && error.status) say(one("text-problem"), error.message);
    else if (error.status === undefined) throw error;
  }
}

prepareTabs();
prepareKey();
prepareModels();
prepareTyped();
prepareTables();
prepareAbout();
connection.onReturn(load);
load();
