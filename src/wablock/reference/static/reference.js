// The values that are filled in once, the menus, the contents, the copy buttons and "Try it". Without it, the page shows
// all samples and answers, with placeholders.
"use strict";

const root = new URL(document.body.dataset.root || ".", location.href);
const all = (selector, place = document) => [...place.querySelectorAll(selector)];
const byId = (id) => document.getElementById(id);

// -- values: typed once, shown in all fields and samples, and kept by this tab alone

const PREFIX = "wablock.";
const QUOTED = {
  bash: (text) => text.replaceAll("'", "'\\''"),
  javascript: (text) => text.replace(/[\\']/g, "\\$&"),
  python: (text) => text.replace(/[\\"]/g, "\\$&"),
};

function kept(name) {
  try {
    return sessionStorage.getItem(PREFIX + name) || "";
  } catch {
    return ""; // the browser stores nothing for this page
  }
}

function keep(name, value) {
  try {
    if (value) sessionStorage.setItem(PREFIX + name, value);
    else sessionStorage.removeItem(PREFIX + name);
  } catch {
    // Then the values last until the page is left.
  }
}

function spread(name, value) {
  for (const field of all(`:is(input, select)[data-value="${name}"]`)) if (field.value !== value) field.value = value;
  for (const place of all(`.choice .fill[data-value="${name}"]`)) {
    place.dataset.placeholder ??= place.textContent;
    const quoted = QUOTED[place.closest("code").className] ?? ((text) => text);
    const text = name === "Token" ? value.trim() : encodeURIComponent(value.trim());
    place.textContent = text ? quoted(text) : place.dataset.placeholder;
  }
}

for (const first of all(".values [data-value]")) {
  const name = first.dataset.value;
  const options = first.options && [...first.options].map((option) => option.value);
  const value = kept(name);
  spread(name, value && (!options || options.includes(value)) ? value : first.value);
}
document.addEventListener("input", (event) => {
  const name = event.target.dataset.value;
  if (!name || !event.target.matches("input, select")) return;
  keep(name, event.target.value);
  spread(name, event.target.value);
});

// -- menus: each shows one of its panels

function choose(choice, value) {
  const select = choice.querySelector("select");
  if (![...select.options].some((option) => option.value === value)) return;
  select.value = value;
  for (const panel of all(".panel", choice)) panel.hidden = panel.dataset.value !== value;
}

for (const choice of all(".choice")) {
  const select = choice.querySelector("select");
  choose(choice, select.options[0].value);
  select.addEventListener("change", () => {
    const others = choice.dataset.choice === "language" ? all('.choice[data-choice="language"]') : [choice];
    for (const each of others) choose(each, select.value);
  });
}

// -- colours: light, dark, or those of the system

const colours = byId("colours");
const dark = matchMedia("(prefers-color-scheme: dark)");

function areDark() {
  const chosen = document.documentElement.dataset.colours;
  return chosen ? chosen === "dark" : dark.matches;
}

function showColours() {
  colours.setAttribute("aria-pressed", String(areDark()));
}

showColours();
dark.addEventListener("change", showColours);
colours.addEventListener("click", () => {
  const chosen = areDark() ? "light" : "dark";
  document.documentElement.dataset.colours = chosen;
  showColours();
  try {
    localStorage.setItem(PREFIX + "colours", chosen);
  } catch {
    // Then the choice lasts until the page is left.
  }
});

// -- contents: a filter, a mark where one is, and a menu on narrow screens

const contents = byId("contents");
const filter = byId("filter");
const menu = byId("menu");
const links = all('a[href^="#"]', contents).filter((link) => !link.parentElement.matches(".deep"));
const sections = links.map((link) => byId(link.hash.slice(1)));

filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const entry of all("li", contents)) {
    const text = entry.dataset.words.toLowerCase();
    entry.hidden = words.length ? !words.every((word) => text.includes(word)) : entry.matches(".deep");
  }
  for (const group of all(".group", contents)) group.hidden = !group.querySelector("li:not([hidden])");
  byId("no-match").textContent = contents.querySelector("li:not([hidden])") ? "" : "Nothing on this page matches.";
});

function markPlace() {
  const line = Math.min(160, innerHeight / 3); // below the header
  const isAtEnd = scrollY > 0 && innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
  const passed = sections.filter((section) => section.getBoundingClientRect().top <= line);
  const current = isAtEnd ? sections.length - 1 : Math.max(0, passed.length - 1);
  links.forEach((link, index) => {
    if (index !== current) link.removeAttribute("aria-current");
    else if (!link.hasAttribute("aria-current")) {
      link.setAttribute("aria-current", "location");
      const { top, bottom } = link.getBoundingClientRect();
      const box = contents.getBoundingClientRect();
      if (top < box.top || bottom > box.bottom) contents.scrollTop += top - box.top - box.height / 2;
    }
  });
}

let waits = false;
function markPlaceSoon() {
  if (waits) return;
  waits = true;
  requestAnimationFrame(() => {
    waits = false;
    markPlace();
  });
}

addEventListener("scroll", markPlaceSoon, { passive: true });
addEventListener("resize", markPlaceSoon);
markPlace();

function openMenu(isOpen) {
  contents.classList.toggle("open", isOpen);
  menu.setAttribute("aria-expanded", String(isOpen));
}

menu.addEventListener("click", () => {
  openMenu(!contents.matches(".open"));
  if (contents.matches(".open")) filter.focus();
});
contents.addEventListener("click", (event) => event.target.closest("a") && openMenu(false));
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !contents.matches(".open")) return;
  openMenu(false);
  menu.focus();
});

