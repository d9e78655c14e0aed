// One text: answer as it is typed. Answers that arrive out of order are dropped, the last text wins.
import { aborted, connection, post } from "./api.js";
import { clearAnswer, FEW, showBars, showMore, showVerdict, spoken } from "./bars.js";
import { one, say, settled } from "./dom.js";
import { Fields } from "./fields.js";
import { loadModels, model, onModel, reference } from "./models.js";
import { Words } from "./words.js";

const TYPING = 120;
const READING = 350;
const SPEAKING = 1200;

export function prepareTyped() {
  const text = one("text");
  const fields = new Fields(one("fields"), ask);
  const words = new Words(shown);
  const speak = settled(SPEAKING, () => {
    if (prediction) one("spoken").textContent = spoken(prediction);
  });
  const predict = settled(TYPING, answer);
  const explain = settled(READING, () => prediction && words.explain(asked, prediction));
  let running = null;
  let prediction = null;
  let asked = null;
  let all = false;

  function ask() {
    if (text.value.trim() || fields.filled()) predict();
    else reset();
  }

  function reset() {
    [predict, explain, speak].forEach((later) => later.stop());
    running?.abort();
    [running, prediction] = [null, null];
    one("answer-heading").parentElement.classList.remove("waiting");
    say(one("text-problem"), "");
    one("spoken").textContent = "";
    words.hide();
    clearAnswer("The answer appears here.", model()?.labels ?? []);
  }

  async function answer() {
    if (!model()) return;
    running?.abort();
    const mine = new AbortController();
    running = mine;
    const given = fields.with(text.value);
    const slow = setTimeout(() => one("answer-heading").parentElement.classList.add("waiting"), 300);
    try {
      const probabilities = all ? "all" : FEW;
      const found = await post("predict", { text: given, model: reference(), probabilities }, mine.signal);
      if (running !== mine) return;
      [prediction, asked] = [found.predictions[0], given];
      say(one("text-problem"), "");
      shown();
      explain();
      speak();
    } catch (error) {
      if (running === mine && !aborted(error)) failed(error);
    } finally {
      clearTimeout(slow);
      if (running === mine) one("answer-heading").parentElement.classList.toggle("waiting", connection.waiting);
    }
  }

  function failed(error) {
    if (error.status === 0) return; // the banner says so, and the answer comes with the connection
    if (error.status === 404) loadModels().catch(() => {}); // this version has been replaced: the next one answers
    prediction = null;
    words.hide();
    clearAnswer("", []);
    say(one("text-problem"), error.message);
  }

  function shown() {
    if (!prediction) return;
    showVerdict(one("verdict"), prediction, model());
    showBars(one("bars"), prediction, { limit: all ? Infinity : FEW, explained: words.label, choose: pick });
    showMore(one("all"), model().labels.length, all);
  }

  function pick(label) {
    words.choose(label, asked, prediction);
    shown();
  }

  text.addEventListener("input", ask);
  one("asked").addEventListener("submit", (event) => event.preventDefault());
  one("all").addEventListener("click", () => {
    all = !all;
    if (all) answer();
    else shown();
  });
  onModel((next) => {
    reset();
    words.forget();
    fields.show(next.columns);
    ask();
  });
  connection.onReturn(ask);
  reset();
}
