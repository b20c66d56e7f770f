import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { generate } from '@graphql-codegen/cli'
import * as drizzleKit from 'drizzle-kit/api'
import { ESLint } from 'eslint'
import {
  buildSchema, type GraphQLArgument, type GraphQLInputType, type GraphQLObjectType, type GraphQLSchema, execute, isEnumType, isInputObjectType,
  isLeafType, isListType, isNonNullType, isObjectType, getNamedType, parse, printSchema, subscribe,
} from 'graphql'
import { describe, expect, it } from 'vitest'
import { config as codegenConfig } from '../codegen.js'
import { CatalogError } from '../src/core/errors.js'
import { policyJsonSchema } from '../src/core/policy-json-schema.js'
import * as probeSchema from '../src/db/probe-schema.js'
import * as databaseSchema from '../src/db/schema.js'
import { openTypes, rootPermissions } from '../src/graphql/permissions.js'
import { schema } from '../src/graphql/schema.js'
import { leftOutProblems } from './support/second-postgres.js'
import {
  type Ban, banProblems, barrelProblems, codeOf, cycleProblems, deadFileProblems, defaultExportProblems, dependencyProblems, directionProblems,
  entriesOf, importsOf, isGenerated, layerOf, lineLimit, machineProblems, type Manifest, mayImport, nameProblems, readTree, root, sizeProblems, type Source,
  threatModelProblems, tourProblems,
} from './support/tidy.js'

const tree = readTree()
const textOf = (path: string) => readFileSync(root + path, 'utf8')
const manifest = JSON.parse(textOf('package.json')) as Manifest
/** Words that must not stand in this file are written with a bar in them. */
const split = (text: string) => text.replaceAll('|', '')
const file = (path: string, ...lines: string[]): Source => ({ path, text: split(`${lines.join('\n')}\n`) })

describe('the reader of sources', () => {
  it('knows imports that load a module from those that only name types', () => {
    const all = importsOf(file('src/app.ts',
      "import { a } from './a.js'", "import { type B } from './b.js'", "import type { C } from './c.js'", "import { d, type D } from './d.js'",
      "import './e.js'", "export { f } from './f.js'", "export type { G } from './g.js'", "const h = await import('./h.js')", "let i: import('./i.js').I",
      "const j = createRequire(import.meta.url)('j')", "// import './k.js'", "const l = \"import './l.js'\""))
    expect(all.map(({ specifier, line, isType }) => `${specifier} ${line} ${isType ? 'TYPE' : 'VALUE'}`)).toEqual([
      './a.js 1 VALUE', './b.js 2 TYPE', './c.js 3 TYPE', './d.js 4 VALUE', './e.js 5 VALUE', './f.js 6 VALUE', './g.js 7 TYPE', './h.js 8 VALUE',
      './i.js 9 TYPE', 'j 10 VALUE',
    ])
  })

  it('tells code from comments, and keeps every line and column', () => {
    expect(codeOf(file('src/a.ts', '/** doc */ const a = `x // ${1 /* no */} y` // end', '', "const b = /\\/\\/'/ /* c */")))
      .toBe(`           const a = \`x // \${1         } y\`       \n\n${"const b = /\\/\\/'/        "}\n`)
  })
})

