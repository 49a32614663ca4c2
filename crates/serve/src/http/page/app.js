// The page: rates what is typed, and tables. Whatever comes from a review is put in as text, never as HTML.
"use strict";

const PAUSE_MS = 250;
const $ = (id) => document.getElementById(id);
let token = "";
let latest = 0;
let asking = null;
let timer = 0;

async function post(type, body, query, signal) {
  const headers = { "Content-Type": type };
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(`/v1/ratings${query}`, { method: "POST", headers, body, signal });
  if (response.ok) return response;
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // An answer without a body: its status says enough.
  }
  if (response.status === 401) $("access").hidden = false;
  const error = new Error(`${problem.detail ?? response.statusText}. ${problem.advice ?? ""}`);
  error.again = response.status === 429 || response.status === 503;
  throw error;
}

function say(id, text) {
  $(id).textContent = text;
  $(id).hidden = text === "" && id === "problem";
}

const number = (value, digits) => value.toFixed(digits);

function show(text, answer) {
  $("result").hidden = false;
  const stars = answer.rating !== null;
  say("rating", stars ? `${number(answer.rating, 1)} of 10` : answer.sentiment);
  say("interval", answer.lower === null ? ""
    : `${Math.round(100 * answer.level)} % between ${number(answer.lower, 1)} and ${number(answer.upper, 1)}`);
  say("sentiment", answer.positive === null ? `Sentiment: ${answer.sentiment}`
    : `Sentiment: ${answer.sentiment}; positive with a probability of ${number(answer.positive, 3)}`);
  showScale(answer);
  $("doubts").hidden = answer.doubts.length === 0;
  $("doubts").querySelector("ul").replaceChildren(...answer.doubts.map((doubt) => {
    const item = document.createElement("li");
    item.textContent = doubt;
    return item;
  }));
  showScores(answer.scores ?? []);
  showWords(text, answer.words ?? []);
}

// The rating and its interval between 1 and 10 stars; what it shows stands beside it as text.
function showScale(answer) {
  const place = (stars) => 20 + (stars - 1) * 320 / 9;
  const shape = (name, attributes, text = "") => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.textContent = text;
    return node;
  };
  $("scale").toggleAttribute("hidden", answer.rating === null);
  if (answer.rating === null) return;
  const nodes = [shape("line", { x1: place(1), x2: place(10), y1: 12, y2: 12 })];
  for (let stars = 1; stars <= 10; stars++) {
    nodes.push(shape("line", { x1: place(stars), x2: place(stars), y1: 8, y2: 16 }));
    nodes.push(shape("text", { x: place(stars), y: 34 }, stars));
  }
  if (answer.lower !== null) {
    const width = place(answer.upper) - place(answer.lower);
    nodes.push(shape("rect", { x: place(answer.lower), y: 7, width, height: 10, rx: 3 }));
  }
  nodes.push(shape("circle", { cx: place(answer.rating), cy: 12, r: 7 }));
  $("scale").replaceChildren(...nodes);
}

function showScores(scores) {
  $("scores").hidden = scores.length === 0;
  $("scores").tBodies[0].replaceChildren(...scores.map((score) => {
    const row = document.createElement("tr");
    const stars = document.createElement("th");
    stars.scope = "row";
    stars.textContent = score.stars;
    const share = document.createElement("td");
    share.textContent = number(score.probability, 3);
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.value = score.probability;
    bar.setAttribute("aria-hidden", "true");
    const cell = document.createElement("td");
    cell.append(bar);
    row.append(stars, share, cell);
    return row;
  }));
}

// Places of words are in bytes of UTF-8.
function showWords(text, words) {
  const bytes = new TextEncoder().encode(text);
  const decoder = new TextDecoder();
  const part = (begin, end) => decoder.decode(bytes.subarray(begin, end));
  const greatest = Math.max(...words.map((word) => Math.abs(word.weight)), 1e-9);
  const nodes = [];
  let from = 0;
  for (const word of words) {
    nodes.push(part(from, word.begin));
    const level = Math.ceil(3 * Math.abs(word.weight) / greatest - 0.45);
    if (level > 0) {
      const mark = document.createElement("mark");
      mark.className = `${word.weight > 0 ? "up" : "down"}-${level}`;
      mark.title = `${word.weight > 0 ? "+" : "−"}${number(Math.abs(word.weight), 2)}`;
      mark.textContent = part(word.begin, word.end);
      nodes.push(mark);
    } else {
      nodes.push(part(word.begin, word.end));
    }
    from = word.end;
  }
  nodes.push(part(from, bytes.length));
  $("words").replaceChildren(...nodes);
}

// The latest text wins: an older request is broken off, and its answer, should it come, is left alone.
async function rate() {
  const own = ++latest;
  asking?.abort();
  // A half of a pair of UTF-16 is no text.
  const typed = $("text").value;
  const text = typed.toWellFormed ? typed.toWellFormed() : typed;
  if (text.trim() === "") {
    $("result").hidden = true;
    say("state", "Nothing to rate yet.");
    say("problem", "");
    return;
  }
  asking = new AbortController();
  say("state", "Rating …");
  try {
    const body = JSON.stringify({ text, explain: true });
    const response = await post("application/json", body, "", asking.signal);
    const answer = await response.json();
    if (own !== latest) return;
    show(text, answer);
    say("state", `Rated by bundle ${answer.bundle}.`);
    say("problem", "");
  } catch (error) {
    if (own !== latest || error.name === "AbortError") return;
    say("state", "");
    say("problem", error.message);
    if (error.again) timer = setTimeout(rate, 1000);
  }
}

async function rateTable() {
  const file = $("file").files[0];
  if (!file) return;
  const column = $("column").value.trim();
  say("table-state", "Rating …");
  $("download").hidden = true;
  try {
    const query = column === "" ? "" : `?column=${encodeURIComponent(column)}`;
    const response = await post("text/csv", file, query);
    const table = await response.blob();
    URL.revokeObjectURL($("download").href);
    $("download").href = URL.createObjectURL(table);
    $("download").download = `rated-${file.name}`;
    $("download").hidden = false;
    say("table-state", "Rated. Save the table with the link above.");
    $("download").focus();
  } catch (error) {
    say("table-state", error.message);
  }
}

$("text").addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(rate, PAUSE_MS);
});
$("table").addEventListener("submit", (event) => {
  event.preventDefault();
  rateTable();
});
$("access").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  $("access").hidden = true;
  rate();
});
