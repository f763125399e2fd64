// The drawer beside the rows: why a row is there.
import { find, make, shown } from "./dom.js";
import { matching } from "./query.js";
import { REASONS } from "./drawer_contents.js";

// Show the row of a view that has this key, or say that there is none; return its number. `close` takes it away again.
export async function openDrawer(view, table, key, close) {
    const wanted = Object.fromEntries(view.key.map((name, at) => [name, key[at] ?? ""]));
    const [row] = matching(table, wanted);
    const reason =
        row === undefined
            ? { title: "No such row", why: `This report has no row ${key.join(", ")} in ${view.title}.`, parts: [] }
            : await REASONS[view.table](table.record(row));
    const caveat = find(".banner").dataset.caveat;
    const drawer = find("#drawer");
    drawer.replaceChildren(
        make(
            "button",
            { type: "button", class: "close", "aria-label": "Close (Escape)", title: "Close (Escape)", click: close },
            "✕",
        ),
        make("h2", {}, shown(reason.title)),
        ...(caveat ? [make("p", { class: "caveat" }, shown(caveat))] : []),
        make("p", { class: "why" }, shown(reason.why)),
        ...reason.parts.flat(9).filter(Boolean),
    );
    drawer.hidden = false;
    drawer.scrollTop = 0;
    return row ?? -1;
}

export function closeDrawer() {
    const drawer = find("#drawer");
    drawer.hidden = true;
    drawer.replaceChildren();
}
