// The menus, copy buttons and "Try it" forms of the reference. Without it, the page shows all samples and answers.
"use strict";

const root = new URL(document.body.dataset.root || ".", location.href);
document.documentElement.classList.add("js");

// -- menus: each shows one of its panels

function choose(choice, value) {
  const select = choice.querySelector("select");
  if (![...select.options].some((option) => option.value === value)) return;
  select.value = value;
  for (const panel of choice.querySelectorAll(".panel")) panel.hidden = panel.dataset.value !== value;
}

for (const choice of document.querySelectorAll(".choice")) {
  const select = choice.querySelector("select");
  choose(choice, select.options[0].value);
  select.addEventListener("change", () => {
    const all = document.querySelectorAll('.choice[data-choice="language"]');
    for (const each of choice.dataset.choice === "language" ? all : [choice]) choose(each, select.value);
  });
}

document.getElementById("version").addEventListener("change", (event) => {
  for (const place of document.querySelectorAll('.fill[data-name="Version"]')) {
    place.textContent = event.target.value || "{Version}";
  }
  for (const input of document.querySelectorAll('input[name="Version"]')) {
    input.value = event.target.value || input.defaultValue;
  }
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

for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    await copy(button.parentElement.querySelector("code").textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
}

document.getElementById("copy-for-llm").addEventListener("click", async () => {
  const answer = await fetch(new URL("docs.md", root));
  await copy(await answer.text());
  document.getElementById("copied").textContent = "Copied";
});

// -- try it

const SHOWN = ["content-type", "facebook-api-version", "x-fb-request-id", "etag", "retry-after", "www-authenticate"];

function of(form, kind) {
  return [...form.querySelectorAll(`[data-kind="${kind}"]`)];
}

function requestFrom(form) {
  let path = form.dataset.path;
  for (const input of of(form, "path")) path = path.replace(`{${input.name}}`, encodeURIComponent(input.value.trim()));
  const url = new URL(path.slice(1), root);
  for (const input of of(form, "query")) if (input.value) url.searchParams.set(input.name, input.value);
  const headers = new Headers();
  for (const input of of(form, "header")) if (input.value) headers.set(input.name, input.value);
  for (const input of of(form, "token")) if (input.value) headers.set("Authorization", `Bearer ${input.value}`);
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

function show(place, title, lines, body) {
  const heading = document.createElement("p");
  heading.className = "answered";
  heading.textContent = title;
  const pre = document.createElement("pre");
  pre.tabIndex = 0;
  pre.textContent = [...lines, "", body].join("\n").trim();
  place.replaceChildren(heading, pre);
}

for (const form of document.querySelectorAll(".try form")) {
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
      show(place, "Not sent", [], `${error.message}. Check the fields, and whether the server runs.`);
    }
  });
}
