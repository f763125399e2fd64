// The entry point: the address says what is shown.
import { read, write } from "./address.js";
import { askBar } from "./ask_bar.js";
import { table } from "./tables.js";
import { find, formatted, say } from "./dom.js";
import { closeDrawer, openDrawer } from "./drawer.js";
import { Explorer, place } from "./explorer.js";
import { listenToKeys, showKeys } from "./keyboard.js";
import { preparePrint } from "./print.js";
import { VIEWS } from "./views.js";

const PAGES = new Set(["overview", "coverage", "method"]);
const banner = find(".banner");
const run = {
    id: banner.dataset.run,
    evidence: banner.querySelector("code").title.split(": ").at(-1),
    caveat: banner.dataset.caveat,
    seen: banner.dataset.seen,
};
const explorers = new Map(Object.entries(VIEWS).map(([id, view]) => [id, new Explorer(id, view, run, go)]));
const TITLE = document.title;
let current = null;
let showing = Promise.resolve();

function go(address, replace = false) {
    if (address === location.hash) return;
    busy(true);
    if (replace) location.replace(address);
    else location.hash = address;
}

async function show() {
    const state = read(location.hash);
    const view = VIEWS[state.view];
    const known = view || PAGES.has(state.view) ? state.view : "overview";
    const changed = current !== known;
    current = known;
    for (const link of document.querySelectorAll("nav a")) {
        if (link.hash === `#/${view?.nav ?? known}`) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
    }
    for (const page of PAGES) find(`#view-${page}`).hidden = page !== known;
    find("#view-table").hidden = !view;
    document.title = [view?.title ?? find(`#view-${known} h2`).textContent, TITLE].join(" · ");
    document.body.dataset.view = known;
    document.body.dataset.whole = state.whole ? "yes" : "no";
    if (!view) {
        closeDrawer();
        if (changed) find("main").scrollTop = 0;
        return;
    }
    const explorer = explorers.get(known);
    await explorer.ready();
    place(explorer);
    await explorer.show({ ...state, view: known });
    place(explorer);
    const whole = write({ ...state, view: known, whole: !state.whole });
    if (state.row) explorer.choosing(await openDrawer(view, explorer.table, state.row, { close, whole }));
    else closeDrawer();
    if (changed) {
        say(`${view.title}, ${explorer.toolbar.count.textContent}`);
        if (!state.row) explorer.grid.element.focus({ preventScroll: true });
    }
}

// One after the other: a view that is still loading is not overtaken.
function showNext() {
    busy(true);
    showing = showing.then(show).then(() => {
        document.body.dataset.shown = location.hash;
        busy(false);
    });
}

function busy(state) {
    find("main").setAttribute("aria-busy", state);
}

// Close the open menu, else the drawer, and return the focus to the rows.
function close() {
    const menu = document.querySelector("details[open]");
    const view = VIEWS[current];
    if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
    } else if (view && !find("#drawer").hidden) {
        go(write({ ...read(location.hash), row: null }), true);
        explorers.get(current).grid.element.focus({ preventScroll: true });
    } else if (view) explorers.get(current).grid.element.focus({ preventScroll: true });
}

// Return how many rows a view shows at first: without those that are hidden.
function rowsAtFirst(view, all) {
    if (!view.folded) return all.rows;
    const { codes, values } = all.column(view.folded.column);
    const visible = values.map((value) => view.folded.shown.includes(value));
    let count = 0;
    for (const code of codes) if (visible[code]) count++;
    return count;
}

async function countRows() {
    for (const mark of document.querySelectorAll("nav i")) {
        const view = VIEWS[mark.dataset.count];
        const count = rowsAtFirst(view, await table(view.table));
        mark.textContent = `${formatted(count)}${run.caveat ? "+" : ""}`;
    }
    document.body.dataset.ready = "yes";
}

document.documentElement.classList.add("js");
find("#help").addEventListener("click", showKeys);
document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details[open]")) if (!menu.contains(event.target)) menu.open = false;
});
const ask = askBar(VIEWS, () => current, go);
find("#ask-open").addEventListener("click", ask);
listenToKeys({
    ask,
    go: (view) => go(`#/${view}`),
    find: () => document.querySelector("#view-table:not([hidden]) #words")?.focus(),
    save: () => VIEWS[current] && explorers.get(current).save(),
    close,
});
preparePrint(() => {
    const explorer = VIEWS[current] && explorers.get(current);
    return explorer && { lines: explorer.lines, view: explorer.view, filterText: explorer.filterText() };
});
addEventListener("hashchange", showNext);
showNext();
// The shell shows at once; the tables are unpacked after it.
requestAnimationFrame(() => setTimeout(countRows));
