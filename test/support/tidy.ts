import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/**
 * The checks of test/tidy.test.ts: each takes files (and what else it judges) and answers one line for each problem.
 * None of them reads the disk, so that each can be shown an example that it must catch.
 */
export interface Source {
  /** From the root of the project, with `/`. */
  path: string
  text: string
}

export const root = fileURLToPath(new URL('../../', import.meta.url))

/** Everything that is, or would be, committed. */
export function readTree(): Source[] {
  const list = execFileSync('git', ['-c', 'safe.directory=*', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  return [...new Set(list.split('\0'))].flatMap((path) => {
    try {
      return path === '' ? [] : [{ path, text: readFileSync(root + path, 'utf8') }]
    } catch {
      return [] // deleted, and not yet committed
    }
  })
}

export const isGenerated = ({ path }: Source) => path.startsWith('src/client/generated/') || path.startsWith('console/src/generated/')
export const isTypeScript = ({ path }: Source) => /\.tsx?$/.test(path)
export const isOurs = (file: Source) => /^(src|test|bench|console)\//.test(file.path) && isTypeScript(file) && !isGenerated(file)
const isSource = (file: Source) => file.path.startsWith('src/') && isTypeScript(file)
const isBench = (file: Source) => file.path.startsWith('bench/') && isTypeScript(file)
const isConsole = (file: Source) => file.path.startsWith('console/') && isTypeScript(file)
const isLayered = (file: Source) => isSource(file) || isBench(file) || isConsole(file)

const parsed = new WeakMap<Source, ts.SourceFile>()

function parse(file: Source): ts.SourceFile {
  const known = parsed.get(file)
  if (known !== undefined) return known
  const ast = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true)
  parsed.set(file, ast)
  return ast
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  ts.forEachChild(node, (child) => walk(child, visit))
}

/** The text without its comments, every token where it was. */
export function codeOf(file: Source): string {
  const ast = parse(file)
  const code = file.text.replace(/[^\n]/g, ' ').split('')
  const copyTokens = (node: ts.Node): void => {
    if (ts.isJSDoc(node)) return
    const children = node.getChildren(ast)
    if (children.length > 0) return children.forEach(copyTokens)
    for (let at = node.getStart(ast); at < node.end; at++) code[at] = file.text[at]!
  }
  copyTokens(ast)
  return code.join('')
}

export interface Import {
  specifier: string
  line: number
  /** Erased by the compiler: it links names, not modules. */
  isType: boolean
}

const imported = new WeakMap<Source, Import[]>()

/** Imports, re-exports, `import()` and `require()` of a file. */
export function importsOf(file: Source): Import[] {
  const known = imported.get(file)
  if (known !== undefined) return known
  const ast = parse(file)
  const found: Import[] = []
  const add = (at: ts.Expression | undefined, isType: boolean) => {
    if (at && ts.isStringLiteralLike(at)) found.push({ specifier: at.text, line: ast.getLineAndCharacterOfPosition(at.getStart(ast)).line + 1, isType })
  }
  walk(ast, (node) => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isErased(node.importClause))
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly || areTypes(node.exportClause))
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true)
    else if (ts.isCallExpression(node) && (node.expression.kind === ts.SyntaxKind.ImportKeyword || isRequire(node.expression))) add(node.arguments[0], false)
  })
  imported.set(file, found)
  return found
}

function isErased(clause: ts.ImportClause | undefined): boolean {
  return clause !== undefined && (clause.phaseModifier === ts.SyntaxKind.TypeKeyword || (clause.name === undefined && areTypes(clause.namedBindings)))
}

function areTypes(names: ts.NamedImportBindings | ts.NamedExportBindings | undefined): boolean {
  if (names === undefined || !('elements' in names)) return false
  return names.elements.length > 0 && names.elements.every((element) => 'isTypeOnly' in element && element.isTypeOnly)
}

function isRequire(callee: ts.Expression): boolean {
  const name = ts.isCallExpression(callee) ? callee.expression.getText() : callee.getText()
  return name === (ts.isCallExpression(callee) ? 'createRequire' : 'require')
}

/** The file of the project that a relative import names (with `.tsx` as `.ts`), or null for a package. */
export function targetOf({ path }: Source, { specifier }: Import): string | null {
  return specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts') : null
}
/** A file by the path that imports of it lead to. */
const asImported = (path: string) => path.replace(/\.tsx$/, '.ts')

