import { describe, expect, it } from 'vitest'
import { CatalogRequestError, type LeaseSecretsInput } from '../../src/client/index.js'
import { createLeaser, type Leaser } from '../../src/worker/leaser.js'
import { createSecretSource } from '../../src/worker/secret-source.js'
import { applyEvent, type CatalogView, type ViewMcpServer } from '../../src/worker/view.js'
import { cursorAt, encryptedLease, handClock, snapshot, wireServer } from '../support/fake-feed.js'

const never = new AbortController().signal
const question = { entryId: 'e', revision: 3, owner: { kind: 'USER' as const, id: 'u1' }, sessionId: 's' }
const values = { 'user:TOKEN': 'canary-value' }

describe('a lease', () => {
  const answering = (changes: Partial<LeaseSecretsInput>, tamper = (jwe: string) => jwe) => createLeaser({
    clock: handClock(), send: async (input) => tamper(await encryptedLease({ ...input, ...changes }, { values, secretVersion: 7 })),
  })(question, never)

  it('is read with the key that it was asked with', async () => {
    expect(await answering({})).toEqual({ revision: 3, secretVersion: 7, values: new Map(Object.entries(values)), untilMs: 1_060_000 })
  })

  it.each<[string, Partial<LeaseSecretsInput>, ((jwe: string) => string)?]>([
    ['another entry', { entryId: 'other' }], ['another revision', { revision: 2 }], ['another session', { sessionId: 't' }],
    ['another owner', { owner: { kind: 'USER', id: 'u2' } }], ['another kind of owner', { owner: { kind: 'TEAM', id: 'u1' } }],
    ['nobody\'s key', {}, (jwe) => jwe.replace(/\.[^.]+$/, '.AAAAAAAAAAAAAAAAAAAAAA')],
    ['no lease', {}, () => JSON.stringify(values)],
  ])('S11: for %s is not used', async (_, changes, tamper) => {
    const failure: unknown = await answering(changes, tamper).catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'LeaseError', failure: 'UNAVAILABLE' })
    expect(String(failure)).not.toContain('canary')
  })

  it('is one of sixteen at once, and who gives up waits for none', async () => {
    let open = 0
    let most = 0
    const waiting: Array<() => void> = []
    const leaser = createLeaser({
      clock: handClock(),
      send: async (input) => {
        most = Math.max(most, open += 1)
        await new Promise<void>((resolve) => waiting.push(resolve))
        open -= 1
        return encryptedLease(input, { values })
      },
    })
    const impatient = new AbortController()
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    const all = Array.from({ length: 40 }, () => leaser(question, new AbortController().signal))
    const given = leaser(question, impatient.signal)
    impatient.abort(new Error('given up'))
    await expect(given).rejects.toThrow('given up')
    while (waiting.length < 16) await turn()
    // Whatever would be asked beyond them has its time.
    for (let more = 0; more < 20; more++) await turn()
    let isDone = false
    const done = Promise.all(all).then(() => { isDone = true })
    while (!isDone) {
      waiting.splice(0).forEach((go) => go())
      await turn()
    }
    await done
    expect([most, open]).toEqual([16, 0])
  })
})

