// What is to be known of a namespace or a subject: who can, and where.
import { link } from "./address.js";
import { table } from "./tables.js";
import { counted, make, shown } from "./dom.js";
import { code, facts, heading, links, SHOWN } from "./drawer_parts.js";
import { matching } from "./query.js";
import { capital, KIND_WORDS, rights, who } from "./words.js";

// Lists of those who can do something in a namespace, by how they belong to it.
const BELONGS = [
    ["other organization", "Of another organization"],
    ["everybody", "Everybody"],
    ["none", "Of no known organization"],
    ["own organization", "Of its own organization"],
    ["platform", "The platform"],
    ["", "Without an organization to compare"],
];

function ableIn(all, record, action) {
    const rows = [
        ...matching(all, { namespace: record.namespace, zone: record.zone }),
        ...matching(all, { namespace: "*", zone: record.zone }),
    ];
    return rows.filter((row) => all.text(row, action) !== "no").map((row) => all.record(row));
}

function nameOf(one) {
    return JSON.stringify([one.subject_kind, one.subject]);
}

function ableLists(able, action) {
    return BELONGS.map(([word, words]) => {
        const mine = able.filter((one) => one.belongs === word);
        if (!mine.length) return null;
        const entries = mine.slice(0, SHOWN).map((one) =>
            make(
                "li",
                {},
                make(
                    "a",
                    {
                        href: link(
                            "access",
                            { expected: "every" },
                            { row: [one.zone, one.namespace, one.repository, one.subject_kind, one.subject] },
                        ),
                    },
                    code(one.subject),
                ),
                ` ${KIND_WORDS[one.subject_kind]}${one.namespace === "*" ? ", everywhere" : ""}${one.repository === "*" ? "" : `, ${shown(one.repository)} only`}${one[action] === "unknown" ? ", not known whether" : ""}`,
            ),
        );
        if (mine.length > SHOWN) entries.push(make("li", {}, `and ${mine.length - SHOWN} more`));
        return [
            make("h3", {}, `${words}: ${mine.length}`),
            make("ul", { "data-belongs": word, "data-action": action }, entries),
        ];
    });
}

export async function namespacesReason(record) {
    const all = await table("access");
    const push = ableIn(all, record, "push");
    const pushers = new Set(push.map(nameOf));
    const pull = ableIn(all, record, "pull").filter((one) => !pushers.has(nameOf(one)));
    const outside = push.filter((one) => one.belongs === "other organization" && one.push === "yes").length;
    const open = record.open_push
        ? ` It is open for push to ${record.open_push}.`
        : record.open_pull
          ? ` It is open for pull to ${record.open_pull}.`
          : "";
    return {
        title: record.namespace,
        why: `${counted(push.filter((one) => one.push === "yes").length, "subject")} can push to ${record.namespace} of zone ${record.zone}${record.organization ? ` (organization ${record.organization})` : ""}, ${outside} of another organization.${open}${record.blind === "yes" ? " Not all of its bindings were seen: anybody may have access." : ""}`,
        parts: [
            links(
                ["All its access", link("access", { zone: record.zone, namespace: [record.namespace, "*"] })],
                ["Its repositories", link("repositories", { zone: record.zone, namespace: record.namespace })],
                ["Its findings", link("findings", { zone: record.zone, namespace: record.namespace })],
                ["Its changes", link("changes", { zone: record.zone, namespace: record.namespace })],
            ),
            make("h2", {}, "Who can push"),
            push.length ? ableLists(push, "push") : make("p", { class: "note" }, "Nobody."),
            make("h2", {}, "Who can pull only"),
            pull.length ? ableLists(pull, "pull") : make("p", { class: "note" }, "Nobody."),
            facts([
                ["Created", record.created],
                ["Last push", record.pushed],
            ]),
        ],
    };
}

export async function subjectsReason(record) {
    const all = await table("access");
    const wanted = {
        subject: record.subject,
        subject_kind: record.subject_kind,
        ...(record.zone ? { zone: record.zone } : {}),
    };
    const rows = matching(all, wanted).map((row) => all.record(row));
    const strength = (one) =>
        ["create", "push", "pull"].findIndex((action) => one[action] === "yes") + (one.namespace === "*" ? -10 : 0);
    rows.sort((one, other) => strength(one) - strength(other));
    const everywhere = record.push_everywhere !== "0" ? " It can push everywhere in at least one zone." : "";
    const reach = rows.slice(0, SHOWN).map((one) =>
        make(
            "li",
            {},
            make(
                "a",
                {
                    href: link(
                        "access",
                        { expected: "every" },
                        { row: [one.zone, one.namespace, one.repository, one.subject_kind, one.subject] },
                    ),
                },
                code(one.namespace === "*" ? "every namespace" : one.namespace),
            ),
            shown(
                ` of ${one.zone}${one.repository === "*" ? "" : `, ${one.repository} only`}: ${rights(one).held || "not known"}`,
            ),
        ),
    );
    if (rows.length > SHOWN)
        reach.push(
            make(
                "li",
                {},
                make(
                    "a",
                    { href: link("access", { ...wanted, expected: "every" }) },
                    `and ${rows.length - SHOWN} more`,
                ),
            ),
        );
    return {
        title: record.subject,
        why: `${capital(who(record))} can push in ${counted(Number(record.push_namespaces), "namespace")} and pull in ${counted(Number(record.pull_namespaces), "namespace")}, in ${counted(Number(record.zones), "zone")}.${everywhere}`,
        parts: [
            links(
                ["All its rows", link("access", { ...wanted, expected: "every" })],
                ["Its grants", link("grants", wanted)],
                ["Its findings", link("findings", { subject: record.subject })],
            ),
            facts([
                ["Organization", record.organization],
                ["Tokens without an end", record.tokens === "-1" ? "not known" : record.tokens],
                [
                    "Members",
                    record.subject_kind === "Group" ? (record.members === "-1" ? "not known" : record.members) : "",
                ],
                ["Exists", record.account],
                ["Mostly by", record.how],
            ]),
            heading("What it reaches"),
            make("ul", { class: "reach" }, reach),
            await tokens(record),
        ],
    };
}

async function tokens(record) {
    if (record.subject_kind !== "ServiceAccount") return null;
    const all = await table("tokens");
    const held = matching(all, { account: record.subject, zone: record.zone }).map((row) => all.record(row));
    return held.length
        ? [
              heading("Tokens without an end"),
              make(
                  "ul",
                  {},
                  held.map((one) =>
                      make(
                          "li",
                          {},
                          code(one.token),
                          shown(` since ${one.created || "unknown"}, last used ${one.last_used || "never noted"}`),
                      ),
                  ),
              ),
          ]
        : null;
}