const order = ['app', 'http', 'graphql', 'feed', 'catalog', 'secrets', 'index', 'db', 'core'] as const
type Layer = (typeof order)[number] | 'entry' | 'main' | 'cli' | 'config' | 'log' | 'worker' | 'client' | 'bench' | 'console'
const rightOf = (layer: (typeof order)[number]): Layer[] => order.slice(order.indexOf(layer) + 1)

/** Who may import whom, besides its own layer. `graphql` and `http` never see the database. */
export const mayImport: Record<Layer, readonly Layer[]> = {
  entry: ['app', 'config', 'core'],
  main: ['config', ...order],
  cli: ['main', 'config', 'client', ...order],
  app: ['config', 'log', ...rightOf('app')],
  log: ['config', 'db', 'core'],
  http: rightOf('http').filter((layer) => layer !== 'db'),
  graphql: rightOf('graphql').filter((layer) => layer !== 'db'),
  feed: rightOf('feed'), catalog: rightOf('catalog'), secrets: rightOf('secrets'), index: rightOf('index'), db: rightOf('db'),
  worker: ['core', 'client'],
  client: [], config: [], core: [],
  // It measures the built server over the wire; of the inside it takes the local Postgres, the envelope of secrets, and what is pure.
  bench: ['client', 'secrets', 'db', 'core'],
  // Its operations are its own, in console/src/generated.
  console: ['core'],
}
const coreUses: readonly string[] = ['zod', 'ipaddr.js', '@secretlint/secretlint-rule-preset-recommend']
const mayUse = (layer: Layer, name: string) => layer !== 'core' || coreUses.includes(name)
/** What a worker or a browser must never load. */
const ofTheServer = ['postgres', 'drizzle-orm', 'graphql-yoga', '@pothos/core', 'graphql-shield', 'pino', 'prom-client']
const runsElsewhere = (layer: Layer) => layer === 'worker' || layer === 'client' || layer === 'core' || layer === 'console'

export function layerOf(path: string): Layer | null {
  if (path.startsWith('bench/')) return 'bench'
  if (path.startsWith('console/')) return 'console'
  const [, folder, ...rest] = path.replace(/\.ts$/, '').split('/')
  const name = rest.length === 0 && folder === 'index' ? 'entry' : folder
  return name !== undefined && name in mayImport ? name as Layer : null
}

export function directionProblems(files: Source[]): string[] {
  return files.filter(isLayered).flatMap((file) => {
    const from = layerOf(file.path)
    if (from === null) return [`${file.path}: belongs to no layer of the architecture`]
    return importsOf(file).flatMap((one) => {
      const path = targetOf(file, one)
      const at = `${file.path}:${one.line}`
      if (path === null) {
        const name = packageOf(one.specifier)
        const isForeign = !mayUse(from, name) || (runsElsewhere(from) && ofTheServer.includes(name))
        return isForeign ? [`${at}: ${from} must not use ${one.specifier}`] : []
      }
      const to = layerOf(path)
      if (to === null || (to !== from && !mayImport[from].includes(to))) return [`${at}: ${from} must not import ${one.specifier}`]
      const areAdapters = [file.path, path].every((each) => each.startsWith('src/worker/adapters/'))
      return areAdapters ? [`${at}: an adapter must not import another one (${one.specifier})`] : []
    })
  })
}

/** Circles of modules that load each other. Imports of types are erased and load nothing. */
export function cycleProblems(files: Source[]): string[] {
  const sources = new Map(files.filter(isLayered).map((file) => [asImported(file.path), file]))
  const done = new Set<string>()
  const problems: string[] = []
  const visit = (path: string, above: string[]): void => {
    if (above.includes(path)) return void problems.push(`circle: ${[...above.slice(above.indexOf(path)), path].join(' -> ')}`)
    const file = sources.get(path)
    if (file === undefined || done.has(path)) return
    for (const one of importsOf(file)) if (!one.isType) visit(targetOf(file, one) ?? '', [...above, path])
    done.add(path)
  }
  for (const path of sources.keys()) visit(path, [])
  return problems
}

/** Lines, as the architecture allows them. Raising one needs a decision record. */
export function lineLimit(path: string): number {
  if (path === 'src/db/schema.ts' || path === 'src/worker/follower.ts') return 350
  if (path.startsWith('test/')) return 400
  return path.startsWith('src/core/') ? 200 : 250
}

