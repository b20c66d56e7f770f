import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAgentDefinition } from '../../../src/core/agent.js'
import { type NameValue, parseMcpServerDefinition } from '../../../src/core/mcp-server.js'
import { completePolicy } from '../../../src/core/policy-document.js'
import { env } from '../../../src/core/rules/env.js'
import { vectorsOf } from '../../support/vectors.js'

const subjectOf = (pairs: NameValue[]) => ({
  kind: 'MCP_SERVER' as const, name: 'x', definition: parseMcpServerDefinition({ transport: { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3'], env: pairs } } }),
})
const deniedOf = (...names: string[]) => env(subjectOf(names.map((name) => ({ name, value: 'canary' }))), completePolicy({})).map(({ field }) => field.replace('definition.transport.stdio.env.', ''))

describe('S4: environment cannot execute code', () => {
  it('case never matters', () => {
    const names = vectorsOf('environment.json').flatMap(({ env: pairs }) => pairs!.map(({ name }) => name))
    fc.assert(fc.property(fc.constantFrom(...names), fc.func(fc.boolean()), (name, isUpper) => {
      const other = [...name].map((letter, at) => isUpper(at) ? letter.toUpperCase() : letter.toLowerCase()).join('')
      expect(deniedOf(other).length).toBe(deniedOf(name).length)
    }))
  })

  it('what begins like a family is one of it, whatever follows', () => {
    const prefix = fc.constantFrom('LD_', 'DYLD_', 'NODE_', 'PYTHON', 'PERL5', 'RUBY', 'JAVA_', 'DOTNET_', 'GIT_', 'SSH_', 'npm_config_', 'UV_', 'PIP_', 'DENO_', 'DOCKER_', 'XDG_', 'BASH_', 'OPENSSL_', 'CARGO_')
    fc.assert(fc.property(prefix, fc.stringMatching(/^[A-Z0-9_]{1,20}$/), (start, rest) => {
      if (!/^NODE_ENV$/i.test(start + rest) && !/_(?:TOKEN|API_KEY|PASSWORD|USERNAME|USER|HOST|PORT)$/.test(start + rest)) expect(deniedOf(start + rest)).toEqual([start + rest])
    }))
  })

  it('a credential, an account or an address of the server\'s own is taken, but not where S4 names the whole family', () => {
    const ends = ['TOKEN', 'API_KEY', 'PASSWORD', 'USERNAME', 'USER', 'HOST', 'PORT']
    for (const family of ['SSH', 'NODE', 'FISH', 'CARGO', 'GEM', 'ANSIBLE', 'R_X', 'DOCKER_HUB']) expect(deniedOf(...ends.map((end) => `${family}_${end}`))).toEqual([])
    for (const family of ['LD', 'DYLD', 'PYTHON', 'PERL5', 'RUBY', 'DOTNET', 'UV', 'PIP', 'GIT', 'npm_config']) expect(deniedOf(...ends.map((end) => `${family}_${end}`))).toHaveLength(ends.length)
  })

  it('what is refused by its end is refused as a name of its own', () => {
    fc.assert(fc.property(fc.constantFrom('SHELL', 'BINARY_PATH', 'PLUGINS', 'CA_BUNDLE', 'PROXY_URL', 'PRELOAD', 'SETTINGS_MODULE', 'SKIP_VERIFY', 'DOWNLOAD_HOST'), fc.stringMatching(/^[A-Z][A-Z0-9_]{0,12}$/), (end, start) => {
      expect(deniedOf(end, `${start}_${end}`)).toEqual([end, `${start}_${end}`].sort())
    }))
  })

  it('the mend can be followed', () => {
    const mendOf = (name: string) => env(subjectOf([{ name, value: '' }]), completePolicy({}))[0]?.mend
    expect(mendOf('PYTHONUNBUFFERED')).toContain('`python3 -u`')
    expect(mendOf('KUBECONFIG')).toContain('`--kubeconfig PATH`')
    for (const name of ['PYTHONUTF8', 'KUBECONFIG', 'CHROME_PATH', 'NODE_RED_URL']) expect(mendOf(name)).toContain('from an image, where any variable is its own: `docker run -e NAME=TEXT`')
  })

  it('every name is reported, and no value', () => {
    expect(deniedOf('API_KEY', 'NODE_OPTIONS', 'PATH', 'a b')).toEqual(['NODE_OPTIONS', 'PATH', 'a b'])
    expect(JSON.stringify(env(subjectOf([{ name: 'PATH', value: 'canary' }]), completePolicy({})))).not.toContain('canary')
  })

  it('has no opinion on agents and on what is reached by URL', () => {
    const http = parseMcpServerDefinition({ transport: { http: { url: 'https://a.com', headers: [{ name: 'PATH', value: '' }] } } })
    expect(env({ kind: 'MCP_SERVER', name: 'x', definition: http }, completePolicy({}))).toEqual([])
    expect(env({ kind: 'AGENT', name: 'x', definition: parseAgentDefinition({ prompt: 'PATH' }) }, completePolicy({}))).toEqual([])
  })
})
