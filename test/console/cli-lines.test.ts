import { execFile, execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { type Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { acceptToolsLine, changeLine, explainLine, rollbackLine, shareLine, withdrawLine } from '../../console/src/entries/cli-args.js'
import { cliImportFile } from '../../console/src/pages/agents/cli-agent.js'
import { approveLine, rejectLine } from '../../console/src/pages/approvals/approval-lines.js'
import { cliLineOf } from '../../console/src/pages/audit/audit-filter.js'
import { cliImport, importFileLine } from '../../console/src/pages/integrations/cli-import.js'
import { connectLines, probeLine } from '../../console/src/pages/integrations/connect-lines.js'
import { emptyDraft } from '../../console/src/pages/integrations/server-draft.js'
import {
  addMemberLine, addTeamLine, addTokenLine, addUserLine, deactivateLine, deleteTeamLine, listSessionsLine, listTeamsLine, listTokensLine, listUsersLine, removeMemberLine, revokeTokenLine, roleLine,
} from '../../console/src/pages/people/people-lines.js'
import { policyLines, showPolicyLine } from '../../console/src/pages/policy/policy-lines.js'
import { deleteSecretLine, listSecretsLine, setSecretLine } from '../../console/src/pages/secrets/secret-lines.js'
import { sessionsLine, workersLine } from '../../console/src/pages/workers/worker-lines.js'
import { createProgram } from '../../src/cli/program.js'
import { root } from '../support/process.js'
import { startTestServer } from '../support/server.js'
import { closing } from '../support/shared.js'

/** What a command of the CLI was called with. */
interface Call {
  command: string
  args: unknown[]
  options: Record<string, unknown>
}

/** Words as a real shell makes them of a text of several commands, and the end of each command; what stands in a here-document is not one of them. */
function words(text: string): string[][] {
  const out = execFileSync('bash', ['--norc', '-c', `pilothouse() { printf '%s\\0' "$@"; printf '\\1\\0'; }\n${text}`], { encoding: 'utf8', env: { PATH: process.env.PATH } })
  return out.split('\u0001\0').slice(0, -1).map((line) => line.split('\0').slice(0, -1))
}

/** The commands of a text, as the CLI's own parser takes them; nothing is done. */
async function callsOf(text: string): Promise<Call[]> {
  const calls: Call[] = []
  const program = createProgram()
  const leaves = (command: Command): Command[] => [command, ...command.commands.flatMap(leaves)]
  for (const command of leaves(program)) {
    command.configureOutput({ writeErr: () => {} })
    const path = (at: Command): string => (at.parent === null ? '' : `${path(at.parent)} ${at.name()}`)
    command.action(() => { calls.push({ command: path(command).trim(), args: command.processedArgs.flat().filter((one) => one !== undefined), options: command.optsWithGlobals() }) })
  }
  for (const line of words(text)) await program.parseAsync(line, { from: 'user' })
  return calls
}

const viewer = 'usr_viewer'
const texts = ['plain', 'two words', `it's "quoted"`, '$(id) `id` $HOME ${user:x}', '-x', '--help', 'a;b|c&d>e<f', '\u202egnp \u{1f600} ñ', 'back\\slash', '*', '~', '#', '!', 'line\nend', ' ']
const mine = { name: 'mine', owner: { kind: 'USER' as const, id: viewer, displayName: 'Me' } }
const theirs = { name: 'theirs', owner: { kind: 'TEAM' as const, id: 'tea_1', displayName: 'Team' } }
const deployment = { kind: 'DEPLOYMENT' as const, id: 'deployment', displayName: 'Deployment' }
const terms = { mode: 'DRAIN' as const, deadline: '30', reason: '' }
const draft = { ...emptyDraft, name: 'pasted', url: 'https://x.example.com/mcp' }

/** A line of the console for a text that somebody chose, and what the CLI has to take it for. */
const rows: Array<[name: string, line: (text: string) => string, call: (text: string) => { command: string; args?: string[]; options?: object }]> = [
  ['disable', () => withdrawLine('disable', mine, viewer, terms), () => ({ command: 'disable', args: ['mine'], options: { owner: 'me', mode: 'drain' } })],
  ['disable at once', () => withdrawLine('disable', theirs, viewer, { ...terms, mode: 'IMMEDIATE', deadline: '7' }), () => ({ command: 'disable', args: ['theirs'], options: { owner: 'team:tea_1', mode: 'immediate', deadline: '7' } })],
  ['revoke', (reason) => withdrawLine('revoke', mine, viewer, { ...terms, mode: 'IMMEDIATE', reason }), (reason) => ({ command: 'revoke', args: ['mine'], options: { reason, mode: 'immediate' } })],
  ['revoke, no reason yet', () => withdrawLine('revoke', mine, viewer, terms), () => ({ command: 'revoke', options: { reason: 'REASON', mode: 'drain' } })],
  ['delete', () => withdrawLine('delete', { ...mine, owner: deployment }, viewer, { ...terms, mode: 'IMMEDIATE' }), () => ({ command: 'delete', args: ['mine'], options: { owner: 'deployment', mode: 'immediate' } })],
  ['roll back', () => rollbackLine(theirs, viewer, 3), () => ({ command: 'rollback', args: ['theirs', '3'], options: { owner: 'team:tea_1' } })],
  ['share with some', () => shareLine(mine, viewer, 'SHARED', [theirs.owner, { kind: 'USER', id: 'usr_2' }]), () => ({ command: 'share', args: ['mine', 'team:tea_1', 'user:usr_2'] })],
  ['share with nobody yet', () => shareLine(mine, viewer, 'SHARED', []), () => ({ command: 'share', args: ['mine', 'team:SLUG'] })],
  ['share with all', () => shareLine(theirs, viewer, 'PUBLIC', []), () => ({ command: 'share', args: ['theirs'], options: { public: true, owner: 'team:tea_1' } })],
  ['share with nobody', () => shareLine(mine, viewer, 'PRIVATE', []), () => ({ command: 'share', args: ['mine'], options: { private: true } })],
  ['change', (text) => changeLine(theirs, viewer, { 'name': 'other', 'locked': true, 'apply': 'next-session', 'model': text, 'no-tools': true }), (model) => ({ command: 'change', args: ['theirs'], options: { owner: 'team:tea_1', name: 'other', locked: true, apply: 'next-session', model, tools: false } })],
  ['unlock', () => changeLine(mine, viewer, { 'no-locked': true }), () => ({ command: 'change', args: ['mine'], options: { locked: false } })],
  ['accept tools', () => acceptToolsLine(theirs, viewer), () => ({ command: 'tools accept', args: ['theirs'], options: { owner: 'team:tea_1' } })],
  ['explain', (name) => explainLine(name, 'MCP_SERVER'), (name) => ({ command: 'explain', args: [name], options: { for: 'me' } })],
  ['explain an agent', (name) => explainLine(name, 'AGENT'), (name) => ({ command: 'explain', args: [name], options: { agent: true } })],
  ['probe', () => probeLine('calc', mine.owner, mine.owner, viewer), () => ({ command: 'probe', args: ['calc'], options: { owner: 'me' } })],
  ['probe for oneself', () => probeLine('calc', deployment, mine.owner, viewer), () => ({ command: 'probe', args: ['calc'], options: { owner: 'deployment', for: 'me' } })],
  ['import', () => cliImport([draft], mine.owner, viewer), () => ({ command: 'import', args: ['-'], options: { owner: 'me', onConflict: 'fail' } })],
  ['import several', (text) => cliImport([draft, { ...draft, name: 'b', description: text }], theirs.owner, viewer, 'update'), () => ({ command: 'import', args: ['-'], options: { owner: 'team:tea_1', onConflict: 'update' } })],
  ['import a file', () => importFileLine, () => ({ command: 'import', args: ['.mcp.json'] })],
  ['import an agent', () => cliImportFile('planner.agent.md', 'team:tea_1', 'rename'), () => ({ command: 'import', args: ['planner.agent.md'], options: { owner: 'team:tea_1', onConflict: 'rename' } })],
  ['approve', (note) => approveLine('apr_1', note), (note) => ({ command: 'approve', args: ['apr_1'], options: { note } })],
  ['reject', (note) => rejectLine('apr_1', note), (note) => ({ command: 'reject', args: ['apr_1'], options: { note } })],
  ['reject, no note yet', () => rejectLine('apr_1'), () => ({ command: 'reject', options: { note: 'NOTE' } })],
  ['audit', (text) => cliLineOf({ chain: 'ACCESS', actor: text, about: text, action: text, outcome: 'DENIED', since: '', until: '' }), (text) => ({ command: 'audit list', options: { chain: 'access', actor: text, about: text, action: text, outcome: 'DENIED' } })],
  ['users', (search) => listUsersLine(search), (search) => ({ command: 'user list', options: { search } })],
  ['add a user', (text) => addUserLine({ provider: text, subject: text, displayName: text, role: 'ADMIN' }), (text) => ({ command: 'user create', args: [`${text}/${text}`], options: { name: text, role: 'admin' } })],
  ['add a user, nothing filled in', () => addUserLine({ provider: '', subject: '', displayName: '', role: 'USER' }), () => ({ command: 'user create', args: ['PROVIDER/SUBJECT'], options: { role: 'user' } })],
  ['role', () => roleLine('usr_2', 'ADMIN'), () => ({ command: 'user role', args: ['usr_2', 'admin'] })],
  ['deactivate', () => deactivateLine('usr_2'), () => ({ command: 'user deactivate', args: ['usr_2'] })],
  ['teams', () => listTeamsLine, () => ({ command: 'team list' })],
  ['add a team', (text) => addTeamLine(text, text), (text) => ({ command: 'team create', args: [text], options: { name: text } })],
  ['add a member', (text) => addMemberLine('crew', `p/${text}`, 'MAINTAINER'), (text) => ({ command: 'team add', args: ['crew', `p/${text}`], options: { role: 'maintainer' } })],
  ['remove a member', () => removeMemberLine('crew', 'usr_2'), () => ({ command: 'team remove', args: ['crew', 'usr_2'] })],
  ['delete a team', () => deleteTeamLine('-crew'), () => ({ command: 'team delete', args: ['-crew'] })],
  ['tokens', () => listTokensLine(null), () => ({ command: 'token list' })],
  ['tokens of somebody', () => listTokensLine('usr_2'), () => ({ command: 'token list', options: { user: 'usr_2' } })],
  ['add a token', (name) => addTokenLine({ kind: 'PERSONAL', name, userId: 'usr_2', days: '7', serves: [] }), (name) => ({ command: 'token create', options: { name, user: 'usr_2', expiresInDays: '7' } })],
  ['add a worker token', (name) => addTokenLine({ kind: 'WORKER', name, userId: null, days: '365', serves: ['team:crew', `user:p/${name}`] }), (name) => ({ command: 'token create', options: { worker: true, name, serves: ['team:crew', `user:p/${name}`] } })],
  ['revoke a token', () => revokeTokenLine('tok_1'), () => ({ command: 'token revoke', args: ['tok_1'] })],
  ['policy', () => showPolicyLine('team:tea_1'), () => ({ command: 'policy show', options: { owner: 'team:tea_1' } })],
  ['secrets', () => listSecretsLine('team:tea_1'), () => ({ command: 'secret list', options: { owner: 'team:tea_1' } })],
  ['add a secret', () => setSecretLine({ name: 'key', scope: 'me', provider: 'sealed', path: 'x', version: 0 }), () => ({ command: 'secret set', args: ['key'], options: { owner: 'me', expected: '0' } })],
  ['replace a secret elsewhere', (path) => setSecretLine({ name: 'key', scope: 'deployment', provider: 'vault', path, version: 4 }), (path) => ({ command: 'secret set', args: ['key'], options: { owner: 'deployment', provider: 'vault', path, expected: '4' } })],
  ['delete a secret', () => deleteSecretLine('key', 'team:tea_1'), () => ({ command: 'secret delete', args: ['key'], options: { owner: 'team:tea_1' } })],
  ['workers', () => workersLine, () => ({ command: 'workers' })],
  ['browsers', () => listSessionsLine, () => ({ command: 'session list' })],
  ['sessions', () => sessionsLine, () => ({ command: 'sessions' })],
]

describe('each line that the console shows', () => {
  it.each(rows)('is taken by the shell and the CLI for what it is, whatever is in a name: %s', async (_, line, call) => {
    const asked = [...new Map(texts.map((text) => [line(text), text])).entries()]
    const calls = await callsOf(asked.map(([one]) => one).join('\n'))
    expect(calls).toHaveLength(asked.length)
    calls.forEach(({ command, args, options }, at) => {
      const expected = call(asked[at]![1])
      expect({ command, args, options }).toMatchObject(expected)
    })
  })

  it('of several commands is each of them', async () => {
    const connect = { entryId: 'srv_1', owner: theirs.owner, viewerId: viewer }
    expect(await callsOf(connectLines({ scope: 'OWNER', name: 'K' }, connect, true, true))).toMatchObject([
      { command: 'secret set', args: ['K'], options: { owner: 'team:tea_1' } }, { command: 'secret bind', args: ['srv_1', 'secret:K'] },
    ])
    expect(await callsOf(connectLines({ scope: 'USER', name: 'K' }, connect, true, true))).toMatchObject([
      { command: 'secret set', args: ['K'], options: { owner: 'me' } }, { command: 'secret bind', args: ['srv_1', 'user:K'] },
    ])
    expect(await callsOf(policyLines('deployment', 3))).toMatchObject([
      { command: 'policy simulate', args: ['policy.json'], options: { owner: 'deployment', expected: '3' } }, { command: 'policy set', args: ['policy.json'], options: { expected: '3' } },
    ])
  })

  it('is made by a builder that stands in the table above, and nowhere by hand', () => {
    const folder = new URL('../../console/src/', import.meta.url)
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => /\.tsx?$/.test(path) && !path.startsWith('generated'))
    const told = files.map((path) => [path, readFileSync(new URL(path, folder), 'utf8')] as const)
    // Comments may name a command.
    expect(told.filter(([, text]) => /<CliLine[^>]*line=(?:"|\{[`'"])/.test(text) || (/^(?! *(?:\/?\*|\/\/)).*[`'"]pilothouse /m.test(text))).map(([path]) => path)).toEqual([])
  })
})

it('does what it says when it is pasted into a shell', async () => {
  const server = closing(await startTestServer())
  const hostile = `it's "quoted" $(id) \u202egnp`
  const lines = [
    addUserLine({ provider: 'corp', subject: `-x ${hostile}`, displayName: hostile, role: 'USER' }), cliImport([{ ...draft, description: hostile }], deployment, viewer),
    setSecretLine({ name: 'key', scope: 'deployment', provider: 'sealed', path: '', version: 0 }),
  ]
  // A value comes by a pipe; what an import reads stands in the line itself.
  const shell = 'pilothouse() { if [ "$1" = import ]; then node dist/cli/bin.js "$@"; else echo y | node dist/cli/bin.js "$@"; fi; }\n'
  const env = { PATH: process.env.PATH, PILOTHOUSE_URL: server.url, PILOTHOUSE_TOKEN: server.admin.token }
  await Promise.all(lines.map((line) => promisify(execFile)('bash', ['--norc', '-c', shell + line], { cwd: root, env })))
  const { data } = await server.admin.raw(`{
    users(search: "-x") { nodes { provider subject displayName } } mcpServers(search: "pasted") { nodes { name description } } secrets(owner: { kind: DEPLOYMENT }) { name version }
  }`)
  expect(data).toEqual({
    users: { nodes: [{ provider: 'corp', subject: `-x ${hostile}`, displayName: hostile }] }, mcpServers: { nodes: [{ name: 'pasted', description: hostile }] }, secrets: [{ name: 'key', version: 1 }],
  })
})
