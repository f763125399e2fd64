// Why a row is there: a sentence, the chain, the commands, the history. One function a table.
import { link } from "./address.js";
import { table } from "./columns.js";
import { checks, leaving, removal } from "./commands.js";
import { counted, make, shown } from "./dom.js";
import { matching } from "./query.js";
import { capital, KIND_WORDS, place, rights, who } from "./words.js";

const SHOWN = 40; // entries of one list

function code(words) {
  return make("code", {}, shown(words));
}

function heading(words) {
  return make("h3", {}, words);
}

function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== "" && value !== undefined && value !== null);
  return make("dl", {}, known.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, typeof value === "string" ? shown(value) : value)]));
}

function links(...pairs) {
  return make("p", { class: "links" }, pairs.map(([words, href]) => make("a", { href }, shown(words))));
}

// A command with a button that copies it.
function command(words) {
  const said = make("pre", {}, shown(words));
  const copy = make("button", { type: "button", click: () => navigator.clipboard.writeText(words).then(() => (copy.textContent = "Copied")) }, "Copy");
  return make("div", { class: "command" }, said, copy);
}

function step(kind, ...words) {
  return make("li", {}, make("span", { class: "kind" }, kind), make("span", {}, ...words));
}

// The chain of one grant: subject, group, binding, role, the role it was aggregated from, rule.
function chain(grant) {
  const where = grant.namespace === "*" ? "" : ` in ${grant.namespace}`;
  const steps = [step(KIND_WORDS[grant.subject_kind] ?? grant.subject_kind, code(grant.subject))];
  if (grant.group) steps.push(step("is in group", code(grant.group)));
  if (grant.binding) steps.push(step("bound by", grant.binding_kind, " ", code(grant.binding), shown(where), grant.since ? ` since ${grant.since}` : ""));
  else steps.push(step("built in", "the API server asks no role about this group"));
  if (grant.role) steps.push(step("to", grant.role_kind, " ", code(grant.role)));
  for (const source of grant.aggregated_from ? grant.aggregated_from.split(", ") : []) steps.push(step("aggregated from", "ClusterRole ", code(source)));
  if (grant.rule) steps.push(...grant.rule.split("; ").map((rule) => step("rule", code(rule))));
  if (grant.problem) steps.push(step("grants nothing", make("strong", { class: "caveat" }, grant.problem)));
  return make("ol", { class: "chain" }, steps);
}

// The platform's groups that somebody is in, beside itself and the groups that list it.
function circles(row) {
  if (row.subject_kind === "ServiceAccount") return [`system:serviceaccounts:${row.subject.split(":")[0]}`, "system:serviceaccounts", "system:authenticated"];
  if (row.subject_kind === "User") return row.subject === "system:anonymous" ? ["system:unauthenticated"] : ["system:authenticated", "system:authenticated:oauth"];
  return [];
}

// Return the grants that give a subject what it has in a place: its own there and everywhere, and everybody's.
function grantsOf(grants, row) {
  const found = [];
  const subjects = [[row.subject_kind, row.subject], ...circles(row).map((name) => ["Group", name])];
  for (const namespace of new Set([row.namespace, "*"])) {
    for (const [subject_kind, subject] of subjects) {
      for (const at of matching(grants, { subject, subject_kind, namespace, zone: row.zone })) {
        const grant = grants.record(at);
        if (row.repository === "*" || grant.repository === "*" || grant.repository === row.repository) found.push(grant);
      }
    }
  }
  return found;
}