describe('what an entry\'s references stand for', () => {
  const transport = { __typename: 'RemoteTransport' as const, kind: 'HTTP' as const, url: 'https://x.example.com/', headers: [{ name: 'X', value: '${user:A} ${secret:B}' }] }
  const viewAt = (revision: number, version: number, changes = {}): CatalogView => applyEvent(null, snapshot(cursorAt(revision), {
    mcpServers: [wireServer('e', 'srv', { revision, transport, ...changes })],
  }, { secretVersions: [{ entryId: 'e', version }] }), revision).view
  const entryOf = (view: CatalogView) => view.entries.get('MCP_SERVER:srv') as ViewMcpServer
  const sourceOf = (view: () => CatalogView, leaser: Leaser, entry = entryOf(view()), kind: 'USER' | 'TEAM' = 'USER') => (
    createSecretSource(entry, { view, leaser, owner: { kind, id: 'u1' }, sessionId: 's' })!.lease(never))
  const lease = (revision: number, secretVersion: number) => ({ revision, secretVersion, values: new Map(), untilMs: 0 })
  const refusing = (code: string, extensions = {}): Leaser => () => Promise.reject(new CatalogRequestError('canary of the catalog', code, extensions))

  it('S26: is asked for at the revision of the moment, again when that rises meanwhile, and never older than what was told', async () => {
    const asked: number[] = []
    let view = viewAt(1, 5)
    const leaser: Leaser = async ({ revision }) => {
      asked.push(revision)
      view = viewAt(2, 5)
      return lease(revision, 5)
    }
    expect(await sourceOf(() => view, leaser)).toMatchObject({ revision: 2 })
    expect(asked).toEqual([1, 2])
    await expect(sourceOf(() => view, async ({ revision }) => lease(revision, 4))).rejects.toMatchObject({ failure: 'OUTDATED' })
  })

  it.each<[string, object, string, RegExp]>([
    ['SECRET_NOT_FOUND', {}, 'DENIED', /^Connect your account: srv needs user:A, and you have set no value\. A secret is missing: srv needs secret:B, and there is no value\.$/],
    ['SECRET_NOT_FOUND', { references: [{ scope: 'OWNER', name: 'B', injectionPoint: 'header:X' }] }, 'DENIED', /^A secret is missing: srv needs secret:B, and there is no value/],
    ['SECRET_UNBOUND', { references: [{ scope: 'USER', name: 'A', injectionPoint: 'header:X' }] }, 'DENIED', /^Connect your account: srv needs user:A, and you have not confirmed that the value may go where it would go now\.$/],
    ['SECRET_UNBOUND', { references: [{ scope: 'OWNER', name: 'B', injectionPoint: 'header:X' }] }, 'DENIED', /^A secret is not confirmed: srv needs secret:B, and nobody who may has confirmed that the value may go where it would go now\.$/],
    ['SECRET_NOT_FOUND', { references: [null, 7, {}, { scope: 'OWNER', name: 'B' }] }, 'DENIED', /^A secret is missing: srv needs secret:B, and there is no value/],
    ['LIMIT_EXCEEDED', {}, 'DENIED', /more secrets than the catalog leases at once/],
    ['FORBIDDEN', {}, 'DENIED', /does not serve this owner/],
    ['NOT_FOUND', {}, 'DENIED', /does not have srv in this owner's set/],
    ['REVISION_CONFLICT', {}, 'OUTDATED', /waits for the catalog/],
    ['UNAVAILABLE', {}, 'UNAVAILABLE', /could not be leased/],
    ['RATE_LIMITED', {}, 'UNAVAILABLE', /could not be leased/],
  ])('S11: after %s with %o is %s', async (code, extensions, failure, message) => {
    const view = viewAt(1, 1)
    await expect(sourceOf(() => view, refusing(code, extensions))).rejects.toMatchObject({ failure, message: expect.stringMatching(message) as string })
  })

  it('S11: of a person is of nobody in a session of a team', async () => {
    const view = viewAt(1, 1)
    await expect(sourceOf(() => view, refusing('SECRET_NOT_FOUND'), undefined, 'TEAM')).rejects.toMatchObject({ message: expect.stringMatching(/^A secret of a person is missing: srv needs user:A, and this session acts for none\./) as string })
  })

  it.each<[string, object]>([
    ['another path', { url: 'https://x.example.com/other' }], ['another transport', { kind: 'SSE' }], ['another header', { headers: [{ name: 'Y', value: '${user:A} ${secret:B}' }] }],
    ['no reference', { headers: [] }],
  ])('S24: is nothing for an earlier revision when the entry has %s by now, whatever the catalog answers', async (_, changes) => {
    const old = entryOf(viewAt(1, 1))
    const view = viewAt(2, 1, { transport: { ...transport, ...changes } })
    for (const leaser of [async () => lease(2, 1), refusing('UNAVAILABLE')]) {
      await expect(sourceOf(() => view, leaser, old)).rejects.toMatchObject({ failure: 'DENIED' })
    }
  })
})