describe('import direction', () => {
  const one = (path: string, specifier: string) => directionProblems([file(path, `import { type A } from '${specifier}'`)])

  it('is that of the architecture', () => expect(directionProblems(tree)).toEqual([]))

  it.each([
    ['src/db/entry.ts', '../catalog/commit.js'], ['src/core/entry.ts', '../db/schema.js'], ['src/graphql/types/agent.ts', '../../db/entry.js'],
    ['src/http/auth.ts', '../db/token.js'], ['src/catalog/token.ts', '../feed/hub.js'], ['src/index/state.ts', '../catalog/entry.js'],
    ['src/worker/view.ts', '../index/state.js'], ['src/worker/view.ts', '../config.js'], ['src/client/index.ts', '../core/errors.js'],
    ['src/main.ts', './cli/bin.js'], ['src/catalog/token.ts', '../config.js'], ['src/config.ts', './core/errors.js'], ['src/index.ts', './db/client.js'],
    ['src/worker/adapters/mcp.ts', './memory.js'], ['src/core/policy.ts', 'yaml'], ['src/core/policy.ts', 'node:crypto'], ['src/worker/view.ts', 'postgres'],
    ['src/client/index.ts', 'drizzle-orm/pg-core'], ['src/db/entry.ts', '../../test/support/server.js'], ['bench/service.ts', '../src/app.js'], ['bench/evaluator.ts', '../src/index/judge.js'],
    ['src/db/client.ts', '../../bench/stats.js'], ['console/src/app.tsx', '../../src/client/index.js'], ['console/src/data/live.ts', '../../../src/worker/view.js'], ['console/src/app.tsx', 'pino'],
    ['src/core/policy.ts', '../../console/src/data/live.js'],
  ])('%s must not import %s', (path, specifier) => expect(one(path, specifier)).toHaveLength(1))

  it.each([
    ['src/app.ts', './db/client.js'], ['src/http/ws.ts', '../index/state.js'], ['src/cli/watch.ts', '../client/index.js'], ['src/index.ts', './app.js'],
    ['src/worker/adapters/mcp.ts', '../adapter.js'], ['src/core/rules/url.ts', 'ipaddr.js'], ['src/db/client.ts', 'postgres'],
    ['bench/service.ts', '../src/client/index.js'], ['bench/run.ts', './rows.js'], ['bench/evaluator.ts', '../src/core/policy.js'],
    ['console/src/parts/outside-text.tsx', '../../../src/core/definition-text.js'], ['console/src/app.tsx', './shell/frame.js'], ['console/src/app.tsx', 'react'],
  ])('%s may import %s', (path, specifier) => expect(one(path, specifier)).toEqual([]))

  it('has a row for every folder', () => {
    expect(tree.filter(({ path }) => /^src\/.*\.ts$/.test(path) && layerOf(path) === null)).toEqual([])
    expect(directionProblems([file('src/helpers/text.ts')])).toEqual(['src/helpers/text.ts: belongs to no layer of the architecture'])
    expect(Object.values(mayImport).flat().every((layer) => layer in mayImport)).toBe(true)
  })

  it('has no circles', () => {
    expect(cycleProblems(tree)).toEqual([])
    const circle = [file('src/core/a.ts', "import { b } from './b.js'"), file('src/core/b.ts', "import { c } from './c.js'"), file('src/core/c.ts', "import { a } from './a.js'")]
    expect(cycleProblems(circle)).toEqual(['circle: src/core/a.ts -> src/core/b.ts -> src/core/c.ts -> src/core/a.ts'])
    expect(cycleProblems([circle[0]!, file('src/core/b.ts', "import { type A } from './a.js'")])).toEqual([])
  })
})

describe('sizes', () => {
  it('are within the limits', () => expect(sizeProblems(tree)).toEqual([]))

  it('counts lines and leaves generated files out', () => {
    const long = (path: string, lines: number) => ({ path, text: '//\n'.repeat(lines) })
    expect(sizeProblems([long('src/core/a.ts', 200), long('src/db/schema.ts', 350), long('src/client/generated/graphql.ts', 900)])).toEqual([])
    expect(sizeProblems([long('src/core/a.ts', 201), long('src/db/a.ts', 251), long('src/worker/follower.ts', 351), long('test/a.test.ts', 401)])).toHaveLength(4)
    expect(lineLimit('src/worker/view.ts')).toBe(250)
  })

  it('of functions are held by eslint', async () => {
    const { rules } = await new ESLint({ cwd: root }).calculateConfigForFile('src/app.ts') as { rules: Record<string, [number, { max: number }]> }
    expect(rules['max-lines-per-function']).toMatchObject([2, { max: 70 }])
  })
})

