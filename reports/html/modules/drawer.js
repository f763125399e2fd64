// The drawer beside the rows: it explains one row. Each table has its own drawer_*.js.
import { find, make, say, shown } from "./dom.js";
import { accessDrawer, grantDrawer } from "./drawer_access.js";
import { causeDrawer } from "./drawer_cause.js";
import { controlDrawer, exceptionDrawer, findingDrawer } from "./drawer_finding.js";
import { namespaceDrawer } from "./drawer_namespace.js";
import {
    acrossDrawer,
    changeDrawer,
    coverageDrawer,
    organizationDrawer,
    privilegedDrawer,
    repositoryDrawer,
} from "./drawer_records.js";
import { subjectDrawer } from "./drawer_subject.js";
import { routeDrawer } from "./drawer_routes.js";
import { matching } from "./query.js";

// By table: returns the title, the sentence (`why`) and the parts of a row's drawer.
const DRAWERS = {
    access: accessDrawer,
    grants: grantDrawer,
    namespaces: namespaceDrawer,
    subjects: subjectDrawer,
    causes: causeDrawer,
    findings: findingDrawer,
    across: acrossDrawer,
    changes: changeDrawer,
    repositories: repositoryDrawer,
    exceptions: exceptionDrawer,
    coverage: coverageDrawer,
    organizations: organizationDrawer,
    controls: controlDrawer,
    privileged: privilegedDrawer,
    routes: routeDrawer,
};

// Open the drawer of the row of a view that has this key; return the row's number, or -1. `close` closes it; `whole` is
// the address of the row on a page of its own or, where it is on one, beside the table.
export async function openDrawer(view, table, key, { close, whole }) {
    const wanted = Object.fromEntries(view.key.map((name, at) => [name, key[at] ?? ""]));
    const [row] = matching(table, wanted);
    const content =
        row === undefined
            ? { title: "Row not found", why: `${view.title} has no row ${key.join(", ")} in this report.`, parts: [] }
            : await DRAWERS[view.table](table.record(row));
    const caveat = find(".banner").dataset.caveat;
    const drawer = find("#drawer");
    drawer.replaceChildren(
        make(
            "button",
            { type: "button", class: "close", "aria-label": "Close (Escape)", title: "Close (Escape)", click: close },
            "✕",
        ),
        make(
            "a",
            { class: "whole", href: whole },
            document.body.dataset.whole === "yes" ? "Beside the table" : "Whole page",
        ),
        make("h2", {}, shown(content.title)),
        ...(caveat ? [make("p", { class: "caveat" }, shown(caveat))] : []),
        make("p", { class: "why" }, shown(content.why)),
        ...content.parts.flat(9).filter(Boolean),
    );
    drawer.hidden = false;
    say(shown(`${content.title}: ${content.why}`));
    drawer.scrollTop = 0;
    return row ?? -1;
}

export function closeDrawer() {
    const drawer = find("#drawer");
    drawer.hidden = true;
    drawer.replaceChildren();
}
