import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ApprovalsDocument, AuditEventsDocument, type McpServerDefinitionInput, type RegisterMcpServerInput, RestoreEntryDocument, RevokeEntryDocument, ValidateAgentDocument,
  ValidateMcpServerDocument, type VerdictKind,
} from '../../src/client/index.js'
import { verdictKind } from '../../src/core/policy.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
let alice: Person
let bob: Person
let taken: string
beforeAll(async () => {
  server = await startTestServer()
  ;[alice, bob] = [await server.user('alice'), await server.user('bob')]
  taken = (await server.register(alice, 'taken')).id
})
afterAll(() => server.close())

const http = (url = 'https://new.example.com/mcp'): McpServerDefinitionInput => ({ transport: { http: { url } } })
const stdio: McpServerDefinitionInput = { transport: { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3'] } } }
const validate = async (who: Person, input: Partial<RegisterMcpServerInput> = {}, entryId?: string) =>
  (await who.client.execute(ValidateMcpServerDocument, { input: { owner: { kind: 'USER' }, name: 'fresh', definition: http(), ...input }, entryId })).validateMcpServer

describe('a dry run', () => {
  it.each<[string, Partial<RegisterMcpServerInput>, VerdictKind, Array<[rule: string, field: string]>]>([
    ['of what may be saved', {}, 'ALLOW', []],
    ['of what needs an approval', { definition: stdio }, 'NEEDS_APPROVAL', [['transport', 'definition.transport.stdio']]],
    ['of what policy denies', { definition: http('http://10.0.0.1/') }, 'DENY', [['url', 'definition.transport.http.url'], ['url', 'definition.transport.http.url']]],
    ['of a name that is taken', { name: 'taken' }, 'DENY', [['name-taken', 'name']]],
    ['of a name that is none', { name: 'Not A Name' }, 'DENY', [['name', 'name']]],
    ['S1: of an environment', { definition: { transport: { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3', '${PATH}'] } } } }, 'DENY', [
      ['dollar', 'definition.transport.stdio.args.2'], ['transport', 'definition.transport.stdio']]],
    ['of what has no form', { definition: http('https://a.example.com/\n') }, 'DENY', [['form', 'definition.transport.http.url']]],
    ['of an audience for everybody', { visibility: 'PUBLIC' }, 'DENY', [['form', 'visibility']]],
    ['of a stranger as audience', { audience: [{ kind: 'USER', id: 'nobody' }] }, 'DENY', [['form', 'audience.0']]],
    ['of all that at once', { name: 'taken', visibility: 'PUBLIC', definition: http('ftp://a.example.com') }, 'DENY', [
      ['url', 'definition.transport.http.url'], ['form', 'visibility'], ['name-taken', 'name']]],
  ])('%s', async (_, input, kind, findings) => {
    const verdict = await validate(alice, input)
    expect(verdict.kind).toBe(kind)
    expect(verdict.findings.map(({ rule, field }) => [rule, field])).toEqual(findings)
    for (const { message, mend } of verdict.findings) expect(message && mend).toBeTruthy()
    expect(verdictKind(verdict.findings)).toBe(kind)
  })

  it('tells apart what refuses it, what makes it wait, and what is worth knowing', async () => {
    const env = (...pairs: Array<[string, string]>): McpServerDefinitionInput => ({ transport: { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3'], env: pairs.map(([name, value]) => ({ name, value })) } } })
    const effects = async (input: Partial<RegisterMcpServerInput>) => (await validate(alice, input)).findings.map(({ rule, effect }) => `${rule} ${effect}`)
    expect(await effects({ definition: env(['KEY', '${secret:nowhere}']) })).toEqual(['transport NEEDS_APPROVAL', 'secret-unknown WARN'])
    expect(await effects({ name: 'taken', definition: env(['KEY', '${secret:nowhere}'], ['LD_PRELOAD', 'x']) })).toEqual(['env DENY', 'transport NEEDS_APPROVAL', 'name-taken DENY', 'secret-unknown WARN'])
    const { errors } = await alice.raw('mutation ($d: McpServerDefinitionInput!) { registerMcpServer(input: { owner: { kind: USER }, name: "fresh", definition: $d }) { cursor } }', { d: env(['LD_PRELOAD', 'x']) })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'POLICY_DENIED', findings: [{ rule: 'env', effect: 'DENY' }, { rule: 'transport', effect: 'NEEDS_APPROVAL' }] })
  })

  it('of an update leaves the entry its own name', async () => {
    expect(await validate(alice, { name: 'taken', definition: stdio }, taken)).toMatchObject({ kind: 'NEEDS_APPROVAL', findings: [{ rule: 'transport' }] })
    expect(await validate(server.admin, { name: 'taken' }, taken)).toMatchObject({ kind: 'DENY', findings: [{ field: 'owner' }] })
    for (const id of [taken, 'srv_000000000000000000000000', '']) {
      const { errors } = await bob.raw('query ($id: ID!, $d: McpServerDefinitionInput!) { validateMcpServer(entryId: $id, input: { owner: { kind: USER }, name: "x", definition: $d }) { kind } }', { id, d: http() })
      expect(errors?.[0]?.extensions).toMatchObject({ code: 'NOT_FOUND', field: 'entryId' })
    }
  })

  it('of what was revoked says so, and of what was restored that it waits', async () => {
    const { id } = await server.register(alice, 'leaky')
    const leaky = http('https://leaky.example.com/elsewhere')
    await alice.client.execute(RevokeEntryDocument, { input: { id, reason: 'It leaked.' } })
    expect(await validate(alice, { definition: leaky })).toMatchObject({ kind: 'DENY', findings: [{ rule: 'revoked' }] })
    expect(await validate(alice, { name: 'leaky' }, id)).toMatchObject({ kind: 'DENY', findings: [{ rule: 'revoked', field: 'entryId' }] })
    expect(await validate(bob, { definition: leaky })).toMatchObject({ kind: 'ALLOW' })
    await server.admin.client.execute(RestoreEntryDocument, { input: { id, expectedRevision: 2 } })
    expect(await validate(alice, { definition: leaky })).toMatchObject({ kind: 'NEEDS_APPROVAL', findings: [{ rule: 'revoked', effect: 'NEEDS_APPROVAL', message: expect.stringContaining('waits for approval') as string }] })
    expect(await validate(alice, { name: 'leaky' }, id)).toMatchObject({ kind: 'DENY', findings: [{ rule: 'revoked' }] })
  })

  it('of an agent judges the agent', async () => {
    const input = { owner: { kind: 'USER' as const }, name: 'taken', definition: { prompt: 'Help.', mcpServers: ['Not A Name'] } }
    const { validateAgent } = await alice.client.execute(ValidateAgentDocument, { input })
    expect(validateAgent).toMatchObject({ kind: 'DENY', findings: [{ rule: 'agent-references' }] })
    expect((await alice.raw('query { validateAgent(input: { owner: { kind: USER }, name: "a", definition: { prompt: " " } }) { kind findings { field } } }')).data)
      .toEqual({ validateAgent: { kind: 'DENY', findings: [{ field: 'definition.prompt' }] } })
  })

  it.each([['a stranger', { kind: 'USER' as const, id: 'nobody' }, 'NOT_FOUND'], ['the deployment', { kind: 'DEPLOYMENT' as const }, 'FORBIDDEN']])(
    'for %s is refused to whom the registration would be', async (_, owner, code) => {
      await expect(validate(alice, { owner })).rejects.toMatchObject({ code, extensions: { field: 'owner' } })
    })

  it('stores nothing and asks for nothing', async () => {
    const read = async () => JSON.stringify([(await server.admin.client.execute(AuditEventsDocument, { first: 1 })).auditEvents, (await server.admin.client.execute(ApprovalsDocument, {})).approvals])
    const before = await read()
    await validate(alice, { definition: stdio })
    expect(await read()).toBe(before)
  })
})