const isSource = (path: string) => path.startsWith('src/')
const isConsole = (path: string) => path.startsWith('console/')
const isPure = (path: string) => /^src\/(core\/|worker\/(follower|reconcile)\.ts)/.test(path)
const anywhere = () => true
const bannedWords: Ban[] = [
  { text: 'process|.env', instead: 'Config, which config.ts reads', where: (path) => isConsole(path) || (isSource(path) && !['src/config.ts', 'src/config/client.ts'].includes(path)) },
  { text: "from 'node:|process'", instead: 'Config, or the global', where: isSource },
  { text: 'console|.', instead: 'the logger, or what the caller passes in', where: (path) => isSource(path) || isConsole(path) },
  { text: 'dangerously|SetInnerHTML', instead: 'text', where: isConsole },
  { text: 'inner|HTML', instead: 'text', where: isConsole },
  { text: 'session|Storage', instead: 'nothing: the server keeps who is signed in', where: isConsole },
  { text: 'document|.cookie', instead: 'nothing: no script reads the cookie', where: isConsole },
  { text: 'Date|.now(', instead: "the event's input", where: isPure },
  { text: 'new |Date()', instead: "the event's input", where: isPure },
  { text: 'performance|.now(', instead: "the event's input", where: isPure },
  { text: 'Math|.random(', instead: "the event's input", where: isPure },
  // db/client.ts opens read-only ones, and those of what is no change of the catalog.
  { text: '.trans|action(', instead: 'commit()', where: (path) => isSource(path) && !['src/catalog/writer.ts', 'src/catalog/entry-lane.ts', 'src/catalog/access-log.ts', 'src/db/client.ts'].includes(path) },
  { text: 'as |any', instead: 'a type', where: anywhere },
  { text: '@ts-|ignore', instead: 'a type', where: anywhere, inComments: true },
  { text: '@ts-|nocheck', instead: 'a type', where: anywhere, inComments: true },
  { text: 'sql.|raw(', instead: 'parameters', where: anywhere },
  { text: 'set|Timeout(', instead: 'waiting for an event', where: (path) => path.startsWith('test/') },
  { text: '.on|ly(', instead: 'nothing', where: anywhere },
  { text: 'FIX|ME', instead: 'nothing: do it, or open an issue', where: anywhere, inComments: true },
  { text: 'TO|DO', instead: 'nothing: do it, or open an issue', where: anywhere, inComments: true },
]
const bans = bannedWords.map((ban) => ({ ...ban, text: split(ban.text) }))

describe('banned words', () => {
  it('stand nowhere', () => expect(banProblems(tree, bans)).toEqual([]))

  it.each([
    ['src/app.ts', 'const port = process|.env.PORT'], ['src/app.ts', "import { env } from 'node:|process'"], ['src/db/client.ts', 'console|.warn(1)'],
    ['src/core/owner.ts', 'Date|.now()'], ['src/worker/follower.ts', 'new |Date()'], ['src/worker/reconcile.ts', 'performance|.now()'],
    ['src/core/rules/name.ts', 'Math|.random()'], ['src/catalog/entry.ts', 'db.trans|action(run)'], ['test/a.test.ts', 'value as |any'],
    ['src/app.ts', '// @ts-|ignore'], ['src/app.ts', '// @ts-|nocheck'], ['src/db/entry.ts', 'sql.|raw(text)'], ['test/a.test.ts', 'set|Timeout(run, 5)'],
    ['test/a.test.ts', 'it.on|ly(name, run)'], ['console/src/app.tsx', '<p dangerously|SetInnerHTML={{ __html: name }} />'], ['console/src/app.tsx', 'document|.cookie'],
    ['src/app.ts', '// FIX|ME later'], ['src/app.ts', '/* TO|DO */'],
  ])('%s: %s is caught', (path, line) => {
    expect(banProblems([file(path, '', line)], bans)).toEqual([expect.stringMatching(`^${path}:2: `)])
  })

  it.each([
    ['src/config.ts', 'process|.env.PORT'], ['src/worker/clock.ts', 'Math|.random()'], ['src/catalog/writer.ts', 'db.trans|action(run)'],
    ['src/app.ts', '/** the environment (`process|.env`) */'], ['src/app.ts', 'set|Timeout(run, 5)'], ['src/app.ts', 'const text = "was anything"'],
  ])('%s: %s is left alone', (path, line) => expect(banProblems([file(path, line)], bans)).toEqual([]))
})

