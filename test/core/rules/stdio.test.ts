import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAgentDefinition } from '../../../src/core/agent.js'
import { parseMcpServerDefinition } from '../../../src/core/mcp-server.js'
import { type RuleFinding } from '../../../src/core/policy.js'
import { completePolicy, type PolicyDocument } from '../../../src/core/policy-document.js'
import { operandOf } from '../../../src/core/rules/stdio/launchers.js'
import { stdio } from '../../../src/core/rules/stdio.js'
import { definitionOf } from '../../support/vectors.js'

/** What the rule alone finds: others have opinions on arguments that look like secrets. The vectors are judged in `test/core/vectors.test.ts`. */
function judge(command: string, args: string[], policy: PolicyDocument = {}): RuleFinding[] {
  return stdio({ kind: 'MCP_SERVER', name: 'x', definition: definitionOf({ name: '', verdict: 'DENY', command, args }) }, completePolicy(policy))
}

const digest = `@sha256:${'0a1b'.repeat(16)}`
/** One good command line for each launcher: what stands before the package, script or image, and that itself. */
const bases: Array<{ command: string; start: string[]; operand: string; unpinned: string }> = [
  { command: 'npx', start: [], operand: 'srv@1.2.3', unpinned: 'srv' },
  { command: 'uvx', start: [], operand: 'srv==1.2.3', unpinned: 'srv' },
  { command: 'node', start: [], operand: '/srv/mcp/x.js', unpinned: 'x.js' },
  { command: 'python3', start: [], operand: '/srv/mcp/x.py', unpinned: 'x.py' },
  { command: 'docker', start: ['run'], operand: `srv${digest}`, unpinned: 'srv' },
  { command: 'deno', start: ['run'], operand: 'npm:srv@1.2.3', unpinned: 'npm:srv' },
]
/** Options that may stand there, as [name, value]; null: a flag. `short` ones may be bundled. */
const allowed: Record<string, { long: Array<[string, string | null]>; short: string[]; isGlued: boolean }> = {
  npx: { long: [['--yes', null], ['--quiet', null], ['--offline', null], ['--ignore-scripts', null]], short: [], isGlued: false },
  uvx: { long: [['--quiet', null], ['--python', '3.12'], ['--with', 'a==1.0'], ['--isolated', null]], short: ['q', 'n', 'v'], isGlued: false },
  node: { long: [['--no-warnings', null], ['--unhandled-rejections', 'strict'], ['--disable-proto', 'delete'], ['--enable_source-maps', null]], short: [], isGlued: false },
  python3: { long: [], short: ['u', 'B', 'E', 'I', 'O', 's'], isGlued: false },
  docker: { long: [['--rm', null], ['--network', 'none'], ['--env', 'A=b=c'], ['--memory', '1g'], ['--cap-drop', 'ALL'], ['--init', null], ['--user', '1:1']], short: ['i', 't', 'q'], isGlued: false },
  deno: { long: [['--quiet', null], ['--allow-net', 'a.example.com'], ['--allow-env', 'A'], ['--no-prompt', null]], short: ['q'], isGlued: true },
}
/** What is taken for an argument of some kind; no lone surrogates and control characters, which the parser refuses before any rule. */
const anything = fc.oneof(
  fc.stringMatching(/^[ -~]{0,12}$/), fc.stringMatching(/^--?[a-zA-Z][a-z-]{0,8}(=[ -~]{0,8})?$/),
  fc.constantFrom('--', '-', '-c', '-e', '--call=x', '-v/:/x', '--privileged', '-A', '--eval', '-m', 'sh', 'run', 'evil@latest', '/tmp/x', '..', ''),
).filter((arg) => !arg.includes('$'))
const base = fc.constantFrom(...bases)
const before = (command: string) => fc.array(fc.constantFrom(...allowed[command]!.long, ...allowed[command]!.short.map((letter): [string, null] => [`-${letter}`, null])), { maxLength: 4 })
const spelt = (options: Array<[string, string | null]>, isApart: (at: number) => boolean) =>
  options.flatMap(([name, value], at) => value === null ? [name] : isApart(at) ? [name, value] : [`${name}=${value}`])
const kindOf = (command: string, args: string[], policy?: PolicyDocument) => judge(command, args, policy)[0]?.effect ?? 'TAKEN'