export const linesOf = ({ text }: Source) => text.replace(/\n$/, '').split('\n').length

export function sizeProblems(files: Source[]): string[] {
  return files.filter(isOurs).filter((file) => linesOf(file) > lineLimit(file.path))
    .map((file) => `${file.path}: ${linesOf(file)} lines, at most ${lineLimit(file.path)}`)
}

export interface Ban {
  text: string
  instead: string
  /** Whether the ban holds for a file. */
  where: (path: string) => boolean
  /** True: in comments too. */
  inComments?: boolean
}

export function banProblems(files: Source[], bans: readonly Ban[]): string[] {
  return files.filter(isOurs).flatMap((file) => {
    const here = bans.filter(({ where }) => where(file.path))
    if (!here.some(({ text }) => file.text.includes(text))) return []
    const lines = { code: codeOf(file).split('\n'), all: file.text.split('\n') }
    return here.flatMap(({ text, instead, inComments }) => {
      const escaped = text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      const pattern = new RegExp(`${/^\w/.test(text) ? '\\b' : ''}${escaped}${/\w$/.test(text) ? '\\b' : ''}`)
      return (inComments ? lines.all : lines.code).flatMap((line, at) => pattern.test(line) ? [`${file.path}:${at + 1}: ${text} -> ${instead}`] : [])
    })
  })
}

export function defaultExportProblems(files: Source[]): string[] {
  return files.filter(isOurs).flatMap((file) => {
    const problems: string[] = []
    walk(parse(file), (node) => {
      const isDefault = ts.isExportAssignment(node) || (ts.isExportSpecifier(node) && node.name.text === 'default')
        || (ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword))
      if (isDefault) problems.push(`${file.path}: a default export -> a named one`)
    })
    return problems
  })
}