describe('names and exports', () => {
  const entries = entriesOf(manifest)

  it('are as agreed', () => {
    expect(nameProblems(tree)).toEqual([])
    expect(defaultExportProblems(tree)).toEqual([])
    expect(barrelProblems(tree, entries)).toEqual([])
  })

  it('catches a name that is not kebab-case', () => {
    expect(nameProblems([file('src/db/changeLog.ts'), file('src/DB/entry.ts'), file('test/a_b.test.ts'), file('src/db/change-log.ts')])).toHaveLength(3)
  })

  it('catches default exports', () => {
    const texts = ['export |default 1', 'export |default function run() {}', 'const a = 1; export { a as |default }', "export { |default } from './b.js'"]
    for (const text of texts) expect(defaultExportProblems([file('src/a.ts', text)])).toHaveLength(1)
    expect(defaultExportProblems([file('src/a.ts', "import a from 'b'", 'export const c = a')])).toEqual([])
  })

  it('catches barrels', () => {
    const all = "export * from './entry.js'"
    const some = ["import { type A } from './a.js'", "export { b } from './b.js'", 'export type { A }']
    expect(barrelProblems([file('src/db/all.ts', all, 'export const a = 1'), file('src/db/some.ts', ...some), file('src/db/index.ts', 'export const b = 1')], entries)).toHaveLength(3)
    expect(barrelProblems([file('src/worker/index.ts', ...some), file('src/db/c.ts', ...some, 'export const d = 1')], entries)).toEqual([])
  })
})

describe('what nobody needs', () => {
  const listed = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.devDependencies })
  const installed = Object.fromEntries(listed.flatMap((name) => {
    const path = `node_modules/${name}/package.json`
    // Optional packages of other platforms are not installed.
    return existsSync(root + path) ? [[name, JSON.parse(textOf(path)) as Manifest]] : []
  }))
  const small: Manifest = { exports: { '.': { import: './dist/index.js' } }, bin: { it: 'dist/cli/bin.js' }, dependencies: { zod: '1' }, devDependencies: { tool: '1', tester: '1' }, scripts: { lint: 'linter .' } }

  it('is not in src: every file is reached from an entry, a script or a configuration', () => expect(deadFileProblems(tree, manifest)).toEqual([]))

  it('catches a dead file and a missing one', () => {
    const files = [file('src/index.ts', "import { a } from './a.js'"), file('src/a.ts'), file('src/b.ts'), file('test/b.test.ts', "import '../src/b.js'")]
    expect(deadFileProblems(files, small)).toEqual([expect.stringMatching(/^src\/cli\/bin\.ts: .*not there/), expect.stringMatching(/^src\/b\.ts: nothing/)])
  })

  it('catches what the bench does not reach, and what nobody else needs', () => {
    const manifest: Manifest = { exports: { '.': './dist/index.js' }, scripts: { bench: 'tsx bench/run.ts' } }
    const files = [
      file('src/index.ts'), file('src/a.ts'), file('bench/run.ts', "import { a } from '../src/a.js'", "start('./program.ts')"),
      file('bench/program.ts', "import { b } from './b.js'"), file('bench/b.ts'), file('bench/c.ts'),
    ]
    expect(deadFileProblems(files, manifest)).toEqual(['src/a.ts: nothing of the package leads to it', 'bench/c.ts: nothing of the bench leads to it'])
  })

  it('catches what the console does not load', () => {
    const files = [file('console/src/main.tsx', "import { A } from './a.js'", "const b = import('./b.js')"), file('console/src/a.tsx'), file('console/src/b.ts'), file('console/src/c.tsx')]
    expect(deadFileProblems(files, {})).toEqual(['console/src/c.tsx: nothing of the console leads to it'])
  })

  it('is not in package.json, and everything that is used is', () => expect(dependencyProblems(tree, manifest, installed)).toEqual([]))

  it('catches packages that are not listed, or not used', () => {
    const files = [file('src/a.ts', "import { x } from 'left-pad/x'", "import { readFile } from 'node:fs'"), file('src/b.ts', "import 'tester'"), file('test/a.ts', "import 'tester'")]
    expect(dependencyProblems(files, small, { tool: { bin: { linter: 'x' } } })).toEqual([
      'src/a.ts:1: left-pad is not listed in package.json', 'src/b.ts:1: tester is not listed in package.json', 'zod: listed in package.json and used nowhere',
    ])
  })

  it('is no trace of one machine', () => {
    const folders = [root.length > 5 ? root : null, homedir().length > 5 ? `${homedir()}/` : null, split('/wo|rk/main'), split('/wo|rk/shared'), split('../sha|red/')]
      .filter((folder) => folder !== null)
    expect(machineProblems(tree, folders)).toEqual([])
    const lock = file('package-lock.json', '{ "resolved": "https://registry.example.com/a.tgz" }')
    expect(machineProblems([lock, file('.npmrc', 'registry=https://registry.example.com'), file('docs/a.md', 'see /wo|rk/main/src')], folders)).toHaveLength(3)
  })
})