async function accessReason(record) {
  const grants = grantsOf(await table("grants"), record).filter((grant) => record.repository !== "*" || grant.repository === "*" || !record.how);
  const { held, open } = rights(record);
  const via = record.binding ? `, ${record.group ? `through group ${record.group}, ` : ""}by ${record.binding_kind} ${record.binding} to ${record.role_kind} ${record.role}${record.aggregated_from ? `, which has it from ${record.aggregated_from}` : ""}` : "";
  const sentences = [];
  if (held) sentences.push(`${capital(who(record))} can ${held} in ${place(record)}${via}.`);
  if (open) sentences.push(`Whether ${who(record)} can ${open} in ${place(record)} is not known: something that decides it was not seen.`);
  const own = grants.find((grant) => grant.binding === record.binding && grant.group === record.group) ?? grants[0];
  const through = [...new Set(grants.map((grant) => grant.group).filter(Boolean))];
  const commands = checks(record, through);
  const away = [...new Set(grants.flatMap((grant) => [removal(grant), leaving(grant)]).filter(Boolean))];
  return {
    title: `${record.subject} in ${record.namespace === "*" ? "every namespace" : record.namespace}`,
    why: sentences.join(" "),
    parts: [
      heading(grants.length === 1 ? "The way in" : `The ways in: ${grants.length}`),
      grants.length ? [...new Set([own, ...grants])].slice(0, SHOWN).map(chain) : make("p", { class: "note" }, "No grant of its own: it has this as one of many, or it was not seen who has it."),
      commands.length ? [heading("Check it"), commands.map(command)] : null,
      away.length ? [heading("Take it away"), make("p", { class: "note" }, `Each takes one way; access ends when none is left. Zone ${shown(record.zone)}.`), away.slice(0, SHOWN).map(command)] : null,
      await history(record),
      heading("More"),
      links([`All that ${record.subject} has`, link("access", { subject_kind: record.subject_kind, subject: record.subject })], [`All of ${record.namespace === "*" ? "the cluster-wide access" : record.namespace}`, link("access", { zone: record.zone, namespace: record.namespace === "*" ? "*" : [record.namespace, "*"] })]),
    ],
  };
}

// What findings and changes say of a subject in a place, and since when.
async function history(record) {
  const wanted = { zone: record.zone, namespace: record.namespace, subject: record.subject };
  const [findings, changes] = [await table("findings"), await table("changes")];
  const found = matching(findings, wanted).map((row) => findings.record(row));
  const changed = matching(changes, wanted).map((row) => changes.record(row));
  return [
    heading("History"),
    facts([
      ["Bound since", record.since ?? ""],
      ...changed.slice(0, SHOWN).map((one) => [one.change, `${one.before || "nothing"} → ${one.after || "nothing"}: ${one.cause} (since the run ${one.from_run})`]),
      ...found.slice(0, SHOWN).map((one) => [`Finding, ${one.state}`, make("a", { href: link("findings", { state: "every" }, { row: [one.id] }) }, shown(`${one.title} (${one.severity}), first seen ${one.first_seen || "in this run"}`))]),
    ]),
    !record.since && !changed.length && !found.length ? make("p", { class: "note" }, "Nothing is noted.") : null,
  ];
}

async function grantsReason(record) {
  const away = [removal(record), leaving(record)].filter(Boolean);
  const { held, open } = rights(record);
  const can = record.problem ? `gets nothing: ${record.problem}` : held ? `can ${held}` : `may be able to ${open}`;
  return {
    title: record.binding || "system:masters",
    why: `${capital(who(record))} ${can} in ${place(record)}.`,
    parts: [heading("The way in"), chain(record), away.length ? [heading("Take it away"), away.map(command)] : null, links(["All its access there", link("access", { zone: record.zone, namespace: record.namespace, subject: record.subject, expected: "every" })])],
  };
}

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
  const rows = [...matching(all, { namespace: record.namespace, zone: record.zone }), ...matching(all, { namespace: "*", zone: record.zone })];
  return rows.filter((row) => all.text(row, action) !== "no").map((row) => all.record(row));
}

function nameOf(one) {
  return JSON.stringify([one.subject_kind, one.subject]);
}

function ableLists(able, action) {
  return BELONGS.map(([word, words]) => {
    const mine = able.filter((one) => one.belongs === word);
    if (!mine.length) return null;
    const entries = mine.slice(0, SHOWN).map((one) => make("li", {}, make("a", { href: link("access", { expected: "every" }, { row: [one.zone, one.namespace, one.repository, one.subject_kind, one.subject] }) }, code(one.subject)), ` ${KIND_WORDS[one.subject_kind]}${one.namespace === "*" ? ", everywhere" : ""}${one.repository === "*" ? "" : `, ${shown(one.repository)} only`}${one[action] === "unknown" ? ", not known whether" : ""}`));
    if (mine.length > SHOWN) entries.push(make("li", {}, `and ${mine.length - SHOWN} more`));
    return [make("h3", {}, `${words}: ${mine.length}`), make("ul", { "data-belongs": word, "data-action": action }, entries)];
  });
}

