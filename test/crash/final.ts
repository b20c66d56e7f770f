import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApp } from '../../src/app.js'
import { createCatalogClient, RevocationDocument, RevocationsDocument } from '../../src/client/index.js'
import { readConfig } from '../../src/config.js'
import { type World } from './world.js'

/** Long after the last worker that was killed must have stopped by itself. */
const laterMs = 3_600_000

/** What is looked at once, when everything was killed: `audit verify`, and every receipt by a server whose clock is an hour ahead. */
export async function finalProblems(world: World): Promise<string[]> {
  const { code, said } = await world.auditVerify()
  return [...code === 0 ? [] : [`pilothouse audit verify ended with ${code}: ${said}`], ...await pendingLater(world)]
}

async function pendingLater({ environment, adminToken }: World): Promise<string[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'pilothouse-crash-later-'))
  const app = await createApp({ ...readConfig({ ...environment, PORT: '0' }), dataDir, logLevel: 'silent' }, { now: () => new Date(Date.now() + laterMs) })
  try {
    const { execute } = createCatalogClient({ url: (await app.listen()).url, token: adminToken })
    const problems: string[] = []
    for (let after: string | null = null, more = true; more;) {
      const { revocations }: { revocations: { nodes: Array<{ id: string }>; pageInfo: { hasNextPage: boolean; endCursor?: string | null } } } = await execute(RevocationsDocument, { first: 100, after })
      for (const { id } of revocations.nodes) {
        const { revocation } = await execute(RevocationDocument, { id, first: 100 })
        if (revocation!.state === 'PENDING') problems.push(`an hour later the receipt ${id} of ${revocation!.entryName} still waits: ${JSON.stringify(revocation!.targets.nodes)}`)
      }
      after = revocations.pageInfo.endCursor ?? null
      more = revocations.pageInfo.hasNextPage
    }
    return problems
  } finally {
    await app.close()
    await rm(dataDir, { recursive: true, force: true })
  }
}