describe('the ten-minute tour', () => {
  const stops = ['src/core/mcp-server.ts', 'src/core/policy.ts', 'src/catalog/mcp-server.ts', 'src/catalog/commit.ts', 'src/feed/stream.ts',
    'src/worker/follower.ts', 'src/worker/reconcile.ts', 'test/e2e/hot-load.test.ts']

  it('leads through files that are there, in under 900 lines', () => expect(tourProblems(tree, stops, 900)).toEqual([]))

  it('catches a missing tour, a missing stop and a long way', () => {
    expect(tourProblems([], [], 900)).toEqual(['README.md is not there, and with it the ten-minute tour'])
    expect(tourProblems([file('README.md', '# Pilothouse')], [], 900)).toHaveLength(1)
    const readme = file('README.md', '## The ten-minute tour', 'Read `core/rules/name.ts` and `core/gone.ts`.', '## More', '`core/entry.ts`')
    const rule = { path: 'src/core/rules/name.ts', text: '//\n'.repeat(20) }
    expect(tourProblems([readme, rule], ['src/core/policy.ts'], 20)).toEqual([
      'the tour names src/core/gone.ts, which is not there', 'the tour leaves out src/core/policy.ts', 'the tour has 20 lines, and must have fewer than 20',
    ])
  })
})

describe('the tests that .ci/run leaves out on the second Postgres', () => {
  // Those run in a browser, on the API that the tests of the other folders ask there.
  const allowed = ['console']

  it('do not reach the Postgres of the run', () => expect(leftOutProblems(tree, allowed)).toEqual([]))

  it('are caught when they do, also through other files, and so is a folder without tests', () => {
    const files = [
      file('.ci/run', 'same_on_any_postgres=(core worker gone console)'), file('test/support/server.ts', "inject('postgresUrl')"), file('test/suites/a.ts', "import '../support/server.js'"),
      file('test/core/a.test.ts', "import '../suites/a.js'"), file('test/core/b.test.ts', "import { type A } from '../suites/a.js'", "// inject('postgresUrl')"),
      file('test/worker/a.test.ts', "inject('postgresUrl')"), file('test/catalog/a.test.ts', "import '../support/server.js'"), file('test/console/a.test.ts', "import '../support/server.js'"),
    ]
    expect(leftOutProblems(files, allowed)).toEqual([
      expect.stringMatching(/^test\/core\/a\.test\.ts: reaches/), expect.stringMatching(/^test\/worker\/a\.test\.ts: reaches/), '.ci/run leaves out test/gone, which has no tests',
    ])
    expect(leftOutProblems([], allowed)).toEqual(['.ci/run has no line same_on_any_postgres=(…)'])
  })
})

