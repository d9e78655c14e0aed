// An answer that arrives as lines of JSON, in bounded memory.

const FOLD = 1 << 22;

/** Iterate over the events of a body of JSON lines. */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let parts = [];
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const lines = value.split("\n");
      while (lines.length > 1) {
        const line = parts.join("") + lines.shift();
        parts = [];
        if (line) yield JSON.parse(line);
      }
      parts.push(lines[0]);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** The bytes of a file, which the browser may keep on disk: pieces are folded into blobs as they come. */
export class Collected {
  constructor() {
    this.blobs = [];
    this.pieces = [];
    this.size = 0;
  }

  /** Add bytes in base64. */
  add(data) {
    const binary = atob(data);
    const piece = new Uint8Array(binary.length);
    for (let at = 0; at < binary.length; at += 1) piece[at] = binary.charCodeAt(at);
    this.pieces.push(piece);
    this.size += piece.length;
    if (this.size >= FOLD) this.fold();
  }

  fold() {
    this.blobs.push(new Blob(this.pieces));
    [this.pieces, this.size] = [[], 0];
  }

  blob() {
    this.fold();
    return new Blob(this.blobs, { type: "application/octet-stream" });
  }
}
