// What else the report says of a namespace or a subject: findings, changes, repositories, use, and what was not seen.
import { link } from "./address.js";
import { make, shown } from "./dom.js";
import { code, heading, most, time } from "./drawer_parts.js";
import { NO_LOGS } from "./grid_cells.js";
import { matching } from "./query.js";
import { table } from "./tables.js";

// Return a list of the rows of a table that match, each as `entry` makes it; `empty` where there are none.
async function list(title, name, wanted, entry, empty) {
    const all = await table(name);
    const rows = matching(all, wanted);
    const entries = rows.slice(0, most()).map((row) => make("li", {}, entry(all.record(row))));
    if (rows.length > most()) entries.push(make("li", {}, `and ${rows.length - most()} more`));
    return [heading(rows.length ? `${title}: ${rows.length}` : title), rows.length ? make("ul", {}, entries) : note(empty)];
}

function note(words) {
    return make("p", { class: "note" }, words);
}

function finding({ id, severity, state, title, namespace, subject, answer }) {
    const sure = answer === "unknown" ? ", unknown whether" : "";
    const href = link("findings", { state: "every" }, { row: [id] });
    return [make("a", { href }, shown(title)), shown(` ${severity}, ${state}${sure}: ${subject || namespace}`)];
}

function change({ change: what, subject, namespace, before, after, cause }) {
    return shown(`${what}: ${subject} in ${namespace}, ${before || "no access"} → ${after || "no access"}: ${cause}`);
}

function use({ subject, action, outcome, namespace, repository, last, count }) {
    return [shown(`${subject}: ${action} ${outcome}, ${namespace}/${repository}, ${count} times, last `), time(last)];
}

// Return the parts about a namespace, or a subject. `wanted` are the values of columns that findings, changes and use
// have; `zone` is empty for a subject of all zones.
export async function about(wanted, zone) {
    const usage = await table("usage");
    const without = usage.rows ? "None was seen in the logs that were read." : NO_LOGS;
    return [
        await list("Findings", "findings", wanted, finding, "None."),
        await list("Changes", "changes", wanted, change, "None since the last run, or no earlier run to compare with."),
        await list("Use", "usage", wanted, use, without),
        await notSeen(zone, wanted.namespace),
    ];
}

export async function repositoriesOf(wanted) {
    const entry = ({ repository, pushed }) => [code(repository), " last pushed ", time(pushed || "never")];
    return list("Repositories", "repositories", wanted, entry, "None was read.");
}

// Return the lists that were not read to their end, so that more may be so than is said.
async function notSeen(zone, namespace) {
    const all = await table("coverage");
    const entries = [];
    for (let row = 0; row < all.rows; row++) {
        const line = all.record(row);
        const here = !namespace || line.namespace === "*" || line.namespace === namespace;
        if (line.state !== "seen" && here && (!zone || line.zone === zone))
            entries.push(make("li", {}, shown(`${line.kind} of ${line.zone}: ${line.state}${line.detail ? `: ${line.detail}` : ""}`)));
    }
    return [heading("Not seen"), entries.length ? make("ul", {}, entries.slice(0, most())) : note("All lists were read.")];
}