describe('the threat model', () => {
  it('names tests that are there, for each promise one with its number', () => expect(threatModelProblems(tree)).toEqual([]))

  it('catches a promise without a test, a test and a file that are gone', () => {
    expect(threatModelProblems([])).toEqual(['docs/threat-model.md is not there'])
    const tests = { path: 'test/a.test.ts', text: "describe('S1: one', () => { it.each(['x'])('S2, S3: it\\'s %s', run) })\n// it('S4: said', run)" }
    const page = (...lines: string[]) => [tests, { path: 'docs/threat-model.md', text: lines.join('\n') }]
    expect(threatModelProblems(page('| S1 | text | `test/a.test.ts`: "S1: one" |', 'S3', '| S2 | | `test/a.test.ts`: "S2, S3: it\'s %s" |', '## Not promised yet', 'S9'))).toEqual([])
    expect(threatModelProblems(page('| S1 | text | `test/a.test.ts`: "S1: two" |', '| S2 | | `test/a.test.ts`: "S1: one" |', '`test/gone.test.ts`: "S1: one"', 'S4'))).toEqual([
      'the threat model names test/gone.test.ts, which is not there', 'the threat model names the test "S1: two", which test/a.test.ts does not have',
      'the threat model proves S2 by no test of that number', 'the threat model promises S4, which no test carries',
    ])
  })
})

type Table = Record<string, Record<string, unknown>>
const objectTypes = (of: GraphQLSchema) => Object.values(of.getTypeMap()).filter(isObjectType).filter(({ name }) => !name.startsWith('__'))
const missing = (all: string[], from: string[]) => all.filter((name) => !from.includes(name))

function permissionProblems(of: GraphQLSchema, roots: Table, open: readonly string[]): string[] {
  const types = objectTypes(of)
  const fields = types.filter(({ name }) => name in roots).flatMap((type) => Object.keys(type.getFields()).map((field) => `${type.name}.${field}`))
  const rows = Object.entries(roots).flatMap(([type, row]) => Object.keys(row).map((field) => `${type}.${field}`))
  const behind = types.map(({ name }) => name).filter((name) => !(name in roots))
  return [
    ...missing(fields, rows).map((field) => `${field} has no permission row`), ...missing(rows, fields).map((field) => `${field} has a row and is no field`),
    ...missing(behind, [...open]).map((type) => `${type} is not among the open types`), ...missing([...open], behind).map((type) => `${type} is open and is no type`),
  ]
}

/** The smallest text that an argument takes, so that nothing but the guard can refuse. */
function literal(type: GraphQLInputType): string {
  if (isNonNullType(type)) return literal(type.ofType)
  if (isListType(type)) return '[]'
  if (isEnumType(type)) return type.getValues()[0]!.name
  if (!isInputObjectType(type)) return type.name === 'Int' ? '1' : type.name === 'Boolean' ? 'true' : '"x"'
  const fields = Object.values(type.getFields())
  return `{ ${(type.isOneOf ? fields.slice(0, 1) : fields.filter(isNeeded)).map((field) => `${field.name}: ${literal(field.type)}`).join(', ')} }`
}

const isNeeded = ({ type, defaultValue }: Pick<GraphQLArgument, 'type' | 'defaultValue'>) => isNonNullType(type) && defaultValue === undefined

/** Root fields that answer, or fail in another way than by being refused, when nobody asks. */
async function unguardedFields(of: GraphQLSchema): Promise<string[]> {
  const roots = [of.getQueryType(), of.getMutationType(), of.getSubscriptionType()].filter((type): type is GraphQLObjectType => Boolean(type))
  const fields = roots.flatMap((type) => Object.values(type.getFields()).map((field) => ({ type, field })))
  const outcomes = await Promise.all(fields.map(async ({ type, field }) => {
    const needed = field.args.filter(isNeeded).map((arg) => `${arg.name}: ${literal(arg.type)}`)
    const selection = isLeafType(getNamedType(field.type)) ? '' : '{ __typename }'
    const document = parse(`${type.name.toLowerCase()} { ${field.name}${needed.length > 0 ? `(${needed.join(', ')})` : ''} ${selection} }`)
    const run = type === of.getSubscriptionType() ? subscribe : execute
    const result = await Promise.resolve(run({ schema: of, document, contextValue: { caller: null } })).catch(() => ({}))
    const causes = 'errors' in result ? result.errors?.map(({ originalError }) => originalError) ?? [] : []
    const isRefused = causes.length > 0 && causes.every((cause) => cause instanceof CatalogError && cause.code === 'UNAUTHENTICATED')
    return isRefused ? [] : [`${type.name}.${field.name}`]
  }))
  return outcomes.flat()
}