describe('S3: a grammar, not a list of names', () => {
  it('every combination of the options that may stand there is fine, in every spelling', () => {
    fc.assert(fc.property(base.chain((one) => fc.tuple(fc.constant(one), before(one.command), fc.func(fc.boolean()))), ([{ command, start, operand }, options, isApart]) => {
      const args = spelt(options, (at) => !allowed[command]!.isGlued && isApart(at))
      expect([command, ...args, kindOf(command, [...start, ...args, operand])]).toEqual([command, ...args, 'TAKEN'])
    }))
  })

  it('an unknown option before the package denies, wherever it stands', () => {
    const unknown = fc.oneof(fc.stringMatching(/^--?z[a-z-]{0,9}(=[ -~]{0,9})?$/), fc.stringMatching(/^-[ZKj9][ -~]{0,6}$/), fc.stringMatching(/^--[A-Z][A-Za-z-]{0,9}$/), fc.stringMatching(/^---[a-z]{0,6}$/))
      .filter((arg) => !arg.includes('$'))
    fc.assert(fc.property(base.chain((one) => fc.tuple(fc.constant(one), before(one.command), before(one.command))), unknown, ([{ command, start, operand }, first, second], option) => {
      const args = [...start, ...spelt(first, () => false), option, ...spelt(second, () => false), operand]
      expect([...args, kindOf(command, args)]).toEqual([...args, 'DENY'])
    }))
  })

  it('what follows the package, script or image never changes the verdict', () => {
    fc.assert(fc.property(base.chain((one) => fc.tuple(fc.constant(one), before(one.command))), fc.array(anything, { maxLength: 6 }), ([{ command, start, operand, unpinned }, options], rest) => {
      const args = [...start, ...spelt(options, () => false)]
      expect(kindOf(command, [...args, operand, ...rest])).toBe('TAKEN')
      expect(kindOf(command, [...args, unpinned, ...rest])).toBe('DENY')
    }))
  })

  it('a bundle is what its letters are, and the first that takes a value takes the rest', () => {
    const tails: Record<string, { good: Array<[string, string]>; bad: string[] }> = {
      uvx: { good: [['-p', '3.12'], ['-w', 'a==1.0']], bad: ['p/srv/x', 'wa', 'Z', 'c', 'i'] },
      python3: { good: [['-X', 'utf8'], ['-W', 'ignore']], bad: ['cx', 'c', 'mx', 'Wignore::x.Y', 'i', 'Z', '-'] },
      docker: { good: [['-e', 'A'], ['-e', 'q'], ['-m', '1g'], ['-u', '1']], bad: ['v/:/x', 'p1', 'd', 'P', 'Z', 'l', '-', 'i=x', 'e='] },
      deno: { good: [], bad: ['A', 'Rx', 'R', 'N', 'c', '-', 'q=1'] },
    }
    const bundling = fc.constantFrom(...bases.filter(({ command }) => command in tails))
    const flags = (command: string) => fc.array(fc.constantFrom(...allowed[command]!.short), { minLength: 1, maxLength: 4 })
    fc.assert(fc.property(bundling.chain((one) => fc.tuple(fc.constant(one), flags(one.command))), ([{ command, start, operand }, letters]) => {
      const glued = `-${letters.join('')}`
      expect(kindOf(command, [...start, glued, operand])).toBe('TAKEN')
      for (const [name, value] of tails[command]!.good) {
        expect(kindOf(command, [...start, `${glued}${name.slice(1)}${value}`, operand])).toBe('TAKEN')
        expect(kindOf(command, [...start, `${glued}${name.slice(1)}`, value, operand])).toBe('TAKEN')
      }
      for (const bad of tails[command]!.bad) expect([bad, kindOf(command, [...start, `${glued}${bad}`, operand])]).toEqual([bad, 'DENY'])
    }))
  })

  it('a value is judged alike, glued or apart', () => {
    const value = fc.oneof(fc.constantFrom('none', 'host', 'bridge', 'A', 'A=1', '=', '1g', 'ALL', '/x', '/:/x', '/srv/mcp/a:/b:ro', 'no-new-privileges', '3.12', 'a==1.0', 'a', ''), fc.stringMatching(/^[a-zA-Z0-9=:/.,]{1,10}$/))
    const option = fc.constantFrom<[string, string]>(['docker', '--network'], ['docker', '--net'], ['docker', '--env'], ['docker', '-e'], ['docker', '--memory'], ['docker', '-v'], ['docker', '--volume'], ['docker', '--security-opt'],
      ['docker', '--user'], ['uvx', '--python'], ['uvx', '-p'], ['uvx', '--with'], ['node', '--unhandled-rejections'])
    fc.assert(fc.property(option, value, ([command, name], text) => {
      const { start, operand } = bases.find((one) => one.command === command)!
      const policy = { stdio: { directories: ['/srv/mcp'] } }
      const apart = kindOf(command, [...start, name, text, operand], policy)
      expect(kindOf(command, [...start, `${name}=${text}`, operand], policy)).toBe(apart)
      if (!name.startsWith('--') && text !== '' && !text.startsWith('=')) expect(kindOf(command, [...start, `${name}${text}`, operand], policy)).toBe(apart)
    }))
  })

  it('nothing is taken that is no launcher of the policy and no absolute path', () => {
    fc.assert(fc.property(anything, fc.array(anything, { maxLength: 4 }), (command, args) => {
      if (command !== '' && !command.startsWith('/')) expect(kindOf(command, args)).toBe('DENY')
    }))
  })

  it('S14: a finding repeats no argument', () => {
    fc.assert(fc.property(base, fc.constantFrom('CanaryQ7x', '-eCanaryQ7x', '-cCanaryQ7x', '--zz=CanaryQ7x', '--env==CanaryQ7x', 'git+https://CanaryQ7x@evil.example', '/tmp/CanaryQ7x', 'srv@CanaryQ7x'), ({ command, start, operand }, canary) => {
      expect(JSON.stringify(judge(command, [...start, canary, operand]))).not.toContain('CanaryQ7x')
    }))
  })

  it('the longest arguments are judged in linear time', () => {
    // Whatever tries every way to split such a text takes longer than a test may.
    const long = ['0'.repeat(8192), '1.'.repeat(4096), `srv@1.2.3-${'a.'.repeat(4000)}`, `a${'-'.repeat(8000)}@${digest}`, `--env=$A${'='.repeat(8000)}`, `${'a._-'.repeat(2000)}${digest}`, `/tmp${'/a'.repeat(4000)}`, `-${'i'.repeat(8000)}Z`]
    for (const { command, start } of bases) for (const one of long) expect([one.slice(0, 20), kindOf(command, [...start, ...Array.from({ length: 250 }, () => one)])]).toEqual([one.slice(0, 20), 'DENY'])
  })

  it.each<[command: string, args: string[], operand: ReturnType<typeof operandOf>]>([
    ['npx', ['-y', 'srv@1.2.3', '/srv/a'], { kind: 'PACKAGE', at: 1 }], ['uvx', ['-p', '3.12', 'srv==1.2.3'], { kind: 'PACKAGE', at: 2 }],
    ['uvx', ['--from', 'srv==1.2.3', 'srv'], { kind: 'COMMAND', at: 2 }], ['uv', ['tool', 'run', 'srv==1.2.3'], { kind: 'PACKAGE', at: 2 }],
    ['node', ['--dns-result-order', 'verbatim', '--', '/srv/a.js', '/srv/b'], { kind: 'SCRIPT', at: 3 }], ['python3.12', ['-X', 'utf8', '/srv/a.py'], { kind: 'SCRIPT', at: 2 }],
    ['deno', ['run', '--allow-read=/srv', '/srv/a.ts'], { kind: 'SCRIPT', at: 2 }], ['deno', ['run', 'npm:srv@1.2.3'], { kind: 'PACKAGE', at: 1 }],
    ['docker', ['run', '-e', 'A', '-w', '/srv', `srv${digest}`, '/srv/x'], { kind: 'IMAGE', at: 5 }],
    ['node', ['--eval', 'x', '/srv/a.js'], null], ['docker', ['exec', 'x'], null], ['node', [], null], ['/srv/mcp/server', ['/srv/a'], null],
  ])('says where the operand of %s %j stands', (command, args, operand) => { expect(operandOf(command, args)).toEqual(operand) })

  it.each<[command: string, args: string[], mend: string]>([
    ['python3', ['-m', 'x'], 'Write uvx NAME==VERSION, or python3 with the absolute path of the script.'],
    ['npx', ['-y', '-p', '@s/pkg@1.2.3', 'cmd'], 'Write npx -y @SCOPE/NAME@VERSION or npx -y NAME@VERSION: it runs the command that bears the package\'s name.'],
    ['/srv/mcp/venv/bin/python', ['/srv/mcp/x.py'], 'Name the script of the venv itself (/srv/mcp/venv/bin/NAME), or write python3 with the absolute path of the script.'],
    ['docker', ['run', '-v', '/srv/a:/a:ro', `srv${digest}`], 'Write -v VALUE, where VALUE is HOST:PATH:ro, with HOST below a folder of stdio.directories, which has none: ask an admin to list one.'],
    ['uv', ['run', 'x'], 'Write uvx NAME==VERSION, or uv tool run NAME==VERSION.'],
  ])('the mend of %s %j leads to what is taken', (command, args, mend) => { expect(judge(command, args).map((one) => one.mend)).toContain(mend) })

  it('the mend of an unknown option names it and stays a short line', () => {
    const [finding] = judge('docker', ['run', '--privileged', `srv${digest}`])
    expect(finding?.mend).toMatch(/^Leave --privileged out\. /)
    expect(finding?.mend.length).toBeLessThan(320)
  })

  it('names the field of what is wrong, all of it at once', () => {
    const definition = parseMcpServerDefinition({ transport: { stdio: { command: 'docker', args: ['run', '--network', 'host', '-v/:/x', 'srv'], cwd: '/etc' } } })
    expect(stdio({ kind: 'MCP_SERVER', name: 'x', definition }, completePolicy({ stdio: { launchers: ['npx'] } })).map(({ field }) => field)).toEqual(
      ['command', 'args.1', 'args.3', 'args.4', 'cwd'].map((field) => `definition.transport.stdio.${field}`))
  })

  it('has no opinion on agents and on what is reached by URL', () => {
    const http = parseMcpServerDefinition({ transport: { http: { url: 'https://a.com' } } })
    expect(stdio({ kind: 'MCP_SERVER', name: 'x', definition: http }, completePolicy({}))).toEqual([])
    expect(stdio({ kind: 'AGENT', name: 'x', definition: parseAgentDefinition({ prompt: 'sh -c id' }) }, completePolicy({}))).toEqual([])
  })
})
