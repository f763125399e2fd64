// The drawer of a subject: what it can do where, and its tokens.
import { link } from "./address.js";
import { counted, make, shown } from "./dom.js";
import { code, facts, heading, links, SHOWN } from "./drawer_parts.js";
import { matching } from "./query.js";
import { table } from "./tables.js";
import { capital, namespaceWords, rights, who } from "./words.js";

const ACTIONS = ["create", "push", "pull"];

// Return the rank of a row: cluster-wide rows first, then by the strongest action.
function rank(row) {
    return ACTIONS.findIndex((action) => row[action] === "yes") + (row.namespace === "*" ? -10 : 0);
}

function entry(row) {
    const key = [row.zone, row.namespace, row.repository, row.subject_kind, row.subject];
    const repository = row.repository === "*" ? "" : `, only repository ${row.repository}`;
    return make(
        "li",
        {},
        make("a", { href: link("access", { expected: "every" }, { row: key }) }, code(namespaceWords(row.namespace))),
        shown(` in ${row.zone}${repository}: ${rights(row).allowed || "unknown"}`),
    );
}

export async function subjectDrawer(record) {
    const access = await table("access");
    const wanted = {
        subject: record.subject,
        subject_kind: record.subject_kind,
        ...(record.zone ? { zone: record.zone } : {}),
    };
    const rows = matching(access, wanted).map((row) => access.record(row));
    rows.sort((row, other) => rank(row) - rank(other));
    const all = link("access", { ...wanted, expected: "every" });
    const entries = rows.slice(0, SHOWN).map(entry);
    if (rows.length > SHOWN)
        entries.push(make("li", {}, make("a", { href: all }, `and ${rows.length - SHOWN} more`)));
    const everywhere = record.push_everywhere !== "0" ? " It can push to all namespaces of at least one zone." : "";
    const count = (name) => counted(Number(record[name]), "namespace");
    return {
        title: record.subject,
        why: `${capital(who(record))} can push to ${count("push_namespaces")} and pull from ${count("pull_namespaces")} in ${counted(Number(record.zones), "zone")}.${everywhere}`,
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
            await tokensOf(record),
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
            shown(` created ${token.created || "unknown"}, last used ${token.last_used || "never recorded"}`),
        ),
    );
    return [heading("Non-expiring tokens"), make("ul", {}, entries)];
}
