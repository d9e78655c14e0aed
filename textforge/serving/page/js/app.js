// The page: tabs, and what each of them shows.
import { connection, prepareKey } from "./api.js";
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
  } catch (error) {
    if (error.status === undefined) throw error;
    if (error.status === 401) say(one("connection"), "This server needs an API key. Reload the page to enter it.");
    else if (error.status) say(one("connection"), error.message);
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