describe('permissions', () => {
  const small = buildSchema('type Query { a(b: Int!): Thing, c: String } type Thing { id: ID } type Subscription { d: String }')

  it('S21: has a row for every root field and names every type behind them', () => expect(permissionProblems(schema, rootPermissions, openTypes)).toEqual([]))

  it('catches fields, rows and types that lack the other', () => {
    expect(permissionProblems(small, { Query: { a: 1, e: 1 }, Subscription: { d: 1 } }, ['Owner'])).toEqual([
      'Query.c has no permission row', 'Query.e has a row and is no field', 'Thing is not among the open types', 'Owner is open and is no type',
    ])
  })

  it('S21: lets nobody in without a caller, nor subscribe', async () => expect(await unguardedFields(schema)).toEqual([]))

  it('catches a field that is not guarded', async () => expect(await unguardedFields(small)).toEqual(['Query.a', 'Query.c', 'Subscription.d']))
})

interface Snapshot {
  id: string
  tables: Record<string, unknown>
}

// Typed here: the typings of drizzle-kit's API do not resolve as an ES module.
const { generateDrizzleJson, generateMigration } = drizzleKit as unknown as {
  generateDrizzleJson: (tables: object, previous: string) => Snapshot
  generateMigration: (before: Snapshot, after: Snapshot) => Promise<string[]>
}

describe('generated files', () => {
  /** Files whose text is not what was generated; `present` are those that lie in the folder. */
  const stale = (generated: Array<{ filename: string; content: string }>, present: Source[]) => {
    const names = generated.map(({ filename }) => filename)
    const fresh = generated.filter(({ filename, content }) => present.some(({ path, text }) => path === filename && text === content)).map(({ filename }) => filename)
    return [...missing(names, fresh), ...missing(present.map(({ path }) => path), names)].map((path) => `${path}: run npm run generate`)
  }

  it('schema.graphql is what the code prints', () => {
    const committed = tree.filter(({ path }) => path === 'schema.graphql')
    expect(stale([{ filename: 'schema.graphql', content: `${printSchema(schema)}\n` }], committed)).toEqual([])
  })

  it('policy.schema.json is what the code prints', () => {
    const committed = tree.filter(({ path }) => path === 'policy.schema.json')
    expect(stale([{ filename: 'policy.schema.json', content: `${JSON.stringify(policyJsonSchema(), null, 2)}\n` }], committed)).toEqual([])
  })

  it('the client is what the schema and the operations give', async () => {
    const generated = await generate({ ...codegenConfig, cwd: root, silent: true }, false) as Array<{ filename: string; content: string }>
    expect(generated).not.toEqual([])
    expect(stale(generated, tree.filter(isGenerated))).toEqual([])
  }, 60_000)

  it('catches what is old, missing or left over', () => {
    expect(stale([{ filename: 'a', content: 'new' }, { filename: 'b', content: '' }], [file('a', 'old'), file('c')])).toHaveLength(3)
  })

  it('the migrations lead to db/schema.ts', async () => {
    const { entries } = JSON.parse(textOf('drizzle/meta/_journal.json')) as { entries: Array<{ idx: number; tag: string }> }
    expect(entries.map(({ tag }) => `drizzle/${tag}.sql`)).toEqual(tree.map(({ path }) => path).filter((path) => /^drizzle\/.*\.sql$/.test(path)).sort())
    const last = JSON.parse(textOf(`drizzle/meta/${String(entries.at(-1)!.idx).padStart(4, '0')}_snapshot.json`)) as Snapshot
    const now = generateDrizzleJson({ ...databaseSchema, ...probeSchema }, last.id)
    expect(await generateMigration(last, now)).toEqual([])
    const { 'public.access_head': _, ...fewer } = last.tables
    expect(await generateMigration({ ...last, tables: fewer }, now)).toEqual([expect.stringContaining('CREATE TABLE "access_head"')])
  })
})
