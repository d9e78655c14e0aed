// Many texts: read a table or lines, show how its first rows are answered, then answer all of it as a file.
import { aborted, connection, send, read, Problem, sentence } from "./api.js";
import { h, offer, one, say } from "./dom.js";
import { prepareDrop } from "./drop.js";
import { model, onModel, reference } from "./models.js";
import { bytes, plural } from "./numbers.js";
import { previewOf } from "./preview.js";
import { beginning, lookAt, pasted, queryFor } from "./source.js";
import { Collected, events } from "./stream.js";

const SHOWN = 5;
const LARGEST = 512 * 2 ** 20; // `max_table` of the server, which cannot say so while a browser sends
const QUICK = 2 ** 20;
const SEPARATORS = [[",", "comma ,"], [";", "semicolon ;"], ["\t", "tab"], ["|", "bar |"]];
const ENCODINGS = ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "iso8859_15", "cp1250", "cp1251", "gb18030", "cp932", "mac_roman"];
const PREFIX = "predicted_";

export function prepareTables() {
  let source = null;
  let about = null; // how the server reads it
  let running = null;
  let link = null;
  let settings = {};

  async function take(looking) {
    cancel();
    say(one("table-problem"), "");
    one("table").hidden = true;
    one("preview").replaceChildren();
    one("settings").replaceChildren();
    try {
      source = await looking;
    } catch {
      say(one("table-problem"), "The browser cannot read this file.");
      return;
    }
    settings = { separator: source.separator, encoding: source.encoding, text: "", write: "" };
    one("table-heading").textContent = /^pasted\.(txt|csv)$/.test(source.name) ? "Pasted lines" : source.name;
    await look();
  }

  /** Ask how the first rows are read and answered. */
  async function look(focus = true) {
    if (!source || !model()) return;
    forgetAnswer();
    const mine = begin();
    about = null;
    one("table").hidden = false;
    one("answer").hidden = true;
    say(one("table-problem"), "");
    const slow = setTimeout(() => {
      one("progress").hidden = one("cancel").hidden = false;
      progress(null, "Reading …");
    }, 400);
    try {
      if (!source.size) throw new Problem("The file is empty.", 422);
      if (source.size > LARGEST) throw new Problem(`The file has ${bytes(source.size)}, and the server takes ${bytes(LARGEST)}. Cut it into parts.`, 413);
      const query = queryFor(source, settings);
      query.set("preview", SHOWN);
      const response = await table(query, await beginning(source), mine);
      about = await read(() => response.json());
      settings.text ||= about.text.length === 1 ? about.text[0] : "";
      showSettings();
      one("preview").replaceChildren(...previewOf(about, PREFIX));
      say(one("table-spoken"), `${one("table-heading").textContent} is read. The first rows are answered below.`);
    } catch (error) {
      if (running !== mine) return;
      if (aborted(error)) {
        one("table").hidden = true;
        return;
      }
      about = error.detail?.columns ? { columns: error.detail.columns, text: [], taken: [] } : null;
      showSettings();
      one("preview").replaceChildren();
      say(one("table-problem"), about ? "Which column holds the texts? Choose it below." : error.message);
    } finally {
      clearTimeout(slow);
      if (running === mine) {
        end();
        one("progress").hidden = one("cancel").hidden = true;
        one("answer").hidden = !about?.rows;
        if (focus) one("table-heading").focus();
      }
    }
  }

  /** Answer all rows, and offer the answered file. */
  async function answer() {
    forgetAnswer();
    const mine = begin();
    const query = queryFor(source, settings);
    if (about.taken.length) query.set("prefix", PREFIX);
    const collected = new Collected();
    one("answer").hidden = true;
    one("cancel").hidden = false;
    one("progress").hidden = false;
    one("cancel").focus();
    progress(null, `Sending ${bytes(source.size)} …`);
    try {
      const response = await table(query, source.body, mine, { accept: "application/x-ndjson" });
      let name = "answered.csv";
      let done = null;
      await read(async () => {
        for await (const event of events(response.body)) {
          if (event.opened) name = event.opened.filename;
          else if (event.data) collected.add(event.data);
          else if (event.rows) progress(event.read / source.size, `${plural(event.rows, "row")} answered`);
          else if (event.failed) done = event;
          else if (event.done) done = event;
        }
      });
      if (!done) throw new Problem("The server broke off its answer.", 500);
      if (done.failed) throw new Problem(sentence(done.failed.message), 422);
      offerDownload(name, collected.blob(), done.done);
    } catch (error) {
      if (running !== mine) return;
      say(one("table-spoken"), aborted(error) ? "Cancelled." : "");
      if (!aborted(error)) say(one("table-problem"), error.message);
      one("answer").hidden = false;
      one("answer").focus();
    } finally {
      if (running === mine) end();
      one("cancel").hidden = one("progress").hidden = true;
    }
  }

  function table(query, body, { signal }, headers = {}) {
    query.set("model", reference());
    return send(`predict/table?${query}`, { method: "POST", body, signal, headers });
  }

  function offerDownload(name, blob, { rows, warnings }) {
    link = URL.createObjectURL(blob);
    const anchor = one("download");
    anchor.href = link;
    anchor.download = name;
    anchor.textContent = `Download ${name} (${bytes(blob.size)})`;
    anchor.hidden = false;
    anchor.focus();
    one("warnings").replaceChildren(...warnings.map((warning) => h("li", {}, sentence(warning))));
    say(one("table-spoken"), `${plural(rows, "row")} answered. The download is ready.`);
    one("answered").textContent = `${plural(rows, "row")} answered.`;
  }

  const begin = () => {
    running?.abort();
    running = new AbortController();
    return running;
  };
  const end = () => {
    running = null;
  };
  function cancel() {
    running?.abort();
    forgetAnswer();
  }

  function forgetAnswer() {
    if (link) URL.revokeObjectURL(link);
    link = null;
    one("download").hidden = one("progress").hidden = one("cancel").hidden = true;
    one("warnings").replaceChildren();
    one("answered").textContent = "";
  }

  function progress(share, sentence) {
    const bar = one("done");
    if (share > 0) bar.value = Math.min(share, 1);
    else bar.removeAttribute("value");
    one("done-text").textContent = sentence;
  }

  function showSettings() {
    const made = [];
    const choice = (name, label, options) => {
      const select = h("select", { id: `set-${name}`, name });
      offer(select, options, settings[name]);
      select.addEventListener("change", () => {
        settings[name] = select.value;
        if (name === "separator" || name === "encoding") settings.text = "";
        if (name === "write") forgetAnswer();
        else look(false).then(() => one(`set-${name}`)?.focus());
      });
      made.push(h("div", { class: "field" }, h("label", { for: `set-${name}` }, label), select));
    };
    if (about && !source.lines) {
      const several = about.text.length > 1 ? [["", about.text.join(", ")]] : settings.text ? [] : [["", "choose …"]];
      choice("text", "Column of texts", [...several, ...about.columns.map((name) => [name, name])]);
    }
    if (source.delimited) choice("separator", "Separator", SEPARATORS);
    if (source.delimited) choice("encoding", "Encoding", ENCODINGS.map((name) => [name, name.toUpperCase().replace("_", "-")]));
    one("settings").replaceChildren(...made);
  }

  one("file").addEventListener("change", (event) => {
    const [file] = event.target.files;
    if (file) take(lookAt(file));
    event.target.value = "";
  });
  prepareDrop(one("table-panel"), one("drop"), (file) => take(lookAt(file)));
  one("lines-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (one("lines").value.trim()) take(pasted(one("lines").value, one("header").checked));
    else say(one("table-problem"), "Paste some lines first.");
  });
  one("lines").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      one("lines-form").requestSubmit();
    }
  });
  one("settings").addEventListener("submit", (event) => event.preventDefault());
  one("answer").addEventListener("click", answer);
  one("cancel").addEventListener("click", () => running?.abort());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !one("cancel").hidden) running?.abort();
  });
  onModel((next) => {
    const reads = Object.keys(next.columns);
    say(one("columns-note"), reads.length ? `This classifier also reads the columns ${reads.join(", ")}. Give a table that has them.` : "");
    if (source) look(false);
  });
  connection.onReturn(() => {
    if (source && !about && source.size < QUICK) look(false);
  });
}
