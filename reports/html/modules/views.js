// The views that show rows: which table, which columns in which order, what can be filtered, and what a row is called.
import { SEVERITIES } from "./columns.js";
import { KIND_WORDS } from "./words.js";

// A column: its name in the table, its heading, how it is shown, its width in pixels; `hidden` ones can be brought in.
function column(name, label, kind = "text", width = 120, hidden = false) {
  return { name, label, kind, width, hidden };
}

const ZONE = column("zone", "Zone", "text", 110);
const NAMESPACE = column("namespace", "Namespace", "name", 200);
const REPOSITORY = column("repository", "Repository", "name", 110);
const ORGANIZATION = column("organization", "Organization", "name", 130);
const WHO = [column("subject_kind", "Kind", "kind", 80), column("subject", "Subject", "subject", 230)];
const RIGHTS = [column("pull", "Pull", "answer", 56), column("push", "Push", "answer", 56), column("create", "New", "answer", 56)];
const MORE_RIGHTS = ["delete", "catalog", "sign"].map((name) => column(name, name[0].toUpperCase() + name.slice(1), "answer", 64, true));
const HOW = column("how", "How", "text", 90);
const GROUP = column("group", "Through group", "name", 150);
const BINDING = [column("binding_kind", "Binding kind", "text", 140, true), column("binding", "Binding", "name", 170)];
const ROLE = [column("role_kind", "Role kind", "text", 100, true), column("role", "Role", "name", 150), column("aggregated_from", "From", "name", 130)];
const SINCE = column("since", "Since", "time", 165);
const PLACE_KEY = ["zone", "namespace"];
const ACCESS_KEY = [...PLACE_KEY, "repository", "subject_kind", "subject"];

function counts(action, label) {
  return [["people", "people"], ["groups", "groups"], ["accounts", "accounts"]].map(([who, word]) => column(`${action}_${who}`, `${label} ${word}`, "count", 108, action === "create"));
}

