"""The text of docs/campaigns.md between the tables that are generated from the code."""

from typing import Final

HEAD: Final = """\
# Access reviews

In a campaign, people decide on every grant, and later runs prove what became of their decisions. First, write down
who decides:

```console
$ cat > reviewers.yaml <<'END'
reviewers:
  - who: [cara, dan]
    organization: acme
  - who: [dora]
    namespace: "org-*"
  - who: [platform-lead]
    everywhere: true
END
$ registry-audit review start --snapshot demo-report/latest --reviewers reviewers.yaml --due 2099-12-31 --out q4
$ registry-audit review apply q4 q4/review.csv
$ registry-audit review status q4 --snapshot demo-report/latest --todo todo.xlsx
$ registry-audit review script q4 --snapshot demo-report/latest --out scripts
$ registry-audit review export q4 --snapshot demo-report/latest --out evidence
```

`start` writes a line for each grant: the subject of a binding, and what it grants where. A group is one line, with its
members. Grants of the platform itself are separate. Grants that push, create or prune, and cluster-wide grants, are
marked as privileged. `--zone`, `--organization` and `--namespace` narrow the campaign; cluster-wide grants are part of
it when neither of the last two is given, or a namespace glob is `*`. The folder (or URL) holds `review.xlsx` (with a
list of choices, without formulas), the same lines as `review.csv` and `platform.csv`, and `campaign.json`.

`causes.csv`, and the sheet Causes, have one row for lines that are the same in everything but their namespace: subject
and members, rights, binding, role, owner and reviewers. A decision on such a row counts for each of its lines, except
for those with a decision of their own. Roles of a namespace are never taken together.

`uncovered.csv` lists whom the campaign does not cover: grants outside of it, grants that no reviewer covers, and grants
that only their own subjects might review. `start` also names groups whose members are unknown, and reviewers who are
not users of any zone.

## Who decides

"""

ANSWERS: Final = """\

## Answers

Reviewers fill in `decision` (`keep`, `reduce`, `revoke` or `exception`), `until`, `decided by`, `decided on`, `why` and
`ticket`: in the workbook, in CSV (with commas or semicolons), or in YAML. Sheets without the columns `id` and
`decision` are ignored. Other columns are ignored too, except `path`, and zone, namespace and subject, which show when
columns were sorted separately. Days are `YYYY-MM-DD`, or dates of the spreadsheet.

```yaml
decisions:
  - id: 84cac3c72bc9445c4a63
    decision: exception
    until: 2027-03-31
    decided_by: dora
    decided_on: 2027-01-12
    why: Needed until the move is done.
    ticket: SEC-1234
```

"""

APPLY: Final = """\

`apply` accepts all answers or none, and reports every mistake at once, with file and line:

- unknown ids, and a path that differs from that of the line;
- a decision by someone who is not a reviewer of that line, or on their own access: by name, in any spelling (case,
  Unicode form, look-alikes of other scripts, an account by its user name), or through a group. Access that everybody
  has is nobody's own;
- an exception without an end or a reason, days in the past or future, formulas, texts that begin like one, and cells
  that show an error;
- two columns of the same name, and answers in hidden rows and sheets;
- rows that conflict with each other or with an earlier decision (`--replace` replaces it).

A row without a decision stays open: silence is not approval. The files are stored in the folder by their SHA-256, with
a record for each `apply` that holds the digest of the previous record. Only one person applies at a time. `status` and
`export` refuse a folder in which a decision is not that of its file of answers.

## What later runs show

With `--snapshot`, `status` and `export` compare with a later run, snapshot or dump:

- Revoked access is *verified gone*, *still there*, or *unknown* when its bindings or its role were not read. A snapshot
  that is not newer than that of the campaign, or is older than the decision, proves nothing: *not looked at since*.
  If another binding or group gives the subject the same right, the remark names it.
- Reduced access is *verified* when it grants less, and nothing new, or *verified gone*.
- A kept line or an exception is *reopened* when its path has changed (the rights, the repositories, their aggregation,
  or the binding itself), or the group has new members. `apply --snapshot` accepts a decision on the line as it is now;
  `status --todo FILE` writes the undecided lines as they are now.
- An exception has *ended* on the day after its last day.
- New grants are counted, but are not part of the campaign.

`status` names reviewers who had an account when the campaign began and have none now, if users and groups were read,
and counts the lines that wait for nobody else. It also names those who look like rubber stamps: at least twenty
decisions, all of them *keep*, with one text for all (numbers and case do not count) or in less than three seconds each,
from the start or their last answers to `apply`. The evidence has these numbers of every reviewer. Such decisions stand:
whether to ask again is up to whoever runs the campaign.

`script` writes the commands of all decisions, one shell script for each zone. Without `APPLY=yes` a script only prints
them. It takes the spelling of each binding from the snapshot, leaves out what is gone, and marks what has changed since
the decision and what has to be reduced by hand.

`status` and `export` end with exit code 3 when a removal is *unknown*.

## The evidence

`export` writes each line, decided or not, to `decisions.csv` and `decisions.json`. The JSON also has the sources: the
digest of the campaign, the files of answers, and the later snapshots (SHA-256 as in the manifests of their runs).
`SHA256SUMS` has the digest of both files; with `--sign-key`, its signature is beside it (trusted comment: `review` and
the digest of `campaign.json`).

| column | meaning |
|---|---|
"""
