import { writeFileSync } from 'node:fs'
import { legend, type Row, table } from './report.js'

export interface Run {
  rows: readonly Row[]
  kills: number
  seconds: number
  lanes: number
}

/** The page of a run in which all held. */
export function writePage(path: string, run: Run): void {
  writeFileSync(path, pageOf(run))
}

function pageOf({ rows, kills, seconds, lanes }: Run): string {
  return `# The crash matrix

Whatever is killed in the middle of a change, the next reader sees the old or the new, and nobody has to clean up (S17, [threat model](threat-model.md)). This page is written by
the run that shows it; write it anew with

\`\`\`sh
npm run crash -- --out docs/crash-matrix.md                    # everybody at every step; a quarter of an hour or more
npm run crash -- --minutes 2                                   # as .ci/run does: as many as there is time for, in an order that a seed gives
npm run crash -- --flows revoke --victims server --step change.committed
\`\`\`

It needs Linux. Here: ${kills} kills at ${rows.length} steps, ${lanes} worlds side by side, ${seconds} s; all held.

## What is done

**Steps come from the code.** \`src/db/step.ts\` and \`src/worker/step.ts\` name them, and the code says on a diagnostics channel of Node's (\`pilothouse:server\`, \`pilothouse:worker\`, messages
\`{ step }\`) that one has passed; operators may trace with it, and without a subscriber it costs a look. Types keep out a name that the lists lack; the run fails for a name that no change passes. The rows of
the table are what passed when nobody was killed, in that order.

**A world** is a Postgres, a built server, a worker with a session, a remote MCP server and stdio servers below the worker, each a process of its own, and somebody who subscribed. At the step the process stands still; then
the victim gets SIGKILL (Postgres: all of its processes; a worker's stdio server: its process), and what is left goes on. What was killed is started again as a supervisor would, a stdio server by the
worker, and nothing else is done.

**Then must hold**, within a minute:

- the first reader sees the entry, its revision, status, request, secret version and receipt wholly as they were (*old*) or as they are to be (*new*); what was answered is new;
- the same request again is answered: done if it was old; \`REVISION_CONFLICT\` or \`NAME_TAKEN\` if it was done already (a rotation or revocation: done, and there is one receipt);
- the subscriber, resumed by cursor, has what a fresh query gives;
- the worker's session settles at the newest cursor with exactly that set, its tools are those, a call carries the newest value, and a call of what was revoked is refused;
- one process of a stdio server lives if its entry is in the set, none if not, whichever worker started it;
- receipts are \`COMPLETE\`, or, where the worker that had it was killed, name it and the time by which it must have stopped; a server whose clock is an hour ahead finds none that waits;
- entries, revisions, requests, receipts, changes and both audit chains fit each other, and \`pilothouse audit verify\` says so.

A cell says what the first reader saw, and how long it took from the kill until all held, back-offs and the start of a process included; several worlds share the machine. *none runs*: there was no
process of the MCP server to kill. *not passed*: what comes beside a change, as a report may, did not come this time. Empty: the run had no time for it. A restore is followed by an approval.

## The table

${table(rows)}

## The steps

${legend()}
`
}