export const VIEWS = {
  findings: {
    title: "Findings",
    table: "findings",
    about: "What is wrong, the worst first; accepted ones and those that are gone are folded away.",
    columns: [
      column("severity", "Severity", "severity", 90), column("state", "State", "text", 84), column("title", "Finding", "text", 290), ZONE, NAMESPACE, ORGANIZATION, ...WHO,
      column("answer", "Is it so", "answer", 76), column("confidence", "Confidence", "text", 100, true), column("check", "Check", "name", 120, true), column("first_seen", "First seen", "time", 165),
      column("exception", "Exception", "name", 110, true), column("until", "Until", "time", 110, true), column("controls", "Controls", "text", 160, true), column("detail", "Detail", "text", 400, true),
    ],
    facets: ["severity", "state", "check", "zone", "organization", "subject_kind", "answer"],
    searched: ["title", "check", "zone", "namespace", "organization", "subject", "binding", "role", "detail", "id"],
    key: ["id"],
    folded: { column: "state", shown: ["new", "open"], words: "accepted or gone" },
    order: "severity",
    empty: "No finding",
  },
  changes: {
    title: "Changes",
    table: "changes",
    about: "What is not as it was in the last run.",
    columns: [
      column("change", "Change", "text", 90), column("object", "What", "text", 100), ZONE, NAMESPACE, REPOSITORY, ...WHO, column("before", "Before", "text", 150), column("after", "Now", "text", 150),
      column("cause", "Cause", "text", 320), column("organization", "Organization", "name", 130, true), ...BINDING, GROUP, ...ROLE.slice(0, 2), SINCE, column("from_run", "Compared with", "text", 150, true),
    ],
    facets: ["change", "object", "zone", "organization", "subject_kind"],
    searched: ["change", "object", "zone", "namespace", "repository", "subject", "cause", "binding", "organization"],
    key: ["change", "object", ...ACCESS_KEY, "binding_kind", "binding"],
    empty: "No change since the last run, or no earlier run to compare with",
  },
  namespaces: {
    title: "Namespaces",
    table: "namespaces",
    about: "Who can do what by a binding of the namespace itself; people count once. What holds everywhere is under Access.",
    columns: [
      ZONE, NAMESPACE, ORGANIZATION, column("open_pull", "Open for pull", "open", 110), column("open_push", "Open for push", "open", 110), column("worst", "Worst finding", "severity", 110), column("findings", "Findings", "count", 80),
      column("push_outside", "Others push", "count", 96), column("pull_outside", "Others pull", "count", 96), ...counts("pull", "Pull"), ...counts("push", "Push"), ...counts("create", "New"),
      column("unknown", "Not known", "count", 88), column("blind", "Not all seen", "blind", 100, true), column("changes", "Changes", "count", 84), column("repositories", "Repositories", "count", 104), column("pushed", "Last push", "time", 165), column("created", "Created", "time", 165, true),
    ],
    facets: ["zone", "organization", "open_pull", "open_push", "push_outside", "worst", "blind", "changes"],
    searched: ["zone", "namespace", "organization"],
    key: PLACE_KEY,
    empty: "No namespace was seen",
  },
  subjects: {
    title: "Subjects",
    table: "subjects",
    about: "In how many namespaces each can do what. A person or group is the same in every zone; an account is another one in each.",
    columns: [
      ...WHO, column("organization", "Organization", "name", 150), column("zones", "Zones", "count", 64), column("zone", "Account of zone", "text", 120), column("push_namespaces", "Push in", "count", 80), column("push_everywhere", "Push everywhere", "zones", 120),
      column("push_outside", "In others' (push)", "count", 124), column("pull_namespaces", "Pull in", "count", 80), column("pull_everywhere", "Pull everywhere", "zones", 120), column("pull_outside", "In others' (pull)", "count", 124, true), column("create_namespaces", "New in", "count", 80),
      column("create_everywhere", "New everywhere", "zones", 120, true), HOW, column("tokens", "Endless tokens", "count", 110), column("members", "Members", "count", 84, true), column("unknown", "Not known", "count", 88),
    ],
    facets: ["subject_kind", "organization", "push_namespaces", "push_everywhere", "push_outside", "how", "tokens", "zone"],
    searched: ["subject", "organization", "zone"],
    key: ["subject_kind", "subject", "zone"],
    empty: "No subject was seen",
  },
  access: {
    title: "Access",
    table: "access",
    about: "Who can do what where, all grants together. One row in every namespace stands for all of them.",
    columns: [...WHO, ...RIGHTS, ...MORE_RIGHTS, ZONE, NAMESPACE, REPOSITORY, ORGANIZATION, column("belongs", "Belongs to", "text", 140), HOW, GROUP, ...BINDING, ...ROLE, SINCE, column("grants", "Grants", "count", 72, true), column("change", "Change", "text", 90), column("members", "Members", "count", 84, true), column("account", "Exists", "text", 84, true), column("unclear", "Not known", "text", 88, true), column("expected", "Platform's own", "text", 110, true)],
    facets: ["zone", "organization", "subject_kind", "pull", "push", "create", "how", "belongs", "change", "unclear"],
    searched: ["zone", "namespace", "repository", "subject", "organization", "group", "binding", "role", "aggregated_from"],
    key: ACCESS_KEY,
    folded: { column: "expected", shown: ["no"], words: "that the platform makes by itself" },
    expands: true,
    empty: "No access was seen",
  },
  grants: {
    title: "Grants",
    table: "grants",
    about: "Each way in by itself: the binding, the role, the rule. Those with a problem grant nothing today.",
    columns: [...WHO, ...RIGHTS, ...MORE_RIGHTS, ZONE, NAMESPACE, REPOSITORY, HOW, GROUP, ...BINDING, ...ROLE, column("rule", "Rule", "name", 280), SINCE, column("problem", "Problem", "text", 150), column("account", "Exists", "text", 84, true)],
    facets: ["zone", "subject_kind", "pull", "push", "create", "how", "problem", "account", "role"],
    searched: ["zone", "namespace", "repository", "subject", "group", "binding", "role", "aggregated_from", "rule"],
    key: [...ACCESS_KEY, "group", "binding_kind", "binding", "role_kind", "role"],
    empty: "No grant was seen",
  },
  repositories: {
    title: "Repositories",
    table: "repositories",
    about: "What was pushed when, and how many can, by a binding of the namespace.",
    columns: [ZONE, NAMESPACE, REPOSITORY, ORGANIZATION, column("pushed", "Last push", "time", 165), column("pull_subjects", "Can pull", "count", 84), column("push_subjects", "Can push", "count", 84), column("open_pull", "Open for pull", "open", 110), column("open_push", "Open for push", "open", 110), column("created", "Created", "time", 165)],
    facets: ["zone", "organization", "open_pull", "open_push", "push_subjects"],
    searched: ["zone", "namespace", "repository", "organization"],
    key: [...PLACE_KEY, "repository"],
    empty: "No repository was seen",
  },
  exceptions: {
    title: "Exceptions",
    table: "exceptions",
    about: "What somebody decided to accept: who, why, until when.",
    columns: [column("id", "Exception", "name", 120), column("state", "State", "text", 84), column("check", "Check", "name", 150), column("zone", "Zone", "name", 110), column("namespace", "Namespace", "name", 170), column("subject", "Subject", "name", 200), column("reason", "Why", "text", 300), column("decided_by", "Who", "text", 140), column("ticket", "Ticket", "text", 110), column("until", "Until", "time", 110), column("findings", "Findings", "count", 80)],
    facets: ["state", "decided_by", "check"],
    searched: ["id", "check", "zone", "namespace", "subject", "reason", "decided_by", "ticket"],
    key: ["id"],
    empty: "No exception",
  },
  organizations: {
    title: "Organizations and teams",
    table: "organizations",
    about: "Whom the control API lists, beside the groups of each zone.",
    columns: [ZONE, ORGANIZATION, column("team", "Team", "name", 130), column("group", "Group", "name", 170), column("subject", "Person", "name", 170), column("state", "State", "text", 130), column("namespaces", "Namespaces", "count", 100), column("declared", "Declared", "count", 90), column("members", "In the group", "count", 100)],
    facets: ["zone", "organization", "state"],
    searched: ["zone", "organization", "team", "group", "subject", "state"],
    key: ["zone", "organization", "team", "group", "subject"],
    nav: "coverage",
    empty: "No organization was seen",
  },
  lines: {
    title: "Coverage, line by line",
    table: "coverage",
    about: "Each list that was read, and each that was not, with the reason.",
    columns: [ZONE, column("kind", "Kind", "text", 170), NAMESPACE, column("state", "State", "text", 120), column("count", "Objects", "count", 90), column("detail", "What was said", "text", 380), column("resource_version", "Version", "text", 110), column("source", "Source", "text", 84), column("place", "Place", "name", 220), column("as_of", "As of", "time", 165)],
    facets: ["zone", "kind", "state"],
    searched: ["zone", "kind", "namespace", "state", "detail"],
    key: ["zone", "kind", "namespace", "state", "detail"],
    nav: "coverage",
    empty: "No zone was read",
  },
};

