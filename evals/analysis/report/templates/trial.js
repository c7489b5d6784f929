"use strict";
// Moves between the steps and finds text in them. The page can be read without it.
const steps = [...document.querySelectorAll(".step")];
const strip = [...document.querySelectorAll(".strip a")];
const search = document.getElementById("search");
const found = document.getElementById("found");
const failing = document.getElementById("failing");
const firstBad = document.querySelector(".command.bad");
let now = -1;
let hits = [];

function go(index, target) {
  if (!steps.length) return;
  now = Math.max(0, Math.min(index, steps.length - 1));
  steps.forEach((step, at) => step.classList.toggle("now", at === now));
  strip.forEach((mark, at) => mark.classList.toggle("now", at === now));
  steps[now].focus({ preventScroll: true });
  (target || steps[now]).scrollIntoView({ block: target ? "center" : "start" });
  history.replaceState(null, "", "#" + steps[now].id);
}

function toBad() {
  if (firstBad) go(steps.indexOf(firstBad.closest(".step")), firstBad);
}

function look() {
  const wanted = search.value.trim().toLowerCase();
  const ranges = [];
  hits = [];
  steps.forEach((step, at) => {
    const hit = wanted !== "" && step.textContent.toLowerCase().includes(wanted);
    step.classList.toggle("hit", hit);
    if (hit) {
      hits.push(at);
      ranges.push(...occurrences(step, wanted));
    }
  });
  if (window.Highlight) CSS.highlights.set("found", new Highlight(...ranges));
  found.value = wanted === "" ? "" : hits.length === 1 ? "1 step" : hits.length + " steps";
}

function occurrences(step, wanted) {
  const ranges = [];
  const texts = document.createTreeWalker(step, NodeFilter.SHOW_TEXT);
  while (texts.nextNode() && ranges.length < 1000) {
    const text = texts.currentNode.data.toLowerCase();
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
      if (at + wanted.length > texts.currentNode.length) break;
      const range = new Range();
      range.setStart(texts.currentNode, at);
      range.setEnd(texts.currentNode, at + wanted.length);
      ranges.push(range);
    }
  }
  return ranges;
}

function toHit(direction) {
  if (!hits.length) return;
  const ahead = direction > 0 ? hits.find((at) => at > now) : hits.findLast((at) => at < now);
  go(ahead ?? hits[direction > 0 ? 0 : hits.length - 1]);
}

const keys = {
  j: () => go(now + 1), k: () => go(now - 1), g: () => go(0), G: () => go(steps.length - 1),
  f: toBad, n: () => toHit(1), N: () => toHit(-1), "/": () => search.focus(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === search) {
    if (event.key === "Enter") { look(); search.blur(); toHit(1); }
    if (event.key === "Escape") { search.value = ""; look(); search.blur(); }
    return;
  }
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
search.addEventListener("input", look);
failing.addEventListener("click", toBad);
failing.hidden = !firstBad;
if (location.hash) {
  const at = steps.findIndex((step) => "#" + step.id === location.hash);
  if (at >= 0) go(at);
}
