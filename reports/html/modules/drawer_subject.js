// The drawer of a subject: what it can do where, and its tokens.
import { link } from "./address.js";
import { counted, make, shown } from "./dom.js";
import { about } from "./drawer_about.js";
import { code, facts, heading, links, most, time } from "./drawer_parts.js";
import { routesOf } from "./drawer_routes.js";
import { matching } from "./query.js";
import { reachFilters, spelled } from "./reach.js";
import { table } from "./tables.js";
import { capital, namespaceWords, rights, who } from "./words.js";

const ACTIONS = ["create", "push", "pull"];

// Return the rank of a row: cluster-wide rows first, then by the strongest action.
function rank(row) {
    return ACTIONS.findIndex((action) => row[action] === "yes") + (row.namespace === "*" ? -10 : 0);
}

function entry(row, record) {
    const own = row.subject_kind === record.subject_kind && row.subject === record.subject;
    const through = own ? "" : row.subject === "*" ? " (data is missing)" : ` (through ${row.subject})`;
    const key = [row.zone, row.namespace, row.repository, row.subject_kind, row.subject];
    const repository = row.repository === "*" ? "" : `, only repository ${row.repository}`;
    return make(
        "li",
        {},
        make("a", { href: link("access", { expected: "every" }, { row: key }) }, code(namespaceWords(row.namespace))),
        shown(` in ${row.zone}${repository}: ${rights(row).allowed || "unknown"}${through}`),
    );
}

// Return the rows of access of a subject and of what it acts as, the strongest first.
async function reachOf(record) {
    const access = await table("access");
    const subject = spelled(record.subject_kind, record.subject);
    const passes = (await reachFilters(access, new Map([["for", new Set([subject])]]))).get("for");
    const rows = [];
    for (let row = 0; row < access.rows; row++)
        if (passes(row) && (!record.zone || access.text(row, "zone") === record.zone)) rows.push(access.record(row));
    return rows.sort((row, other) => rank(row) - rank(other));
}

export async function subjectDrawer(record) {
    const rows = await reachOf(record);
    const zone = record.zone ? { zone: record.zone } : {};
    const all = link("access", { ...zone, for: spelled(record.subject_kind, record.subject), expected: "every" });
    const wanted = { ...zone, subject: record.subject, subject_kind: record.subject_kind };
    const entries = rows.slice(0, most()).map((row) => entry(row, record));
    if (rows.length > most()) entries.push(make("li", {}, make("a", { href: all }, `and ${rows.length - most()} more`)));
    const everywhere = Number(record.push_everywhere)
        ? ` This includes all namespaces of ${counted(Number(record.push_everywhere), "zone")} for push.`
        : "";
    const count = (name) => counted(Number(record[name]), "namespace");
    return {
        title: record.subject,
        why: `${capital(who(record))} can push to ${count("push_namespaces")} and pull from ${count("pull_namespaces")}, by its own grants, through virtual groups, and cluster-wide.${everywhere}`,
        parts: [
            links(
                ["Access", all],
                ["Grants", link("grants", wanted)],
                ["Findings", link("findings", { subject: record.subject })],
            ),
            facts([
                ["Organization", record.organization],
                ["Non-expiring tokens", record.tokens === "-1" ? "unknown" : record.tokens],
                [
                    "Members",
                    record.subject_kind === "Group" ? (record.members === "-1" ? "unknown" : record.members) : "",
                ],
                ["Exists", record.account],
                ["Strongest grant", record.how],
            ]),
            heading("Access"),
            make("ul", { class: "reach" }, entries),
            await routesOf(record, record.zone),
            await tokensOf(record),
            await about(wanted, record.zone),
        ],
    };
}

async function tokensOf(record) {
    if (record.subject_kind !== "ServiceAccount") return null;
    const tokens = await table("tokens");
    const rows = matching(tokens, { account: record.subject, zone: record.zone }).map((row) => tokens.record(row));
    if (!rows.length) return null;
    const entries = rows.map((token) =>
        make(
            "li",
            {},
            code(token.token),
            " created ",
            time(token.created || "unknown"),
            ", last used ",
            time(token.last_used || "never recorded"),
        ),
    );
    return [heading("Non-expiring tokens"), make("ul", {}, entries)];
}
