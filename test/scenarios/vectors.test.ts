import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ImportCatalogDocument, SetPolicyDocument, ValidateMcpServerDocument } from '../../src/client/index.js'
import { digestOf } from '../../src/catalog/context.js'
import { toMcpJson } from '../../src/core/mcp-json.js'
import { completePolicy, type PolicyDocument, readPolicy, writtenPolicy } from '../../src/core/policy-document.js'
import { refusalOf } from '../../src/worker/refusal.js'
import { type ViewEntry } from '../../src/worker/view.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'
import { definitionOf, judgedFiles, type Vector, vectorsOf } from '../support/vectors.js'

let server: TestServer
let person: Person
beforeAll(async () => {
  server = await startTestServer()
  person = await server.user('vector')
})
afterAll(() => server.close())

const name = 'tickets'
const owner = { kind: 'USER' } as const
/** Of what they say each path shows the kind; its words are the rules' own. */
type Verdicts = Record<'dry run' | 'import' | 'worker', string>

let revision = 0
async function setPolicy(document: PolicyDocument): Promise<void> {
  await server.admin.client.execute(SetPolicyDocument, { input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision: revision, document } })
  revision += 1
}

async function dryRun(vector: Vector): Promise<string> {
  const { transport: { kind, ...transport } } = definitionOf(vector)
  const input = { owner, name, definition: { transport: kind === 'STDIO' ? { stdio: transport } : { http: transport } } }
  const { validateMcpServer } = await person.client.execute(ValidateMcpServerDocument, { input: input as never })
  return validateMcpServer.kind
}

/** What would be stored waits when it needs an approval; what would not be stored is denied. */
async function imported(vectors: readonly Vector[]): Promise<string[]> {
  const text = JSON.stringify({ mcpServers: Object.fromEntries(vectors.map((vector, at) => [`v${at}`, toMcpJson(definitionOf(vector))])) })
  const { importCatalog: { items } } = await person.client.execute(ImportCatalogDocument, { input: { owner, format: 'MCP_JSON', text, dryRun: true, onConflict: 'SKIP' } })
  return items.map(({ outcome, entry }) => outcome === 'REFUSED' ? 'DENY' : entry?.status === 'PENDING_APPROVAL' ? 'NEEDS_APPROVAL' : entry?.status === 'ACTIVE' ? 'ALLOW' : String(entry?.status))
}

/** The worker has what the feed sent: the policy as it is written there, and an approval or none. */
function atTheWorker(vector: Vector, policy: PolicyDocument): string {
  const definition = definitionOf(vector)
  const read = readPolicy(revision, JSON.parse(JSON.stringify(writtenPolicy(completePolicy(policy)))))
  const refusal = (approval: ViewEntry['approval']) => refusalOf({ kind: 'MCP_SERVER', name, definition, approval } as ViewEntry, [read])
  if (refusal(null) === null) return 'ALLOW'
  return refusal({ digest: digestOf('MCP_SERVER', definition), state: 'APPROVED' }) === null ? 'NEEDS_APPROVAL' : 'DENY'
}

const together = 24

function groupedByPolicy(vectors: readonly Vector[]): Map<string, Vector[]> {
  const groups = new Map<string, Vector[]>()
  for (const vector of vectors) {
    const policy = JSON.stringify(vector.policy ?? {})
    groups.set(policy, [...groups.get(policy) ?? [], vector])
  }
  return groups
}

async function verdictsOf(vectors: readonly Vector[], policy: PolicyDocument): Promise<Verdicts[]> {
  await setPolicy(policy)
  const verdicts: Verdicts[] = []
  for (let at = 0; at < vectors.length; at += together) {
    const some = vectors.slice(at, at + together)
    const [imports, ...dry] = await Promise.all([imported(some), ...some.map(dryRun)])
    verdicts.push(...some.map((vector, offset) => ({ 'dry run': dry[offset]!, import: imports[offset]!, worker: atTheWorker(vector, policy) })))
  }
  return verdicts
}

describe('S3, S4, S9: one verdict on every path', () => {
  it.each(judgedFiles)('%s', async (file) => {
    for (const [policy, vectors] of groupedByPolicy(vectorsOf(file))) {
      const found = await verdictsOf(vectors, JSON.parse(policy) as PolicyDocument)
      expect(vectors.map(({ name }, at) => ({ name, ...found[at] }))).toEqual(vectors.map(({ name, verdict }) => ({ name, 'dry run': verdict, import: verdict, worker: verdict })))
    }
  })
})