async function namespacesReason(record) {
  const all = await table("access");
  const push = ableIn(all, record, "push");
  const pushers = new Set(push.map(nameOf));
  const pull = ableIn(all, record, "pull").filter((one) => !pushers.has(nameOf(one)));
  const outside = push.filter((one) => one.belongs === "other organization" && one.push === "yes").length;
  const open = record.open_push ? ` It is open for push to ${record.open_push}.` : record.open_pull ? ` It is open for pull to ${record.open_pull}.` : "";
  return {
    title: record.namespace,
    why: `${counted(push.filter((one) => one.push === "yes").length, "subject")} can push to ${record.namespace} of zone ${record.zone}${record.organization ? ` (organization ${record.organization})` : ""}, ${outside} of another organization.${open}${record.blind === "yes" ? " Not all of its bindings were seen: anybody may have access." : ""}`,
    parts: [
      links(["All its access", link("access", { zone: record.zone, namespace: [record.namespace, "*"] })], ["Its repositories", link("repositories", { zone: record.zone, namespace: record.namespace })], ["Its findings", link("findings", { zone: record.zone, namespace: record.namespace })], ["Its changes", link("changes", { zone: record.zone, namespace: record.namespace })]),
      make("h2", {}, "Who can push"),
      push.length ? ableLists(push, "push") : make("p", { class: "note" }, "Nobody."),
      make("h2", {}, "Who can pull only"),
      pull.length ? ableLists(pull, "pull") : make("p", { class: "note" }, "Nobody."),
      facts([["Created", record.created], ["Last push", record.pushed]]),
    ],
  };
}

