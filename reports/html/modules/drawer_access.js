// The drawer of a row of access, and of a grant: a sentence, the grants, the commands, the history.
import { link } from "./address.js";
import { actsAs, authorization, virtualGroups } from "./authorization.js";
import { checks, removals } from "./commands.js";
import { make, shown } from "./dom.js";
import { NO_LOGS } from "./grid_cells.js";
import { chain, command, facts, heading, links, most } from "./drawer_parts.js";
import { routesOf } from "./drawer_routes.js";
import { matching } from "./query.js";
import { spelled } from "./reach.js";
import { table } from "./tables.js";
import { capital, namespaceWords, place, rights, when, who } from "./words.js";

// Return the grants to a row's subject and to what it acts as, in its namespace and cluster-wide.
async function grantsOf(grants, row) {
    const found = [];
    const subjects = await actsAs(row.subject_kind, row.subject);
    for (const namespace of new Set([row.namespace, "*"])) {
        for (const [subject_kind, subject] of subjects) {
            for (const at of matching(grants, { subject, subject_kind, namespace, zone: row.zone })) {
                const grant = grants.record(at);
                const whole = grant.repository === "*" || (row.repository === "*" && !row.how);
                if (whole || grant.repository === row.repository) found.push(grant);
            }
        }
    }
    return found;
}

function sentences(record) {
    const { allowed, unknown } = rights(record);
    const source = record.aggregated_from ? `, aggregated from ${record.aggregated_from}` : "";
    const group = record.group ? ` through group ${record.group}` : "";
    const binding = `${record.binding_kind} ${record.binding} to ${record.role_kind} ${record.role}${source}`;
    const by = record.binding ? `${group} by ${binding}` : "";
    return [
        allowed ? `${capital(who(record))} can ${allowed} in ${place(record)}${by}.` : "",
        unknown
            ? `Whether ${who(record)} can ${unknown} in ${place(record)} is unknown: the data that decides it is missing.`
            : "",
    ]
        .filter(Boolean)
        .join(" ");
}

export async function accessDrawer(record) {
    const rules = await authorization();
    const found = await grantsOf(await table("grants"), record);
    const own = found.find((grant) => grant.binding === record.binding && grant.group === record.group) ?? found[0];
    const through = [...new Set(found.map((grant) => grant.group).filter(Boolean))];
    const self = record.subject_kind === "Group" ? [record.subject] : through;
    const virtual = await virtualGroups(record.subject_kind, record.subject);
    const commands = checks(rules, record, [...self, ...virtual]);
    const removing = [...new Set(found.flatMap((grant) => removals(rules, grant)))];
    const cluster = record.namespace === "*";
    return {
        title: `${record.subject} in ${namespaceWords(record.namespace)}`,
        why: sentences(record),
        parts: [
            heading(found.length === 1 ? "Grant" : `Grants: ${found.length}`),
            found.length
                ? [...new Set([own, ...found])].slice(0, most()).map(chain)
                : make(
                      "p",
                      { class: "note" },
                      "No grant to this subject was found: the answer depends on missing data.",
                  ),
            commands.length ? [heading("Check"), commands.map(command)] : null,
            removing.length
                ? [
                      heading("Remove"),
                      make(
                          "p",
                          { class: "note" },
                          `Each command removes one grant in zone ${shown(record.zone)}. Access ends when no grant is left.`,
                      ),
                      removing.slice(0, most()).map(command),
                  ]
                : null,
            await routesOf(record, record.zone, record.namespace === "*" ? "" : record.namespace),
            await history(record),
            heading("Related"),
            links(
                [
                    `All access of ${record.subject}`,
                    link("access", { for: spelled(record.subject_kind, record.subject), expected: "every" }),
                ],
                [
                    cluster ? "All cluster-wide access" : `All access to ${record.namespace}`,
                    link("access", {
                        zone: record.zone,
                        ...(cluster ? { namespace: "*" } : { in: record.namespace }),
                        expected: "every",
                    }),
                ],
            ),
        ],
    };
}

// Return what findings and changes report about a subject in a namespace, and since when it is bound.
async function history(record) {
    const wanted = { zone: record.zone, namespace: record.namespace, subject: record.subject };
    const [findings, changes] = [await table("findings"), await table("changes")];
    const changed = matching(changes, wanted).map((row) => changes.record(row));
    const reported = matching(findings, wanted).map((row) => findings.record(row));
    const entries = [
        ["Bound since", record.since ?? ""],
        ["Used", record.used ? `${record.used}${record.last_used ? `, last ${when(record.last_used)}` : ""}` : NO_LOGS],
        ["Push used", record.push_used ?? ""],
        ...changed
            .slice(0, most())
            .map((change) => [
                capital(change.change),
                `${change.before || "no access"} → ${change.after || "no access"}: ${change.cause} (since run ${change.from_run})`,
            ]),
        ...reported
            .slice(0, most())
            .map((finding) => [
                `Finding (${finding.state})`,
                make(
                    "a",
                    { href: link("findings", { state: "every" }, { row: [finding.id] }) },
                    shown(`${finding.title} (${finding.severity}), first seen ${when(finding.first_seen) || "in this run"}`),
                ),
            ]),
    ];
    return [heading("History"), facts(entries)];
}

export async function grantDrawer(record) {
    const removing = removals(await authorization(), record);
    const { allowed, unknown } = rights(record);
    const effect = record.problem
        ? `gets nothing (${record.problem})`
        : allowed
          ? `can ${allowed}`
          : `may be able to ${unknown}`;
    return {
        title: record.binding || "system:masters",
        why: `${capital(who(record))} ${effect} in ${place(record)}.`,
        parts: [
            heading("Grant"),
            chain(record),
            removing.length ? [heading("Remove"), removing.map(command)] : null,
            links([
                "All access of this subject here",
                link("access", {
                    zone: record.zone,
                    for: spelled(record.subject_kind, record.subject),
                    in: record.namespace,
                    expected: "every",
                }),
            ]),
        ],
    };
}
