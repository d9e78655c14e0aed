// Markdown as elements: headings, paragraphs, lists, tables, quotes, code, links. HTML in it is shown as it is written.
import { h } from "./dom.js";

const INLINE = /(`+)(.+?)\1|\*\*(.+?)\*\*|__(.+?)__|\*([^*\s][^*]*?)\*|!?\[([^\]]*)\]\(\s*<?([^)\s>]*)>?(?:\s+"[^"]*")?\s*\)|<(https?:\/\/[^>\s]+)>/;

/** Elements of a Markdown document; front matter and comments are left out. */
export function rendered(text) {
  const body = text.replaceAll("\r\n", "\n").replace(/^---\n[\s\S]*?\n---(\n|$)/, "").replace(/<!--[\s\S]*?-->/g, "");
  return blocks(body.split("\n"));
}

function blocks(lines) {
  const made = [];
  let at = 0;
  const while_ = (test) => {
    const from = at;
    while (at < lines.length && test(lines[at])) at += 1;
    return lines.slice(from, at);
  };
  while (at < lines.length) {
    const line = lines[at];
    let found;
    if (!line.trim()) {
      at += 1;
    } else if ((found = /^\s*(```+|~~~+)/.exec(line))) {
      at += 1;
      const code = while_((each) => !each.trim().startsWith(found[1]));
      at += 1;
      made.push(h("pre", { tabindex: "0" }, h("code", {}, code.join("\n"))));
    } else if ((found = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line))) {
      at += 1;
      made.push(h(`h${Math.min(found[1].length + 2, 6)}`, {}, inline(found[2])));
    } else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) {
      at += 1;
      made.push(h("hr"));
    } else if (line.trimStart().startsWith(">")) {
      made.push(h("blockquote", {}, blocks(while_((each) => each.trimStart().startsWith(">")).map((each) => each.replace(/^\s*>\s?/, "")))));
    } else if (line.includes("|") && /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(lines[at + 1] ?? "")) {
      made.push(table(while_((each) => each.includes("|"))));
    } else if (/^\s*([-*+]|\d+[.)])\s+/.test(line)) {
      made.push(list(while_((each) => /^\s*([-*+]|\d+[.)])\s+/.test(each) || /^\s{2,}\S/.test(each))));
    } else {
      const paragraph = [lines[at]];
      at += 1;
      paragraph.push(...while_((each) => each.trim() && !/^(#{1,6}\s|\s*(```|~~~|>|[-*+]\s|\d+[.)]\s))/.test(each)));
      made.push(h("p", {}, inline(paragraph.join("\n"))));
    }
  }
  return made;
}

function list(lines) {
  const items = [];
  for (const line of lines) {
    const [, indent, mark, rest] = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/.exec(line) ?? [null, "  ", null, line.trim()];
    if (mark && (!items.length || indent.length < 2)) items.push({ mark, text: rest, inner: [] });
    else if (mark) items.at(-1).inner.push(line.slice(2));
    else if (items.at(-1).inner.length) items.at(-1).inner.push(line.slice(2));
    else items.at(-1).text += `\n${rest}`;
  }
  const tag = /\d/.test(items[0].mark) ? "ol" : "ul";
  return h(tag, {}, items.map(({ text, inner }) => h("li", {}, inline(text), inner.length ? blocks(inner) : [])));
}

function table([head, , ...rows]) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => inline(cell.trim().replaceAll("\\|", "|")));
  const heads = h("tr", {}, cells(head).map((cell) => h("th", { scope: "col" }, cell)));
  const body = rows.map((row) => h("tr", {}, cells(row).map((cell) => h("td", {}, cell))));
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Table" }, h("table", {}, h("thead", {}, heads), h("tbody", {}, body)));
}

function inline(text) {
  const made = [];
  let rest = text;
  for (let found = INLINE.exec(rest); found; found = INLINE.exec(rest)) {
    const [whole, , code, bold, bolder, italic, name, target, address] = found;
    made.push(rest.slice(0, found.index));
    if (code !== undefined) made.push(h("code", {}, code));
    else if (bold ?? bolder) made.push(h("strong", {}, inline(bold ?? bolder)));
    else if (italic) made.push(h("em", {}, inline(italic)));
    else if (whole.startsWith("!")) made.push(name); // no outside request: an image is its description
    else made.push(link(name ?? address, target ?? address));
    rest = rest.slice(found.index + whole.length);
  }
  return [...made, rest];
}

/** A link to the web; another address, such as one that is a script, is shown as text. */
function link(name, target) {
  if (!/^https?:\/\//i.test(target)) return name;
  return h("a", { href: target, rel: "noopener noreferrer", target: "_blank" }, name);
}
