// How a file of text seems to be written: its encoding and the separator of its columns, from its first bytes.

const SEPARATORS = [",", ";", "\t", "|"];
const MARKS = [
  ["utf-8", [0xef, 0xbb, 0xbf]],
  ["utf-16", [0xff, 0xfe]],
  ["utf-16", [0xfe, 0xff]],
];

/** The encoding: by a byte-order mark, UTF-8 if all bytes are valid in it, else the usual one of Western files. */
export function encodingOf(data) {
  const marked = MARKS.find(([, mark]) => mark.every((byte, at) => data[at] === byte));
  if (marked) return marked[0];
  const zeros = data.slice(0, 1000).filter((byte) => byte === 0).length;
  if (zeros > 100) return data[0] === 0 ? "utf-16-be" : "utf-16-le";
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(data, { stream: true });
    return "utf-8";
  } catch {
    return "cp1252";
  }
}

/** Decode in an encoding as Python names it; damaged bytes become question marks in a box. */
export function decoded(data, encoding) {
  const name = { cp1252: "windows-1252", "utf-16": data[0] === 0xfe ? "utf-16be" : "utf-16le", "utf-16-be": "utf-16be" };
  return new TextDecoder(name[encoding] ?? encoding.replace("utf-16-le", "utf-16le")).decode(data, { stream: true });
}

/** The separator that every first line has equally often; null for the usual one of the format. */
export function separatorOf(text) {
  const declared = /^sep=(.)\r?\n/.exec(text);
  if (declared) return null; // the server reads the line itself
  const plain = text.replace(/"(?:[^"]|"")*"/g, "");
  const lines = plain.split(/\r\n|\n|\r/).slice(0, -1).filter((line) => line.trim() && !line.startsWith("#")).slice(0, 50);
  if (!lines.length) return null;
  const count = (line, separator) => line.split(separator).length - 1;
  const steady = SEPARATORS.filter((one) => count(lines[0], one) && lines.every((line) => count(line, one) === count(lines[0], one)));
  const found = SEPARATORS.filter((one) => count(lines[0], one));
  const candidates = steady.length ? steady : found;
  return candidates.reduce((best, one) => (best === null || count(lines[0], one) > count(lines[0], best) ? one : best), null);
}
