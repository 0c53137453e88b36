// What the pages can do better with a script; each works without.
"use strict";

// The summary of faults is read first.
const summary = document.querySelector(".summary");
if (summary) summary.focus();

// The padlock shows and hides what was typed, and hides it again before the form is sent.
for (const padlock of document.querySelectorAll(".padlock")) {
  const input = document.getElementById(padlock.getAttribute("aria-controls"));
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    padlock.setAttribute("aria-pressed", String(shown));
    padlock.setAttribute("aria-label", shown ? padlock.dataset.hide : padlock.dataset.show);
  };
  padlock.hidden = false;
  input.spellcheck = false;
  input.autocapitalize = "none";
  padlock.addEventListener("click", () => show(input.type === "password"));
  input.form.addEventListener("submit", () => show(false));
}

// The rules tick off while typing, as the server counts them: code points after NFC, letters of every script, digits 0 to 9.
const rules = {
  length: (text, item) => [...text].length >= Number(item.dataset.least),
  uppercase: (text) => /\p{Uppercase}/u.test(text),
  lowercase: (text) => /\p{Lowercase}/u.test(text),
  digit: (text) => /[0-9]/.test(text),
};
for (const list of document.querySelectorAll(".rules")) {
  const input = document.getElementById(list.dataset.for);
  const items = [...list.children].map((item) => {
    const state = document.createElement("span");
    state.className = "hidden";
    item.prepend(state);
    return [item, state];
  });
  const judge = () => {
    const text = input.value.normalize("NFC");
    for (const [item, state] of items) {
      const met = rules[item.dataset.rule](text, item);
      item.classList.toggle("met", met);
      state.textContent = met ? list.dataset.met : "";
    }
  };
  input.addEventListener("input", judge);
  judge();
}

// A menu closes with Escape and by a click elsewhere.
for (const menu of document.querySelectorAll(".menu")) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}