// -- copy buttons

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea"); // there is no clipboard API over plain HTTP, except on localhost
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

for (const button of all(".copy")) {
  button.addEventListener("click", async () => {
    await copy(button.closest(".code").querySelector("code").textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
}

byId("copy-for-llm").addEventListener("click", async () => {
  const answer = await fetch(document.querySelector('link[type="text/markdown"]').href);
  await copy(await answer.text());
  byId("copied").textContent = "Copied";
  setTimeout(() => (byId("copied").textContent = ""), 1500);
});

// -- try it

const SHOWN = ["content-type", "facebook-api-version", "x-fb-request-id", "etag", "retry-after", "www-authenticate"];

function of(form, kind) {
  return all(`[data-kind="${kind}"]`, form);
}

function requestFrom(form) {
  let path = form.dataset.path;
  for (const input of of(form, "path")) path = path.replace(`{${input.name}}`, encodeURIComponent(input.value.trim()));
  const url = new URL(path.slice(1), root);
  for (const input of of(form, "query")) if (input.value) url.searchParams.set(input.name, input.value);
  const headers = new Headers();
  for (const input of of(form, "header")) if (input.value) headers.set(input.name, input.value);
  for (const input of of(form, "token")) if (input.value) headers.set("Authorization", `Bearer ${input.value.trim()}`);
  const request = { method: form.dataset.method, headers, cache: "no-store", credentials: "omit" };
  const [type] = of(form, "content-type");
  if (type) request.body = encoded(type.value, of(form, "body")[0].value, headers);
  return new Request(url, request);
}

function encoded(type, text, headers) {
  if (type === "application/json") {
    headers.set("Content-Type", type);
    return text;
  }
  const form = type === "multipart/form-data" ? new FormData() : new URLSearchParams();
  for (const [name, value] of Object.entries(JSON.parse(text))) {
    form.set(name, typeof value === "string" ? value : JSON.stringify(value));
  }
  return form;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function reason(error) {
  if (error instanceof SyntaxError) return "The body is broken JSON. A form is made of its members, so correct it first.";
  if (/fetch/i.test(error.message)) return "The server did not answer. Check whether it runs.";
  return `The browser cannot send this: ${error.message.replace(/\.$/, "")}.`;
}

function show(place, title, lines, body) {
  const heading = document.createElement("p");
  heading.className = "answered";
  heading.textContent = title;
  const pre = document.createElement("pre");
  pre.tabIndex = 0;
  pre.textContent = [...lines, "", body].join("\n").trim();
  place.replaceChildren(heading, pre);
}

for (const form of all(".try form")) {
  const place = form.parentElement.querySelector(".result");
  const [type] = of(form, "content-type");
  if (type) {
    type.addEventListener("change", () => (of(form, "body")[0].value = type.selectedOptions[0].dataset.example));
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const answer = await fetch(requestFrom(form));
      const lines = SHOWN.filter((name) => answer.headers.has(name)).map((name) => `${name}: ${answer.headers.get(name)}`);
      show(place, String(answer.status), lines, pretty(await answer.text()));
    } catch (error) {
      show(place, "Not sent", [], reason(error));
    }
  });
}