// Return what a cell says and of which class it is.
export function cellOf(table, view, one, row) {
  const text = table.text(row, one.name);
  switch (one.kind) {
    case "answer":
      return ANSWER[text];
    case "kind":
      return { text: KIND_WORDS[text] ?? text, class: "" };
    case "count":
      return text === "-1" ? { text: "?", class: "n maybe", says: "not known" } : { text: text === "0" ? "" : Number(text).toLocaleString("en-US"), class: "n" };
    case "zones":
      return { text: text === "0" ? "" : text === "1" ? "1 zone" : `${text} zones`, class: "n" };
    case "blind":
      return text === "yes" ? { text: "◌ not all seen", class: "maybe" } : { text: "", class: "" };
    case "severity":
      return { text, class: SEVERITIES.slice(0, 2).includes(text) ? "grave" : "" };
    case "open":
      return { text, class: text ? "grave" : "" };
    case "name":
    case "subject":
      return named(one, text);
    default:
      return { text, class: "" };
  }
}

const ANSWER = {
  yes: { text: "●", class: "answer", says: "yes" },
  unknown: { text: "◌", class: "answer maybe", says: "unknown" },
  no: { text: "", class: "answer", says: "no" },
};

function named(one, text) {
  if (text !== "*") return { text, class: "name-cell" };
  const every = { namespace: "every namespace", repository: "*", organization: "every one", subject: "not seen who" };
  return { text: every[one.name] ?? text, class: one.name === "subject" ? "maybe" : one.name === "namespace" ? "every" : "name-cell" };
}
