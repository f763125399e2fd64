// The keyboard: everything that a mouse can do.
import { find, make } from "./dom.js";

export const VIEW_KEYS = {
    o: "overview",
    f: "findings",
    c: "changes",
    n: "namespaces",
    s: "subjects",
    a: "access",
    g: "grants",
    r: "repositories",
    x: "exceptions",
    t: "controls",
    l: "coverage",
    m: "method",
};

const HELP = [
    ["/", "Find in the rows"],
    ["↓ ↑, j k", "Next and last row"],
    ["Page Down, Page Up, Home, End", "Far away rows"],
    ["Enter", "Open a row: why it is there"],
    ["+ −", "Open a cluster-wide row to its namespaces, and close it"],
    ["Escape", "Close the row, or what is open"],
    ["e", "Save the rows as CSV"],
    ["Tab", "From control to control; menus open with Enter"],
    [
        "g, then a letter",
        `Go to a view: ${Object.entries(VIEW_KEYS)
            .map(([key, view]) => `${key} ${view}`)
            .join(", ")}`,
    ],
    ["?", "This list"],
];

export function showKeys() {
    const dialog = find("#keys");
    const close = make("button", { type: "button", click: () => dialog.close() }, "Close");
    const list = make(
        "dl",
        {},
        HELP.flatMap(([keys, does]) => [make("dt", {}, make("kbd", {}, keys)), make("dd", {}, does)]),
    );
    dialog.replaceChildren(make("h2", { id: "keys-title" }, "Keys"), list, close);
    dialog.showModal();
}

// Listen to the page's own keys. `acts`: go(view), find(), save(), close().
export function listenToKeys(acts) {
    let waiting = false;
    document.addEventListener("keydown", (event) => {
        if (event.altKey || event.ctrlKey || event.metaKey || find("#keys").open) return;
        if (event.key === "Escape") return acts.close(event);
        if (event.target.closest("input, select, textarea")) return;
        const went = waiting;
        waiting = false;
        if (went && VIEW_KEYS[event.key]) acts.go(VIEW_KEYS[event.key]);
        else if (event.key === "g") waiting = true;
        else if (event.key === "/") acts.find();
        else if (event.key === "e") acts.save();
        else if (event.key === "?") showKeys();
        else return;
        event.preventDefault();
    });
}
