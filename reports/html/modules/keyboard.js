// The keyboard: all that the mouse can do.
import { find, make } from "./dom.js";

export const VIEW_KEYS = {
    o: "overview",
    u: "causes",
    f: "findings",
    c: "changes",
    n: "namespaces",
    s: "subjects",
    a: "access",
    p: "privileged",
    g: "grants",
    w: "routes",
    r: "repositories",
    x: "exceptions",
    t: "controls",
    l: "coverage",
    m: "method",
};

const HELP = [
    ["Ctrl K", "Ask: a name, a question, or conditions"],
    ["/", "Search in the view"],
    ["↓ ↑, j k", "Next and previous row"],
    ["Page Down, Page Up, Home, End", "Scroll by page, go to the first or last row"],
    ["Enter", "Explain the row"],
    ["x", "Select the row, of causes and findings"],
    ["+ −", "Expand or collapse a cluster-wide row"],
    ["Escape", "Close the menu or the row"],
    ["e", "Save the filtered rows as CSV"],
    ["Tab", "Next control; Enter opens a menu"],
    [
        "g, then a letter",
        `Go to a view: ${Object.entries(VIEW_KEYS)
            .map(([key, view]) => `${key} ${view}`)
            .join(", ")}`,
    ],
    ["?", "Show this list"],
];

export function showKeys() {
    const dialog = find("#keys");
    const close = make("button", { type: "button", click: () => dialog.close() }, "Close");
    const list = make(
        "dl",
        {},
        HELP.flatMap(([keys, action]) => [make("dt", {}, make("kbd", {}, keys)), make("dd", {}, action)]),
    );
    dialog.replaceChildren(make("h2", { id: "keys-title" }, "Keys"), list, close);
    dialog.showModal();
}

// Handle the keys of the page. `acts`: ask(), go(view), find(), save(), close(event).
export function listenToKeys(acts) {
    let prefixed = false; // after `g`
    document.addEventListener("keydown", (event) => {
        if ((event.ctrlKey || event.metaKey) && event.key === "k") {
            event.preventDefault();
            return acts.ask();
        }
        if (event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
        if (event.key === "Escape") return acts.close(event);
        if (event.target.closest("input, select, textarea")) return;
        const goes = prefixed;
        prefixed = false;
        if (goes && VIEW_KEYS[event.key]) acts.go(VIEW_KEYS[event.key]);
        else if (event.key === "g") prefixed = true;
        else if (event.key === "/") acts.find();
        else if (event.key === "e") acts.save();
        else if (event.key === "?") showKeys();
        else return;
        event.preventDefault();
    });
}
