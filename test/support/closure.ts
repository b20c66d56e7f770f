import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { importsOf } from './tidy.js'

interface PackageManifest {
  name?: string
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  peerDependenciesMeta?: Record<string, { optional?: boolean }>
}

/** A file of the package (`dist/core/owner.js`) or a package that comes along, with the way that leads to it. */
export type Closure = Map<string, string[]>

/**
 * Everything that built entries can ever load: files of the package import by import, lazy ones too, and from the first
 * foreign package on whatever that brings along by its manifest, found where Node would find it.
 */
export function closureOf(root: string, entries: readonly string[]): Closure {
  const closure: Closure = new Map()
  const visitFile = (path: string, way: string[]) => {
    const name = relative(root, path).split(sep).join('/')
    if (closure.has(name)) return
    const here = [...way, name]
    closure.set(name, here)
    for (const { specifier } of importsOf({ path, text: readFileSync(path, 'utf8') })) {
      if (specifier.startsWith('.')) visitFile(join(dirname(path), specifier), here)
      else if (!specifier.startsWith('node:')) visitPackage(nameOf(specifier), dirname(path), here, false)
    }
  }
  const visitPackage = (name: string, from: string, way: string[], isOptional: boolean) => {
    const folder = findPackage(name, from)
    // A package that is left out on this platform brings nothing along, and is named all the same.
    if (folder === null && !isOptional) throw new Error(`${name} is not installed, and ${way.join(' > ')} needs it`)
    if (closure.has(name)) return
    const here = [...way, name]
    closure.set(name, here)
    if (folder === null) return
    const { dependencies = {}, optionalDependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = readManifest(folder)
    for (const each of Object.keys(dependencies)) visitPackage(each, folder, here, each in optionalDependencies)
    for (const each of Object.keys(optionalDependencies)) visitPackage(each, folder, here, true)
    for (const each of Object.keys(peerDependencies)) if (!peerDependenciesMeta[each]?.optional) visitPackage(each, folder, here, false)
  }
  for (const entry of entries) visitFile(join(root, entry), [])
  return closure
}

/** The ways to what must not be reached; `@pothos/*` stands for every package of that scope, `dist/db/*` for a folder. */
export function forbiddenWays(closure: Closure, forbidden: readonly string[]): string[] {
  const isForbidden = (name: string) => forbidden.some((each) => each.endsWith('/*') ? name.startsWith(each.slice(0, -1)) : name === each)
  return [...closure].filter(([name]) => isForbidden(name)).map(([, way]) => way.join(' > '))
}

/** The package of a specifier, or of a file inside `node_modules`. */
export function nameOf(specifier: string): string {
  return specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}

function findPackage(name: string, from: string): string | null {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name)
    if (existsSync(join(candidate, 'package.json'))) return candidate
    if (folder === dirname(folder)) return null
  }
}

const readManifest = (folder: string) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageManifest
