"use strict";
// Everything is written by textContent: nothing that a source or an error says is read as HTML.

const EVERY = 5000;
const CAUSES = {
  not_asked: "not asked for",
  failed: "source unreachable",
  not_yet: "source has said nothing yet",
  refused: "answer refused",
  partial: "answer read in part",
  away: "database was away",
  spooled: "waits on disk for the database",
};
const byId = (id) => document.getElementById(id);

function length(seconds) {
  if (seconds === null) return "–";
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

const moment = (iso) => (iso === null ? "–" : iso.slice(0, 16).replace("T", " "));
const number = (value) => (value === null ? "–" : value.toLocaleString("en"));

function share(value) {
  if (value === undefined) return "–";
  return `${(Math.floor(value * 1000) / 10).toFixed(value === 1 ? 0 : 1)} %`;
}

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function state(status) {
  const made = element("span", status, "state");
  made.dataset.status = status;
  return made;
}

function titled(title, below) {
  const made = element("span", title, "name");
  made.append(element("small", below));
  return made;
}

function fill(id, rows, empty) {
  const titles = [...byId(id).parentElement.querySelectorAll("th")];
  const made = rows.map((cells) => {
    const row = document.createElement("tr");
    cells.forEach((content, index) => {
      const cell = element("td", undefined, titles[index].className);
      cell.dataset.title = titles[index].textContent;
      cell.append(content);
      if (cell.textContent === "–") cell.classList.add("nothing");
      row.append(cell);
    });
    return row;
  });
  if (!made.length) {
    const cell = element("td", empty, "quiet");
    cell.colSpan = titles.length;
    made.push(element("tr"));
    made[0].append(cell);
  }
  byId(id).replaceChildren(...made);
}

function until(iso, now) {
  if (iso === null) return "–";
  return length(Math.max(0, (Date.parse(iso) - Date.parse(now)) / 1000));
}

function collector(each, now) {
  const paused = each.backfill_paused_since ? "backfill paused" : "";
  const last = each.last_error && `${moment(each.last_error_at)}: ${each.last_error}`;
  const error = [each.error || last, ...(each.schema_drift || []), paused].filter(Boolean).join("; ");
  return [
    titled(each.name, each.about),
    state(each.status),
    length(each.lag_seconds),
    until(each.next_run, now),
    number(each.ticks_missing),
    share(each.completeness["24h"]),
    element("span", error || "–", "error"),
  ];
}

function table(each) {
  const shown = state(each.status);
  if (each.error) shown.title = each.error;
  const rows = each.rows === null ? "–" : `≈ ${number(each.rows)}`;
  return [titled(each.display, each.name), shown, rows, each.size ?? "–", length(each.age_seconds)];
}

function gap(each) {
  const cause = CAUSES[each.cause] || each.cause;
  const why = each.error ? `${cause}: ${each.error}` : cause;
  return [
    each.collector,
    moment(each.since),
    moment(each.until),
    number(each.ticks),
    element("span", why, "error"),
  ];
}

function process(each, now) {
  return [
    titled(`${each.host}:${each.pid}`, `gept ${each.version}`),
    each.collectors.join(", "),
    each.leads.join(", ") || "stands by",
    number(each.spooled),
    length((Date.parse(now) - Date.parse(each.started_at)) / 1000),
    `${length(each.beat_age_seconds)} ago`,
  ];
}

function show(told) {
  const at = told.timestamp;
  const notes = [...told.reasons.map((said) => element("li", said, "note bad"))];
  notes.push(...told.warnings.map((said) => element("li", said, "note")));
  if (told.error) notes.push(element("li", `these figures are older: ${told.error}`, "note bad"));
  byId("notes").replaceChildren(...notes);
  verdict(told.status === "ok" ? "healthy" : "unhealthy");
  byId("updated").textContent = `Last updated ${at.slice(11, 19)}`;
  byId("version").textContent = told.version;
  fill("collectors", told.collectors.map((each) => collector(each, at)), "none");
  fill("tables", told.tables.map(table), "none");
  const none = (said) => (told.error ? "Not known while the database is away." : said);
  fill("gaps", told.gaps.map(gap), none("Nothing is missing."));
  fill("processes", told.processes.map((each) => process(each, at)), none("No heart beat yet."));
}

function verdict(word) {
  byId("verdict").textContent = word;
  byId("verdict").dataset.status = word;
}

async function refresh() {
  try {
    const answer = await fetch("/api/status", { signal: AbortSignal.timeout(EVERY * 2) });
    if (answer.status === 401) return location.reload();
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    show(await answer.json());
  } catch (error) {
    verdict("no answer");
    byId("notes").replaceChildren(element("li", `gept does not answer: ${error.message}`, "note bad"));
  }
  setTimeout(refresh, EVERY);
}

refresh();