async function subjectsReason(record) {
  const all = await table("access");
  const wanted = { subject: record.subject, subject_kind: record.subject_kind, ...(record.zone ? { zone: record.zone } : {}) };
  const rows = matching(all, wanted).map((row) => all.record(row));
  const strength = (one) => ["create", "push", "pull"].findIndex((action) => one[action] === "yes") + (one.namespace === "*" ? -10 : 0);
  rows.sort((one, other) => strength(one) - strength(other));
  const everywhere = record.push_everywhere !== "0" ? " It can push everywhere in at least one zone." : "";
  const reach = rows.slice(0, SHOWN).map((one) => make("li", {}, make("a", { href: link("access", { expected: "every" }, { row: [one.zone, one.namespace, one.repository, one.subject_kind, one.subject] }) }, code(one.namespace === "*" ? "every namespace" : one.namespace)), shown(` of ${one.zone}${one.repository === "*" ? "" : `, ${one.repository} only`}: ${rights(one).held || "not known"}`)));
  if (rows.length > SHOWN) reach.push(make("li", {}, make("a", { href: link("access", { ...wanted, expected: "every" }) }, `and ${rows.length - SHOWN} more`)));
  return {
    title: record.subject,
    why: `${capital(who(record))} can push in ${counted(Number(record.push_namespaces), "namespace")} and pull in ${counted(Number(record.pull_namespaces), "namespace")}, in ${counted(Number(record.zones), "zone")}.${everywhere}`,
    parts: [
      links(["All its rows", link("access", { ...wanted, expected: "every" })], ["Its grants", link("grants", wanted)], ["Its findings", link("findings", { subject: record.subject })]),
      facts([["Organization", record.organization], ["Tokens without an end", record.tokens === "-1" ? "not known" : record.tokens], ["Members", record.subject_kind === "Group" ? (record.members === "-1" ? "not known" : record.members) : ""], ["Exists", record.account], ["Mostly by", record.how]]),
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
  return held.length ? [heading("Tokens without an end"), make("ul", {}, held.map((one) => make("li", {}, code(one.token), shown(` since ${one.created || "unknown"}, last used ${one.last_used || "never noted"}`))))] : null;
}

async function findingsReason(record) {
  const where = { zone: record.zone, namespace: record.namespace, subject: record.subject };
  const evidence = record.evidence_in && Number(record.rows) ? [[`${counted(Number(record.rows), "row")} of evidence`, link(record.evidence_in, record.subject ? { ...where, ...(record.evidence_in === "access" ? { expected: "every" } : {}) } : { zone: record.zone, namespace: record.namespace })]] : [];
  return {
    title: record.title,
    why: record.detail,
    parts: [
      record.answer === "unknown" ? make("p", { class: "caveat" }, "It may be so: what decides was not seen.") : null,
      links(...evidence, ["The namespace", link("namespaces", { zone: record.zone, namespace: record.namespace })]),
      record.remedy ? [heading("Take it away"), command(record.remedy)] : null,
      heading("History"),
      facts([["State", record.state], ["First seen", record.first_seen], ["Last seen", record.last_seen], ["Exception", record.exception], ["Until", record.until]]),
      heading("About"),
      facts([["Severity", record.severity], ["Confidence", record.confidence], ["Check", record.check], ["Controls", record.controls], ["Binding", record.binding && `${record.binding_kind} ${record.binding}`], ["Role", record.role && `${record.role_kind} ${record.role}`], ["Id", record.id]]),
    ],
  };
}

async function changesReason(record) {
  return {
    title: `${record.change}: ${record.subject || record.namespace || record.binding}`,
    why: record.cause || `${capital(record.object)} ${record.change}.`,
    parts: [
      facts([["Before", record.before || "nothing"], ["Now", record.after || "nothing"], ["Where", place(record)], ["Who", record.subject && who(record)], ["Binding", record.binding && `${record.binding_kind} ${record.binding}`], ["Since", record.since], ["Compared with", record.from_run]]),
      record.object === "access" && record.change !== "lost" ? links(["Its access now", link("access", { expected: "every" }, { row: [record.zone, record.namespace, record.repository, record.subject_kind, record.subject] })]) : null,
    ],
  };
}

async function repositoriesReason(record) {
  return {
    title: `${record.namespace}/${record.repository}`,
    why: `${record.pushed ? `Last pushed ${record.pushed}` : "Never pushed"}. By bindings of the namespace, ${counted(Number(record.push_subjects), "subject")} can push and ${counted(Number(record.pull_subjects), "subject")} can pull.`,
    parts: [
      links(["Who can", link("access", { zone: record.zone, namespace: [record.namespace, "*"], repository: ["*", record.repository], expected: "every" })], ["The namespace", link("namespaces", { zone: record.zone, namespace: record.namespace }, { row: [record.zone, record.namespace] })]),
      facts([["Created", record.created], ["Open for pull", record.open_pull], ["Open for push", record.open_push]]),
    ],
  };
}

async function exceptionsReason(record) {
  return {
    title: record.id,
    why: `${record.decided_by || "Somebody"} accepted ${record.check} until ${record.until || "no day"}: ${record.reason}`,
    parts: [facts([["State", record.state], ["Zones", record.zone], ["Namespaces", record.namespace], ["Subjects", record.subject], ["Ticket", record.ticket], ["Findings", record.findings]]), links(["The findings it covers", link("findings", { exception: record.id, state: "every" })])],
  };
}

async function organizationsReason(record) {
  const states = { same: "The zone's group lists whom the control API lists.", differs: "The zone's group and the control API list different people.", "no-group": "The zone has no such group.", "not-declared": "The control API has no such organization or team.", "not-asked": "No control API was asked.", "only-declared": "The control API lists this person, and the zone's group does not.", "only-in-zone": "The zone's group lists this person, and the control API does not." };
  return { title: record.subject || record.group || record.organization, why: states[record.state] ?? "What decides was not seen.", parts: [facts(Object.entries(record)), links(["Its namespaces", link("namespaces", { zone: record.zone, organization: record.organization })])] };
}

async function coverageReason(record) {
  return { title: `${record.kind} of ${record.zone}`, why: record.state === "seen" ? `${counted(Number(record.count), "object")} were listed.` : `${record.state}: ${record.detail}`, parts: [facts(Object.entries(record).map(([name, value]) => [name.replace("_", " "), value]))] };
}

// By the name of the table.
export const REASONS = {
  access: accessReason,
  grants: grantsReason,
  namespaces: namespacesReason,
  subjects: subjectsReason,
  findings: findingsReason,
  changes: changesReason,
  repositories: repositoriesReason,
  exceptions: exceptionsReason,
  coverage: coverageReason,
  organizations: organizationsReason,
};
