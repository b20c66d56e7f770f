import { setTimeout as delay } from 'node:timers/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { type CatalogClient, type OwnerInput, ProbeDocument, type ProbeFieldsFragment, RequestProbeDocument } from '../client/index.js'
import { findEntry } from './find-entry.js'
import { connectionOf, type ConnectionOptions, parseOwner, print, printable, table } from './session.js'

interface ProbeOptions extends ConnectionOptions {
  owner: string
  for?: string
  worker?: string
  seconds?: number
  wait: boolean
  json?: boolean
}

const pollMs = 250

export function addProbe(program: Command): void {
  program.command('probe').description('have a worker connect to a server as a session of yours would, and tell what it found')
    .argument('<entry>', 'its name, or its id')
    .option('--owner <owner>', 'whose entry, for a name: me, deployment, team:SLUG, user:ID', 'me')
    .option('--for <owner>', 'whose session it is to be: me, a team of yours, for admins the deployment (default: --owner, else me)')
    .option('--worker <id>', 'the only worker that may do it')
    .option('--seconds <n>', '1 to 120 (default: 30)', wholeNumber)
    .option('--no-wait', 'print the id, and do not wait for the answer')
    .option('--json', 'print JSON').option('--url <url>', 'the API (default: PILOTHOUSE_URL or http://127.0.0.1:4000/graphql)')
    .action(probe)
}

function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It has to be a whole number.')
  return Number(text)
}

async function probe(nameOrId: string, { owner, for: session, worker, seconds, wait, json, ...options }: ProbeOptions): Promise<void> {
  const { client } = connectionOf(options)
  const entryId = await findEntry(client, nameOrId, owner)
  const input = { entryId, owner: session === undefined ? sessionOwner(owner) : parseOwner(session), workerId: worker, seconds }
  const asked = (await client.execute(RequestProbeDocument, { input })).requestProbe.probe
  const found = wait ? await untilOver(client, asked) : asked
  if (found.state !== 'SUCCEEDED' && (wait || found.state === 'REFUSED')) process.exitCode = 1
  print(json ? JSON.stringify(found) : describe(found))
}

/** An entry of a team or of the deployment is probed as theirs; one that somebody else shares, as one's own session has it. */
function sessionOwner(owner: string): OwnerInput {
  const whose = parseOwner(owner)
  return whose.kind === 'USER' ? { kind: 'USER' } : whose
}

/** The deadline ends it, whatever becomes of the worker. */
async function untilOver(client: CatalogClient, asked: ProbeFieldsFragment): Promise<ProbeFieldsFragment> {
  let probe = asked
  while (probe.state === 'PENDING' || probe.state === 'RUNNING') {
    await delay(pollMs)
    // It may have been forgotten by now.
    probe = (await client.execute(ProbeDocument, { id: asked.id })).probe ?? { ...probe, state: 'EXPIRED', reason: 'It was forgotten: others came after it.' }
  }
  return probe
}

function describe(probe: ProbeFieldsFragment): string {
  const { id, entryName, revision, state, workerId, reason, mend, durationMs, inventory } = probe
  const what = `${printable(entryName)} (revision ${revision})`
  const where = workerId === null ? '' : ` on ${printable(workerId)}`
  if (state === 'PENDING' || state === 'RUNNING') return `Asked for ${what}: ${id}.`
  if (inventory === null) return [`${what} was not reached${where}: ${printable(reason ?? state)}`, ...mend === null ? [] : [mend]].join('\n')
  const { tools, toolCount, toolsHeld, promptCount, resourceCount } = inventory
  const counts = [`${toolCount} tools`, ...promptCount === null ? [] : [`${promptCount} prompts`], ...resourceCount === null ? [] : [`${resourceCount} resources`]]
  return [
    `${what} works${where}: ${counts.join(', ')}, after ${durationMs} ms.`,
    ...tools.length === 0 ? [] : [table(tools.map(({ name, description }) => [`  ${printable(name)}`, printable(description.split('\n', 1)[0] ?? '').slice(0, 100)]))],
    ...toolCount > tools.length ? [`  and ${toolCount - tools.length} more`] : [],
    ...toolsHeld.length === 0 ? [] : [`Held, since their definitions are not the accepted ones: ${toolsHeld.map(printable).join(', ')}; \`pilothouse tools\` shows how they differ.`],
    ...reason === null ? [] : [printable(reason)],
  ].join('\n')
}
