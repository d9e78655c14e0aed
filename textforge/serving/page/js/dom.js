// Build and find elements. Nothing here, or anywhere on the page, parses a string as HTML.

/** The element with an id. */
export const one = (id) => document.getElementById(id);

/**
 * Make an element. `style` sets CSS variables; `on…` adds listeners; other keys set attributes, or leave them out for
 * false and null. Children are nodes or text.
 */
export function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "style") Object.entries(value).forEach(([key, given]) => made.style.setProperty(key, given));
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** Show a sentence in an element that is hidden while it is empty. */
export function say(element, sentence) {
  element.hidden = !sentence;
  if (element.textContent !== sentence) element.textContent = sentence;
}

/** Options of a select, keeping the chosen value where it is still offered. */
export function offer(select, options, chosen) {
  select.replaceChildren(...options.map(([value, name]) => h("option", { value }, name)));
  if (options.some(([value]) => value === chosen)) select.value = chosen;
}

/** Call a function once nothing has called for it for so many milliseconds. */
export function settled(milliseconds, act) {
  let timer = 0;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(act, milliseconds);
  };
  later.stop = () => clearTimeout(timer);
  return later;
}
