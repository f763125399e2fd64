"""What docs/campaigns.md says, between the tables that the code itself fills."""

from typing import Final

HEAD: Final = """\
# Campaigns

A campaign puts every grant to a person, takes the answers, and lets later runs prove what was done. First, say who
decides:

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
$ registry-audit review export q4 --snapshot demo-report/latest --out evidence
```

`start` makes a line for each grant: whom a binding names, with what it gives where. A group is one line, with its
people. What the platform has by itself is apart, and what can push, create or prune, or holds in every namespace, is
marked as privileged. `--zone`, `--organization` and `--namespace` make the campaign about less; cluster-wide grants are
part of it when neither of the last two is given, or a namespace's glob is `*`. The folder (or URL) holds `review.xlsx`
(choices to pick from, no formula), the same as `review.csv` and `platform.csv`, and `campaign.json`.

## Who decides

"""

ANSWERS: Final = """
## Answers

People fill in `decision` (`keep`, `reduce`, `revoke` or `exception`), `until`, `decided by`, `decided on`, `why` and
`ticket`, in the workbook, in CSV (commas or semicolons), or in YAML. Sheets without the columns `id` and `decision` are
not read, nor are other columns, but for `path`, and for zone, namespace and subject, by which rows that were sorted
apart are found. Days are `YYYY-MM-DD`, or dates of the spreadsheet.

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

APPLY: Final = """
`apply` takes all answers or none, and tells every mistake at once, with file and line:

- ids that there are not, and paths that are another than the line has;
- somebody who is no reviewer of that line, or decides on their own access, also through a group that they are in. What
  everybody has is nobody's own;
- an exception without an end or a reason, days that are past or to come, a text that is a formula or begins as one;
- rows that disagree, with each other or with what was decided before (`--replace` takes the new one).

A row without a decision stays open: silence is never approval. The files are kept in the folder, by their SHA-256, with
a record of each time, which names the one before by its digest. One person applies at a time.

## What later runs say

With `--snapshot`, `status` and `export` look at a later run, snapshot or dump:

- What was revoked is *verified gone*, *still there*, or *unknown* when its bindings, or its role, were not seen. Facts
  that are not newer than those of the beginning, or older than the decision, prove nothing: *not looked at since*.
  Where the subject has the same right by another binding or group, that is told beside it.
- What was reduced is *verified* when it gives less, and nothing that it did not, or *verified gone*.
- What was kept, or is an exception, is *reopened* when its path has changed (the rights, the repositories, where they
  are aggregated from, or the binding itself), or the group has people that it was not seen to have. `apply --snapshot`
  takes a decision about the line as it is there; `status --todo FILE` writes the undecided lines as they are now.
- An exception has *ended* on the day after its last.
- Grants that were not there at the beginning are counted, and are no part of the campaign.

`status` and `export` end with exit code 3 when a removal is *unknown*.

## The evidence

`export` writes each line, decided or not, as `decisions.csv` and `decisions.json`. The JSON also says what the campaign
rests on: its digest, the files of answers, and which snapshots were looked at (SHA-256 as in the manifests of their
runs). `SHA256SUMS` has the digest of both, and with `--sign-key` its signature stands beside it (trusted comment:
`review`, and the digest of `campaign.json`).

| column | meaning |
|---|---|
"""