export function nameProblems(files: Source[]): string[] {
  return files.filter(({ path }) => /^(src|test|bench|console\/src|docs|examples)\//.test(path))
    .filter(({ path }) => !path.split('/').every((part) => /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/.test(part)))
    .map(({ path }) => `${path}: a name that is not in kebab-case`)
}

/** A barrel only passes on what others export; it hides where things are. `entries` are the package's own. */
export function barrelProblems(files: Source[], entries: readonly string[]): string[] {
  const mayBeIndex = [...entries, 'src/core/rules/index.ts', 'src/secrets/index.ts']
  return files.filter(isOurs).filter(({ path }) => !entries.includes(path)).flatMap((file) => {
    const { statements } = parse(file)
    const passesOn = statements.filter(ts.isExportDeclaration)
    const isBarrel = passesOn.length > 0 && statements.every((one) => ts.isExportDeclaration(one) || ts.isImportDeclaration(one))
    const hasStar = passesOn.some(({ exportClause }) => exportClause === undefined)
    if (isBarrel || hasStar) return [`${file.path}: a barrel -> import from where it is`]
    return posix.basename(file.path) === 'index.ts' && !mayBeIndex.includes(file.path) ? [`${file.path}: an index that is no entry of the package`] : []
  })
}

export interface Manifest {
  bin?: string | Record<string, string>
  exports?: Record<string, string | Record<string, string>>
  scripts?: Record<string, string>
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

/** The source files where somebody from outside comes in. */
export function entriesOf({ bin = {}, exports = {} }: Manifest): string[] {
  const files = [...Object.values(bin), ...Object.values(exports).map((one) => typeof one === 'string' ? one : one.import ?? '')]
  return files.filter((file) => file.startsWith('./dist/') || file.startsWith('dist/')).map((file) => file.replace(/^(\.\/)?dist\//, 'src/').replace(/\.js$/, '.ts'))
}

/** Files of src that no entry, script or configuration file leads to, and files of bench that its script does not reach. */
export function deadFileProblems(files: Source[], manifest: Manifest): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const configured = [...Object.values(manifest.scripts ?? {}), ...files.filter(({ path }) => /^[^/]+\.ts$/.test(path)).map(({ text }) => text)]
  const named = [...entriesOf(manifest), ...configured.flatMap((text) => text.match(/(?<![\w/])(?:src|bench)\/[\w./-]+\.ts/g) ?? [])]
  const missing = named.filter((path) => !byPath.has(path)).map((path) => `${path}: package.json or a configuration names it, and it is not there`)
  // Apart: what the bench alone needs is nothing that the package needs.
  const ofPackage = reachedFrom(byPath, named.filter((path) => path.startsWith('src/')))
  const ofBench = reachedFrom(byPath, named.filter((path) => path.startsWith('bench/')))
  const ofConsole = reachedFrom(new Map(files.map((file) => [asImported(file.path), file])), ['console/src/main.ts'])
  return [
    ...missing,
    ...files.filter(isSource).filter((file) => !ofPackage.has(file.path) && !isGenerated(file)).map(({ path }) => `${path}: nothing of the package leads to it`),
    ...files.filter(isBench).filter(({ path }) => !ofBench.has(path)).map(({ path }) => `${path}: nothing of the bench leads to it`),
    ...files.filter(isConsole).filter((file) => !ofConsole.has(asImported(file.path)) && !isGenerated(file)).map(({ path }) => `${path}: nothing of the console leads to it`),
  ]
}

function reachedFrom(byPath: Map<string, Source>, roots: string[]): Set<string> {
  const waiting = [...roots]
  const reached = new Set<string>()
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const file = byPath.get(path)
    if (file === undefined || reached.has(path)) continue
    reached.add(path)
    waiting.push(...importsOf(file).map((one) => targetOf(file, one) ?? ''))
    // The bench starts its programs by name, each in a process of its own.
    if (isBench(file)) walk(parse(file), (node) => void (ts.isStringLiteralLike(node) && /^\.\/[\w-]+\.ts$/.test(node.text) && waiting.push(posix.join('bench', node.text))))
  }
  return reached
}

function packageOf(specifier: string): string {
  return specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}

/** Packages that are imported and not listed, or listed and not used; `installed` are the manifests of those listed. */
export function dependencyProblems(files: Source[], manifest: Manifest, installed: Record<string, Manifest>): string[] {
  const code = files.filter(({ path }) => /\.(tsx?|m?js)$/.test(path) && (/^(src|test|examples|bench|scripts|console)\//.test(path) || !path.includes('/')))
  const running = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies })
  const listed = [...running, ...Object.keys(manifest.devDependencies ?? {})]
  const used = new Set<string>()
  const named = new Set<string>()
  const begun = new Set<string>()
  const unlisted: string[] = []
  for (const file of code) {
    walk(parse(file), (node) => {
      if (ts.isStringLiteralLike(node)) named.add(node.text)
      if (ts.isTemplateHead(node)) begun.add(node.text)
    })
    for (const { specifier, line } of importsOf(file)) {
      const name = packageOf(specifier)
      if (specifier.startsWith('.') || specifier.startsWith('node:') || builtinModules.includes(name)) continue
      used.add(name)
      // The package imports itself in examples and end-to-end tests.
      if (name !== 'pilothouse' && !(file.path.startsWith('src/') ? running : listed).includes(name)) unlisted.push(`${file.path}:${line}: ${name} is not listed in package.json`)
    }
  }
  const scripts = Object.values(manifest.scripts ?? {}).join(' && ').split(/\s+/)
  const isUsed = (name: string): boolean => used.has(name)
    || [...named].some((text) => text === name || text.startsWith(`${name}/`))
    || [...begun].some((text) => /^@[\w-]+\//.test(text) && name.startsWith(text))
    || (typeof installed[name]?.bin === 'object' && Object.keys(installed[name].bin).some((bin) => scripts.includes(bin)))
    || (typeof installed[name]?.bin === 'string' && scripts.includes(name))
    || (name.startsWith('@types/') && (name === '@types/node' || used.has(name.slice('@types/'.length))))
    || [...used].some((other) => name in (installed[other]?.peerDependencies ?? {}))
    // Codegen finds its plugins by their short names.
    || code.some(({ path, text }) => path === 'codegen.ts' && text.includes(`'${name.replace('@graphql-codegen/', '')}'`))
  return [...unlisted, ...listed.filter((name) => !isUsed(name)).map((name) => `${name}: listed in package.json and used nowhere`)]
}

/** The files that README's tour names, in its words: `core/policy.ts` is src/core/policy.ts. */
export function tourProblems(files: Source[], isRequired: readonly string[], mostLines: number): string[] {
  const readme = files.find(({ path }) => path === 'README.md')?.text
  if (readme === undefined) return ['README.md is not there, and with it the ten-minute tour']
  const section = /^#+ .*ten-minute tour.*\n([^]*?)(?=^#+ |$(?![^]))/im.exec(readme)?.[1]
  if (section === undefined) return ['README.md has no section "The ten-minute tour"']
  const names = [...section.matchAll(/[\w-]+(?:\/[\w.-]+)+\.ts\b/g)].map(([name]) => name)
  const paths = [...new Set(names.map((name) => /^(src|test|examples)\//.test(name) ? name : `src/${name}`))]
  const found = paths.map((path) => files.find((file) => file.path === path))
  const lines = found.reduce((sum, file) => sum + (file === undefined ? 0 : linesOf(file)), 0)
  return [
    ...paths.filter((_, at) => found[at] === undefined).map((path) => `the tour names ${path}, which is not there`),
    ...isRequired.filter((path) => !paths.includes(path)).map((path) => `the tour leaves out ${path}`),
    ...(paths.some((path) => path.startsWith('src/core/rules/')) ? [] : ['the tour leaves out a rule']),
    ...(lines < mostLines ? [] : [`the tour has ${lines} lines, and must have fewer than ${mostLines}`]),
  ]
}

/** What tests and groups of tests are called, also those of a table. */
function titlesOf(file: Source): string[] {
  const titles: string[] = []
  walk(parse(file), (node) => {
    if (!ts.isCallExpression(node)) return
    const [title] = node.arguments
    if (title !== undefined && ts.isStringLiteralLike(title) && /^(it|describe)\b/.test(node.expression.getText())) titles.push(title.text)
  })
  return titles
}

/** What docs/threat-model.md says of tests: `path`: "title" is there, a row `| S5 | … |` names one that carries its number, and so does some test for any number told before "Not promised yet". */
export function threatModelProblems(files: Source[]): string[] {
  const page = files.find(({ path }) => path === 'docs/threat-model.md')?.text
  if (page === undefined) return ['docs/threat-model.md is not there']
  const titles = new Map(files.filter(({ path }) => /^test\/.*\.test\.ts$/.test(path)).map((file) => [file.path, titlesOf(file)]))
  const isCarriedBy = (number: string, some: Iterable<string>) => [...some].some((title) => new RegExp(`\\b${number}\\b`).test(title))
  const proofsIn = (text: string) => [...text.matchAll(/`(test\/[^`]+)`: "([^"]+)"/g)].map(([, path, title]) => ({ path: path!, title: title! }))
  const rows = [...page.matchAll(/^\| (S\d+) \|.*$/gm)].map(([row, number]) => ({ number: number!, proofs: proofsIn(row) }))
  const [promised = ''] = page.split(/^## Not promised yet$/m)
  const numbers = [...new Set([...promised.matchAll(/\bS\d+\b/g)].map(([number]) => number))]
  const paths = [...new Set([...page.matchAll(/`((?:src|test|docs|examples)\/[^`]+)`/g)].map(([, path]) => path!))]
  return [
    ...paths.filter((path) => !files.some((file) => file.path.startsWith(path))).map((path) => `the threat model names ${path}, which is not there`),
    ...proofsIn(page).filter(({ path, title }) => titles.has(path) && !titles.get(path)!.includes(title)).map(({ path, title }) => `the threat model names the test "${title}", which ${path} does not have`),
    ...rows.filter(({ number, proofs }) => !isCarriedBy(number, proofs.map(({ title }) => title))).map(({ number }) => `the threat model proves ${number} by no test of that number`),
    ...numbers.filter((number) => !isCarriedBy(number, [...titles.values()].flat())).map((number) => `the threat model promises ${number}, which no test carries`),
  ]
}

/** Traces of one machine: its folders, and where its packages came from. */
export function machineProblems(files: Source[], folders: readonly string[]): string[] {
  return files.flatMap(({ path, text }) => [
    ...folders.filter((folder) => text.includes(folder)).slice(0, 1).map((folder) => `${path}: holds ${folder}, a path of one machine`),
    ...(path === 'package-lock.json' && text.includes('"resolved"') ? [`${path}: says where packages were downloaded`] : []),
    ...(path.endsWith('.npmrc') && /^\s*(@[\w-]+:)?registry\s*=|_authToken/m.test(text) ? [`${path}: sets a registry`] : []),
  ])
}
