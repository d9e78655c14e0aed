// What is to be answered: a table in a file, or lines of text.
import { decoded, encodingOf, separatorOf } from "./sniff.js";

const HEAD = 1 << 18;
const PIECE = 1 << 22;
const BY_ROWS = /\.(csv|tsv|tab|jsonl|ndjson)$/i;
const DELIMITED = /\.(csv|tsv|tab)$/i;
const LINES = /\.(txt|text|log)$/i;

/**
 * Look at a file: its name, size and body; whether it is read row by row; whether its columns are delimited, and then the
 * separator and the encoding that it seems to have.
 */
export async function lookAt(file) {
  const head = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  if (LINES.test(file.name)) return fromLines(file, encodingOf(head), file.name);
  const delimited = DELIMITED.test(file.name);
  const encoding = delimited ? encodingOf(head) : "utf-8";
  const usual = /\.csv$/i.test(file.name) ? "," : "\t";
  const separator = delimited ? (separatorOf(decoded(head, encoding)) ?? usual) : null;
  return { name: file.name, size: file.size, body: file, rows: BY_ROWS.test(file.name), delimited, encoding, separator, usual };
}

/** Lines of text, or a pasted table whose first line names its columns. */
export function pasted(text, header) {
  if (!header) return fromLines(new Blob([text]), "utf-8", "pasted.txt");
  const separator = separatorOf(`${text}\n`) ?? ",";
  const body = new Blob([text]);
  return { name: "pasted.csv", size: body.size, body, rows: true, delimited: true, encoding: "utf-8", separator, usual: "," };
}

/** Lines as JSON Lines, piece by piece, so that a quote or a comma in them means nothing. Blank lines are left out. */
async function fromLines(file, encoding, name) {
  const decoder = new TextDecoder({ cp1252: "windows-1252", "utf-16": "utf-16le" }[encoding] ?? encoding.replace("-le", "le").replace("-be", "be"));
  const parts = [];
  let rest = "";
  for (let at = 0; at < file.size || at === 0; at += PIECE) {
    rest += decoder.decode(await file.slice(at, at + PIECE).arrayBuffer(), { stream: at + PIECE < file.size });
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    parts.push(new Blob([asJson(lines)]));
  }
  parts.push(new Blob([asJson([rest])]));
  const body = new Blob(parts);
  return { name, size: body.size, body, lines: true, rows: true, delimited: false };
}

const asJson = (lines) => lines.filter((line) => line.trim()).map((line) => `${JSON.stringify({ text: line.replace(/\r$/, "").toWellFormed() })}\n`).join("");

/** The beginning of a source for a preview: whole rows of a text file, or all of another. */
export async function beginning(source) {
  if (source.size <= HEAD || !source.rows || !/^(utf-8|cp1252)$/.test(source.encoding ?? "utf-8")) return source.body;
  const head = new Uint8Array(await source.body.slice(0, HEAD).arrayBuffer());
  const end = head.lastIndexOf(10);
  return end < 0 ? source.body : source.body.slice(0, end + 1);
}

/** The query by which the server reads a source, with the settings of the page. */
export function queryFor(source, { text, separator, encoding, write }) {
  const query = new URLSearchParams();
  if (source.lines) {
    query.set("filename", `${source.name.replace(/\.[^.]*$/, "")}.jsonl`);
    query.set("write", write || "csv");
    query.set("text", "text");
    return query;
  }
  query.set("filename", source.name);
  if (write) query.set("write", write);
  if (source.delimited && (source.usual === "," || separator !== source.usual)) {
    query.set("format", "csv");
    query.set("separator", separator);
  }
  if (source.delimited) query.set("encoding", encoding);
  if (text) query.append("text", text);
  return query;
}
