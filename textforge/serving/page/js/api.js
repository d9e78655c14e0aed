// Requests to the server: its errors as sentences, the API key, waiting when it is busy, and coming back after a restart.
import { one, say } from "./dom.js";

const KEY = "textforge-api-key";
const BUSY_TRIES = 4;
const LONGEST_PAUSE = 8000;

/** An error of the server, with its sentence; `status` is 0 if the server cannot be reached. */
export class Problem extends Error {
  constructor(message, status = 0, detail = {}) {
    super(message);
    this.status = status;
    this.detail = detail;
  }
}

/** Whether an error only says that the request was given up. */
export const aborted = (error) => error.name === "AbortError";

/**
 * Send a request and give its response.
 *
 * Raises a `Problem` for every answer but 2xx. Asks for the API key where the server wants one, and waits and tries
 * again while it is busy.
 */
export async function send(path, { signal, headers = {}, ...options } = {}) {
  for (let tries = 1; ; tries += 1) {
    const key = sessionStorage.getItem(KEY);
    const own = key ? { authorization: `Bearer ${key}` } : {};
    let response;
    try {
      response = await fetch(path, { ...options, signal, headers: { ...headers, ...own }, cache: "no-store" });
    } catch (error) {
      if (aborted(error)) throw error;
      connection.lost();
      throw new Problem("The server does not answer.");
    }
    connection.found();
    if (response.ok) return response;
    const problem = await asProblem(response);
    if (problem.status === 401) await askForKey(key, problem);
    else if (problem.status === 503 && tries < BUSY_TRIES) await pause(problem.detail.pause, signal);
    else throw problem;
  }
}

/** Send JSON and give the JSON of the answer. */
export async function post(path, value, signal) {
  const headers = { "content-type": "application/json" };
  const response = await send(path, { method: "POST", headers, body: JSON.stringify(value), signal });
  return read(() => response.json());
}

/** Read what a response brings; a connection that breaks off is a problem of the connection. */
export async function read(reading) {
  try {
    return await reading();
  } catch (error) {
    if (aborted(error)) throw error;
    connection.lost();
    throw new Problem("The server broke off its answer.");
  }
}

async function asProblem(response) {
  let message = `The server answers with status ${response.status}.`;
  let detail = {};
  try {
    detail = (await response.json()).error ?? {};
    if (detail.message) message = sentence(detail.message);
  } catch {
    // not JSON, such as the page of a proxy
  }
  const seconds = Number(response.headers.get("retry-after"));
  return new Problem(message, response.status, { ...detail, pause: Math.min(seconds > 0 ? seconds * 1000 : 1000, LONGEST_PAUSE) });
}

/** A message with a capital letter and a full stop, unless it begins with a name. */
export function sentence(message) {
  const begun = /^[a-z]+ /.test(message) ? message[0].toUpperCase() + message.slice(1) : message;
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("given up", "AbortError"));
    });
  });
}

// The connection: when it is lost, say so, ask until the server is ready again, and tell everyone who listens.
export const connection = {
  waiting: false,
  listeners: [],
  onReturn(listener) {
    this.listeners.push(listener);
  },
  found() {
    if (!this.waiting) say(one("connection"), "");
  },
  lost() {
    if (this.waiting) return;
    this.waiting = true;
    say(one("connection"), "The server does not answer. Trying again until it does; what you typed stays here.");
    this.retry(500);
  },
  async retry(after) {
    await pause(after);
    try {
      const ready = await fetch("readyz", { cache: "no-store" });
      if (!ready.ok) throw new Error("not ready");
    } catch {
      this.retry(Math.min(after * 1.6, LONGEST_PAUSE));
      return;
    }
    this.waiting = false;
    say(one("connection"), "");
    this.listeners.forEach((listener) => listener());
  },
};

// The key: asked for once for all requests that need it, and kept for this tab only.
let asking = null;

function askForKey(tried, problem) {
  const current = sessionStorage.getItem(KEY);
  if (current !== tried) return Promise.resolve(); // another request has asked meanwhile
  asking ??= keyFromDialog(tried, problem).finally(() => {
    asking = null;
  });
  return asking;
}

function keyFromDialog(tried, problem) {
  const dialog = one("key-dialog");
  const reason = tried
    ? "The server refuses this API key. Enter another one."
    : "This server asks for an API key. It is kept until you close this tab.";
  say(one("key-reason"), reason);
  one("key").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve, reject) => {
    dialog.addEventListener(
      "close",
      () => {
        const given = one("key").value.trim();
        one("key").value = "";
        if (dialog.returnValue !== "use" || !given) {
          reject(problem);
          return;
        }
        sessionStorage.setItem(KEY, given);
        one("forget").hidden = false;
        resolve();
      },
      { once: true },
    );
  });
}

export function prepareKey() {
  const dialog = one("key-dialog");
  one("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close("use");
  });
  one("key-cancel").addEventListener("click", () => dialog.close(""));
  one("forget").hidden = !sessionStorage.getItem(KEY);
  one("forget").addEventListener("click", () => {
    sessionStorage.removeItem(KEY);
    location.reload();
  });
}
